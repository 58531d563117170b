"""Customers: made, changed, put in the trash and taken out again."""

from collections.abc import Mapping
from typing import Any, TypedDict

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict
from users.models import Company, Customer
from users.services import editing, phones


class CustomerFields(TypedDict, total=False):
    """What may be set. ``phone`` in any form people write; ``credit_limit`` in satang."""

    name: str
    phone: str | None
    level: str
    billing_mode: str
    credit_limit: int
    language: str
    enabled: bool


class PhoneTaken(Conflict):
    code = "phone_taken"
    message = _("Another customer has this telephone number.")


def create(company: Company, fields: CustomerFields, *, actor: audit.Actor) -> Customer:
    """A new member of the company. ``BadPhone``, ``PhoneTaken``."""
    customer = Customer(company=company)
    changes = editing.apply(customer, _checked(fields))
    with transaction.atomic():
        with _once():
            customer.save()
        _record(actor, "create_customer", customer, changes)
    return customer


def update(
    customer: Customer, fields: CustomerFields, *, actor: audit.Actor, keep: str = ""
) -> Customer:
    """Change some fields. ``BadPhone``, ``PhoneTaken``.

    A new number signs out every phone but the one whose cookie has the digest ``keep``.
    """
    changes = editing.apply(customer, _checked(fields))
    if changes:
        with transaction.atomic():
            with _once():
                editing.save(customer, changes)
            if "phone" in changes.new:
                others = customer.phones.filter(ended_at__isnull=True).exclude(digest=keep)
                others.update(ended_at=timezone.now())
            _record(actor, "edit_customer", customer, changes)
    return customer


def delete(customer: Customer, *, actor: audit.Actor) -> None:
    """Into the trash: the cards say no from now on, history and money stay."""
    with transaction.atomic():
        editing.to_trash(customer, actor)
        _record(actor, "delete_customer", customer)


def restore(customer: Customer, *, actor: audit.Actor) -> None:
    """Out of the trash. ``PhoneTaken`` where the number has been given to somebody else."""
    with transaction.atomic():
        with _once():
            editing.from_trash(customer)
        _record(actor, "restore_customer", customer)


def _checked(fields: CustomerFields) -> Mapping[str, Any]:
    if phone := fields.get("phone"):
        return {**fields, "phone": phones.normalise(phone)}
    return {**fields, "phone": None} if "phone" in fields else fields


def _once() -> Any:
    return editing.refusing("customer_phone_once", PhoneTaken(field="phone"))


def _record(
    actor: audit.Actor, action: str, customer: Customer, changes: editing.Changes | None = None
) -> None:
    audit.record(
        actor,
        action,
        f"customer:{customer.pk}",
        company_id=customer.company_id,
        old=changes.old if changes and action != "create_customer" else None,
        new=changes.new if changes else None,
    )
    if action != "create_customer":  # a new one has no card yet
        outbox.publish("customer_changed", customer.pk, company_id=customer.company_id)
