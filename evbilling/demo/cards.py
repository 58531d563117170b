"""A card and a car for whoever tries the demo's customer page: the simulator plugs and taps."""

import json
import logging
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from billing.services import wallets
from core.errors import DomainError
from stations.models import Connector, Session, SessionStatus
from stations.selectors import visits
from users.models import BillingMode, Card

log = logging.getLogger(__name__)

ENOUGH = 500_00  # satang a card must have, so that a charge of some minutes can be chosen
WITHIN_SECONDS = 8


class NoCard(DomainError):
    code = "demo_card"
    status = 409
    message = _("The demo's charger does not answer. Look at the simulator's log, then try again.")


@require_POST
def hold(request: HttpRequest, code: str) -> HttpResponse:
    """Hold a demo member's card to the charger of this page, with a car at the plug. Demo only."""
    connector, plug = _with_a_car(code)
    try:
        _tell("/tap", {**plug, "id_tag": card_for(connector).id_tag})
    except OSError as error:
        raise NoCard from error
    return redirect("customer", connector.code)


@require_POST
def plug_in(request: HttpRequest, code: str) -> HttpResponse:
    """A car comes to the plug: for whoever charges by phone login. Demo only."""
    connector, _plug = _with_a_car(code)
    return redirect("customer", connector.code)


def _with_a_car(code: str) -> tuple[Connector, dict[str, Any]]:
    connector = visits.connector_by_code(code) if settings.DEMO else None
    if connector is None:
        raise Http404
    plug = {"id": connector.charger.charge_point_id, "connector": connector.connector_id}
    try:
        _tell("/plug", plug)
    except urllib.error.HTTPError:
        log.debug("a car stands there already")
    except OSError as error:
        raise NoCard from error
    return connector, plug


def card_for(connector: Connector) -> Card:
    """A card of the company that may charge now and is not charging: prepaid, with money."""
    company_id = connector.charger.station.company_id
    busy = Session.objects.filter(status=SessionStatus.ACTIVE, company_id=company_id)
    cards = (
        Card.objects.select_related("customer")
        .filter(company_id=company_id, customer__billing_mode=BillingMode.PREPAID)
        .exclude(customer__in=busy.values("customer"))
        .order_by("-id")
    )
    for card in cards:
        if card.customer and wallets.standing(card.customer).available >= ENOUGH:
            return card
    raise NoCard(_("Every card of the demo is in use. Wait until a charge has ended."))


def _tell(path: str, wish: dict[str, Any]) -> None:
    """POST to the simulator's control endpoint (see ``simulators.control``)."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.DEMO_CONTROL_PORT}{path}", json.dumps(wish).encode()
    )
    urllib.request.urlopen(request, timeout=WITHIN_SECONDS).close()  # noqa: S310
