"""What a look at the gateway changes: the payment's state and the ledger, in one transaction.

Amount, currency and our key must be those of the row, or nothing is believed and a doubt is kept
for a person. Every transfer has one key per payment and step, so that a repeat changes nothing.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing.models import (
    Account,
    AccountKind,
    Entry,
    GatewayName,
    Hold,
    Payment,
    PaymentDoubt,
    PaymentPurpose,
    PaymentState,
    Purchase,
    Transfer,
)
from billing.models.settlement import DoubtKind
from billing.payments.base import Charge, ChargeStatus, Method
from billing.services import doubts, ledger, statements, tariffs, wallets
from core import audit, outbox

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(seconds=7)  # and the sweep's five: about every ten
LATE_FOR = timedelta(hours=24)  # money on an expired payment is looked for so long
SLOWEST = timedelta(minutes=5)  # while money may come
SLOWEST_LATE = timedelta(hours=1)
_OPEN = (PaymentState.NEW, PaymentState.OPEN)
_NO_MONEY = (*_OPEN, PaymentState.EXPIRED, PaymentState.FAILED)
_OVER = {ChargeStatus.FAILED: PaymentState.FAILED, ChargeStatus.EXPIRED: PaymentState.EXPIRED}


def as_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def believable(payment: Payment, charge: Charge) -> bool:
    """Whether the charge is ours and of our amount; what is not is kept for a person."""
    if as_key(charge.key) != payment.key:
        doubt(payment, DoubtKind.KEY, ref=charge.ref, key=charge.key)
        return False
    wrong = charge.amount != payment.amount or charge.currency.upper() != payment.currency
    if charge.status is ChargeStatus.PAID:
        least = 1 if payment.hold else payment.amount  # half paid is not paid
        wrong = wrong or not least <= charge.captured <= payment.amount
    if wrong:
        doubt(
            payment,
            DoubtKind.AMOUNT,
            ref=charge.ref,
            amount=charge.amount,
            captured=charge.captured,
            currency=charge.currency,
        )
        return False
    return True


def doubt(payment: Payment, kind: DoubtKind, **evidence: Any) -> None:
    """Keep what cannot be believed, once per payment and evidence."""
    words = ":".join(str(value)[:40] for _, value in sorted(evidence.items()))
    with transaction.atomic():
        row, fresh = PaymentDoubt.objects.get_or_create(
            key=f"{kind}:{payment.pk}:{words}"[:200],
            defaults={
                "company_id": payment.company_id,
                "payment": payment,
                "kind": kind,
                "evidence": evidence,
            },
        )
        if fresh:
            audit.record(
                audit.SYSTEM,
                "payment_doubted",
                f"payment:{payment.pk}",
                company_id=payment.company_id,
                new={"kind": str(kind), **evidence},
                refused=True,
            )
    if fresh:
        log.error("payment doubted", extra={"payment": payment.pk, "doubt": row.pk, "why": kind})


def made(payment: Payment, charge: Charge) -> bool:
    """The gateway has made or found our charge: what the payer needs is kept. False: not believed."""
    if not believable(payment, charge):
        postpone(payment)
        return False
    with transaction.atomic():
        row = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
        row.gateway_ref = row.gateway_ref or charge.ref
        row.qr_payload = charge.qr_payload or row.qr_payload
        row.qr_image = charge.qr_image or row.qr_image
        row.qr_image_type = charge.qr_image_type or row.qr_image_type
        row.authorize_uri = charge.authorize_uri or row.authorize_uri
        if charge.expires_at is not None:
            row.expires_at = min(row.expires_at, charge.expires_at)
        if row.state == PaymentState.NEW:
            row.state = PaymentState.OPEN
            _publish(row)
        row.look_at = next_look(row, timezone.now())
        row.save()
    return True


def refused(payment_id: int, code: str, message: str) -> None:
    """The gateway makes no charge: the payment has failed."""
    with transaction.atomic():
        row = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        if row.state == PaymentState.NEW:
            row.failure_code, row.failure_message = code[:80], message[:300]
            _close(row, PaymentState.FAILED)


def nothing_there(payment_id: int) -> None:
    """There is no charge and none will be made; it is looked for a while longer."""
    with transaction.atomic():
        row = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        if row.state in _OPEN:
            _close(row, PaymentState.EXPIRED)
        else:
            row.look_at = next_look(row, timezone.now())
            row.save(update_fields=["look_at"])


def postpone(payment: Payment) -> None:
    """The gateway is away or makes no sense: ask again, ever more slowly while it lasts."""
    row = Payment.objects.get(pk=payment.pk)
    now = timezone.now()
    gap = max((now - row.created_at) / 10, LOOK_EVERY / 2)
    Payment.objects.filter(pk=row.pk).update(look_at=now + min(gap, SLOWEST))


def apply(payment_id: int, charge: Charge) -> Payment:
    """Make the payment what the gateway says it is. Locks the payment first, accounts last."""
    now = timezone.now()
    with transaction.atomic():
        row = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        if not believable(row, charge):
            row.look_at = now + SLOWEST
            row.save(update_fields=["look_at"])
            return row
        _fill(row, charge)
        if charge.status is ChargeStatus.PAID:
            _paid(row, charge, now)
        elif charge.status is ChargeStatus.AUTHORISED:
            _authorised(row, charge, now)
        elif charge.status is ChargeStatus.RELEASED:
            _released(row)
        elif charge.status in _OVER:
            _over(row, charge, _OVER[charge.status])
        elif row.expired(now):
            _close(row, PaymentState.EXPIRED)
        row.look_at = next_look(row, now)
        row.save()
    return row


def clearing_of(payment: Payment) -> Account:
    """Where money taken for it stands until the gateway has paid it out."""
    if payment.gateway == GatewayName.MANUAL:
        cash = payment.method == Method.CASH
        return ledger.account(payment.company, AccountKind.CASH if cash else AccountKind.BANK)
    return _of_gateway(payment, AccountKind.GATEWAY_CLEARING)


def card_due_of(payment: Payment) -> Account:
    return _of_gateway(payment, AccountKind.CARD_DUE)


def deposit_of(payment: Payment) -> Account:
    """What is owed for a charge to come; of a hold, what its bill has claimed of the card."""
    if payment.hold:
        return card_due_of(payment)
    return ledger.account(payment.company, AccountKind.GUEST_DEPOSIT)


def hold_key(payment: Payment) -> str:
    return f"card:{payment.pk}"


def _of_gateway(payment: Payment, kind: AccountKind) -> Account:
    return ledger.account(
        payment.company, kind, tax_entity=payment.tax_entity, gateway=payment.gateway
    )


def _fill(row: Payment, charge: Charge) -> None:
    row.gateway_ref = row.gateway_ref or charge.ref
    row.authorize_uri = charge.authorize_uri or row.authorize_uri
    if row.state == PaymentState.NEW:
        row.state = PaymentState.OPEN


def _authorised(row: Payment, charge: Charge, now: datetime) -> None:
    if row.state not in _NO_MONEY:
        if row.state != PaymentState.AUTHORISED:
            doubt(row, DoubtKind.BACKWARDS, status=str(charge.status), ref=charge.ref)
        return
    row.authorised = charge.authorised or charge.amount
    ledger.place_hold(card_due_of(row), row.authorised, hold_key(row))
    row.paid_at = charge.paid_at or now
    _move(row, PaymentState.AUTHORISED)


def _paid(row: Payment, charge: Charge, now: datetime) -> None:
    if row.state == PaymentState.PAID:
        _post_fee(row, charge)
        return
    if row.state == PaymentState.RELEASED:
        doubt(row, DoubtKind.BACKWARDS, status=str(charge.status), ref=charge.ref)
        return
    row.captured = charge.captured
    row.paid_at = row.paid_at or charge.paid_at or now
    if row.hold:
        _take_hold(row)
    elif row.purpose == PaymentPurpose.CHARGE:
        deposit = deposit_of(row)
        _post(
            row,
            "pay",
            [ledger.debit(clearing_of(row), row.captured), ledger.credit(deposit, row.captured)],
        )
    elif row.purpose == PaymentPurpose.STATEMENT:
        statements.on_paid(row, clearing_of(row))
    else:
        _top_up(row)
    _post_fee(row, charge)
    _move(row, PaymentState.PAID)
    doubts.settled(row, (DoubtKind.AMOUNT, DoubtKind.KEY, DoubtKind.CAPTURE))
    row.closed_at = now


def _take_hold(row: Payment) -> None:
    _close_card_hold(row, row.captured)
    due = card_due_of(row)
    _post(
        row,
        "capture",
        [ledger.debit(clearing_of(row), row.captured), ledger.credit(due, row.captured)],
    )


def _close_card_hold(row: Payment, posted: int) -> None:
    hold = Hold.objects.filter(key=hold_key(row)).first()
    if hold is not None:
        ledger.lock(hold.account)
        ledger.close_hold(hold, posted=min(posted, hold.amount))


def _top_up(row: Payment) -> None:
    if row.customer is None:
        raise ValueError(f"payment {row.pk} is nobody's top-up")
    wallets.take_in(
        row.customer,
        row.captured,
        clearing_of(row),
        key=f"pay:{row.pk}",
        kind="top_up",
        reason=row.reference,
        actor=audit.Actor("customer", str(row.customer_id), row.actor or row.customer.name),
        payment_id=row.pk,
    )


def _released(row: Payment) -> None:
    if row.state in _OPEN:
        _close(row, PaymentState.EXPIRED)
        return
    if row.state != PaymentState.AUTHORISED:
        return
    _close_card_hold(row, 0)
    _write_off(row, billed_to_card(row))
    if row.to_capture != 0:
        doubt(row, DoubtKind.RELEASED, ref=row.gateway_ref, to_capture=row.to_capture)
    _close(row, PaymentState.RELEASED)


def billed_to_card(payment: Payment) -> int:
    """Satang of the hold that a bill has claimed."""
    claimed = Entry.objects.filter(
        transfer__payment_id=payment.pk, transfer__kind="charge", account=card_due_of(payment)
    )
    return claimed.aggregate(n=Sum("amount"))["n"] or 0


def _write_off(payment: Payment, satang: int) -> None:
    """What was billed to a card that can no longer be charged is lost, with the session as reason."""
    if satang:
        purchase = Purchase.objects.filter(payment=payment).select_related("leave").first()
        session_id = purchase.leave.session_id if purchase and purchase.leave else None
        bad = ledger.account(payment.company, AccountKind.BAD_DEBT)
        ledger.transfer(
            payment.company,
            f"lost:{payment.pk}",
            "bad_debt",
            [ledger.debit(bad, satang), ledger.credit(card_due_of(payment), satang)],
            reason=f"hold of {payment.reference} is gone",
            actor="system",
            session_id=session_id,
            payment_id=payment.pk,
            customer=payment.customer,
        )


def _over(row: Payment, charge: Charge, state: PaymentState) -> None:
    if row.state in _OPEN:
        row.failure_code = charge.failure_code[:80]
        row.failure_message = charge.failure_message[:300]
        _close(row, state)
    elif row.state == PaymentState.AUTHORISED and state == PaymentState.EXPIRED:
        _released(row)
    elif row.has_money:
        doubt(row, DoubtKind.BACKWARDS, status=str(charge.status), ref=charge.ref)


def correct_fee(payment_id: int, fee: int, fee_vat: int) -> None:
    """The settlement names another fee than the charge did: the difference is posted. In a transaction."""
    row = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    more, more_vat = fee - row.fee, fee_vat - row.fee_vat
    if (more or more_vat) and row.state == PaymentState.PAID:
        _charge_fee(row, more, more_vat, step=f"fee:{fee}:{fee_vat}")
        row.save(update_fields=["fee", "fee_vat"])


def _post_fee(row: Payment, charge: Charge) -> None:
    """The gateway's fee, once, as soon as the gateway names it."""
    if not row.fee and charge.fee:
        _charge_fee(row, charge.fee, charge.fee_vat, step="fee")


