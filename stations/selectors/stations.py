"""Stations as pages read them: what stands there, and what it has given today."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from stations.models import Connector, Session, Station
from stations.selectors import overview
from stations.selectors.chargers import Plug
from stations.selectors.live import drawn_between, registers_around, wh_at


@dataclass(frozen=True, slots=True)
class Day:
    """What a station has given since midnight: charges begun, Wh metered."""

    sessions: int = 0
    energy_wh: int = 0


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station in the list."""

    station: Station
    plugs: list[Plug] = field(default_factory=list)
    today: Day = Day()


def listed(stations: QuerySet[Station], since: datetime, now: datetime) -> list[StationRow]:
    """Every one of ``stations`` with its plugs and what began there since then."""
    found = list(stations.order_by("sort_key", "id"))
    by_station = _plugs_by_station(found)
    days = days_of([s.pk for s in found], since, now)
    return [StationRow(s, by_station.get(s.pk, []), days.get(s.pk, Day())) for s in found]


def days_of(station_ids: list[int], since: datetime, now: datetime) -> dict[int, Day]:
    """What each station has given since then: energy as metered, charges that began."""
    mine = Session.objects.filter(station_id__in=station_ids)
    charges = drawn_between(mine, [(since, now)])
    stations = dict(
        Session.objects.filter(pk__in=[c.pk for c in charges]).values_list("pk", "station_id")
    )
    earlier = [c for c in charges if c.start < since < c.end]
    around = registers_around(
        [(c.pk, since) for c in earlier], {c.pk: c.meter_start for c in earlier}
    )
    wh: Counter[int] = Counter()
    begun: Counter[int] = Counter()
    for charge in charges:
        station = stations[charge.pk]
        wh[station] += charge.wh - wh_at(charge, since, around.get((charge.pk, since)))
        begun[station] += charge.start >= since
    return {pk: Day(begun[pk], wh[pk]) for pk in station_ids}


def _plugs_by_station(stations: list[Station]) -> dict[int, list[Plug]]:
    grouped: dict[int, list[Plug]] = {}
    for plug in overview.plugs(Connector.objects.filter(charger__station__in=stations)):
        grouped.setdefault(plug.connector.charger.station_id, []).append(plug)
    return grouped
