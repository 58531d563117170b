"""What a running charge may draw. Billing says it; the process that holds the line enforces it."""

from datetime import datetime

from django.db import transaction

from core import outbox
from stations.models import Session, SessionStatus
from stations.services import commands


def set_allowance(
    session_id: int,
    max_wh: int | None,
    valid_until: datetime | None,
    *,
    chosen_wh: int | None = None,
    chosen_satang: int | None = None,
    choose: bool = False,
) -> bool:
    """Replace the allowance of a running session. ``choose`` also writes what the customer chose.

    Returns False when the session has ended meanwhile.
    """
    with transaction.atomic():
        session = Session.objects.select_for_update(of=("self",)).filter(pk=session_id).first()
        if session is None or session.status != SessionStatus.ACTIVE:
            return False
        session.allowance_wh = max_wh
        session.allowance_until = valid_until
        if choose:
            session.chosen_wh = chosen_wh
            session.chosen_satang = chosen_satang
        session.save(
            update_fields=["allowance_wh", "allowance_until", "chosen_wh", "chosen_satang"]
        )
        holder = commands.holder_of(session.charger_id)
        if holder:
            outbox.notify(holder, {"allowance": session.pk, "charger": session.charger_id})
    return True
