"""A charge begins: StartTransaction, once, whatever is sent again."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from core import outbox
from stations.clock import Claim
from stations.models import (
    Authorisation,
    Charger,
    Connector,
    Session,
    SessionLive,
    SessionStatus,
    Visit,
    VisitStage,
)
from stations.services import authorising, gate, holding, stopping
from stations.services.authorising import ACCEPTED, BLOCKED, CONCURRENT, TagInfo
from stations.services.connectors import lock_connector
from users.models import Card


@dataclass(frozen=True, slots=True)
class Start:
    """What a StartTransaction says. ``raw_time`` is the timestamp as sent, part of its identity."""

    connector_id: int
    id_tag: str
    meter_start: int
    raw_time: str
    claim: Claim
    received_at: datetime
    reservation_id: int | None = None

    @property
    def key(self) -> str:
        """A start that is sent again says the same (research: OCPP points; SteVe's rule)."""
        return f"{self.connector_id}|{self.id_tag.upper()}|{self.raw_time}|{self.meter_start}"[:160]


@dataclass(frozen=True, slots=True)
class Started:
    """The session and the answer to the charger."""

    session: Session
    info: TagInfo


def start_session(charger_id: int, start: Start) -> Started:
    """Make the session exist and say whether it may go on. Commits before it returns."""
    with transaction.atomic():
        charger = Charger.objects.select_related("station").get(pk=charger_id)
        connector = lock_connector(charger, start.connector_id)
        again = Session.objects.filter(charger=charger, start_key=start.key).first()
        if again is not None:
            return Started(again, _answer_again(again))
        # Locked before any money is: every path takes session and leave first, accounts last.
        leave = authorising.open_authorisation(
            charger.pk, start.id_tag, start.connector_id, lock=True
        )
        before = (
            Session.objects.select_for_update(of=("self",))
            .filter(connector=connector, status=SessionStatus.ACTIVE, refusal="")
            .first()
        )
        card = (
            leave.card if leave else authorising.find_card(charger.station.company_id, start.id_tag)
        )
        info = _identify(charger, card, start, leave)
        if info.status == ACCEPTED and holding.keeps_out(
            connector, start.id_tag, card, start.claim.at
        ):
            info = TagInfo(BLOCKED, info.expires_at, info.parent_id_tag, "reserved")
        session = _new_session(charger, connector, start, card, leave)
        if info.status == ACCEPTED:
            info = _reserve(session, leave, info)
        session.refusal = "" if info.status == ACCEPTED else info.status
        if info.status == ACCEPTED and before is not None:
            # A plug holds one car: a charge still open on it ended without a word.
            stopping.end_without_stop(before, by=start.claim.at, why="superseded")
        _save(session, start, leave)
        if not session.refusal:
            holding.used_by(session, card, start.reservation_id)
        return Started(session, info)


def _identify(
    charger: Charger, card: Card | None, start: Start, leave: Authorisation | None
) -> TagInfo:
    if not (charger.enabled and charger.station.enabled):
        return TagInfo(BLOCKED, reason="charger_disabled")
    return TagInfo(ACCEPTED) if leave else authorising.identify(card, start.claim.at)


def _answer_again(session: Session) -> TagInfo:
    if session.refusal:
        return TagInfo(session.refusal, reason="sent_again")
    return TagInfo(ACCEPTED, parent_id_tag=session.card.parent_id_tag if session.card else "")


def _new_session(
    charger: Charger,
    connector: Connector,
    start: Start,
    card: Card | None,
    leave: Authorisation | None,
) -> Session:
    customer = leave.customer if leave else (card.customer if card else None)
    return Session(
        company_id=charger.station.company_id,
        station=charger.station,
        charger=charger,
        connector=connector,
        card=card,
        customer=customer,
        level=customer.level if customer else "guest",
        start_key=start.key,
        id_tag=start.id_tag[:40],
        started_at=start.claim.at,
        started_device_at=start.claim.device_at,
        started_received_at=start.received_at,
        meter_start=start.meter_start,
    )


def _reserve(session: Session, leave: Authorisation | None, info: TagInfo) -> TagInfo:
    """Ask the gate; put its allowance on the session, or turn the answer into a refusal."""
    if leave is None and session.card is not None and _too_many(session.card, session.connector):
        return TagInfo(CONCURRENT, info.expires_at, info.parent_id_tag, "concurrent")
    answer = gate.current().allow(
        session.connector,
        session.customer,
        session.started_at,
        key=f"start:{session.charger_id}:{session.start_key}",
        authorisation=leave,
    )
    if isinstance(answer, gate.Refusal):
        return TagInfo(BLOCKED, info.expires_at, info.parent_id_tag, answer.code)
    session.allowance_wh = answer.max_wh
    session.allowance_until = answer.valid_until
    session.hold_id = answer.hold_id
    session.chosen_wh = answer.chosen_wh
    session.chosen_satang = answer.chosen_satang
    return info


def _too_many(card: Card, connector: Connector) -> bool:
    """Whether the card charges elsewhere as often as it may. What stands on this plug is over."""
    if card.max_active_sessions is None:
        return False
    Card.objects.select_for_update().get(pk=card.pk)  # two taps at once: one after the other
    running = Session.objects.filter(card=card, status=SessionStatus.ACTIVE, refusal="")
    return running.exclude(connector=connector).count() >= card.max_active_sessions


def _save(session: Session, start: Start, leave: Authorisation | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('stations_transaction_id')")
        session.transaction_id = cursor.fetchone()[0]
    session.save()
    SessionLive.objects.create(
        session=session,
        register_wh=start.meter_start,
        at=start.claim.at,
        received_at=start.received_at,
    )
    if leave is not None:
        Authorisation.objects.filter(pk=leave.pk).update(session=session)
    if not session.refusal:
        if leave is not None and leave.visitor:
            _bind_phone(session, leave.visitor)
        else:
            _bind_page(session)
    outbox.publish(
        "session_started",
        session.pk,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        station=session.station_id,
        charger=session.charger_id,
        connector=session.connector_id,
        session=session.pk,
        refusal=session.refusal,
    )


def _bind_phone(session: Session, visitor: str) -> None:
    """The phone that the leave was given to speaks for the charge, and no other."""
    Visit.objects.update_or_create(
        visitor=visitor,
        connector=session.connector,
        defaults={
            "stage": VisitStage.BOUND,
            "waiting_until": session.started_received_at,
            "card": session.card,
            "session": session,
        },
    )


def _bind_page(session: Session) -> None:
    """The one page that waited on this connector now speaks for the charge.

    Where several phones wait, none is bound by itself: the right one says the card's last digits.
    """
    waiting = Visit.objects.filter(
        Q(card__isnull=True) | Q(card=session.card),  # another card's page is somebody else's
        connector=session.connector,
        stage__in=[VisitStage.WAITING, VisitStage.RECOGNISED],
        waiting_until__gt=session.started_received_at,
    )
    recognised = waiting.filter(stage=VisitStage.RECOGNISED, card=session.card)
    chosen = list((recognised if recognised.exists() else waiting)[:2])
    if len(chosen) == 1:
        Visit.objects.filter(pk=chosen[0].pk).update(
            stage=VisitStage.BOUND, session=session, card=session.card
        )
