"""Money that goes back: a liability from the moment it is known, until it is paid. Never income.

The ways are tried in order: the gateway (the way it came), the customer's wallet, a link on which a
guest gives a PromptPay number, and last an admin. The gateway is asked outside of any transaction,
by one process at a time, and looked at for our refund before it is sent a second time.
"""

import secrets
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import promptpay
from billing.models import (
    Account,
    AccountKind,
    Payment,
    PaymentPurpose,
    PaymentState,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
)
from billing.models.settlement import DoubtKind
from billing.payments.base import Charge, Gateway, GatewayAway, GatewayError, Method, RefundSeen
from billing.services import applying, doubts, gateways, ledger, wallets
from billing.services.alone import alone
from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import Fact
from core.seal import Unreadable, seal, unseal

LINK_LASTS = timedelta(days=7)
REMIND_AFTER = (timedelta(days=2), timedelta(days=5))
SEND_AGAIN = timedelta(seconds=30)
SLOWEST = timedelta(hours=1)
CLAIM_LASTS = timedelta(seconds=60)


class BadNumber(DomainError):
    """What was typed is no PromptPay number."""

    code = "bad_number"
    message = _("Enter a Thai mobile number or a 13-digit id that is registered with PromptPay.")


class LinkOver(DomainError):
    """The link has been used, or its days are over."""

    code = "link_over"
    status = 410
    message = _("This link is over. The station's office pays you back.")


class NotByHand(Conflict):
    """The gateway may be paying it at this moment, or it is paid."""

    code = "not_by_hand"
    message = _("This refund is paid already, or the gateway is about to pay it.")


def give_back(payment: Payment, satang: int, reason: RefundReason, key: str) -> Refund:
    """Owe ``satang`` of what was taken, once per ``key``, and pick the way back. In a transaction."""
    known = Refund.objects.filter(key=key).first()
    if known is not None:
        return known
    row = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    now = timezone.now()
    made = Refund.objects.create(
        company=row.company,
        payment=row,
        customer=row.customer,
        key=key,
        amount=satang,
        reason=reason,
        route=RefundRoute.GATEWAY,
        token=secrets.token_urlsafe(32)[:43],
        due=now,
    )
    ledger.transfer(
        row.company,
        f"owed:{made.pk}",
        "refund_owed",
        [ledger.debit(_source(row), satang), ledger.credit(_payable(made), satang)],
        reason=row.reference,
        actor="system",
        payment_id=row.pk,
        customer=row.customer,
    )
    if not _gateway_can(row, satang):
        _take_next_way(made)
    made.save()
    _publish(made)
    return made


def run(refund_id: int) -> Refund:
    """Do what is due on a refund: ask the gateway (looking for it first), or take the next way."""
    with alone("refund", refund_id) as mine:
        refund = Refund.objects.select_related("payment").get(pk=refund_id)
        waits = refund.route == RefundRoute.GATEWAY and refund.state in (
            RefundState.DUE,
            RefundState.SENT,
        )
        if mine and waits:
            try:
                _run(refund, gateways.client(refund.payment))
            except GatewayAway:
                _again(refund)
            except GatewayError as error:
                _refused(refund, error)
    return Refund.objects.get(pk=refund_id)


def run_due(most: int = 50) -> list[int]:
    """Claim refunds that are due: their ids, for ``run``."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE billing_refund SET due = %s WHERE id IN (
                SELECT id FROM billing_refund WHERE due <= %s AND state <> 'done'
                 ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING id
            """,
            [now + CLAIM_LASTS, now, most],
        )
        return sorted(row[0] for row in cursor.fetchall())


def accept_number(refund: Refund, text: str) -> Refund:
    """The PromptPay number a guest gives on the link. ``BadNumber``, ``LinkOver`` (410)."""
    try:
        given = promptpay.proxy(text)
    except promptpay.BadProxy:
        raise BadNumber(field="number") from None
    with transaction.atomic():
        row = _locked(refund.pk)
        over = row.link_until is None or row.link_until <= timezone.now()
        if row.state != RefundState.WAITING or over:
            raise LinkOver
        row.promptpay = seal(given.number)
        row.state = RefundState.QUEUED
        row.due = None
        row.save()
        _publish(row)
    return row


