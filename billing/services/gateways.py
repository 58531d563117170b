"""Which gateway takes a payment, with whose account, and what it can do for this entity and sum.

A legal entity's own ``GatewayAccount`` goes before the operator's account of the environment, and
takes its place at that gateway: an entity that switched its Omise account off is not paid into
somebody else's. Cash and transfers by an admin (``manual``) are nobody's choice on a page and are
reached by ``client_for`` only. Nothing here calls out; the clients do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.models import GatewayAccount, GatewayName, Payment
from billing.payments.base import Capability, Gateway, Method
from users.models import TaxEntity

# The gateway asked first where two can do the same.
PREFERRED = (GatewayName.OMISE, GatewayName.SCB)


@dataclass(frozen=True, slots=True)
class Offered:
    """One way to pay: ``account`` None is the operator's own."""

    method: Method
    gateway: str
    account: GatewayAccount | None
    capability: Capability


def offered(tax_entity: TaxEntity | None, satang: int | None = None) -> tuple[Offered, ...]:
    """How a customer of this entity can pay, one row per method; only what takes ``satang``."""
    raise NotImplementedError


def client(payment: Payment) -> Gateway:
    """The gateway that this payment was or will be made at. ``GatewayAway`` without its keys."""
    raise NotImplementedError


def client_for(gateway: str, account: GatewayAccount | None) -> Gateway:
    """The client of one account; None: the operator's. ``GatewayAway`` without its keys."""
    raise NotImplementedError


def clients(gateway: str) -> Iterator[tuple[GatewayAccount | None, Gateway]]:
    """Every account of a gateway that can be asked, the operator's first."""
    raise NotImplementedError


def public_key(tax_entity: TaxEntity | None) -> str:
    """The key with which the browser hands a card to the gateway; '' where no card can be taken."""
    raise NotImplementedError
