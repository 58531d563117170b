"""What every payment gateway can be asked. Amounts are satang, money is Thai baht, times are UTC.

A gateway is a client: it calls out and says what it heard. It writes nothing, decides nothing and
knows no model; ``billing.services.payments`` keeps the intent row, asks, and believes only what a
fresh ``look`` says. Every call that moves money carries the key of its row, so that it can be
found again (``find``, ``Charge.refunds``) before it is sent a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Method(StrEnum):
    """How somebody pays."""

    PROMPTPAY = "promptpay"
    CARD = "card"
    MOBILE_BANKING = "mobile_banking"
    CASH = "cash"
    TRANSFER = "transfer"


class ChargeStatus(StrEnum):
    """Where the gateway says the money is."""

    PENDING = "pending"  # waits for the payer
    AUTHORISED = "authorised"  # held on a card, not taken
    PAID = "paid"  # taken
    FAILED = "failed"
    EXPIRED = "expired"  # nobody paid in time
    RELEASED = "released"  # a hold was given up, by us or by the end of its days
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capability:
    """What a gateway can do with one method. Data, not code: pages offer only what is possible.

    ``least``/``most`` in satang; ``sources`` are the banks of mobile banking.
    """

    method: Method
    least: int
    most: int
    refund: bool = False
    partial_refund: bool = False
    hold: bool = False
    partial_capture: bool = False
    hold_days: int = 0
    expires: timedelta = timedelta(minutes=10)
    sources: tuple[str, ...] = ()

    def takes(self, satang: int) -> bool:
        return self.least <= satang <= self.most


@dataclass(frozen=True, slots=True)
class Order:
    """A payment to be made. ``key`` is ours: the gateway keeps it with the charge.

    ``card_token`` comes from the gateway's own script in the browser; a card number never does.
    """

    key: str
    method: Method
    amount: int
    reference: str  # what people see, at most 20 letters and digits
    description: str = ""
    return_uri: str = ""
    webhook_uri: str = ""
    source: str = ""
    card_token: str = ""
    hold: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as the gateway shows it. ``key`` is ours where the gateway keeps one."""

    ref: str
    amount: int
    done: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment as the gateway shows it now. ``key`` is ours again: another's charge is not believed."""

    ref: str
    status: ChargeStatus
    amount: int
    currency: str
    key: str = ""
    authorised: int = 0
    captured: int = 0
    refunded: int = 0
    fee: int = 0
    fee_vat: int = 0
    qr_payload: str = ""  # EMVCo text, where the gateway gives it
    qr_image: bytes = b""  # else its picture
    qr_image_type: str = ""
    authorize_uri: str = ""
    paid_at: datetime | None = None
    expires_at: datetime | None = None
    failure_code: str = ""
    failure_message: str = ""
    refunds: tuple[RefundSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook whose sender is proven, or (``trusted`` false) that only says where to look."""

    event_id: str
    kind: str
    ref: str  # the gateway's name of the charge, or ""
    key: str  # ours, where the notice carries it
    trusted: bool
    body: Mapping[str, object] = field(default_factory=dict)


class GatewayError(Exception):
    """The gateway said no. ``code`` is its own word; nothing has happened there."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class GatewayAway(Exception):
    """No answer, or one that says nothing: what was asked may have happened. Look before asking again."""


class BadNotice(Exception):
    """A webhook with a wrong, old or missing signature, or that is no notice at all."""


class NotANotice(BadNotice):
    """A webhook that cannot be read at all, whoever sent it."""


class Gateway(Protocol):
    """One account at one payment gateway."""

    name: str

    def capabilities(self) -> Mapping[Method, Capability]:
        """What this account can do."""
        ...

    def create(self, order: Order) -> Charge:
        """Make the charge. ``GatewayError`` refuses it; after ``GatewayAway`` ask ``find`` first."""
        ...

    def find(self, key: str, since: datetime) -> Charge | None:
        """The charge made for our ``key``, however long the answer was lost; None: there is none."""
        ...

    def look(self, ref: str) -> Charge:
        """How the charge stands now, its refunds included. The only thing that is believed."""
        ...

    def capture(self, ref: str, satang: int) -> Charge:
        """Take ``satang`` of a hold, once; the rest is released."""
        ...

    def release(self, ref: str) -> Charge:
        """Give a hold up whole."""
        ...

    def expire(self, ref: str) -> Charge:
        """End a charge that nobody has paid."""
        ...

    def refund(self, ref: str, satang: int, key: str) -> RefundSeen:
        """Pay ``satang`` of a taken charge back. After ``GatewayAway`` look for ``key`` first."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A webhook, its signature proven where the gateway signs. ``BadNotice`` otherwise."""
        ...
