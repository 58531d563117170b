"""Connectors kept for somebody: the list, and making and cancelling them at a charger."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_orders, charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.chips import chip
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.states import State
from evbilling.templatetags.ui import named
from stations.models import Charger, Connector, Reservation, ReservationStatus, Station, Withdrawal
from stations.selectors import keyset
from stations.selectors import reservations as selectors
from stations.services import authorising
from stations.services import reservations as service
from users.access import Action, may

USUAL_MINUTES = 15
LOOKS: dict[str, tuple[str, str]] = {
    ReservationStatus.REQUESTED: ("wait", "loader-2"),
    ReservationStatus.RESERVED: ("rsv", "calendar-time"),
    ReservationStatus.USED: ("ok", "check"),
    ReservationStatus.CANCELLED: ("out", "x"),
    ReservationStatus.EXPIRED: ("off", "clock"),
    ReservationStatus.REFUSED: ("bad", "ban"),
}
STILL_THERE = (Withdrawal.DUE, Withdrawal.SENT, Withdrawal.FAILED)


@dataclass(frozen=True, slots=True)
class Shown:
    """A reservation in a list."""

    row: Reservation

    @property
    def state(self) -> State:
        word = self.row.get_status_display()
        return State(*LOOKS[self.row.status], word, word)

    @property
    def note(self) -> str:
        """Why it was refused, or what the charger may still hold."""
        if self.row.status == ReservationStatus.REFUSED:
            return self.row.get_reason_display()
        if not self.row.is_open and self.row.withdrawal in STILL_THERE:
            return self.row.get_withdrawal_display()
        return ""


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, and what is wrong with it."""

    connector: str = ""
    card: str = ""
    minutes: str = str(USUAL_MINUTES)
    errors: dict[str, str] = field(default_factory=dict)


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    stations = {str(s.pk): named(s) for s in rows(request, Station.objects.all())}
    status, station = request.GET.get("status", ""), request.GET.get("station", "")
    wanted = selectors.Filter(status, int(station) if station in stations else None)
    page = selectors.listed(
        rows(request, Reservation.objects.all()), wanted, keyset.parse(request.GET.get("at", ""))
    )
    words = {"open": _("Open")} | {key: str(word) for key, word in ReservationStatus.choices}
    chips = [chip(request, "status", _("Status"), words)]
    if len(stations) > 1:
        chips.append(chip(request, "station", _("Station"), stations))
    context = {
        "page": page,
        "reservations": [Shown(row) for row in page.rows],
        "chips": chips,
        "filtered": any(each.active for each in chips),
        "may_reserve": may(request.admin, Action.RESERVE),
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/reservations.html{part}", context)


@require_POST
@needs(Action.RESERVE)
def cancel(request: AdminRequest, pk: int) -> HttpResponse:
    row = one(request, Reservation.objects.all(), pk=pk)
    service.cancel(row, actor=actor(request))
    if request.POST.get("back") == "list":
        return redirect("reservations")
    return redirect("charger", row.charger.charge_point_id)


@require_POST
@needs(Action.RESERVE)
def make(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Keep a connector for a card; the form again with what is wrong."""
    charger = charger_of(request, charge_point_id)
    post = request.POST
    typed = Form(
        post.get("connector", "")[:4],
        post.get("card", "").strip()[:40],
        post.get("minutes", "")[:6],
    )
    try:
        _make(request, charger, typed)
    except DomainError as error:
        names = {"connector_id": "connector", "id_tag": "card", "minutes": "minutes"}
        typed.errors[names.get(error.field, "other")] = str(error)
        return _again(request, charger, typed)
    return redirect("charger", charger.charge_point_id)


def section(
    request: AdminRequest, found: Sequence[Reservation], typed: Form | None = None
) -> dict[str, Any]:
    """What the charger's page shows of reservations; ``found`` are its open ones."""
    return {
        "reserved": [Shown(row) for row in found],
        "reserve_form": typed or Form(),
        "may_reserve": may(request.admin, Action.RESERVE),
        "most_minutes": service.MOST_MINUTES,
    }


def _make(request: AdminRequest, charger: Charger, typed: Form) -> None:
    connector: Connector | None = None
    if typed.connector != "0":
        number = (
            int(typed.connector) if typed.connector.isascii() and typed.connector.isdigit() else 0
        )
        connector = charger.connectors.filter(connector_id=number, connector_id__gt=0).first()
        if connector is None:
            raise DomainError(_("Choose a connector."), field="connector_id")
    card = authorising.find_card(charger.station.company_id, typed.card)
    if card is None:
        raise service.BadCard("unknown_card", "id_tag")
    ok = typed.minutes.isascii() and typed.minutes.isdigit() and len(typed.minutes) < 6
    minutes = int(typed.minutes) if ok else 0
    service.reserve(charger, connector, card, minutes, actor=actor(request))


def _again(request: AdminRequest, charger: Charger, typed: Form) -> HttpResponse:
    context = charger_page.frame(request, charger, "live")
    context |= charger_page.live(charger) | charger_page.happened(charger)
    context |= charger_page.troubles(request, charger)
    context |= charger_orders.forms(request, charger) | charger_orders.last(charger)
    context |= section(request, context["open_reservations"], typed)
    return render(request, "backoffice/charger.html", context, status=422)
