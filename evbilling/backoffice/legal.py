"""Legal entities: who issues the documents of which stations."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from core.errors import DomainError
from evbilling.backoffice.document_forms import LegalForm
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import today
from users import tax_ids
from users.access import Action
from users.models import TaxEntity
from users.services import companies


@needs(Action.EDIT_COMPANY)
def index(request: AdminRequest) -> HttpResponse:
    mine = rows(request, TaxEntity.objects.prefetch_related("stations"))
    found = [
        (entity, tax_ids.grouped(entity.tax_id), entity.vat_registered_on(today()))
        for entity in mine.order_by("name", "branch_code")
    ]
    return render(request, "backoffice/legal_entities.html", {"entities": found})


@needs(Action.EDIT_COMPANY)
def new(request: AdminRequest) -> HttpResponse:
    return _edited(request, None)


@needs(Action.EDIT_COMPANY)
def edit(request: AdminRequest, pk: int) -> HttpResponse:
    return _edited(request, one(request, TaxEntity.objects.all(), pk=pk))


def _edited(request: AdminRequest, entity: TaxEntity | None) -> HttpResponse:
    if request.method != "POST":
        return _page(request, entity, LegalForm(initial=_initial(entity)))
    form = LegalForm(request.POST)
    if not form.is_valid():
        return _page(request, entity, form, 422)
    fields: Any = dict(form.cleaned_data)
    fields["tax_id"] = tax_ids.plain(fields["tax_id"])
    fields["branch_code"] = tax_ids.plain(fields["branch_code"]) or tax_ids.HEAD_OFFICE
    if not fields["name"]:
        form.add_error("name", str(companies.NO_NAME))
        return _page(request, entity, form, 422)
    try:
        if entity is None:
            companies.create_tax_entity(request.company, fields, actor=actor(request))
        else:
            companies.update_tax_entity(entity, fields, actor=actor(request))
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, entity, form, error.status)
    return redirect("legal-entities")


def _initial(entity: TaxEntity | None) -> dict[str, Any]:
    if entity is None:
        return {}
    return {name: getattr(entity, name) for name in LegalForm.base_fields}


def _page(
    request: AdminRequest, entity: TaxEntity | None, form: LegalForm, status: int = 200
) -> HttpResponse:
    # What was refused stands in the form only: the heading says what is stored.
    stored = TaxEntity.objects.get(pk=entity.pk) if entity is not None else None
    context = {"entity": stored, "form": form}
    return render(request, "backoffice/legal_entity.html", context, status=status)
