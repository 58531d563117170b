"""The bill of a charge that was paid for before it started: what is kept, what goes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from billing.models import (
    AccountKind,
    Hold,
    Payment,
    PaymentState,
    Purchase,
    PurchaseState,
    RefundReason,
    Transfer,
)
from billing.payments.base import GatewayAway, Method
from billing.services import applying, gateways, ledger, payments, refunds
from core import outbox
from stations.models import Session


@dataclass(frozen=True, slots=True)
class Settled:
    """``transfer`` None: nothing to pay. ``covered`` of the bill came from what was paid or held."""

    transfer: Transfer | None
    covered: int


def money_of(purchase: Purchase) -> int:
    """Satang that were paid for it, or are held: the most that its bill can take."""
    payment = purchase.payment
    if payment is None or not payment.has_money:
        return 0
    return payment.captured if payment.state == PaymentState.PAID else payment.authorised


def settle(
    session: Session,
    purchase: Purchase,
    total: int,
    income: Sequence[ledger.Posting],
    at: datetime | None,
) -> Settled:
    """Pay a bill of ``total`` from the purchase's money; what is left goes back. In a transaction.

    What was paid does not cover is lost to us (``bad_debt``), never asked for again.
    """
    row = Purchase.objects.select_for_update(of=("self",)).get(pk=purchase.pk)
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("company", "tax_entity", "customer", "account")
        .get(pk=row.payment_id or 0)
    )
    taken = payment.captured if payment.state == PaymentState.PAID else payment.authorised
    covered = min(total, taken) if payment.has_money else 0
    if not payment.hold and row.hold_id is not None:
        hold = Hold.objects.select_related("account").get(pk=row.hold_id)
        ledger.lock(hold.account)
        ledger.close_hold(hold, posted=min(covered, hold.amount))
    transfer = _post(session, payment, total, covered, income, at)
    row.state, row.closed_at = PurchaseState.DONE, timezone.now()
    row.save(update_fields=["state", "closed_at"])
    if payment.state == PaymentState.AUTHORISED:
        payments.capture(payment, _to_capture(payment, covered))
    elif payment.state == PaymentState.PAID and payment.captured > covered:
        refunds.give_back(
            payment, payment.captured - covered, RefundReason.UNUSED, f"unused:{row.pk}"
        )
    outbox.publish(
        "purchase_changed",
        row.pk,
        company_id=row.company_id,
        topic=f"charger:{session.charger_id}",
        station=row.station_id,
        charger=session.charger_id,
        connector=row.connector_id,
        state=str(row.state),
    )
    return Settled(transfer, covered)


def _post(
    session: Session,
    payment: Payment,
    total: int,
    covered: int,
    income: Sequence[ledger.Posting],
    at: datetime | None,
) -> Transfer | None:
    if not total:
        return None
    lost = ledger.account(session.company, AccountKind.BAD_DEBT)
    return ledger.transfer(
        session.company,
        f"bill:{session.pk}",
        "charge",
        [
            ledger.debit(applying.deposit_of(payment), covered),
            ledger.debit(lost, total - covered),
            *income,
        ],
        reason=f"session {session.transaction_id}",
        actor="system",
        session_id=session.pk,
        payment_id=payment.pk,
        customer=session.customer,
        at=at,
    )


def _to_capture(payment: Payment, covered: int) -> int:
    """Exactly the bill; where the gateway takes all or nothing, all, and the rest goes back."""
    if covered == 0:
        return 0
    try:
        can = gateways.client(payment).capabilities().get(Method(payment.method))
    except GatewayAway:
        can = None
    return covered if can is None or can.partial_capture else payment.authorised
