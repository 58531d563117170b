"""RFID cards: given to customers, blocked, taken back."""

from datetime import datetime
from typing import Any, TypedDict

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from users.models import Card, CardStatus, Company, Customer
from users.models.customer import card_key
from users.services import editing

LONGEST = 20  # CiString20Type, OCPP 1.6 §7.8


class CardFields(TypedDict, total=False):
    """What may be changed. ``max_active_sessions`` None: as many as there are connectors."""

    customer: Customer | None
    parent_id_tag: str
    expires_at: datetime | None
    status: str
    max_active_sessions: int | None


class BadCard(DomainError):
    code = "bad_id_tag"
    message = _("A card number has 1 to 20 printable characters.")


class CardTaken(Conflict):
    code = "id_tag_taken"
    message = _("There is a card with this number already; capital letters make no difference.")


class ForeignCustomer(DomainError):
    code = "foreign_customer"
    message = _("Card and customer must belong to the same company.")


def create(company: Company, id_tag: str, fields: CardFields, *, actor: audit.Actor) -> Card:
    """A new card. ``BadCard``, ``CardTaken`` (compared without regard to case)."""
    if not card_key(id_tag) or len(id_tag) > LONGEST or not id_tag.isprintable():
        raise BadCard(field="id_tag")
    card = Card(company=company, id_tag=id_tag.strip())
    changes = _apply(card, fields)
    with transaction.atomic():
        with _once():
            card.save()
        _record(actor, "create_card", card, new={"id_tag": card.id_tag, **changes.new})
    return card


def update(card: Card, fields: CardFields, *, actor: audit.Actor) -> Card:
    """Give it to somebody else, let it expire, block it. The number itself stays."""
    changes = _apply(card, fields)
    if changes:
        with transaction.atomic():
            editing.save(card, changes)
            _record(actor, "edit_card", card, old=changes.old, new=changes.new)
    return card


def block(card: Card, *, actor: audit.Actor) -> Card:
    """From the next tap on it is refused."""
    return update(card, {"status": CardStatus.BLOCKED}, actor=actor)


def unblock(card: Card, *, actor: audit.Actor) -> Card:
    return update(card, {"status": CardStatus.ACTIVE}, actor=actor)


def delete(card: Card, *, actor: audit.Actor) -> None:
    """Into the trash: its number may be given out anew."""
    with transaction.atomic():
        editing.to_trash(card, actor)
        _record(actor, "delete_card", card)


def restore(card: Card, *, actor: audit.Actor) -> None:
    """Out of the trash. ``CardTaken`` where the number has been given out again."""
    with transaction.atomic():
        with _once():
            editing.from_trash(card)
        _record(actor, "restore_card", card)


def _apply(card: Card, fields: CardFields) -> editing.Changes:
    holder = fields.get("customer")
    if holder is not None and holder.company_id != card.company_id:
        raise ForeignCustomer(field="customer")
    return editing.apply(card, fields)


def _once() -> Any:
    return editing.refusing("card_once", CardTaken(field="id_tag"))


def _record(
    actor: audit.Actor,
    action: str,
    card: Card,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    audit.record(actor, action, f"card:{card.pk}", company_id=card.company_id, old=old, new=new)
    outbox.publish("card_changed", card.pk, company_id=card.company_id)
