"""What nobody's fact says: a running charge that is nearly full, or whose charger has a fault.

A sweep over the charges of those who asked to be told; each thing is told once per charge.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.models import Purchase
from evbilling.telling import tell_of
from stations.models import ConnectorStatus, Session, SessionStatus
from users.models import LineGuest

NEARLY_SOC = 80  # %, from where cars charge slowly
NEARLY_CHOSEN = 90  # % of what was chosen
SETTLED = timedelta(minutes=3)  # a car that comes nearly full needs no message about it
GUESTS_SINCE = timedelta(days=2)


def tell_of_running() -> int:
    """Tell what is new of the running charges; how many were looked at."""
    looked = 0
    for session in _watched():
        looked += 1
        if session.connector.status == ConnectorStatus.FAULTED:
            more = {"energy": session.live.energy_wh}
            tell_of(session, "charger_fault", f"charger_fault:{session.pk}", more)
        elif reached := nearly_full(session):
            more = {"energy": session.live.energy_wh, **reached}
            tell_of(session, "nearly_full", f"nearly_full:{session.pk}", more)
    return looked


def nearly_full(session: Session) -> dict[str, int]:
    """``{"soc"}`` or ``{"percent"}`` where the end is near, else nothing."""
    if timezone.now() - session.started_at < SETTLED:
        return {}
    live = session.live
    if live.soc is not None and live.soc >= NEARLY_SOC:
        return {"soc": live.soc}
    chose = session.chosen_wh is not None or session.chosen_satang is not None
    if chose and session.allowance_wh:
        percent = 100 * live.energy_wh // session.allowance_wh
        return {"percent": min(percent, 100)} if percent >= NEARLY_CHOSEN else {}
    return {}


def _watched() -> QuerySet[Session]:
    """Running charges of members whose LINE is linked, and of guests who asked."""
    return Session.objects.filter(
        Q(customer__line__friend=True) | Q(pk__in=_of_guests()),
        status=SessionStatus.ACTIVE,
        refusal="",
        live__isnull=False,
    ).select_related("live", "station", "charger", "connector", "customer")


def _of_guests() -> Iterable[int]:
    since = timezone.now() - GUESTS_SINCE
    subjects = LineGuest.objects.filter(friend=True, created_at__gt=since).values_list("subject")
    split = [subject.split(":") for (subject,) in subjects]
    found = {int(pk) for what, pk in split if what == "session"}
    bought = Purchase.objects.filter(pk__in=[int(pk) for what, pk in split if what == "purchase"])
    sessions = bought.filter(leave__session__isnull=False).values_list("leave__session", flat=True)
    return found | {pk for pk in sessions if pk is not None}
