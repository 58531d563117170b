"""Telling people about money that goes back: why, how, and when it has.

What was not used is told with the bill of the charge; here is what needs a word of its own.
"""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from billing.models import Refund, RefundReason, RefundRoute, RefundState
from billing.money import to_baht
from core.models import Fact
from evbilling.telling import guests
from users import messages

BY_HAND = (RefundRoute.LINK, RefundRoute.QUEUE)


def on_refund_changed(fact: Fact) -> None:
    """The payer, or the guests who follow what was paid for, hear what is new."""
    refund = (
        Refund.objects.select_related(
            "company", "customer", "payment__purchase__connector__charger__station"
        )
        .filter(pk=fact.subject_id)
        .first()
    )
    if refund is not None:
        for kind, key in _news(refund):
            _tell(refund, kind, key)


def _news(refund: Refund) -> Iterator[tuple[str, str]]:
    if refund.state == RefundState.WAITING:
        yield "refund_link", f"refund_link:{refund.pk}:{refund.reminders}"
    elif refund.state == RefundState.DONE and refund.route in BY_HAND:
        yield "refund_done", f"refund_done:{refund.pk}"
    elif refund.reason != RefundReason.UNUSED:
        late = refund.reason == RefundReason.LATE
        yield "payment_late" if late else "money_back", f"money_back:{refund.pk}"


def _tell(refund: Refund, kind: str, key: str) -> None:
    if refund.customer is not None:
        payload = payload_of(refund, refund.customer.language)
        messages.tell(refund.customer, kind, key, payload)
        return
    purchase = getattr(refund.payment, "purchase", None)
    if purchase is None:
        return
    subjects = [f"purchase:{purchase.pk}"]
    if purchase.leave is not None and purchase.leave.session_id is not None:
        subjects.append(f"session:{purchase.leave.session_id}")
    for guest in guests(subjects):
        messages.tell_line(
            guest.company,
            guest.line_user_id,
            guest.language,
            kind,
            f"{key}:guest:{guest.line_user_id}",
            payload_of(refund, guest.language),
        )


def payload_of(refund: Refund, language: str) -> dict[str, Any]:
    """What every message about money that goes back carries."""
    purchase = getattr(refund.payment, "purchase", None)
    found: dict[str, Any] = {
        "refund": refund.pk,
        "amount": f"{to_baht(refund.amount)}",
        "reason": refund.reason,
        "how": refund.route,
        "number": refund.payment.reference,
        "reminder": refund.reminders,
    }
    if refund.link_until is not None:
        found |= {"until": refund.link_until.isoformat()}
    if purchase is not None:
        charger = purchase.connector.charger
        station = charger.station
        found |= {
            "station": (language == "th" and station.name_th) or station.name,
            "station_id": station.pk,
            "charger": charger.charge_point_id,
            "link": reverse("customer", args=[purchase.connector.code]),
        }
    if refund.route == RefundRoute.LINK:
        found |= {"link": reverse("refund", args=[refund.token])}
    return found
