"""The cards that a charger knows by itself: what it holds, what differs, and sending it anew."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.states import State
from stations import cardlist
from stations.models import Charger, ListState, LocalList
from stations.services import listing, local_lists
from users.access import Action

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One card that the charger does not have as it should: how it stands there and how it should."""

    id_tag: str
    has: str
    wanted: str


@require_POST
@needs(Action.COMMAND_CHARGER)
def order(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Send the whole list, or read its version."""
    charger = charger_of(request, charge_point_id)
    act = local_lists.read_version if request.POST.get("do") == "read" else local_lists.send_all
    error = ""
    try:
        act(charger, actor=actor(request))
    except DomainError as refused:
        error = str(refused)
    if not error and not request.htmx:
        return redirect("charger-communication", charger.charge_point_id)
    context = charger_page.frame(request, charger, "communication") | shown(charger)
    context["cards_error"] = error
    if request.htmx:
        status = 422 if error else 200
        return render(request, "backoffice/charger_cards.html", context, status=status)
    context |= charger_page.communication(charger)
    return render(request, "backoffice/charger_communication.html", context, status=422)


def shown(charger: Charger) -> dict[str, Any]:
    """What is known of the list, and what is not yet as it should be."""
    row = LocalList.objects.select_related("charger__station").filter(charger=charger).first()
    if row is None:
        return {"card_list": None, "lists_on": charger.station.local_lists}
    differing = _differences(row)
    return {
        "card_list": row,
        "lists_on": charger.station.local_lists,
        "card_count": len(row.entries),
        "list_state": _state(row, len(differing)),
        "card_trouble": _trouble(row.error),
        "differing": differing[:MOST_SHOWN],
        "differing_count": len(differing),
    }


def _differences(row: LocalList) -> list[Difference]:
    new, _left_out = listing.wanted(row)
    items = cardlist.difference(row.entries, new)
    return [
        Difference(
            f"•••• {item['idTag'][-4:]}",
            str(row.entries.get(item["idTag"], {}).get("status", "")),
            str(item.get("idTagInfo", {}).get("status", "")),
        )
        for item in items
    ]


def _trouble(code: str) -> str:
    kind, _colon, word = code.partition(":")
    return {
        "no_answer": _("The charger did not answer."),
        "not_supported": _("The charger keeps no list of cards."),
        "refused": _("The charger did not take the list: %(word)s.") % {"word": word},
        "error": _("The charger answered with an error: %(word)s.") % {"word": word},
    }.get(kind, code)


def _state(row: LocalList, differing: int) -> State:
    if row.step:
        word = _("Being updated")
        return State("wait", "loader-2", word, word)
    if row.state == ListState.KNOWN and not differing:
        word = _("Up to date")
        return State("ok", "check", word, word)
    if row.state in (ListState.FAILED, ListState.UNSUPPORTED):
        word = row.get_state_display()
        return State("bad", "alert-triangle", word, word)
    word = _("To be updated")
    return State("wait", "clock", word, word)
