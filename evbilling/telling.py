"""Telling people what happened: facts of any app become messages of ``users``."""

from typing import Any

from billing.models import Bill, PaymentStatus
from billing.money import to_baht
from core.models import Fact
from users import messages


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
