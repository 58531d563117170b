"""A gateway in memory with books of its own: it can be away, lose answers, refuse and err."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.utils import timezone

from billing.models import GatewayAccount, Payment
from billing.payments.base import (
    Capability,
    Charge,
    ChargeStatus,
    GatewayAway,
    GatewayError,
    Method,
    Notice,
    Order,
    RefundSeen,
)
from billing.services import gateways
from billing.services.gateways import Offered
from users.models import TaxEntity

LEAST, MOST = 20_00, 150_000_00
CAPABILITIES = {
    Method.PROMPTPAY: Capability(
        Method.PROMPTPAY, LEAST, MOST, refund=True, partial_refund=True, expires=timedelta(hours=1)
    ),
    Method.CARD: Capability(
        Method.CARD,
        LEAST,
        MOST,
        refund=True,
        partial_refund=True,
        hold=True,
        partial_capture=True,
        hold_days=7,
        expires=timedelta(hours=1),
    ),
    Method.MOBILE_BANKING: Capability(
        Method.MOBILE_BANKING, LEAST, MOST, sources=("kbank",), expires=timedelta(hours=1)
    ),
}


@dataclass
class FakeGateway:
    """Implements ``base.Gateway``. ``away``: no answer and nothing done; ``lossy``: done, no answer."""

    name: str = "omise"
    can: dict[Method, Capability] = field(default_factory=lambda: dict(CAPABILITIES))
    charges: dict[str, Charge] = field(default_factory=dict)
    away: bool = False
    lossy: bool = False
    refuses: set[str] = field(default_factory=set)  # names of calls
    keeps_refund_keys: bool = True
    calls: list[str] = field(default_factory=list)

    # --- the interface ---------------------------------------------------------------------------

    def capabilities(self) -> Mapping[Method, Capability]:
        return self.can

    def create(self, order: Order) -> Charge:
        self._begin("create")
        ref = f"chrg_{len(self.charges) + 1}_{order.key[:8]}"
        made = Charge(
            ref, ChargeStatus.PENDING, order.amount, "THB", order.key, qr_payload=f"qr of {ref}"
        )
        if order.method == Method.CARD and order.card_token == "tokn_ok":
            made = self._authorise(made) if order.hold else self._take(made, made.amount)
        self.charges[ref] = made
        return self._end(made)

    def find(self, key: str, since: datetime) -> Charge | None:
        self._begin("find")
        return next((c for c in self.charges.values() if c.key == key), None)

    def look(self, ref: str) -> Charge:
        self._begin("look")
        return self.charges[ref]

    def capture(self, ref: str, satang: int) -> Charge:
        self._begin("capture")
        if self.charges[ref].status is not ChargeStatus.AUTHORISED:
            raise GatewayError("failed_capture")
        self.charges[ref] = self._take(self.charges[ref], satang)
        return self._end(self.charges[ref])

    def release(self, ref: str) -> Charge:
        self._begin("release")
        if self.charges[ref].status is not ChargeStatus.AUTHORISED:
            raise GatewayError("failed_reverse")
        self.charges[ref] = replace(self.charges[ref], status=ChargeStatus.RELEASED, authorised=0)
        return self._end(self.charges[ref])

    def expire(self, ref: str) -> Charge:
        self._begin("expire")
        if self.charges[ref].status is not ChargeStatus.PENDING:
            raise GatewayError("not_expirable")
        self.charges[ref] = replace(self.charges[ref], status=ChargeStatus.EXPIRED)
        return self._end(self.charges[ref])

    def refund(self, ref: str, satang: int, key: str) -> RefundSeen:
        self._begin("refund")
        charge = self.charges[ref]
        if charge.refunded + satang > charge.captured:
            raise GatewayError("failed_refund")
        seen = RefundSeen(
            f"rfnd_{ref}_{len(charge.refunds)}", satang, True, key if self.keeps_refund_keys else ""
        )
        self.charges[ref] = replace(
            charge, refunded=charge.refunded + satang, refunds=(*charge.refunds, seen)
        )
        if self.lossy:
            raise GatewayAway
        return seen

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise NotImplementedError

    # --- what people and the world do ------------------------------------------------------------

    def pay(self, ref: str) -> None:
        """The payer pays, if there is still something to pay."""
        charge = self.charges[ref]
        if charge.status is ChargeStatus.PENDING:
            self.charges[ref] = self._take(charge, charge.amount)

    def hold(self, ref: str) -> None:
        charge = self.charges[ref]
        if charge.status is ChargeStatus.PENDING:
            self.charges[ref] = self._authorise(charge)

    def change(self, ref: str, **fields: object) -> None:
        self.charges[ref] = replace(self.charges[ref], **fields)  # type: ignore[arg-type]

    @property
    def total(self) -> int:
        """Satang that stand at the gateway for us: taken, less what went back and fees."""
        return sum(c.captured - c.refunded - c.fee - c.fee_vat for c in self.charges.values())

    @property
    def held(self) -> int:
        waiting = (c for c in self.charges.values() if c.status is ChargeStatus.AUTHORISED)
        return sum(c.authorised for c in waiting)

    def _authorise(self, charge: Charge) -> Charge:
        return replace(charge, status=ChargeStatus.AUTHORISED, authorised=charge.amount)

    def _take(self, charge: Charge, satang: int) -> Charge:
        fee = satang * 165 // 10_000
        return replace(
            charge,
            status=ChargeStatus.PAID,
            captured=satang,
            fee=fee,
            fee_vat=fee * 7 // 100,
            paid_at=timezone.now(),
        )

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.away:
            raise GatewayAway("away")
        if call in self.refuses:
            raise GatewayError(f"failed_{call}", "the gateway says no")

    def _end(self, charge: Charge) -> Charge:
        if self.lossy:
            raise GatewayAway("the answer was lost")
        return charge


def install(monkeypatch: object, fake: FakeGateway) -> FakeGateway:
    """Let every payment be made at ``fake``."""

    def offered(entity: TaxEntity | None, satang: int | None = None) -> tuple[Offered, ...]:
        return tuple(
            Offered(method, fake.name, None, can)
            for method, can in fake.can.items()
            if satang is None or can.takes(satang)
        )

    def client(payment: Payment) -> FakeGateway:
        return fake

    def client_for(gateway: str, account: GatewayAccount | None) -> FakeGateway:
        return fake

    for name, value in (("offered", offered), ("client", client), ("client_for", client_for)):
        monkeypatch.setattr(gateways, name, value)  # type: ignore[attr-defined]
    return fake
