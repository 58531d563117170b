"""Money that an admin takes: cash over the counter, a transfer seen in the bank's statement.

There is nobody to ask. Making the charge is the admin's word that the money is there, and the row
of the payment is the only record, so ``look`` and ``find`` know nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from billing.payments import capabilities
from billing.payments.base import (
    BadNotice,
    Capability,
    Charge,
    ChargeStatus,
    GatewayError,
    Method,
    Notice,
    Order,
    RefundSeen,
)


class Manual:
    """The admins of a company."""

    name = "manual"

    def __init__(self, table: capabilities.Capabilities = capabilities.MANUAL) -> None:
        self._table = table

    def capabilities(self) -> Mapping[Method, Capability]:
        return self._table

    def create(self, order: Order) -> Charge:
        """Paid at once. ``GatewayError`` for a method that no admin can take."""
        capability = self._table.get(order.method)
        if capability is None or not capability.takes(order.amount):
            raise GatewayError("unknown_method", order.method)
        return Charge(
            ref=f"manual-{order.key}",
            status=ChargeStatus.PAID,
            amount=order.amount,
            currency="THB",
            key=order.key,
            authorised=order.amount,
            captured=order.amount,
            paid_at=datetime.now(UTC),
        )

    def find(self, key: str, since: datetime) -> Charge | None:
        return None

    def look(self, ref: str) -> Charge:
        raise GatewayError("nobody_to_ask", "what an admin took stands in our own books only")

    def capture(self, ref: str, satang: int) -> Charge:
        raise GatewayError("not_supported", "nothing is held")

    def release(self, ref: str) -> Charge:
        raise GatewayError("not_supported", "nothing is held")

    def expire(self, ref: str) -> Charge:
        raise GatewayError("not_supported", "what is paid does not expire")

    def refund(self, ref: str, satang: int, key: str) -> RefundSeen:
        raise GatewayError("not_supported", "an admin pays it back by hand")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise BadNotice("an admin sends no notices")
