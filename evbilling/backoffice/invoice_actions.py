"""What is done to a document: full in its place, void, credit note, a number from outside."""

from collections.abc import Callable

from django import forms
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from billing.models import TaxDocument
from billing.money import to_satang
from billing.services import buyers
from billing.services import document_changes as changes
from core import audit
from core.errors import DomainError
from evbilling import mailing
from evbilling.backoffice.document_forms import CreditForm, FullForm, OutsideForm, VoidForm
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.backoffice.invoices import Row, of, shown_document
from evbilling.backoffice.moments import today
from users.access import Action, check


class BadAmount(DomainError):
    code = "bad_amount"
    message = _("Enter an amount in baht with at most two decimals.")


@needs(Action.ISSUE_DOCUMENT)
def full(request: AdminRequest, pk: int) -> HttpResponse:
    """A full one (or one with other data) in the place of this one: new number, same date."""
    document = of(request, pk)
    _within_month(request, document)
    known = buyers.as_typed(document.buyer, document.plate) if document.buyer else None
    known = known or buyers.remembered(document.customer)
    form = FullForm(
        request.POST if request.method == "POST" else None,
        initial=FullForm.initial_of(known) | {"purpose": "other" if document.buyer else "full"},
    )

    def act() -> TaxDocument:
        found = form.cleaned_data
        return changes.replace_with(
            document,
            form.buyer(),
            purpose=found["purpose"],
            reason=found["reason"],
            actor=actor(request),
        )

    return _form(request, document, form, act, "full")


@needs(Action.VOID_DOCUMENT)
def void(request: AdminRequest, pk: int) -> HttpResponse:
    document = of(request, pk)
    form = VoidForm(request.POST if request.method == "POST" else None)
    return _form(
        request,
        document,
        form,
        lambda: changes.void(document, form.cleaned_data["reason"], actor(request)),
        "void",
    )


@needs(Action.VOID_DOCUMENT)
def credit(request: AdminRequest, pk: int) -> HttpResponse:
    """A credit note; what it takes off goes back to the customer."""
    document = of(request, pk)
    known = buyers.as_typed(document.buyer) if document.buyer else None
    known = known or buyers.remembered(document.customer)
    form = CreditForm(
        request.POST if request.method == "POST" else None, initial=CreditForm.initial_of(known)
    )

    def act() -> TaxDocument:
        found = form.cleaned_data
        try:
            total = to_satang(found["correct_total"].replace(",", "").strip())
        except ValueError:
            raise BadAmount(field="correct_total") from None
        wish = changes.Credit(
            total,
            found["reason_code"],
            found["reason"],
            None if document.buyer else form.buyer(),
        )
        return changes.credit(document, wish, actor(request))

    return _form(request, document, form, act, "credit")


@needs(Action.ISSUE_DOCUMENT)
def outside(request: AdminRequest, pk: int) -> HttpResponse:
    """The number of a full invoice that was issued on paper or by another system."""
    document = of(request, pk)
    _within_month(request, document)
    form = OutsideForm(request.POST if request.method == "POST" else None)
    return _form(
        request,
        document,
        form,
        lambda: changes.enter_outside(
            document, form.cleaned_data["number"], actor(request), form.buyer()
        ),
        "outside",
    )


@require_POST
@needs(Action.ISSUE_DOCUMENT)
def send(request: AdminRequest, pk: int) -> HttpResponse:
    """Have it e-mailed: once per address, document and day."""
    document = of(request, pk)
    address = request.POST.get("email", "").strip()[:200]
    try:
        with transaction.atomic():
            mailing.send(document, address)
            audit.record(
                actor(request),
                "send_document",
                f"document:{document.pk}",
                company_id=document.company_id,
                new={"number": document.number, "email": address},
            )
    except DomainError as error:
        context = shown_document(request, document) | {"mail_error": str(error), "mail_to": address}
        return render(request, "backoffice/invoice.html", context, status=error.status)
    return redirect(f"{reverse('invoice', args=[document.pk])}?done=sent")


def _within_month(request: AdminRequest, document: TaxDocument) -> None:
    """After the tax month its report has gone out: that takes the right to make void."""
    now = today()
    if (document.tax_point.year, document.tax_point.month) != (now.year, now.month):
        check(request.admin, Action.VOID_DOCUMENT)


def _form(
    request: AdminRequest,
    document: TaxDocument,
    form: forms.Form,
    act: Callable[[], TaxDocument],
    what: str,
) -> HttpResponse:
    """The form, what is wrong with it, or what was made of it."""
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                return redirect("invoice", act().pk)
            except DomainError as error:
                field = error.field if error.field in form.fields else None
                form.add_error(field, str(error))
                status = error.status
        else:
            status = 422
    context = {"document": document, "row": Row(document), "form": form, "what": what}
    return render(request, "backoffice/invoice_form.html", context, status=status)
