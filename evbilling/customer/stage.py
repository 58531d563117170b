"""Where a phone stands at a plug: one word that decides what its page shows. Pure but for the rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing.models import PaymentState, Purchase, PurchaseState
from billing.payments.base import Method
from stations.models import (
    Authorisation,
    ConnectorStatus,
    ReservationStatus,
    Session,
    SessionStatus,
    Visit,
    VisitStage,
)
from stations.selectors.visits import Place

RECEIPT_LASTS = timedelta(minutes=30)
UNPAID_SAID_FOR = timedelta(minutes=10)  # that no money came, and why
STARTABLE = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING})
IN_USE = frozenset(
    {
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.FINISHING,
    }
)


class Stage(StrEnum):
    """In the order of a charge; the last six are reasons why there is none."""

    FREE = "free"  # choose an amount, then the card
    TAP = "tap"  # waiting for the card
    PROVE = "prove"  # a card was read while several phones waited: whose was it?
    CONFIRM = "confirm"  # confirm first: the card is known, the amount is not yet confirmed
    STARTING = "starting"  # confirmed; the charger or the car takes its time
    CARD = "card"  # a card's number is asked for, by the gateway's own script
    PAY = "pay"  # the money is awaited: a QR, the bank's app, the bank's word on a card
    PAID = "paid"  # the money is there; plug in, or the charger takes its time
    UNPAID = "unpaid"  # no money came: the payment failed or its time is over
    RETURNED = "returned"  # money came, no charge came of it: where it is
    ASK = "ask"  # tap starts: it charges already; how much is wanted?
    LIVE = "live"
    RECEIPT = "receipt"
    BUSY = "busy"  # somebody else's charge, or a car that only stands there
    FAULT = "fault"
    RESERVED = "reserved"
    CLOSED = "closed"
    OFFLINE = "offline"
    NO_PRICE = "no_price"


@dataclass(frozen=True, slots=True)
class Phone:
    """What this phone has to do with the plug. ``asked`` names the charge whose amount it confirmed."""

    visit: Visit | None
    leave: Authorisation | None = None
    asked: int = 0
    again: bool = False  # it has seen its receipt and wants to charge once more
    newest: bool = True  # nobody has charged here since
    visitor: str = ""  # the phone's random name
    purchase: Purchase | None = None  # what it pays for, or paid for last
    bought: Session | None = None  # the charge that came of it
    taken: bool = False  # somebody else has paid for the plug and is about to start

    @property
    def session(self) -> Session | None:
        """The charge this phone speaks for: by a card that was tapped, or because it paid for it."""
        bound = self.visit is not None and self.visit.stage == VisitStage.BOUND
        found = [
            s for s in (self.visit.session if self.visit and bound else None, self.bought) if s
        ]
        return max(found, key=lambda s: s.started_at, default=None)

    @property
    def paid_for(self) -> Purchase | None:
        """The purchase that the phone's charge came of."""
        session = self.session
        return self.purchase if session and self.bought and session.pk == self.bought.pk else None


def stage_of(place: Place, phone: Phone, now: datetime, *, priced: bool) -> Stage:
    """The one place that decides."""
    mine = phone.session
    if mine is not None and mine.status == SessionStatus.ACTIVE:
        chose = mine.chosen_wh is not None or mine.chosen_satang is not None
        sure = chose or phone.asked == mine.pk or phone.paid_for is not None
        return Stage.LIVE if sure else Stage.ASK
    if (bought := _of_purchase(phone, now)) is not None:
        return bought
    if mine is not None and not phone.again and _receipt_is_fresh(place, phone, mine, now):
        return Stage.RECEIPT
    if not place.enabled:
        return Stage.CLOSED
    if place.session is not None or phone.taken:
        return Stage.BUSY
    if not place.online:
        return Stage.OFFLINE
    if place.connector.status == ConnectorStatus.FAULTED:
        return Stage.FAULT
    if phone.leave is not None:
        return Stage.STARTING
    by_status = _by_status(_status_for(place, phone), priced)
    if by_status in (Stage.CLOSED, Stage.RESERVED):
        return by_status
    return _waiting(phone.visit, now) or by_status


def _status_for(place: Place, phone: Phone) -> str:
    """A plug that is kept for somebody is reserved to all others, whatever the charger calls it."""
    status, kept = place.connector.status, place.reservation
    if kept is None or kept.status != ReservationStatus.RESERVED:
        return status
    if kept.visitor and kept.visitor == phone.visitor:
        return ConnectorStatus.AVAILABLE if status == ConnectorStatus.RESERVED else status
    return ConnectorStatus.RESERVED if status in STARTABLE else status


def _of_purchase(phone: Phone, now: datetime) -> Stage | None:
    """Where the money stands; None when the plug decides what the page shows."""
    purchase = phone.purchase
    if purchase is None or purchase.payment is None:
        return None
    if purchase.state == PurchaseState.PAID:
        return Stage.PAID
    if purchase.state == PurchaseState.PAYING:
        return None if phone.again and _is_lost(purchase, now) else _paying(purchase, now)
    closed = purchase.closed_at
    if phone.again or closed is None:
        return None
    if purchase.state == PurchaseState.RETURNED:
        return Stage.RETURNED if now - closed < RECEIPT_LASTS else None
    if purchase.state == PurchaseState.DROPPED and not _given_up(purchase):
        return Stage.UNPAID if now - closed < UNPAID_SAID_FOR else None
    return None


def _paying(purchase: Purchase, now: datetime) -> Stage:
    payment = purchase.payment
    assert payment is not None  # noqa: S101 - the caller has looked
    if payment.has_money:
        return Stage.PAID  # the charge is about to be started
    if _is_lost(purchase, now):
        return Stage.UNPAID
    unsent = payment.state == PaymentState.NEW and not payment.looks
    return Stage.CARD if payment.method == Method.CARD and unsent else Stage.PAY


def _is_lost(purchase: Purchase, now: datetime) -> bool:
    """No money will come of it that this page should wait for."""
    payment = purchase.payment
    return payment is not None and (
        payment.state in (PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.RELEASED)
        or payment.expired(now)
    )


def _given_up(purchase: Purchase) -> bool:
    """The phone cancelled before the time was over: nothing to explain."""
    payment, closed = purchase.payment, purchase.closed_at
    failed = payment is not None and payment.state == PaymentState.FAILED
    return not failed and closed is not None and closed < purchase.valid_until


def _receipt_is_fresh(place: Place, phone: Phone, session: Session, now: datetime) -> bool:
    """While the car still stands there, and for half an hour."""
    still_there = place.connector.status == ConnectorStatus.FINISHING and phone.newest
    ended = session.stopped_received_at or session.stopped_at or now
    return still_there or now - ended < RECEIPT_LASTS


def _waiting(visit: Visit | None, now: datetime) -> Stage | None:
    if visit is None or visit.waiting_until <= now:
        return None
    if visit.stage == VisitStage.RECOGNISED:
        return Stage.CONFIRM
    if visit.stage == VisitStage.WAITING:
        return Stage.TAP if visit.card_id is None else Stage.PROVE
    return None


def _by_status(status: str, priced: bool) -> Stage:
    if status in STARTABLE:
        return Stage.FREE if priced else Stage.NO_PRICE
    if status in IN_USE:
        return Stage.BUSY
    return Stage.RESERVED if status == ConnectorStatus.RESERVED else Stage.CLOSED
