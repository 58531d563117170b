"""Paid before it starts: the price shown, the money, the plug, the start or the money back."""

from dataclasses import dataclass
from datetime import datetime

from billing import pricing
from billing.models import Purchase, Tariff
from billing.payments.base import Method
from core.models import Fact
from stations.models import Connector
from users.models import Customer


@dataclass(frozen=True, slots=True)
class Quote:
    """What a choice costs at ``at``, to be paid until ``valid_until``. Satang and Wh.

    ``tariff`` is the value the charge is priced with: under ``fixed_price`` all periods cost what
    they cost when it was shown, else ``amount`` is the dearest case. ``row`` is the price list.
    """

    amount: int
    max_wh: int
    tariff: pricing.Tariff
    row: Tariff
    level: str
    at: datetime
    valid_until: datetime
    fixed_price: bool


def quote(
    connector: Connector,
    *,
    wh: int | None,
    satang: int | None,
    customer: Customer | None = None,
    method: Method | None = None,
    at: datetime | None = None,
) -> Quote:
    """The price of a choice (neither: until full). ``at``: when it was shown, at most 10 min ago.

    ``BadQuantity`` out of bounds or below what ``method`` takes; ``CannotPay("no_tariff")``;
    ``QuoteExpired`` (409) when ``at`` is too old.
    """
    raise NotImplementedError


def buy(
    connector: Connector,
    visitor: str,
    *,
    wh: int | None,
    satang: int | None,
    method: Method,
    source: str = "",
    language: str = "th",
    customer: Customer | None = None,
    quoted_at: datetime | None = None,
    back_to: str = "",
) -> Purchase:
    """Rows of a purchase and its payment; commits. Then ``payments.send(purchase.payment)``.

    Supersedes this phone's earlier unpaid purchase on the plug. ``PlugTaken`` (409) where the plug
    is in use, paid for, reserved or away.
    """
    raise NotImplementedError


def cancel(purchase: Purchase) -> None:
    """The customer does not want it any more: unpaid is dropped, paid and not started goes back."""
    raise NotImplementedError


def on_payment_changed(fact: Fact) -> None:
    """Money came, or will not come, for a purchase (subject: the payment)."""
    raise NotImplementedError


def on_purchase_due(fact: Fact) -> None:
    """The time to plug in is over: what has not started goes back."""
    raise NotImplementedError
