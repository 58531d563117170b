"""What is the member's own: cards, favourites, and the way to a plug."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from billing.selectors import quotes
from core.errors import DomainError, NotFound
from evbilling.customer.guard import count
from evbilling.member.frame import page
from evbilling.member.session import MemberRequest, for_member, own_path
from evbilling.states import State, state_of
from stations.models import Connector, ConnectorStatus
from stations.selectors import chargers, visits
from users.models import CardStatus
from users.services import members

MOST_CODE = 12
CODES_PER_MINUTE = 20


class NoPlug(NotFound):
    code = "no_plug"
    message = _("There is no charger under this code.")


@dataclass(frozen=True, slots=True)
class Plug:
    """A favourite as it stands now."""

    connector: Connector
    state: State
    price: quotes.Price | None


@require_safe
@gzip_page
@for_member
def cards(request: MemberRequest) -> HttpResponse:
    """The member's RFID cards: the last digits only."""
    found = list(request.member.cards.all())
    return page(request, "cards", {"cards": found, "blocked": CardStatus.BLOCKED})


@require_POST
@for_member
def block(request: MemberRequest, pk: int) -> HttpResponse:
    """A lost card says no from now."""
    members.block_card(request.member, pk)
    return _see(redirect("me-cards", request.company.slug))


@require_safe
@gzip_page
@for_member
def favourites(request: MemberRequest) -> HttpResponse:
    """Starred plugs with their state and price now, and a field for a plug's code."""
    return page(request, "favourites", {"plugs": plugs_of(request)})


@require_POST
@for_member
def star(request: MemberRequest, code: str) -> HttpResponse:
    """Among the favourites, or no longer."""
    connector = _plug(request, code)
    members.star(request.member, connector.code, request.POST.get("on") == "1")
    to = own_path(request.POST.get("to", ""))
    return _see(redirect(to) if to else redirect("me-favourites", request.company.slug))


@require_POST
@for_member
def find(request: MemberRequest) -> HttpResponse:
    """From a code that somebody types to its page."""
    try:
        count(f"find:{request.member.pk}", CODES_PER_MINUTE)
        connector = _plug(request, request.POST.get("code", "").strip())
    except DomainError as error:
        typed = request.POST.get("code", "")[:MOST_CODE]
        return page(
            request, "favourites", {"plugs": plugs_of(request), "typed": typed}, error=error
        )
    return _see(redirect("customer", connector.code))


def plugs_of(request: MemberRequest) -> list[Plug]:
    """The member's starred plugs that still exist, free ones first."""
    now, found = timezone.now(), []
    for each in request.member.favourites.all():
        connector = visits.connector_by_code(each.code)
        if connector is None:
            continue
        station = connector.charger.station
        offer = quotes.offer(station, request.member.level, now)
        state = state_of(
            connector.status,
            online=chargers.online_of(connector),
            enabled=connector.charger.enabled and station.enabled,
        )
        found.append(Plug(connector, state, offer.now if offer else None))
    return sorted(found, key=lambda p: p.connector.status != ConnectorStatus.AVAILABLE)


def _plug(request: MemberRequest, code: str) -> Connector:
    """A plug of the member's company. ``NoPlug``."""
    plausible = code.isascii() and code.isalnum() and len(code) <= MOST_CODE
    found = visits.connector_by_code(code) if plausible else None
    if found is None or found.charger.station.company_id != request.company.pk:
        raise NoPlug(field="code")
    return found


def _see(response: HttpResponse) -> HttpResponse:
    response.status_code = 303
    return response
