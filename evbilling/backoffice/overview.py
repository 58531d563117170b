"""The overview (B1): counts, what needs a look, the board, the day; or every plug's live detail.

One page, whose parts ask for themselves again when the stream says that they are stale. The page
is an object that reads what the template asks for, so a part costs only its own queries.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from billing.models import Bill
from billing.selectors import running
from core.models import Fact
from evbilling.backoffice import board, news, periods
from evbilling.backoffice.board import Alert, Count, Panel, Seen
from evbilling.backoffice.gate import AdminRequest, needs, rows
from evbilling.backoffice.moments import LOCAL
from evbilling.backoffice.news import Item
from evbilling.backoffice.totals import Totals, moments, totals
from stations.models import Connector, ConnectorStatus, Session, Station
from stations.selectors import overview as selectors
from users.access import Action

M = TypeVar("M", bound=Model)
PARTS = ("all", "now", "badges", "totals")
MOST_ALERTS = 6
MOST_NEWS = 8


def home(request: HttpRequest) -> HttpResponse:
    return redirect("overview")


@needs(Action.VIEW)
def page(request: AdminRequest) -> HttpResponse:
    """The page, or the part that asks for itself again."""
    part = request.GET.get("part", "")
    if part.startswith("station-"):
        return _panel(request, part.removeprefix("station-"))
    shown = Overview(request)
    if part in PARTS:
        return render(request, f"backoffice/overview_{part}.html", {"o": shown})
    return render(request, "backoffice/overview.html", {"o": shown})


def _panel(request: AdminRequest, station: str) -> HttpResponse:
    """One station's part of the board."""
    if not station.isdecimal():
        raise Http404
    shown = Overview(request, only=int(station))
    if not shown.panels:
        raise Http404
    context = {"o": shown, "panel": shown.panels[0]}
    return render(request, "backoffice/overview.html#panel", context)


@dataclass(frozen=True, slots=True)
class Card:
    """A running charge in the detail view. ``satang`` is None where there is no price list."""

    seen: Seen
    session: Session
    satang: int | None


class Overview:
    """What the page shows, read when it is asked for."""

    def __init__(self, request: AdminRequest, only: int | None = None) -> None:
        """``only``: the one station whose part is asked for."""
        self.request = request
        self.only = only
        self.now = timezone.now()
        self.detailed = request.GET.get("view") == "detail"
        self.wanted = periods.parse(request.GET.dict(), self.now.astimezone(LOCAL).date())

    @property
    def other_view_url(self) -> str:
        """A second click on "Overview" switches the view."""
        return reverse("overview") + ("" if self.detailed else "?view=detail")

    @cached_property
    def stations(self) -> list[Station]:
        return list(rows(self.request, Station.objects.order_by("sort_key", "pk")))

    @cached_property
    def station(self) -> Station | None:
        """The one chosen by the filter."""
        wanted = self.request.GET.get("station", "")
        return next((s for s in self.stations if str(s.pk) == wanted), None)

    @cached_property
    def state(self) -> str:
        """The count that was clicked."""
        wanted = self.request.GET.get("state", "")
        return wanted if any(c.key == wanted for c in self.counts) else ""

    @cached_property
    def seen(self) -> list[Seen]:
        connectors = rows(self.request, Connector.objects.all())
        if self.only is not None:
            connectors = connectors.filter(charger__station=self.only)
        elif self.station is not None:
            connectors = connectors.filter(charger__station=self.station)
        return board.see(selectors.plugs(connectors))

    @cached_property
    def counts(self) -> list[Count]:
        return board.counts(self.seen)

    @cached_property
    def count(self) -> Count | None:
        return next((c for c in self.counts if c.key and c.key == self.state), None)

    @cached_property
    def alerts(self) -> list[Alert]:
        return board.alerts(self.seen)

    @property
    def first_alerts(self) -> list[Alert]:
        return self.alerts[:MOST_ALERTS]

    @property
    def more_alerts(self) -> int:
        return max(len(self.alerts) - MOST_ALERTS, 0)

    @cached_property
    def panels(self) -> list[Panel]:
        return board.panels(self.seen)

    @cached_property
    def chosen(self) -> list[Seen]:
        return board.with_state(self.seen, self.state)

    @cached_property
    def cards(self) -> list[Card]:
        """Charges under way, the one that ends first on top; then those without an end, then paused ones."""
        live = [s for s in self.chosen if s.live and s.session is not None]
        costs = self._costs([s.session.pk for s in live if s.session is not None])
        cards = [Card(s, s.session, costs.get(s.session.pk)) for s in live if s.session is not None]
        return sorted(cards, key=_by_end)

    @cached_property
    def other_panels(self) -> list[Panel]:
        """The plugs that no card shows."""
        carded = {card.seen.plug.connector.pk for card in self.cards}
        return board.panels([s for s in self.chosen if s.plug.connector.pk not in carded])

    @property
    def other_count(self) -> int:
        return sum(len(panel.seen) for panel in self.other_panels)

    @property
    def running_wh(self) -> int:
        return sum(card.session.live.energy_wh for card in self.cards)

    @property
    def running_satang(self) -> int:
        return sum(card.satang or 0 for card in self.cards)

    @cached_property
    def totals(self) -> Totals:
        days = {s.pk: s.billing_cycle_day for s in self._shown_stations}
        sessions = self._of_station(Session.objects.all(), Session.station_path)
        bills = self._of_station(Bill.objects.all(), Bill.station_path)
        return totals(sessions, bills, days, self.wanted, self.now)

    @property
    def moments(self) -> list[tuple[int, str]]:
        return moments(self.wanted, self.now)

    @cached_property
    def recent(self) -> list[Item]:
        stations = None if self.request.admin.all_stations else [s.pk for s in self.stations]
        if self.station is not None:
            stations = [self.station.pk]
        facts = Fact.objects.filter(company_id=self.request.company.pk)
        return news.recent(facts, self.seen, stations, MOST_NEWS)

    @property
    def _shown_stations(self) -> list[Station]:
        return [self.station] if self.station is not None else self.stations

    def _of_station(self, queryset: QuerySet[M], path: str) -> QuerySet[M]:
        found = rows(self.request, queryset)
        return found if self.station is None else found.filter(**{path: self.station})

    def _costs(self, sessions: list[int]) -> dict[int, int]:
        found = Session.objects.filter(pk__in=sessions).select_related("station", "live")
        return running.costs(running.with_tariff(found)) if sessions else {}


def _by_end(card: Card) -> tuple[bool, bool, float]:
    ends_at, charging = card.seen.ends_at, card.seen.status == ConnectorStatus.CHARGING
    return not charging, ends_at is None, (ends_at or card.session.started_at).timestamp()