def pay_by_hand(refund: Refund, actor: audit.Actor, note: str, *, cash: bool = False) -> Refund:
    """An admin has paid it: ``note`` is the bank's reference. Not while the gateway may still pay it."""
    if not note.strip():
        raise DomainError(
            _("Enter the reference of the transfer."), code="note_needed", field="note"
        )
    with transaction.atomic():
        row = _locked(refund.pk)
        if row.state not in (RefundState.WAITING, RefundState.QUEUED):
            raise NotByHand
        paid_from = ledger.account(row.company, AccountKind.CASH if cash else AccountKind.BANK)
        row.note, row.done_by = note.strip()[:300], actor.name[:120]
        row.route = RefundRoute.LINK if row.promptpay else RefundRoute.QUEUE
        _settle(row, ledger.credit(paid_from, row.amount), actor=actor.name)
        audit.record(
            actor,
            "pay_refund",
            f"refund:{row.pk}",
            company_id=row.company_id,
            new={"satang": row.amount, "note": row.note, "cash": cash},
        )
    return row


def number_of(refund: Refund) -> str:
    """The PromptPay number that was given, for the admin who pays; or ''."""
    try:
        return unseal(refund.promptpay) if refund.promptpay else ""
    except Unreadable:
        return ""


def on_reminder_due(fact: Fact) -> None:
    """A link nobody has used: remind twice, then hand it to an admin."""
    row = _locked(fact.subject_id)
    if row.state != RefundState.WAITING:
        return
    if row.link_until is not None and row.link_until <= timezone.now():
        row.route, row.state = RefundRoute.QUEUE, RefundState.QUEUED
    elif row.reminders < len(REMIND_AFTER):
        row.reminders += 1
    row.save()
    _publish(row)


def _locked(refund_id: int) -> Refund:
    """Payment first, refund second, as everywhere."""
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    return (
        Refund.objects.select_for_update(of=("self",))
        .select_related("payment__company", "company", "customer")
        .get(pk=refund_id)
    )


def _source(payment: Payment) -> Account:
    if payment.purpose == PaymentPurpose.CHARGE or payment.customer is None:
        return applying.deposit_of(payment)
    return wallets.wallet_of(payment.customer)


def _payable(refund: Refund) -> Account:
    return ledger.account(refund.company, AccountKind.REFUND_PAYABLE)


def _gateway_can(payment: Payment, satang: int) -> bool:
    if payment.state != PaymentState.PAID or not payment.gateway_ref:
        return False
    try:
        can = gateways.client(payment).capabilities().get(Method(payment.method))
    except GatewayAway:
        return False
    if can is None or not can.refund:
        return False
    return can.partial_refund or satang == payment.captured


def _take_next_way(refund: Refund, *, after_gateway: str = "") -> None:
    """The gateway cannot or will not: wallet, link or admin. Call inside a transaction; saves not."""
    refund.failure = after_gateway[:300] or refund.failure
    refund.due = None
    if refund.customer is not None and refund.payment.purpose != PaymentPurpose.TOP_UP:
        refund.route = RefundRoute.WALLET
        wallets.take_in(
            refund.customer,
            refund.amount,
            _payable(refund),
            key=f"refund:{refund.pk}",
            kind="refund",
            reason=refund.payment.reference,
            actor=audit.SYSTEM,
            payment_id=refund.payment_id,
        )
        refund.state, refund.done_at = RefundState.DONE, timezone.now()
    elif refund.payment.visitor:
        refund.route, refund.state = RefundRoute.LINK, RefundState.WAITING
        now = timezone.now()
        refund.link_until = now + LINK_LASTS
        for wait in (*REMIND_AFTER, LINK_LASTS):
            outbox.publish(
                "refund_reminder", refund.pk, company_id=refund.company_id, due=now + wait
            )
    else:
        refund.route, refund.state = RefundRoute.QUEUE, RefundState.QUEUED


