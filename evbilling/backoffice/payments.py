"""Payments: the list, and one with everything the gateway has said of it."""

from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing.models import (
    GatewayName,
    Payment,
    PaymentPurpose,
    PaymentState,
    Purchase,
    RefundRoute,
    RefundState,
    Transfer,
)
from billing.models.payment import METHODS
from evbilling.backoffice.chips import Chip, Choice, chip, url
from evbilling.backoffice.gate import AdminRequest, needs, one, rows
from evbilling.backoffice.ledger import transfer_word
from evbilling.backoffice.moments import midnight, next_midnight, parse_day, today
from evbilling.states import State
from stations.selectors import keyset
from users.access import Action, may

DAYS = {"today": 1, "7": 7, "30": 30}
DEFAULT_DAYS = "30"
FILTERS = ("state", "method", "gateway", "purpose", "q", "from", "to")
STATES: dict[str, tuple[str, str]] = {
    PaymentState.NEW: ("wait", "loader-2"),
    PaymentState.OPEN: ("wait", "clock"),
    PaymentState.AUTHORISED: ("plug", "lock"),
    PaymentState.PAID: ("ok", "check"),
    PaymentState.FAILED: ("bad", "x"),
    PaymentState.EXPIRED: ("off", "clock-hour-4"),
    PaymentState.RELEASED: ("out", "lock-open"),
}
REFUND_STATES: dict[str, tuple[str, str]] = {
    RefundState.DUE: ("wait", "clock"),
    RefundState.SENT: ("wait", "loader-2"),
    RefundState.WAITING: ("wait", "user"),
    RefundState.QUEUED: ("bad", "cash"),
    RefundState.DONE: ("ok", "check"),
}


@require_safe
@needs(Action.VIEW_PAYMENT)
def index(request: AdminRequest) -> HttpResponse:
    mine = _narrowed(request, rows(request, Payment.objects.all()))
    found = keyset.page(
        mine.select_related("customer"), "created_at", keyset.parse(request.GET.get("at", ""))
    )
    context = {
        "page": found,
        "rows": [(payment, state_of(payment)) for payment in found.rows],
        "chips": _chips(request),
        "ranges": _ranges(request),
        "filtered": any(request.GET.get(name) for name in FILTERS),
        "q": request.GET.get("q", ""),
        "all_url": url(request, range="all", **{"from": "", "to": ""}),
    }
    return render(request, "backoffice/payments.html", context)


@require_safe
@needs(Action.VIEW_PAYMENT)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    found = one(request, Payment.objects.select_related("customer", "tax_entity"), pk=pk)
    purchase = (
        Purchase.objects.select_related("connector__charger", "leave").filter(payment=found).first()
    )
    moved = Transfer.objects.filter(payment_id=found.pk, company=request.company)
    moved = moved.annotate(amount=Sum("entries__amount", filter=Q(entries__amount__gt=0)))
    context = {
        "payment": found,
        "state": state_of(found),
        "purchase": purchase,
        "session_id": purchase.leave.session_id if purchase and purchase.leave else None,
        "refunds": [(r, refund_state(r.state, r.route)) for r in found.refunds.order_by("id")],
        "doubts": found.doubts.all(),
        "notices": found.notices.order_by("-received_at")[:50],
        "transfers": [(t, transfer_word(t.kind)) for t in moved.order_by("id")],
        "may_ledger": may(request.admin, Action.VIEW_LEDGER),
        "may_refund": may(request.admin, Action.PAY_REFUND),
    }
    return render(request, "backoffice/payment.html", context)


def state_of(payment: Payment) -> State:
    css, icon = STATES[payment.state]
    word = PaymentState(payment.state).label
    return State(css, icon, word, word)


def refund_state(state: str, route: str) -> State:
    """The state of a refund; done says by which way."""
    css, icon = REFUND_STATES[state]
    short = RefundState(state).label
    done = state == RefundState.DONE
    word = f"{short} · {RefundRoute(route).label}" if done else short
    return State(css, icon, word, short)


def _narrowed(request: HttpRequest, mine: QuerySet[Payment]) -> QuerySet[Payment]:
    known: dict[str, Any] = {
        "state": PaymentState.values,
        "gateway": GatewayName.values,
        "purpose": PaymentPurpose.values,
        "method": [name for name, _word in METHODS],
    }
    wanted = {name: request.GET.get(name, "") for name in known}
    mine = mine.filter(**{name: value for name, value in wanted.items() if value in known[name]})
    if text := request.GET.get("q", "").strip()[:120]:
        # The number people have, or the gateway's; both are exact.
        mine = mine.filter(reference__iexact=text) | mine.filter(gateway_ref=text)
        return mine
    first, last = _days(request)
    if first:
        mine = mine.filter(created_at__gte=midnight(first))
    return mine.filter(created_at__lt=next_midnight(last)) if last else mine


def _days(request: HttpRequest) -> tuple[date | None, date | None]:
    first, last = (parse_day(request.GET.get(name, "")) for name in ("from", "to"))
    if first or last:
        return first, last
    chosen = _range(request)
    return (None, None) if chosen == "all" else (today() - timedelta(days=DAYS[chosen] - 1), None)


def _range(request: HttpRequest) -> str:
    chosen = request.GET.get("range", DEFAULT_DAYS)
    return chosen if chosen in DAYS or chosen == "all" else DEFAULT_DAYS


def _ranges(request: HttpRequest) -> list[Choice]:
    named = any(request.GET.get(name) for name in ("from", "to", "q"))
    chosen = "" if named else _range(request)
    words = {"today": _("Today"), "7": _("7 days"), "30": _("30 days"), "all": _("All")}
    return [
        Choice(word, url(request, range=key, q="", **{"from": "", "to": ""}), chosen == key)
        for key, word in words.items()
    ]


def _chips(request: HttpRequest) -> list[Chip]:
    return [
        chip(request, "state", _("State"), {s.value: str(s.label) for s in PaymentState}),
        chip(request, "method", _("Paid by"), {name: str(word) for name, word in METHODS}),
        chip(request, "purpose", _("For"), {p.value: str(p.label) for p in PaymentPurpose}),
        chip(request, "gateway", _("Gateway"), {g.value: str(g.label) for g in GatewayName}),
    ]
