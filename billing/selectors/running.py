"""What many running charges cost so far, in three queries however many there are.

The same amounts as ``costs.cost_so_far``: the newest reading gives the energy, and the readings
around each price border its split, so the rest of the readings need not be read.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, OuterRef, QuerySet, Subquery, Value, When

from billing import pricing, values
from billing.models import Purchase, Tariff
from billing.selectors.costs import cost_so_far
from billing.selectors.tariffs import calendars_of
from billing.services.bills import bought_wh
from billing.services.tariffs import FALLBACK
from stations.models import Session
from stations.selectors.live import Around, Moment, Register, registers_around


def with_tariff(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Each session with ``tariff_id``, the list it began under, and ``sold_at`` (``tariffs.of_session``)."""
    lists = [
        When(level=level, then=Subquery(_newest(candidates)))
        for level, candidates in FALLBACK.items()
    ]
    sold = Purchase.objects.filter(leave__session=OuterRef("pk")).values("tariff_value")[:1]
    return sessions.annotate(
        tariff_id=Case(*lists, output_field=IntegerField()), sold_at=Subquery(sold)
    )


def costs(sessions: Iterable[Session]) -> dict[int, int]:
    """Satang so far by session; sessions of ``with_tariff`` with ``live``. None without a price list."""
    sessions = list(sessions)
    wanted = {pk for s in sessions if (pk := getattr(s, "tariff_id", None))}
    rows = Tariff.objects.in_bulk(wanted)
    calendars = calendars_of([s.station for s in sessions])
    priced: list[tuple[Session, pricing.Tariff]] = []
    for session in sessions:
        row = rows.get(getattr(session, "tariff_id", 0) or 0)
        if sold_at := getattr(session, "sold_at", None):
            priced.append((session, values.tariff_from_json(sold_at)))
        elif row is not None:
            priced.append((session, row.as_value(calendars[session.station_id])))
    moments = {session.pk: _borders(session, tariff) for session, tariff in priced}
    starts = {session.pk: session.meter_start for session, _ in priced}
    around = registers_around([m for found in moments.values() for m in found], starts)
    return {s.pk: _cost(s, tariff, moments[s.pk], around) for s, tariff in priced}


def _newest(candidates: tuple[str, ...]) -> QuerySet[Tariff, Any]:
    """The version in force at the start: of the level itself before those it falls back to."""
    rank = Case(
        *(When(level=level, then=Value(n)) for n, level in enumerate(candidates)),
        output_field=IntegerField(),
    )
    return (
        Tariff.objects.filter(
            station=OuterRef("station"),
            level__in=candidates,
            valid_from__lte=OuterRef("started_at"),
        )
        .order_by(rank, "-valid_from", "-version")
        .values("pk")[:1]
    )


def _end(session: Session) -> datetime:
    return max(session.live.at, session.started_at)


def _borders(session: Session, tariff: pricing.Tariff) -> list[Moment]:
    """The price borders that the charge has crossed."""
    if not tariff.tells_periods_apart():
        return []
    found = tariff.calendar.borders(session.started_at, _end(session))
    return [(session.pk, at) for at in found]


def _cost(
    session: Session, tariff: pricing.Tariff, borders: list[Moment], around: dict[Moment, Around]
) -> int:
    live = session.live
    if borders and live.register_wh != session.meter_start + live.energy_wh:
        found = cost_so_far(session)  # the register was reset on the way: read everything
        return found.satang if found else 0
    known = {r for moment in borders for r in around.get(moment, ()) if isinstance(r, Register)}
    readings = tuple(pricing.Reading(r.at, r.wh) for r in sorted(known))
    cap = bought_wh(session)
    wh = live.energy_wh if cap is None else min(live.energy_wh, cap)
    usage = pricing.Usage(session.started_at, _end(session), wh, readings)
    return pricing.price(usage, tariff).total