def _charge_fee(row: Payment, fee: int, fee_vat: int, *, step: str) -> None:
    """Its VAT is ours to claim where the entity is registered, else part of the cost."""
    day = timezone.now().astimezone(ZoneInfo(settings.LOCAL_ZONE)).date()
    cost = ledger.account(row.company, AccountKind.GATEWAY_FEE)
    vat = cost
    if tariffs.vat_rate(row.tax_entity, day) > 0:
        vat = ledger.account(row.company, AccountKind.INPUT_VAT, tax_entity=row.tax_entity)
    row.fee, row.fee_vat = row.fee + fee, row.fee_vat + fee_vat
    if vat is cost and fee + fee_vat == 0:
        return
    _post(
        row,
        step,
        [
            ledger.debit(cost, fee),
            ledger.debit(vat, fee_vat),
            ledger.credit(clearing_of(row), fee + fee_vat),
        ],
    )


def _post(row: Payment, step: str, postings: list[ledger.Posting]) -> Transfer:
    return ledger.transfer(
        row.company,
        f"{step}:{row.pk}",
        {"pay": "payment"}.get(step, step.partition(":")[0]),
        postings,
        reason=row.reference,
        actor="system",
        payment_id=row.pk,
        customer=row.customer,
    )


def _close(row: Payment, state: PaymentState) -> None:
    now = timezone.now()
    row.closed_at = now
    _move(row, state)
    row.look_at = next_look(row, now)
    row.save()


