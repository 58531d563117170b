"""Stations: the list, and one station with all that is going on there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from billing.selectors import bills, tariffs
from billing.selectors.tariffs import LevelPrice
from evbilling.backoffice import board
from evbilling.backoffice.board import Panel, Seen
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import midnight
from evbilling.backoffice.session_rows import rows_of
from evbilling.backoffice.station_rules import RulesForm, fields_of, rules_of
from evbilling.states import COUNTS, STATES, State
from stations.models import Case, Session, Station
from stations.selectors import cases, sessions
from stations.selectors import stations as selectors
from stations.selectors.sessions import SessionFilter
from stations.selectors.stations import Day, StationRow
from stations.services import sites, switches
from users.access import Action, may

RECENT = 8
MOST_CASES = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A station in the list: its plugs by state, its load, what it has given today."""

    station: Station
    panel: Panel
    counts: list[tuple[State, int]]
    today: Day
    satang: int


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    since, now = midnight(), timezone.now()
    found = selectors.listed(rows(request, Station.objects.all()), since, now)
    money = bills.by_station([row.station.pk for row in found], since)
    context = {
        "stations": [_shown(row, money.get(row.station.pk, 0)) for row in found],
        "now": now,
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/stations.html{part}", context)


@needs(Action.VIEW)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    mine = rows(request, Station.objects.select_related("tax_entity", "company"))
    return shown(request, one(request, mine, pk=pk))


def shown(
    request: AdminRequest,
    station: Station,
    form: RulesForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page; ``form`` are rules that were not taken."""
    since, now = midnight(), timezone.now()
    row = selectors.listed(rows(request, Station.objects.filter(pk=station.pk)), since, now)[0]
    satang = bills.by_station([station.pk], since).get(station.pk, 0)
    context = {"station": station, "shown": _shown(row, satang), "now": now}
    if request.GET.get("part") == "now":
        return render(request, "backoffice/station.html#now", context)
    context |= _rest(request, station, now) | {"rules": form or rules_of(station)}
    return render(request, "backoffice/station.html", context, status=status)


@require_POST
@needs(Action.EDIT_STATION)
def switch(request: AdminRequest, pk: int) -> HttpResponse:
    """Open or close a whole station."""
    station = one(request, Station.objects.all(), pk=pk)
    switches.set_station_enabled(station, request.POST.get("on") == "1", actor=actor(request))
    return redirect("station", station.pk)


@require_POST
@needs(Action.EDIT_STATION)
def rules(request: AdminRequest, pk: int) -> HttpResponse:
    """Reservations, and what chargers may decide while they are offline."""
    station = one(request, Station.objects.select_related("tax_entity", "company"), pk=pk)
    form = RulesForm(request.POST)
    if not form.is_valid():
        return shown(request, station, form, status=422)
    sites.update(station, fields_of(form), actor=actor(request))
    return redirect("station", station.pk)


def states_of(seen: Sequence[Seen]) -> list[tuple[State, int]]:
    """Plugs by the brochure's counts, then the states that those leave out; only what there is."""
    n = Counter(one.status for one in seen)
    found = [
        (State(css, icon, word, word), sum(n.pop(status, 0) for status in bundled))
        for _key, css, icon, word, bundled in COUNTS
    ]
    found += [(STATES[status], count) for status, count in sorted(n.items())]
    return [(state, count) for state, count in found if count]


def _shown(row: StationRow, satang: int) -> Shown:
    seen = board.see(row.plugs)
    return Shown(row.station, Panel(row.station, seen), states_of(seen), row.today, satang)


def _rest(request: AdminRequest, station: Station, now: datetime) -> dict[str, object]:
    """What does not change from minute to minute."""
    recent = sessions.listed(
        rows(request, Session.objects.all()), SessionFilter(station_id=station.pk), None, RECENT
    )
    mine = rows(request, Case.objects.all())
    return {
        "prices": _own(tariffs.in_force([station], now)[station.pk]),
        "rows": rows_of(recent.rows),
        "cases": cases.of_station(mine, station.pk)[:MOST_CASES],
        "may_edit": may(request.admin, Action.EDIT_STATION),
        "may_price": may(request.admin, Action.EDIT_TARIFF),
    }


def _own(prices: list[LevelPrice]) -> list[LevelPrice]:
    """Levels with a price list of their own; one row that says so where there is none at all."""
    return [p for p in prices if not p.borrowed and p.row is not None] or prices[:1]
