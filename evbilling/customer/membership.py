"""A member who is signed in by phone number at a plug: their charge, the start without a card."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from billing.services import allowance
from core.audit import Actor
from evbilling.customer import words
from evbilling.customer.stage import Stage
from evbilling.member.session import member_of
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Authorisation, Command, CommandStatus, Connector, Session
from stations.models.command import OPEN
from stations.selectors import visits as reads
from stations.selectors.visits import Place
from stations.services import visits
from stations.services.authorisations import command_key
from users.models import Customer, Favourite

if TYPE_CHECKING:
    from evbilling.customer.choice import Choice
    from evbilling.customer.page import Look

URL = "customer-charge"
SAID_FOR = timedelta(minutes=5)  # how long the page tells why a start came to nothing


@dataclass(frozen=True, slots=True)
class Signed:
    """Who is signed in here, and whether the page is theirs or a guest's by their own wish."""

    member: Customer | None
    as_guest: bool


def signed(request: HttpRequest, connector: Connector) -> Signed:
    """Forms of the guest's page stay a guest's; only the member's own form is the member's."""
    member = member_of(request, connector.charger.station.company)
    match = request.resolver_match
    posts_elsewhere = request.method == "POST" and (match is None or match.url_name != URL)
    return Signed(member, "guest" in request.GET or posts_elsewhere)


def own_charge(place: Place, member: Customer | None) -> Session | None:
    """The charge that runs here, where it is this member's: by card, on another phone, whatever way."""
    running = place.session
    if running is None or member is None or running.customer_id != member.pk:
        return None
    running.connector, running.charger = place.connector, place.connector.charger
    return running


def open_leave(connector: Connector, visitor: str, member: Customer | None) -> Authorisation | None:
    """Leave that this phone's Confirm has given without a card, and that still stands."""
    return reads.open_leave_of_phone(connector, visitor) if member is not None else None


def start(look: "Look", chosen: "Choice", actor: Actor) -> None:
    """Hold the money, give leave, tell the charger. Twice at once is once: the plug is locked."""
    with transaction.atomic():
        connector = Connector.objects.select_for_update().get(pk=look.connector.pk)
        if look.member is None or reads.open_leave_of_phone(connector, look.visitor) is not None:
            return
        visits.cancel(look.connector, look.visitor)  # an old receipt no longer stands in the way
        leave = allowance.reserve_for_page(
            look.connector,
            look.member,
            visitor=look.visitor,
            wh=chosen.wh,
            satang=chosen.satang,
        )
        OcppDriver().start(leave, by=f"{actor.kind} {actor.name or actor.id}")


def take_back(look: "Look") -> None:
    """The leave that this phone gave without a card; its money is free."""
    leave = look.phone.leave
    if leave is not None and leave.card_id is None and leave.visitor == look.visitor:
        visits.take_back(leave)


def context(look: "Look") -> dict[str, Any]:
    """What the member's page has besides the chooser."""
    code, member = look.connector.code, look.member
    return {
        "customer": member,
        "standing": look.money.standing,
        "starred": Favourite.objects.filter(customer=member, code=code).exists(),
        "failed": _failed(look),
    }


def _failed(look: "Look") -> str:
    """Why the newest start came to nothing, for a while; the member's own Cancel needs no reason."""
    leave, now = reads.last_leave_of_phone(look.connector, look.visitor), timezone.now()
    if leave is None or leave.session_id is not None or leave.created_at < now - SAID_FOR:
        return ""
    order = Command.objects.filter(key=command_key(leave)).first()
    refused = order is not None and order.status not in (*OPEN, CommandStatus.ACCEPTED)
    return str(words.not_started(order)) if refused or leave.expires_at <= now else ""


def stage(found: Stage, signed_in: Signed) -> Stage:
    """A free plug is the member's page where one is signed in."""
    wants = signed_in.member is not None and not signed_in.as_guest
    return Stage.MEMBER if found is Stage.FREE and wants else found
