"""Proof of a card by its whole number, where nothing has been tapped: five wrong tries, then a pause."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from core import audit
from stations.models import Connector
from stations.services import authorising, visits
from stations.services.reservations import BadCard
from users.models import Card

FIELD = "number"


def prove(connector: Connector, said: str, *, actor: audit.Actor) -> Card:
    """The card of the plug's company with that number, or ``BadCard``, ``TriesUsedUp``.

    Tries count for the plug, whoever makes them: numbers are not to be tried out.
    """
    company_id = connector.charger.station.company_id
    subject = f"reserve:{connector.pk}"
    with transaction.atomic():
        Connector.objects.select_for_update().get(pk=connector.pk)
        until = visits.locked_until(subject)
        card = authorising.find_card(company_id, said) if until is None else None
        if card is not None:
            return card
        if until is None:
            audit.record(actor, "claim", subject, company_id=company_id, refused=True)
            until = visits.locked_until(subject)
    if until is not None:
        wall = until.astimezone(ZoneInfo(settings.LOCAL_ZONE))
        raise visits.TriesUsedUp(field=FIELD, until=f"{wall:%H:%M}")
    raise BadCard("unknown_card", FIELD)
