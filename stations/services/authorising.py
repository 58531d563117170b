"""Who taps: the answer to Authorize, and what a tap means for a page that waits."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core import outbox
from stations.models import (
    Authorisation,
    Charger,
    ConnectorStatus,
    SessionStatus,
    TapMode,
    Visit,
    VisitStage,
)
from stations.models.charger import CODE_ALPHABET
from stations.services import gate, holding, measuring
from users.models import Card, CardStatus, Customer
from users.models.customer import card_key

ACCEPTED = "Accepted"
BLOCKED = "Blocked"
EXPIRED = "Expired"
INVALID = "Invalid"
CONCURRENT = "ConcurrentTx"
NEW_TAG_LENGTH = 16
CHOOSE_LASTS = timedelta(minutes=5)  # how long a page may think after its card was read


@dataclass(frozen=True, slots=True)
class TagInfo:
    """IdTagInfo (OCPP 1.6 §7.27). ``reason`` is ours: why it is not ``Accepted``."""

    status: str
    expires_at: datetime | None = None
    parent_id_tag: str = ""
    reason: str = ""


def find_card(company_id: int, id_tag: str) -> Card | None:
    """The card behind an idTag in one company, whatever its case or control bytes."""
    return (
        Card.objects.select_related("customer")
        .filter(company_id=company_id, key=card_key(id_tag))
        .first()
    )


def tag_for(charger: Charger, card: Card) -> str:
    """The card's number as this model takes it: some add to long ones (quirk 6)."""
    return card.id_tag[: measuring.device_of(charger).quirks.id_tag_most]


def new_tag(charger: Charger) -> str:
    """An idTag that is nobody's card, for leave without one; no longer than this model takes."""
    length = min(measuring.device_of(charger).quirks.id_tag_most, NEW_TAG_LENGTH)
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def identify(card: Card | None, at: datetime) -> TagInfo:
    """What the card alone says: known, not blocked, not expired, its holder enabled."""
    if card is None:
        return TagInfo(INVALID, reason="unknown_card")
    status, reason = _card_says(card, at)
    return TagInfo(status, card.expires_at, card.parent_id_tag, reason)


def holder_of(card: Card) -> Customer:
    """The customer of a card that ``identify`` has accepted."""
    if card.customer is None:
        raise ValueError("an accepted card has a holder")
    return card.customer


def _card_says(card: Card, at: datetime) -> tuple[str, str]:
    if card.status == CardStatus.BLOCKED:
        return BLOCKED, "card_blocked"
    if card.customer is None or card.customer.deleted_at is not None:
        return INVALID, "card_without_holder"
    if not card.customer.enabled:
        return BLOCKED, "customer_disabled"
    if card.expires_at is not None and card.expires_at <= at:
        return EXPIRED, "card_expired"
    return ACCEPTED, ""


def open_authorisation(
    charger_id: int, id_tag: str, connector_id: int | None = None, *, lock: bool = False
) -> Authorisation | None:
    """The newest leave to start with this idTag that has not been used, lapsed or been cancelled."""
    rows = (
        Authorisation.objects.select_for_update(of=("self",))
        if lock
        else Authorisation.objects.all()
    )
    found = rows.select_related("card__customer", "customer").filter(
        connector__charger_id=charger_id,
        id_tag__iexact=id_tag,
        session__isnull=True,
        cancelled_at__isnull=True,
        expires_at__gt=timezone.now(),
    )
    if connector_id is not None:
        found = found.filter(connector__connector_id=connector_id)
    return found.order_by("-id").first()


def authorise(charger_id: int, id_tag: str) -> TagInfo:
    """The answer to Authorize. A tag whose own charge runs is ``Accepted`` (it may end it)."""
    with transaction.atomic():
        charger = Charger.objects.select_related("station").get(pk=charger_id)
        if not (charger.enabled and charger.station.enabled):
            return TagInfo(BLOCKED, reason="charger_disabled")
        if open_authorisation(charger.pk, id_tag) is not None:
            return TagInfo(ACCEPTED)
        card = find_card(charger.station.company_id, id_tag)
        info = identify(card, timezone.now())
        if card is None or info.status != ACCEPTED:
            return _told(charger, info)
        if _is_charging_here(charger, card):
            return info
        refusal = gate.current().check(charger.station, holder_of(card), timezone.now())
        if refusal is not None:
            no = TagInfo(BLOCKED, info.expires_at, info.parent_id_tag, refusal.code)
            return _told(charger, no)
        if holding.keeps_all(charger, id_tag, card, timezone.now()):
            no = TagInfo(BLOCKED, info.expires_at, info.parent_id_tag, "reserved")
            return _told(charger, no)
        return _after_tap(charger, card, info)


def _is_charging_here(charger: Charger, card: Card) -> bool:
    """Its own charge, or one of its group's: either may be ended with it (OCPP 1.6 §3.11)."""
    mine = Q(card=card)
    if card.parent_id_tag:
        mine |= Q(card__parent_id_tag=card.parent_id_tag)
    return charger.sessions.filter(mine, status=SessionStatus.ACTIVE).exists()


def _told(charger: Charger, no: TagInfo) -> TagInfo:
    """A refused card: the one page that waits for it says why."""
    waiting = _waiting_visits(charger)
    if len(waiting) == 1:
        _tell_page(charger, waiting[0], refused=no.reason)
    return no


def _after_tap(charger: Charger, card: Card, info: TagInfo) -> TagInfo:
    """Tell a waiting page that a card was read; under *confirm first* hold the charger back once.

    Where several pages wait none is recognised by itself: each keeps the card in mind, and the
    right one says its last digits (``visits.claim_tap``).
    """
    if charger.station.tap_mode != TapMode.CONFIRM_FIRST:
        return info
    waiting = _waiting_visits(charger)
    if not waiting:
        return info
    known = {"card": card, "waiting_until": timezone.now() + CHOOSE_LASTS}
    if len(waiting) == 1:
        known["stage"] = VisitStage.RECOGNISED
    Visit.objects.filter(pk__in=[v.pk for v in waiting]).update(**known)
    for visit in waiting:
        _tell_page(charger, visit)
    return TagInfo(INVALID, info.expires_at, info.parent_id_tag, "confirm_on_page")


def _waiting_visits(charger: Charger) -> list[Visit]:
    """The pages that a card tapped now may be meant for: where a car is plugged in, else all.

    Authorize does not say which connector was meant (OCPP 1.6 §6.1). A page that has had its tap
    waits for no other.
    """
    waiting = list(
        Visit.objects.select_for_update(of=("self",))
        .select_related("connector")
        .filter(
            connector__charger=charger,
            stage=VisitStage.WAITING,
            card__isnull=True,
            waiting_until__gt=timezone.now(),
        )
        .order_by("pk")
    )
    return [v for v in waiting if v.connector.status == ConnectorStatus.PREPARING] or waiting


def _tell_page(charger: Charger, visit: Visit, **more: Any) -> None:
    outbox.publish(
        "card_tapped",
        visit.connector_id,
        company_id=charger.station.company_id,
        topic=f"charger:{charger.pk}",
        station=charger.station_id,
        charger=charger.pk,
        connector=visit.connector_id,
        **more,
    )
