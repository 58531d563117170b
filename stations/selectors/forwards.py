"""What there is to know about a forward."""

from django.utils import timezone

from core.models import Lease
from stations.models import Charger, Forward, Session, SessionStatus

FORWARD_LEASE = "forward"


def of_charger(charger: Charger) -> Forward | None:
    return Forward.objects.filter(charger=charger).first()


def process_runs() -> bool:
    """Whether some process is there to forward."""
    return Lease.objects.filter(name=FORWARD_LEASE, expires_at__gt=timezone.now()).exists()


def waiting(row: Forward) -> int:
    """Charges of which that side does not know the start or the end yet."""
    told = row.sessions.filter(stopped_at__isnull=False) | row.sessions.filter(gave_up=True)
    charges = Session.objects.filter(charger=row.charger_id, started_received_at__gte=row.since)
    begun = row.sessions.filter(started_at__isnull=False)
    unknown = charges.exclude(pk__in=told.values("session"))
    running = unknown.filter(status=SessionStatus.ACTIVE, pk__in=begun.values("session"))
    return unknown.exclude(pk__in=running.values("pk")).count()
