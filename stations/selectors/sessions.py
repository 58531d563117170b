"""Charges as pages read them: the history by key, its totals, one charge with its readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from core.models import Fact
from stations.models import MeterValue, Session, SessionStatus
from stations.selectors import keyset
from users.models import Customer

RUNNING, ENDED, REFUSED = "running", "ended", "refused"
MOST_CUSTOMERS = 20
FACTS_AROUND = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """What the chips of the history say. ``until`` is the first moment that no longer belongs."""

    station_id: int | None = None
    charger_id: int | None = None
    status: str = ""
    customer_ids: tuple[int, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> Q:
        found = Q()
        if self.station_id is not None:
            found &= Q(station_id=self.station_id)
        if self.charger_id is not None:
            found &= Q(charger_id=self.charger_id)
        if self.customer_ids is not None:
            found &= Q(customer_id__in=self.customer_ids)
        if self.since is not None:
            found &= Q(started_at__gte=self.since)
        if self.until is not None:
            found &= Q(started_at__lt=self.until)
        return found & STATUS.get(self.status, Q())


STATUS = {
    RUNNING: Q(status=SessionStatus.ACTIVE, refusal=""),
    ENDED: Q(status=SessionStatus.ENDED),
    REFUSED: ~Q(refusal=""),
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the charges that a filter shows."""

    sessions: int
    running: int
    energy_wh: int
    length: timedelta

    @property
    def hours(self) -> int:
        return round(self.length.total_seconds() / 3600)

    @property
    def mean_wh(self) -> int:
        return self.energy_wh // max(self.sessions, 1)

    @property
    def mean_length(self) -> timedelta:
        return self.length / max(self.sessions, 1)


class Sampled(NamedTuple):
    """One reading of a charge: for curves."""

    at: datetime
    register_wh: int | None
    power_w: int | None


def listed(
    sessions: QuerySet[Session], wanted: SessionFilter, cursor: keyset.Cursor | None, size: int = 50
) -> keyset.Page[Session]:
    """One page of the history: its keys by the index alone, then these rows, then what they name.

    One join of everything would be planned ten times as long as it runs.
    """
    keys = keyset.page(
        sessions.filter(wanted.condition()).only("pk", "started_at"), "started_at", cursor, size
    )
    full = (
        Session.objects.filter(pk__in=[row.pk for row in keys.rows])
        .select_related("live", "customer")
        .prefetch_related("station", "charger", "connector")
    )
    return keyset.Page(
        list(full.order_by("-started_at", "-id")) if keys.rows else [], keys.older, keys.newer
    )


def totals(sessions: QuerySet[Session], wanted: SessionFilter) -> Totals:
    """How many, how much, how long: of everything the filter shows, not of one page."""
    found = (
        sessions.filter(wanted.condition())
        .order_by()
        .aggregate(
            n=Count("pk"),
            running=Count("pk", filter=STATUS[RUNNING]),
            wh=Sum(Coalesce("energy_wh", "live__energy_wh", 0), default=0),
            length=Sum(Coalesce("stopped_at", Now()) - F("started_at")),
        )
    )
    return Totals(found["n"], found["running"], found["wh"], found["length"] or timedelta())


def customers_named(customers: QuerySet[Customer], text: str) -> list[Customer]:
    """Customers by a part of their name or phone: for the history's filter."""
    digits = "".join(c for c in text if c.isdigit())
    match = Q(name__icontains=text)
    if len(digits) >= 4:
        match |= Q(phone__contains=digits.lstrip("0"))
    return list(customers.filter(match).order_by("sort_key", "id")[:MOST_CUSTOMERS])


def samples_of(session_ids: Sequence[int]) -> dict[int, list[Sampled]]:
    """The readings of several charges in one query."""
    found: dict[int, list[Sampled]] = {pk: [] for pk in session_ids}
    rows = MeterValue.objects.filter(session_id__in=session_ids).order_by("session_id", "at", "id")
    for pk, at, wh, watts in rows.values_list("session_id", "at", "register_wh", "power_w"):
        found[pk or 0].append(Sampled(at, wh, watts))
    return found


def timeline(session: Session) -> list[Fact]:
    """The facts of one charge, oldest first: those of its charger around it that name it or its plug."""
    around = Fact.objects.filter(
        topic=f"charger:{session.charger_id}", at__gte=session.started_received_at - FACTS_AROUND
    )
    if session.stopped_received_at is not None:
        around = around.filter(at__lte=session.stopped_received_at + FACTS_AROUND)
    mine = Q(data__session=session.pk) | Q(
        kind="connector_changed", data__connector=session.connector_id
    )
    return list(around.filter(mine).order_by("at", "id")[:80])
