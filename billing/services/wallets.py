"""A customer's money: top-up, withdrawal, balance. Arrears are paid first."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from billing.models import (
    Account,
    AccountKind,
    Bill,
    PaymentStatus,
    ReservationFee,
    Transfer,
)
from billing.services import ledger
from core import audit, outbox
from core.errors import DomainError
from users.models import BillingMode, Customer


class BadAmount(DomainError):
    code = "bad_amount"
    message = _("Enter an amount above zero, in baht with at most two decimals.")


@dataclass(frozen=True, slots=True)
class Standing:
    """Satang. ``available`` may be spent or held now; ``owed`` is unpaid; ``balance`` is what people see."""

    wallet: int
    held: int
    owed: int
    credit_limit: int
    prepaid: bool

    @property
    def balance(self) -> int:
        return self.wallet - self.owed

    @property
    def available(self) -> int:
        if self.prepaid:
            return self.wallet - self.held
        return max(self.wallet + self.credit_limit - self.owed - self.held, 0)

    @property
    def in_arrears(self) -> bool:
        return self.prepaid and self.owed > 0


def wallet_of(customer: Customer) -> Account:
    return ledger.account(customer.company, AccountKind.WALLET, customer=customer)


def receivable_of(customer: Customer) -> Account:
    return ledger.account(customer.company, AccountKind.RECEIVABLE, customer=customer)


def standing(customer: Customer) -> Standing:
    """How the customer stands now."""
    rows = Account.objects.filter(customer=customer).values_list("kind", "balance", "held")
    balances = {kind: (balance, held) for kind, balance, held in rows}
    wallet = balances.get(AccountKind.WALLET, (0, 0))
    owed = balances.get(AccountKind.RECEIVABLE, (0, 0))
    return Standing(
        wallet=wallet[0],
        held=wallet[1] + owed[1],
        owed=owed[0],
        credit_limit=customer.credit_limit,
        prepaid=customer.billing_mode == BillingMode.PREPAID,
    )


def top_up(
    customer: Customer,
    satang: int,
    *,
    key: str,
    reason: str,
    actor: audit.Actor,
    at: datetime | None = None,
) -> Transfer:
    """Money taken in by an admin: pays what is owed first, the rest goes to the wallet."""
    _require_amount(satang)
    cash = ledger.account(customer.company, AccountKind.CASH)
    with transaction.atomic():
        return take_in(
            customer,
            satang,
            cash,
            key=f"top_up:{customer.company_id}:{key}",
            kind="top_up",
            reason=reason,
            actor=actor,
            at=at,
        )


def take_in(
    customer: Customer,
    satang: int,
    source: Account,
    *,
    key: str,
    kind: str,
    reason: str,
    actor: audit.Actor,
    payment_id: int | None = None,
    at: datetime | None = None,
) -> Transfer:
    """Money of the customer's that stands on ``source``: what is owed is paid first, the rest goes
    to the wallet. Once per ``key``, in the caller's transaction."""
    wallet, owed = wallet_of(customer), receivable_of(customer)
    ledger.lock(wallet, owed, source)  # before looking: the same may be on its way twice
    if (again := _same_request(key, customer, satang)) is not None:
        return again
    to_debt = max(min(owed.balance, satang), 0)
    made = ledger.transfer(
        customer.company,
        key,
        kind,
        [
            ledger.debit(source, satang),
            ledger.credit(owed, to_debt),
            ledger.credit(wallet, satang - to_debt),
        ],
        reason=reason,
        actor=actor.name,
        payment_id=payment_id,
        customer=customer,
        at=at,
    )
    _pay_off(customer, to_debt)
    _tell(customer, made, kind, satang, reason, actor)
    return made


def withdraw(
    customer: Customer, satang: int, *, key: str, reason: str, actor: audit.Actor
) -> Transfer:
    """Money given back by an admin, at most what is free in the wallet."""
    _require_amount(satang)
    with transaction.atomic():
        wallet = wallet_of(customer)
        key = f"withdraw:{customer.company_id}:{key}"
        ledger.lock(wallet)
        if (again := _same_request(key, customer, satang)) is not None:
            return again
        if wallet.balance - wallet.held < satang:
            raise ledger.NotEnough(field="amount")
        cash = ledger.account(customer.company, AccountKind.CASH)
        made = ledger.transfer(
            customer.company,
            key,
            "withdraw",
            [ledger.debit(wallet, satang), ledger.credit(cash, satang)],
            reason=reason,
            actor=actor.name,
            customer=customer,
        )
        _tell(customer, made, "withdraw", satang, reason, actor)
        return made


def _require_amount(satang: int) -> None:
    if satang <= 0:
        raise BadAmount(field="amount")


def _same_request(key: str, customer: Customer, satang: int) -> Transfer | None:
    """The transfer an earlier identical request made; the same key for anything else is refused."""
    found = Transfer.objects.filter(key=key).first()
    if found is None:
        return None
    amount = sum(a for a in found.entries.values_list("amount", flat=True) if a > 0)
    if found.customer_id != customer.pk or amount != satang:
        raise ledger.KeyReused
    return found


def _pay_off(customer: Customer, satang: int) -> None:
    """Spread a payment over unpaid bills, the oldest first, then over fees of reservations.

    ``bill_paid`` says on which monthly bill it stood, if on one.
    """
    open_bills = Bill.objects.select_for_update().filter(customer=customer, outstanding__gt=0)
    for bill in open_bills.order_by("billed_at", "pk"):
        if satang == 0:
            return
        part = min(bill.outstanding, satang)
        satang -= part
        bill.outstanding -= part
        if bill.outstanding == 0:
            bill.payment_status = PaymentStatus.PAID
            line = bill.statement_lines.filter(live=True).first()
            statement = line.statement_id if line else None
            outbox.publish("bill_paid", bill.pk, company_id=bill.company_id, statement=statement)
        bill.save(update_fields=["outstanding", "payment_status"])
    fees = ReservationFee.objects.select_for_update().filter(customer=customer, outstanding__gt=0)
    for fee in fees.order_by("billed_at", "pk"):
        part = min(fee.outstanding, satang)
        satang -= part
        fee.outstanding -= part
        if part and fee.outstanding == 0:
            outbox.publish("fee_paid", fee.pk, company_id=fee.company_id)
        fee.save(update_fields=["outstanding"])


def _tell(
    customer: Customer, made: Transfer, kind: str, satang: int, reason: str, actor: audit.Actor
) -> None:
    audit.record(
        actor,
        kind,
        f"customer:{customer.pk}",
        company_id=customer.company_id,
        new={"satang": satang, "reason": reason, "transfer": made.pk},
    )
    outbox.publish(
        "wallet_changed", customer.pk, company_id=customer.company_id, customer=customer.pk
    )
