"""Money that is owed back: what waits for an admin, and paying it by hand with the bank's reference."""

from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from billing import promptpay
from billing.models import Refund, RefundState
from billing.services import refunds as service
from core.errors import DomainError
from evbilling import qr
from evbilling.backoffice.chips import Choice, url
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.payments import refund_state
from evbilling.forms import Form
from evbilling.states import State
from stations.selectors import keyset
from users.access import Action, may

BY_HAND = (RefundState.QUEUED, RefundState.WAITING)


class PayForm(Form):
    """The bank's reference, so that the payment can be found again."""

    note = forms.CharField(
        label=gettext_lazy("Reference of the transfer"),
        max_length=300,
        error_messages={"required": gettext_lazy("Enter the reference of the transfer.")},
    )
    cash = forms.BooleanField(label=gettext_lazy("Paid in cash"), required=False)


@dataclass(frozen=True, slots=True)
class Shown:
    refund: Refund
    state: State

    @property
    def by_hand(self) -> bool:
        return self.refund.state in BY_HAND


@require_safe
@needs(Action.VIEW_PAYMENT)
def index(request: AdminRequest) -> HttpResponse:
    """What is open first of all: it is other people's money."""
    mine = rows(request, Refund.objects.select_related("payment", "customer"))
    wanted = request.GET.get("state", "open")
    if wanted in RefundState.values:
        mine = mine.filter(state=wanted)
    elif wanted != "all":
        mine = mine.exclude(state=RefundState.DONE)
    found = keyset.page(mine, "created_at", keyset.parse(request.GET.get("at", "")))
    context = {
        "page": found,
        "rows": [Shown(r, refund_state(r.state, r.route)) for r in found.rows],
        "shown": _shown(request),
        "filtered": request.GET.get("state", "open") != "open",
        "may_pay": may(request.admin, Action.PAY_REFUND),
    }
    return render(request, "backoffice/refunds.html", context)


@require_safe
@needs(Action.VIEW_PAYMENT)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    return _page(request, _found(request, pk), PayForm())


@require_POST
@needs(Action.PAY_REFUND)
def pay(request: AdminRequest, pk: int) -> HttpResponse:
    """Say that it has been paid by transfer or in cash. Once; never while the gateway may pay it."""
    refund = _found(request, pk)
    form = PayForm(request.POST)
    if not form.is_valid():
        return _page(request, refund, form, status=422)
    try:
        service.pay_by_hand(
            refund, actor(request), form.cleaned_data["note"], cash=form.cleaned_data["cash"]
        )
    except DomainError as error:
        if not error.field:
            raise
        form.add_error(error.field, str(error))
        return _page(request, refund, form, status=422)
    return redirect("refund", refund.pk)


def _found(request: AdminRequest, pk: int) -> Refund:
    return one(request, Refund.objects.select_related("payment", "customer"), pk=pk)


def _page(request: AdminRequest, refund: Refund, form: PayForm, status: int = 200) -> HttpResponse:
    may_pay = may(request.admin, Action.PAY_REFUND)
    number = service.number_of(refund) if may_pay and refund.state in BY_HAND else ""
    context = {
        "refund": refund,
        "state": refund_state(refund.state, refund.route),
        "by_hand": refund.state in BY_HAND,
        "may_pay": may_pay,
        "form": form,
        "number": number,
        "picture": _picture(number, refund.amount),
    }
    return render(request, "backoffice/refund.html", context, status=status)


def _picture(number: str, satang: int) -> SafeString | str:
    """The customer's PromptPay number and the amount as a code for the admin's bank app."""
    try:
        payee = promptpay.proxy(number).payee if number else None
    except promptpay.BadProxy:
        payee = None
    if payee is None:
        return ""
    label = _("PromptPay code that pays this refund")
    return qr.svg(promptpay.payload(payee, satang), label)


def _shown(request: AdminRequest) -> list[Choice]:
    """Open, by state, all."""
    wanted = request.GET.get("state", "open")
    words = {
        "open": _("Open"),
        RefundState.QUEUED.value: str(RefundState.QUEUED.label),
        RefundState.WAITING.value: str(RefundState.WAITING.label),
        RefundState.DONE.value: str(RefundState.DONE.label),
        "all": _("All"),
    }
    return [Choice(word, url(request, state=key), key == wanted) for key, word in words.items()]
