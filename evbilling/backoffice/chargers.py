"""Chargers: the list, and one charger's pages but for its frames and set-up."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from evbilling.backoffice import charger_cards, charger_orders, charger_page, reservations
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.chips import Chip, chip
from evbilling.backoffice.gate import AdminRequest, actor, needs, rows
from evbilling.backoffice.session_rows import rows_of
from evbilling.states import COUNTS, State, shown_status
from evbilling.states import STATES as SHOWN
from evbilling.templatetags.ui import named
from stations.models import Charger, Connector, ConnectorStatus, Session
from stations.selectors import chargers as selectors
from stations.selectors import keyset
from stations.selectors import sessions as session_selectors
from stations.selectors.chargers import ChargerRow
from stations.selectors.reservations import open_at as reservations_at
from stations.selectors.strangers import seen_by
from stations.services import switches
from stations.services.connectors import offline_since
from users.access import Action, may

PAGE_SIZE = 100
FILTERS = ("state", "net", "station", "enabled")
STATES = {key: bundled for key, _css, _icon, _word, bundled in COUNTS} | {
    "out": frozenset({ConnectorStatus.UNAVAILABLE, ConnectorStatus.RESERVED})
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A charger in the list, each plug with its state."""

    row: ChargerRow
    states: list[tuple[int, State]]

    @property
    def since(self) -> datetime:
        """Since when it is online, or away."""
        charger = self.row.charger
        return (charger.connected_at if self.row.online else None) or offline_since(charger)

    @property
    def never(self) -> bool:
        return self.row.charger.last_seen_at is None and not self.row.online


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    everything = selectors.listed(rows(request, Charger.objects.all()))
    wanted = {key: request.GET.get(key, "") for key in FILTERS}
    found = [row for row in everything if _fits(row, wanted)]
    start = _offset(request)
    context = {
        "chargers": [Shown(row, _states(row)) for row in found[start : start + PAGE_SIZE]],
        "page": _page(start, len(found)),
        "total": len(found),
        "all": len(everything),
        "chips": _chips(request, everything),
        "filtered": any(wanted.values()),
        "may_switch": may(request.admin, Action.SWITCH_CHARGER),
        "now": timezone.now(),
    }
    if request.GET.get("part") == "rows":
        return render(request, "backoffice/chargers.html#rows", context)
    context["may_edit"] = may(request.admin, Action.EDIT_CHARGER)
    context["strangers"] = seen_by(request.admin).count() if context["may_edit"] else 0
    return render(request, "backoffice/chargers.html", context)


