"""Companies and the legal persons that issue their documents."""

from datetime import date
from typing import TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from users import tax_ids
from users.models import Company, TaxEntity
from users.models.company import branch_validator, tax_id_validator
from users.services import editing

NO_NAME = _("Give the registered name.")
WRONG_DIGIT = _("The last digit does not fit the other twelve: look at the number again.")


class CompanyFields(TypedDict, total=False):
    name: str
    name_th: str


class TaxEntityFields(TypedDict, total=False):
    """``vat_registered_from`` None: not registered, so no VAT and no tax invoices."""

    name: str
    name_en: str
    tax_id: str
    branch_code: str
    branch_name: str
    address: str
    building: str
    house_number: str
    street: str
    subdistrict: str
    district: str
    province: str
    postcode: str
    phone: str
    email: str
    vat_registered_from: date | None
    vat_registered_to: date | None


class SlugTaken(Conflict):
    code = "slug_taken"
    message = _("Another company has this short name.")


class TaxEntityTaken(Conflict):
    code = "tax_entity_taken"
    message = _("This tax id and branch are entered already.")


def create(slug: str, fields: CompanyFields, *, actor: audit.Actor) -> Company:
    """A new tenant, by platform staff. ``SlugTaken``."""
    company = Company(slug=slug)
    changes = editing.apply(company, fields)
    with transaction.atomic():
        with editing.refusing("users_company_slug_key", SlugTaken(field="slug")):
            company.save()
        audit.record(
            actor,
            "create_company",
            f"company:{company.pk}",
            company_id=company.pk,
            new={"slug": slug, **changes.new},
        )
    return company


def update(company: Company, fields: CompanyFields, *, actor: audit.Actor) -> Company:
    """Change the names. The slug stays: it stands in addresses and scripts."""
    changes = editing.apply(company, fields)
    if changes:
        with transaction.atomic():
            editing.save(company, changes)
            audit.record(
                actor,
                "edit_company",
                f"company:{company.pk}",
                company_id=company.pk,
                old=changes.old,
                new=changes.new,
            )
    return company


def create_tax_entity(
    company: Company, fields: TaxEntityFields, *, actor: audit.Actor
) -> TaxEntity:
    """A legal person of the company. ``TaxEntityTaken``; a bad number names its field."""
    return _save(TaxEntity(company=company), fields, "create_tax_entity", actor)


def update_tax_entity(
    entity: TaxEntity, fields: TaxEntityFields, *, actor: audit.Actor
) -> TaxEntity:
    """Change it; documents that were issued keep what they say."""
    return _save(entity, fields, "edit_tax_entity", actor)


def _save(entity: TaxEntity, fields: TaxEntityFields, action: str, actor: audit.Actor) -> TaxEntity:
    changes = editing.apply(entity, fields)
    _check_numbers(entity, changes)
    if not changes:
        return entity
    with transaction.atomic():
        with editing.refusing("tax_entity_once", TaxEntityTaken(field="tax_id")):
            entity.save()
        audit.record(
            actor,
            action,
            f"tax_entity:{entity.pk}",
            company_id=entity.company_id,
            old=changes.old if action == "edit_tax_entity" else None,
            new=changes.new,
        )
    return entity


def _check_numbers(entity: TaxEntity, changes: editing.Changes) -> None:
    for field, check in (("tax_id", tax_id_validator), ("branch_code", branch_validator)):
        try:
            check(getattr(entity, field))
        except ValidationError as error:
            raise DomainError(error.message, code=f"bad_{field}", field=field) from None
    if "tax_id" in changes.new and not tax_ids.is_tax_id(entity.tax_id):
        raise DomainError(WRONG_DIGIT, code="bad_tax_id", field="tax_id")
    if entity.postcode and not tax_ids.is_postcode(entity.postcode):
        raise DomainError(_("A postcode has 5 digits."), code="bad_postcode", field="postcode")
    until = entity.vat_registered_to
    if until and (entity.vat_registered_from is None or until < entity.vat_registered_from):
        raise DomainError(
            _("The last day of the VAT registration comes before the first."),
            code="bad_vat_dates",
            field="vat_registered_to",
        )
