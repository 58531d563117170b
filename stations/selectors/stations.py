"""Stations as pages read them: what stands there, in which state, how much it draws."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from stations.models import Charger, Session, Station
from stations.selectors import chargers
from stations.selectors.chargers import Plug

OFFLINE = "Offline"


@dataclass(frozen=True, slots=True)
class Day:
    """Charges that began on a day: how many, and what they have drawn so far."""

    sessions: int = 0
    energy_wh: int = 0


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station in the list. ``statuses`` counts its plugs by OCPP word, ``Offline`` for those away."""

    station: Station
    plugs: list[Plug] = field(default_factory=list)
    today: Day = Day()

    @property
    def statuses(self) -> Counter[str]:
        return Counter(p.connector.status if p.online else OFFLINE for p in self.plugs)

    @property
    def chargers(self) -> int:
        return len({p.connector.charger_id for p in self.plugs})

    @property
    def power_w(self) -> int:
        return sum(p.power_w for p in self.plugs)

    @property
    def ceiling_w(self) -> int:
        """What may be drawn at most: the contract with the utility, else all plugs together."""
        if self.station.contracted_kw:
            return int(self.station.contracted_kw * 1000)
        return sum(p.connector.max_power_w for p in self.plugs)


def listed(stations: QuerySet[Station], since: datetime) -> list[StationRow]:
    """Every one of ``stations`` with its plugs and what began there since then."""
    found = list(stations.order_by("sort_key", "id"))
    by_station = _plugs_by_station(found)
    days = days_of([s.pk for s in found], since)
    return [StationRow(s, by_station.get(s.pk, []), days.get(s.pk, Day())) for s in found]


def row(station: Station, since: datetime) -> StationRow:
    """One station as in the list."""
    return StationRow(
        station,
        _plugs_by_station([station]).get(station.pk, []),
        days_of([station.pk], since).get(station.pk, Day()),
    )


def days_of(station_ids: list[int], since: datetime) -> dict[int, Day]:
    """What began at each station since then; a running charge counts with what it has drawn."""
    found = (
        Session.objects.filter(station_id__in=station_ids, started_at__gte=since)
        .order_by()
        .values("station_id")
        .annotate(n=Count("pk"), wh=Sum(Coalesce("energy_wh", "live__energy_wh", 0)))
    )
    return {r["station_id"]: Day(r["n"], r["wh"]) for r in found}


def _plugs_by_station(stations: list[Station]) -> dict[int, list[Plug]]:
    ids = Charger.objects.filter(station__in=stations).values_list("pk", flat=True)
    grouped: dict[int, list[Plug]] = {}
    for plug in chargers.plugs(chargers.connectors_of(ids)):
        grouped.setdefault(plug.connector.charger.station_id, []).append(plug)
    return grouped
