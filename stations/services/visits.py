"""A phone on a connector's page: waiting for a card, bound to a charge, or proving that it is its own.

What ties a phone to a person is the card: one phone waits and one card is tapped, and that phone
speaks for the charge. Where that is not clear (several phones wait, or the charge began without a
page) the phone has to say the last characters that are printed on the card.
"""

import hmac
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import AuditEntry
from stations.models import (
    Authorisation,
    Connector,
    Session,
    SessionStatus,
    Visit,
    VisitStage,
)
from stations.services.authorising import CHOOSE_LASTS
from users.models import Card

WAIT_LASTS = timedelta(minutes=3)
FORGOTTEN_AFTER = timedelta(days=1)  # a phone that waited in vain leaves no trace
SAID = 4  # how many of the card's last characters are asked for
TRIES = 5
LOCKED_FOR = timedelta(minutes=15)


class WrongDigits(DomainError):
    """What was said is not what stands on the card."""

    code = "wrong_digits"
    message = _("That is not this card. You have %(left)s more tries.")


class TriesUsedUp(DomainError):
    """Too many wrong tries; the charge itself goes on untouched."""

    code = "locked"
    status = 429
    message = _("Five tries were wrong. Try again after %(until)s.")


def wait(connector: Connector, visitor: str) -> Visit:
    """This phone waits for a card on this plug, from now. One that speaks for a charge keeps it."""
    now = timezone.now()
    with transaction.atomic():
        Connector.objects.select_for_update().get(pk=connector.pk)
        found = _mine(connector, visitor)
        if found is not None and _speaks_for_a_charge(found):
            return found
        if found is not None:
            _take_back_leave(found)
        old = Visit.objects.filter(connector=connector, waiting_until__lt=now - FORGOTTEN_AFTER)
        old.exclude(stage=VisitStage.BOUND).delete()
        visit, _created = Visit.objects.update_or_create(
            visitor=visitor,
            connector=connector,
            defaults={
                "stage": VisitStage.WAITING,
                "waiting_until": now + WAIT_LASTS,
                "card": None,
                "session": None,
                "created_at": now,
            },
        )
    return visit


def cancel(connector: Connector, visitor: str) -> None:
    """The phone no longer waits, nor speaks for anything; leave it has given is taken back."""
    with transaction.atomic():
        Connector.objects.select_for_update().get(pk=connector.pk)
        found = _mine(connector, visitor)
        if found is not None:
            _take_back_leave(found)
            found.delete()


def keep(visit: Visit, until: datetime) -> None:
    """Let a phone whose card was read stay bound to it at least ``until``."""
    Visit.objects.filter(pk=visit.pk, waiting_until__lt=until).update(waiting_until=until)


def forget_before(limit: datetime) -> int:
    """Delete visits older than ``limit``, but those that speak for a charge that runs; how many."""
    old = Visit.objects.filter(created_at__lt=limit)
    return old.exclude(session__status=SessionStatus.ACTIVE).delete()[0]


def claim_session(session: Session, visitor: str, said: str, *, actor: audit.Actor) -> None:
    """This phone speaks for a running charge from now, if it knows the card that started it."""
    card = session.card
    id_tag = card.id_tag if card else session.id_tag
    with transaction.atomic():
        Connector.objects.select_for_update().get(pk=session.connector_id)
        running = Session.objects.filter(pk=session.pk, status=SessionStatus.ACTIVE).exists()
        if not running:
            raise Conflict(_("This charge has ended already."), code="session_ended")
        problem = _prove(id_tag, said, f"session:{session.pk}", session.company_id, actor)
        if problem is None:
            Visit.objects.update_or_create(
                visitor=visitor,
                connector_id=session.connector_id,
                defaults={
                    "stage": VisitStage.BOUND,
                    "waiting_until": timezone.now(),
                    "card": card,
                    "session": session,
                },
            )
    if problem is not None:  # outside the transaction: the record of the try must stay
        raise problem


def claim_tap(visit: Visit, said: str, *, actor: audit.Actor) -> None:
    """Several phones waited when a card was read: this one says whose it was (confirm first)."""
    with transaction.atomic():
        Connector.objects.select_for_update().get(pk=visit.connector_id)
        found = Visit.objects.select_related("card").get(pk=visit.pk)
        card = found.card
        late = found.waiting_until <= timezone.now()
        if card is None or late or found.stage != VisitStage.WAITING:
            raise Conflict(_("The time for this is over. Start again."), code="too_late")
        problem = _prove(card.id_tag, said, f"card:{card.pk}", card.company_id, actor)
        if problem is None:
            _recognise(found, card)
            others = Visit.objects.filter(stage=VisitStage.WAITING, card=card)
            others.exclude(pk=found.pk).update(card=None, waiting_until=timezone.now())
    if problem is not None:
        raise problem


def locked_until(subject: str) -> datetime | None:
    """Until when nobody may try again. Every fifth wrong try locks; the record of them decides."""
    wrong = AuditEntry.objects.filter(subject=subject, action="claim", refused=True).order_by("-at")
    newest = wrong.values_list("at", flat=True).first()
    if newest is None or wrong.count() % TRIES:
        return None
    until = newest + LOCKED_FOR
    return until if until > timezone.now() else None


def _prove(
    id_tag: str, said: str, subject: str, company_id: int, actor: audit.Actor
) -> DomainError | None:
    """Compare and record the try; the caller holds the connector's lock, so tries come one by one."""
    text = "".join(said.split()).upper()
    if len(text) != SAID:
        return WrongDigits(_("Enter the last 4 characters on your card."), field="card")
    until = locked_until(subject)
    if until is None and hmac.compare_digest(text.encode(), id_tag[-SAID:].upper().encode()):
        audit.record(actor, "claim", subject, company_id=company_id)
        return None
    if until is None:
        audit.record(actor, "claim", subject, company_id=company_id, refused=True)
        until = locked_until(subject)
    else:
        audit.record(actor, "claim_locked", subject, company_id=company_id, refused=True)
    if until is not None:
        wall = until.astimezone(ZoneInfo(settings.LOCAL_ZONE))
        return TriesUsedUp(field="card", until=f"{wall:%H:%M}")
    used = AuditEntry.objects.filter(subject=subject, action="claim", refused=True).count()
    return WrongDigits(field="card", left=TRIES - used % TRIES)


def _recognise(visit: Visit, card: Card) -> None:
    Visit.objects.filter(pk=visit.pk).update(
        stage=VisitStage.RECOGNISED, card=card, waiting_until=timezone.now() + CHOOSE_LASTS
    )


def _mine(connector: Connector, visitor: str) -> Visit | None:
    return (
        Visit.objects.select_related("session").filter(connector=connector, visitor=visitor).first()
    )


def _speaks_for_a_charge(visit: Visit) -> bool:
    return visit.session is not None and visit.session.status == SessionStatus.ACTIVE


def _take_back_leave(visit: Visit) -> None:
    """Cancel what this phone's Confirm has given and no start has used; billing frees its hold."""
    if visit.card_id is None:
        return
    open_leaves = Authorisation.objects.select_for_update(of=("self",)).filter(
        connector=visit.connector_id,
        card=visit.card_id,
        session__isnull=True,
        cancelled_at__isnull=True,
        created_at__gte=visit.created_at,
    )
    for leave in open_leaves:
        leave.cancelled_at = timezone.now()
        leave.save(update_fields=["cancelled_at"])
        outbox.publish(
            "authorisation_lapsed", leave.pk, company_id=visit.connector.charger.station.company_id
        )
