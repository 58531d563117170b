"""Telling people what happened: facts of any app become messages of ``users``.

Whoever is told of a charge is its customer, and guests who asked for this charge by their own tap.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from billing.models import Bill, PaymentStatus, Purchase, Refund
from billing.money import to_baht
from core.models import Fact
from evbilling.customer.receipts import token_of
from stations.models import ConnectorStatus, Session, SessionStatus
from users import messages
from users.models import LineGuest

# What a charger says when it ended a charge that nobody wanted to end (OCPP 1.6 §7.36).
FAULTS = {"EmergencyStop", "PowerLoss", "Reboot"}
FREE = (ConnectorStatus.AVAILABLE, ConnectorStatus.RESERVED)


def on_session_billed(fact: Fact) -> None:
    """The customer learns what the charge cost. A charge that nobody is to pay tells nobody."""
    bill = (
        Bill.objects.select_related("customer", "session__station", "session__charger")
        .filter(session_id=fact.subject_id)
        .first()
    )
    if bill is not None:
        tell_of(bill.session, "session_billed", f"session_billed:{bill.session_id}", _cost(bill))


def on_line_guest_ready(fact: Fact) -> None:
    """A guest asked after the charge was billed: they get this charge's summary at once."""
    guest = LineGuest.objects.select_related("company").filter(pk=fact.subject_id).first()
    session = _session_of(guest.subject) if guest else None
    bill = Bill.objects.select_related("session").filter(session=session).first()
    if guest is not None and session is not None and bill is not None:
        key = f"session_billed:{session.pk}"
        _tell_guest(guest, session, "session_billed", key, _cost(bill))


def on_grace_ending(fact: Fact) -> None:
    """Ten minutes before staying on costs money: ``data`` is ``{"ends_at", "per_minute"}``.

    ``subject_id`` is the session. Published, due at that moment, by the part that knows the price
    list; a plug that is free by then tells nobody.
    """
    session = session_of(fact.subject_id)
    if session is None or session.connector.status in FREE:
        return
    ends_at = datetime.fromisoformat(fact.data["ends_at"])
    left = math.ceil((ends_at - timezone.now()).total_seconds() / 60)
    if left <= 0:
        return
    more = {
        "ends_at": fact.data["ends_at"],
        "per_minute": str(fact.data["per_minute"]),
        "minutes": left,
    }
    tell_of(session, "grace_ending", f"grace_ending:{session.pk}:{fact.data['ends_at']}", more)


def tell_of(session: Session, kind: str, key: str, more: Mapping[str, Any]) -> None:
    """Tell everybody who is to hear of this charge, each once."""
    if session.customer is not None:
        payload = _of(session, session.customer.language) | dict(more)
        messages.tell(session.customer, kind, key, payload)
    for guest in guests_of(session):
        _tell_guest(guest, session, kind, key, more)


def session_of(pk: int) -> Session | None:
    found = Session.objects.select_related("station", "charger", "connector", "customer")
    return found.filter(pk=pk).first()


def guests_of(session: Session) -> Iterator[LineGuest]:
    """Guests of this charge, whether they asked at its payment or later; each LINE account once."""
    subjects = [f"session:{session.pk}"]
    purchases = Purchase.objects.filter(leave__session=session).values_list("pk", flat=True)
    subjects += [f"purchase:{pk}" for pk in purchases]
    seen = set()
    found = LineGuest.objects.filter(subject__in=subjects, friend=True).select_related("company")
    for guest in found.order_by("pk"):
        if guest.line_user_id not in seen:
            seen.add(guest.line_user_id)
            yield guest


def _tell_guest(
    guest: LineGuest, session: Session, kind: str, key: str, more: Mapping[str, Any]
) -> None:
    messages.tell_line(
        guest.company,
        guest.line_user_id,
        guest.language,
        kind,
        f"{key}:guest:{guest.line_user_id}",
        _of(session, guest.language) | dict(more),
    )


def _session_of(subject: str) -> Session | None:
    what, _colon, pk = subject.partition(":")
    if what == "session":
        return session_of(int(pk))
    purchase = Purchase.objects.filter(pk=int(pk)).select_related("leave").first()
    leave = purchase.leave if purchase else None
    return session_of(leave.session_id) if leave and leave.session_id else None


def _of(session: Session, language: str) -> dict[str, Any]:
    """What every message about a charge carries."""
    return {
        "session": session.pk,
        "station": (language == "th" and session.station.name_th) or session.station.name,
        "charger": session.charger.charge_point_id,
        "link": _link(session),
    }


def _link(session: Session) -> str:
    """While it runs, the page of its plug; then the receipt, which only its link opens."""
    code = session.connector.code
    if session.status != SessionStatus.ENDED:
        return reverse("customer", args=[code])
    return reverse("customer-receipt", args=[code, token_of(session)])


def _cost(bill: Bill) -> dict[str, Any]:
    session = bill.session
    arrears = bill.payment_status == PaymentStatus.ARREARS
    found: dict[str, Any] = {
        "started_at": session.started_at.isoformat(),
        "stopped_at": session.stopped_at.isoformat() if session.stopped_at else None,
        "energy": bill.wh,
        "amount": f"{to_baht(bill.total)}",
        "outstanding": f"{to_baht(bill.outstanding if arrears else 0)}",
        "payment_status": bill.payment_status,
        "fault": _by_fault(session),
    }
    return found | _money_back(bill)


def _by_fault(session: Session) -> bool:
    faulted = session.connector.status == ConnectorStatus.FAULTED
    return faulted or session.stop_reason in FAULTS


def _money_back(bill: Bill) -> dict[str, Any]:
    """What comes back of what was paid before, and how; a card's hold is not taken in full."""
    purchase = (
        Purchase.objects.select_related("payment").filter(leave__session=bill.session_id).first()
    )
    payment = purchase.payment if purchase else None
    if payment is None or not payment.has_money:
        return {}
    if payment.hold:
        rest = payment.authorised - bill.total
        return {"refund": f"{to_baht(rest)}", "refund_how": "card"} if rest > 0 else {}
    rest = payment.captured - bill.total
    if rest <= 0:
        return {}
    refund = Refund.objects.filter(payment=payment).order_by("-pk").first()
    return {"refund": f"{to_baht(rest)}", "refund_how": refund.route if refund else ""}