@needs(Action.VIEW)
def detail(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """The live tab."""
    charger = charger_of(request, charge_point_id)
    context = charger_page.frame(request, charger, "live")
    part = request.GET.get("part", "")
    if part == "commands":
        context |= charger_orders.last(charger)
    elif part == "timeline":
        context |= charger_page.happened(charger)
    elif part == "plugs":
        context |= charger_page.live(charger)
    elif part == "reserved":
        context |= reservations.section(request, reservations_at(charger.pk))
        return render(request, "backoffice/charger_reserved.html", context)
    elif part == "head":
        return _changed(request, charger)
    else:
        context |= charger_page.live(charger) | charger_page.happened(charger)
        context |= charger_page.troubles(request, charger)
        wanted = charger_orders.begun(request)
        context |= charger_orders.forms(request, charger, wanted) | charger_orders.last(charger)
        context |= reservations.section(request, context["open_reservations"])
        context["wanted_order"] = wanted.order.action if wanted else ""
        part = ""
    return render(request, f"backoffice/charger.html{'#' + part if part else ''}", context)


def _changed(request: AdminRequest, charger: Charger) -> HttpResponse:
    """The head again; the rest only where line or switch are not as the page knows them, so that
    nobody's half-filled order is taken away by news of something else."""
    tab = "live" if request.GET.get("tab") == "live" else ""
    context = charger_page.frame(request, charger, tab)
    is_now = f"{context['online']:d}{charger.enabled:d}"
    context["changed"] = request.GET.get("was") != is_now
    if context["changed"] and tab:
        context |= charger_page.troubles(request, charger)
        context |= charger_orders.forms(request, charger) | charger_orders.last(charger)
    return render(request, "backoffice/charger_changed.html", context)


@require_POST
@needs(Action.COMMAND_CHARGER)
def command(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """An order: sent, or its form again with what is wrong, or with the question to ask first."""
    charger = charger_of(request, charge_point_id)
    filled = charger_orders.send(request, charger)
    if filled is None and not request.htmx:
        tab = "charger-communication" if request.POST.get("back") == "communication" else "charger"
        return redirect(tab, charger.charge_point_id)
    context = charger_page.frame(request, charger, "live")
    context |= charger_orders.forms(request, charger, filled) | charger_orders.last(charger)
    status = 422 if filled else 200
    if request.htmx:
        return render(request, "backoffice/charger.html#orders", context, status=status)
    context |= charger_page.live(charger) | charger_page.happened(charger)
    context |= charger_page.troubles(request, charger)
    context |= reservations.section(request, context["open_reservations"])
    return render(request, "backoffice/charger.html", context, status=status)


@require_POST
@needs(Action.SWITCH_CHARGER)
def switch(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    switches.set_charger_enabled(charger, request.POST.get("on") == "1", actor=actor(request))
    if request.htmx:
        context = {"charger": charger, "may_switch": True, "said": True}
        return render(request, "backoffice/charger_switch.html", context)
    return redirect("charger", charger.charge_point_id)


@needs(Action.VIEW)
def sessions(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    page = session_selectors.listed(
        rows(request, Session.objects.all()),
        session_selectors.SessionFilter(charger_id=charger.pk),
        keyset.parse(request.GET.get("at", "")),
    )
    context = charger_page.frame(request, charger, "sessions") | {
        "page": page,
        "rows": rows_of(page.rows),
    }
    return render(request, "backoffice/charger_sessions.html", context)


@needs(Action.VIEW)
def communication(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    context = charger_page.frame(request, charger, "communication")
    context |= charger_page.communication(charger) | charger_cards.shown(charger)
    if request.GET.get("part") == "cards":
        return render(request, "backoffice/charger_cards.html", context)
    part = "#settings" if request.GET.get("part") == "settings" else ""
    return render(request, f"backoffice/charger_communication.html{part}", context)


def _fits(row: ChargerRow, wanted: dict[str, str]) -> bool:
    return (
        (not wanted["state"] or _has_state(row, wanted["state"]))
        and (not wanted["net"] or row.online == (wanted["net"] == "normal"))
        and (not wanted["station"] or str(row.charger.station_id) == wanted["station"])
        and (not wanted["enabled"] or row.charger.enabled == (wanted["enabled"] == "1"))
    )


def _has_state(row: ChargerRow, key: str) -> bool:
    return any(_status(row, plug) in STATES.get(key, ()) for plug in row.plugs)


def _chips(request: HttpRequest, everything: list[ChargerRow]) -> list[Chip]:
    """Status, network, station, service, each with how many it would show by itself."""
    stations = {str(row.charger.station_id): named(row.charger.station) for row in everything}
    states = {key: str(word) for key, _css, _icon, word, _bundled in COUNTS}
    filters = {
        "state": (_("Status"), states | {"out": _("Out of service or reserved")}),
        "net": (_("Network"), {"normal": _("Normal"), "fail": _("Fail")}),
        "station": (_("Station"), stations if len(stations) > 1 else {}),
        "enabled": (_("Service"), {"1": _("In service"), "0": _("Closed for service")}),
    }
    return [
        chip(request, name, title, words, n=_counted(everything, name, words))
        for name, (title, words) in filters.items()
        if words
    ]


def _counted(everything: list[ChargerRow], name: str, words: dict[str, str]) -> dict[str, int]:
    return {key: sum(_fits(row, _only(name, key)) for row in everything) for key in words}


def _only(name: str, value: str) -> dict[str, str]:
    return dict.fromkeys(FILTERS, "") | {name: value}


def _states(row: ChargerRow) -> list[tuple[int, State]]:
    return [(plug.connector_id, SHOWN[_status(row, plug)]) for plug in row.plugs]


def _status(row: ChargerRow, plug: Connector) -> str:
    enabled = row.charger.enabled and row.charger.station.enabled
    return shown_status(plug.status, online=row.online, enabled=enabled)


def _offset(request: HttpRequest) -> int:
    text = request.GET.get("at", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _page(start: int, total: int) -> keyset.Page[Charger]:
    """This list is short and whole in memory: its pages go by number."""
    older = str(start + PAGE_SIZE) if start + PAGE_SIZE < total else ""
    return keyset.Page([], older, str(max(start - PAGE_SIZE, 0)) if start else "")
