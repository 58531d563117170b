"""Reservations as pages read them."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from stations.models import Connector, Reservation, ReservationStatus
from stations.models.reservation import OPEN_RESERVATION
from stations.selectors import keyset

TOLD_FOR = timedelta(minutes=10)  # how long a phone is told what became of its reservation


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. ``status`` may be ``open``."""

    status: str = ""
    station_id: int | None = None


def listed(
    rows: QuerySet[Reservation], wanted: Filter, cursor: keyset.Cursor | None
) -> keyset.Page[Reservation]:
    """Newest first."""
    found = _shown(rows)
    if wanted.status == "open":
        found = found.filter(status__in=OPEN_RESERVATION)
    elif wanted.status in ReservationStatus.values:
        found = found.filter(status=wanted.status)
    if wanted.station_id is not None:
        found = found.filter(charger__station_id=wanted.station_id)
    return keyset.page(found, "made_at", cursor)


def open_at(charger_id: int) -> list[Reservation]:
    """What is asked for or kept at one charger."""
    rows = _shown(Reservation.objects.filter(charger_id=charger_id, status__in=OPEN_RESERVATION))
    return list(rows.order_by("connector__connector_id", "pk"))


def at_plug(connector: Connector) -> Reservation | None:
    """What keeps this connector for somebody now, or has just been asked for it."""
    return (
        Reservation.objects.filter(
            connector=connector, status__in=OPEN_RESERVATION, expires_at__gt=timezone.now()
        )
        .select_related("card")
        .first()
    )


def told_to(connector: Connector, visitor: str) -> Reservation | None:
    """The newest reservation this phone made here, while there is something to say of it."""
    if not visitor:
        return None
    recent = Q(ended_at__isnull=True) | Q(ended_at__gt=timezone.now() - TOLD_FOR)
    mine = Reservation.objects.filter(recent, connector=connector, visitor=visitor)
    return mine.select_related("card").order_by("-pk").first()


def _shown(rows: QuerySet[Reservation]) -> QuerySet[Reservation]:
    return rows.select_related("charger__station", "connector", "customer", "card", "session")
