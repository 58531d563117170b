"""Telling people what happened: facts of any app become messages of ``users``."""

from typing import Any

from billing.models import Bill, PaymentStatus
from billing.money import to_baht
from billing.selectors import stays
from core.models import Fact
from stations.models import Session
from users import messages
from users.messages import texts


def on_session_billed(fact: Fact) -> None:
    """The customer learns what the charge cost. A charge that nobody is to pay tells nobody."""
    bill = (
        Bill.objects.select_related("customer", "session__station", "session__charger")
        .filter(session_id=fact.subject_id)
        .first()
    )
    if bill is None or bill.customer is None:
        return
    messages.tell(
        bill.customer, "session_billed", f"session_billed:{bill.session_id}", _what_it_cost(bill)
    )


def on_grace_ending(fact: Fact) -> None:
    """Ten minutes before the grace time ends: the car may still be moved for nothing.

    Silent when it has left or charges again, and where exempt hours make the time no matter.
    """
    session = (
        Session.objects.select_related("customer", "station", "charger", "connector")
        .filter(pk=fact.subject_id)
        .first()
    )
    found = stays.of_session(session) if session is not None else None
    if session is None or session.customer is None or found is None or not found.is_open:
        return
    same = found.idle_from.isoformat() == fact.data.get("idle_from")
    if not same or found.penalty_from is None or "grace_ending" not in texts.KINDS:
        return
    thai = session.customer.language == "th"
    payload = {
        "session": session.pk,
        "station": (thai and session.station.name_th) or session.station.name,
        "charger": session.charger.charge_point_id,
        "connector": session.connector.connector_id,
        "idle_from": found.idle_from.isoformat(),
        "ends_at": found.penalty_from.isoformat(),
        "per_minute": f"{found.per_minute:f}",
    }
    key = f"grace_ending:{session.pk}:{found.idle_from.isoformat()}"
    messages.tell(session.customer, "grace_ending", key, payload)


def _what_it_cost(bill: Bill) -> dict[str, Any]:
    session = bill.session
    thai = bill.customer is not None and bill.customer.language == "th"
    arrears = bill.payment_status == PaymentStatus.ARREARS
    return {
        "session": session.pk,
        "station": (thai and session.station.name_th) or session.station.name,
        "charger": session.charger.charge_point_id,
        "started_at": session.started_at.isoformat(),
        "stopped_at": session.stopped_at.isoformat() if session.stopped_at else None,
        "energy": bill.wh,
        "amount": f"{to_baht(bill.total)}",
        "outstanding": f"{to_baht(bill.outstanding if arrears else 0)}",
        "payment_status": bill.payment_status,
    }