def _run(refund: Refund, client: Gateway) -> None:
    charge = client.look(refund.payment.gateway_ref)
    seen = _ours(refund, charge)
    if seen is None:
        Refund.objects.filter(pk=refund.pk).update(
            state=RefundState.SENT, tries=refund.tries + 1, due=timezone.now() + SEND_AGAIN
        )
        refund.tries += 1
        seen = client.refund(refund.payment.gateway_ref, refund.amount, refund.key)
    if seen.amount != refund.amount:
        applying.doubt(refund.payment, DoubtKind.REFUND, ref=seen.ref, amount=seen.amount)
        _again(refund)
    elif seen.done:
        _done(refund.pk, seen)
    else:
        Refund.objects.filter(pk=refund.pk).update(
            state=RefundState.SENT, gateway_ref=seen.ref, due=timezone.now() + SEND_AGAIN
        )


def _ours(refund: Refund, charge: Charge) -> RefundSeen | None:
    """Our refund at the gateway, by our key, by its name, or, sent once already, by its amount."""
    for seen in charge.refunds:
        if seen.key == refund.key or (refund.gateway_ref and seen.ref == refund.gateway_ref):
            return seen
    if refund.tries == 0:
        return None
    known = set(refund.payment.refunds.exclude(pk=refund.pk).values_list("gateway_ref", flat=True))
    for seen in charge.refunds:
        if not seen.key and seen.ref not in known and seen.amount == refund.amount:
            return seen
    return None


def _again(refund: Refund) -> None:
    gap = min(SEND_AGAIN * 2 ** min(refund.tries, 7), SLOWEST)
    Refund.objects.filter(pk=refund.pk).exclude(state=RefundState.DONE).update(
        due=timezone.now() + gap, tries=min(refund.tries + 1, 1000)
    )


def _refused(refund: Refund, error: GatewayError) -> None:
    applying.doubt(
        refund.payment, DoubtKind.REFUND, code=error.code, message=error.message, refund=refund.pk
    )
    with transaction.atomic():
        row = _locked(refund.pk)
        if row.state in (RefundState.DUE, RefundState.SENT):
            _take_next_way(row, after_gateway=str(error))
            row.save()
            _publish(row)


def _done(refund_id: int, seen: RefundSeen) -> None:
    with transaction.atomic():
        row = _locked(refund_id)
        if row.state == RefundState.DONE:
            return
        payment = row.payment
        row.gateway_ref = seen.ref[:120]
        _settle(row, ledger.credit(applying.clearing_of(payment), row.amount), actor="system")
        back = payment.refunds.filter(route=RefundRoute.GATEWAY, state=RefundState.DONE)
        total = back.aggregate(n=Sum("amount"))["n"] or 0
        Payment.objects.filter(pk=payment.pk).update(refunded=total)


def _settle(row: Refund, paid: ledger.Posting, *, actor: str) -> None:
    """The liability is paid: once, in the caller's transaction."""
    ledger.transfer(
        row.company,
        f"refund:{row.pk}",
        "refund",
        [ledger.debit(_payable(row), row.amount), paid],
        reason=row.note or row.payment.reference,
        actor=actor,
        payment_id=row.payment_id,
        customer=row.customer,
    )
    row.state, row.done_at, row.due = RefundState.DONE, timezone.now(), None
    row.save()
    doubts.settled(row.payment, [DoubtKind.REFUND])
    _publish(row)


def _publish(refund: Refund) -> None:
    purchase = getattr(refund.payment, "purchase", None)
    outbox.publish(
        "refund_changed",
        refund.pk,
        company_id=refund.company_id,
        topic=f"charger:{purchase.connector.charger_id}" if purchase else "",
        state=str(refund.state),
        reminders=refund.reminders,
        **({"connector": purchase.connector_id} if purchase else {}),
    )
