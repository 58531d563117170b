"""Money that comes in: the row first, then the gateway is asked, and only a look is believed."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import GatewayAccount, Payment, PaymentPurpose
from billing.payments.base import Method, Notice
from users.models import Company, Customer, TaxEntity


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What is to be paid. ``amount`` in satang; ``prefix`` begins the reference people see.

    ``hold``: reserve on the card instead of taking; ``back_to``: our path the payer returns to.
    """

    company: Company
    purpose: PaymentPurpose
    method: Method
    gateway: str
    amount: int
    expires_at: datetime
    tax_entity: TaxEntity | None = None
    account: GatewayAccount | None = None
    customer: Customer | None = None
    source: str = ""
    hold: bool = False
    visitor: str = ""
    back_to: str = ""
    actor: str = ""
    note: str = ""
    prefix: str = ""


def open_payment(new: NewPayment) -> Payment:
    """The row and nothing else, in the caller's transaction. ``send`` it after commit."""
    raise NotImplementedError


def send(payment: Payment, *, card_token: str = "") -> Payment:
    """Ask the gateway for the charge; call after commit, outside of any transaction.

    Refused → failed with the gateway's code. No answer → stays new and is looked for again.
    """
    raise NotImplementedError


def look(payment_id: int) -> Payment:
    """Ask the gateway how the payment stands and apply it. Harmless when repeated or concurrent."""
    raise NotImplementedError


def take_notice(gateway: str, notice: Notice) -> Payment | None:
    """Keep a webhook once and make a look due now; commits. The payment, or None for a stranger's.

    The caller then enqueues ``evbilling.tasks.look_at_payment`` with its id.
    """
    raise NotImplementedError


def cancel(payment: Payment) -> None:
    """Nobody is to pay this any more: it is expired at the gateway by the next look. In a transaction."""
    raise NotImplementedError


def capture(payment: Payment, satang: int) -> None:
    """Have ``satang`` of a hold taken (0: release it). In a transaction; done by the next look."""
    raise NotImplementedError


def look_due(most: int = 50) -> list[int]:
    """Claim payments whose look is due (skip locked): their ids, to be looked at now."""
    raise NotImplementedError


def expire_due(most: int = 50) -> int:
    """Make the look of open payments due whose time is over; how many."""
    raise NotImplementedError