def _move(row: Payment, state: PaymentState) -> None:
    row.state = state
    _publish(row)


def _publish(row: Payment) -> None:
    bought = Purchase.objects.filter(payment=row).select_related("connector").first()
    where: dict[str, Any] = {}
    if bought is not None:
        where = {
            "station": bought.station_id,
            "charger": bought.connector.charger_id,
            "connector": bought.connector_id,
        }
    outbox.publish(
        "payment_changed",
        row.pk,
        company_id=row.company_id,
        topic=f"charger:{where['charger']}" if where else "",
        state=str(row.state),
        purpose=str(row.purpose),
        **where,
    )


def next_look(row: Payment, now: datetime) -> datetime | None:
    """Open: about every ten seconds. Expired: ever more slowly for a day. A hold: until it is taken."""
    if row.state in _OPEN:
        return min(now + LOOK_EVERY, max(row.expires_at, now + timedelta(seconds=1)))
    if row.state == PaymentState.EXPIRED:
        age = now - row.expires_at
        gap = max(min(age / 4, SLOWEST_LATE), 3 * LOOK_EVERY)
        return now + gap if age < LATE_FOR else None
    if row.state == PaymentState.AUTHORISED:
        if row.to_capture is None:
            return now + SLOWEST_LATE
        return now + max(min((now - row.created_at) / 20, SLOWEST_LATE), LOOK_EVERY)
    return None
