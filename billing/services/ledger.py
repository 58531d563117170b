"""Double entry: transfers and holds. The database refuses what breaks the rules; this asks nicely.

Rules in ``billing/migrations/0002_ledger_rules.py``. Amounts are satang, always positive here;
which side they go on is said by ``debit`` and ``credit``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Account, AccountKind, Entry, Hold, HoldState, Transfer
from billing.money import MAX_SATANG
from billing.services import proofs
from core.errors import Conflict, DomainError
from users.models import Company, Customer, TaxEntity


class NotEnough(DomainError):
    """A wallet or a credit line does not cover the amount."""

    code = "not_enough"
    status = 422
    message = _("There is not enough money in the wallet.")


class KeyReused(Conflict):
    """An idempotency key came again with another request."""

    code = "key_reused"
    message = _("This Idempotency-Key was used for a different request.")


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transfer."""

    account: Account
    amount: int


def debit(account: Account, satang: int) -> Posting:
    return Posting(account, satang)


def credit(account: Account, satang: int) -> Posting:
    return Posting(account, -satang)


def account(
    company: Company,
    kind: AccountKind,
    *,
    customer: Customer | None = None,
    tax_entity: TaxEntity | None = None,
    gateway: str = "",
) -> Account:
    """The account of that kind, made on first use."""
    found, _created = Account.objects.get_or_create(
        company=company,
        kind=kind,
        customer=customer,
        tax_entity=tax_entity,
        gateway=gateway,
        defaults={"sign": kind.sign},
    )
    return found


def lock(*accounts: Account) -> None:
    """Lock account rows in id order and refresh the given objects."""
    rows = {
        row.pk: row
        for row in Account.objects.select_for_update()
        .filter(pk__in={a.pk for a in accounts})
        .order_by("pk")
    }
    for mine in accounts:
        mine.balance, mine.held = rows[mine.pk].balance, rows[mine.pk].held


def transfer(
    company: Company,
    key: str,
    kind: str,
    postings: Sequence[Posting],
    *,
    reason: str = "",
    actor: str = "",
    session_id: int | None = None,
    payment_id: int | None = None,
    customer: Customer | None = None,
    at: datetime | None = None,
) -> Transfer:
    """Post once per ``key``; a repeat returns the first, a different one under the same key is refused.

    ``at``: when it happened, for what is entered afterwards (opening data, imports).
    Call inside a transaction. Postings of nothing are left out; same accounts are summed.
    """
    sums: dict[int, int] = {}
    for posting in postings:
        sums[posting.account.pk] = sums.get(posting.account.pk, 0) + posting.amount
    sums = {pk: amount for pk, amount in sums.items() if amount}
    existing = Transfer.objects.filter(key=key).first()
    if existing is not None:
        if dict(existing.entries.values_list("account", "amount")) != sums:
            raise KeyReused
        return existing
    lock(*(p.account for p in postings))
    made = Transfer.objects.create(
        company=company,
        key=key,
        kind=kind,
        reason=reason[:300],
        actor=actor[:120],
        session_id=session_id,
        payment_id=payment_id,
        customer=customer,
        at=at or timezone.now(),
    )
    Entry.objects.bulk_create(
        Entry(transfer=made, account_id=pk, amount=sums[pk]) for pk in sorted(sums)
    )
    return made


def place_hold(on: Account, amount: int, key: str, *, ceiling: int | None = None) -> Hold:
    """Set ``amount`` aside, once per ``key``. ``NotEnough`` where wallet or credit line do not cover it.

    ``ceiling``: for a receivable, how much may be owed and held together.
    """
    existing = Hold.objects.filter(key=key).first()
    if existing is not None:
        return existing
    lock(on)
    if free(on, ceiling) < amount:
        raise NotEnough
    return Hold.objects.create(account=on, key=key, amount=amount)


def resize_hold(hold: Hold, amount: int, *, ceiling: int | None = None) -> Hold:
    """Change an open hold to ``amount``; growing needs the money to be free."""
    lock(hold.account)
    fresh = Hold.objects.select_for_update().get(pk=hold.pk)
    if fresh.state != HoldState.OPEN:
        raise Conflict(_("This hold is closed already."), code="hold_closed")
    if amount - fresh.amount > free(hold.account, ceiling):
        raise NotEnough
    fresh.amount = amount
    fresh.save(update_fields=["amount"])
    return fresh


def free(on: Account, ceiling: int | None = None) -> int:
    """What may still be held: of people's money the balance, of a receivable the credit line.

    What cards hold for us is a fact that the gateway tells: it has no bound of ours.
    """
    if on.kind in (AccountKind.WALLET, AccountKind.GUEST_DEPOSIT):
        return on.balance - on.held
    if on.kind == AccountKind.CARD_DUE:
        return MAX_SATANG
    return max((ceiling or 0) - on.balance - on.held, 0)


def close_hold(hold: Hold, posted: int = 0) -> Hold:
    """Give the money back to its account, saying how much of it is about to be posted. Once."""
    fresh = Hold.objects.select_for_update().get(pk=hold.pk)
    if fresh.state != HoldState.OPEN:
        return fresh
    fresh.state = HoldState.POSTED if posted else HoldState.RELEASED
    fresh.posted = posted
    fresh.resolved_at = timezone.now()
    fresh.save(update_fields=["state", "posted", "resolved_at"])
    return fresh


def prove() -> Mapping[str, int]:
    """Count what does not prove out: all zeros is a sound ledger. Run nightly and after crash tests."""
    checks = {
        "transfers_not_zero": """
            SELECT count(*) FROM (
                SELECT transfer_id FROM billing_entry GROUP BY 1 HAVING sum(amount) <> 0) x""",
        "transfers_without_entries": """
            SELECT count(*) FROM billing_transfer t
             WHERE NOT EXISTS (SELECT 1 FROM billing_entry e WHERE e.transfer_id = t.id)""",
        "balances_off": """
            SELECT count(*) FROM billing_account a
             WHERE a.balance <> a.sign * coalesce(
                (SELECT sum(amount) FROM billing_entry WHERE account_id = a.id), 0)""",
        "held_off": """
            SELECT count(*) FROM billing_account a WHERE a.held <> coalesce(
                (SELECT sum(amount) FROM billing_hold WHERE account_id = a.id AND state = 'open'), 0)""",
        "wallets_below_zero": "SELECT count(*) FROM billing_account WHERE kind = 'wallet' AND balance < held",
        "bills_off_ledger": """
            SELECT count(*) FROM billing_bill b WHERE b.total <> coalesce(
                (SELECT sum(amount) FROM billing_entry e
                  WHERE e.transfer_id = b.transfer_id AND amount > 0), 0)""",
        "outstanding_off_receivable": """
            SELECT count(*) FROM billing_account a WHERE a.kind = 'receivable' AND a.balance < coalesce(
                (SELECT sum(outstanding) FROM billing_bill b WHERE b.customer_id = a.customer_id), 0)
              + coalesce((SELECT sum(outstanding) FROM billing_reservationfee f
                           WHERE f.customer_id = a.customer_id), 0)""",
    }
    found = {}
    checks |= proofs.CHECKS
    with transaction.atomic(), connection.cursor() as cursor:
        for name, query in checks.items():
            cursor.execute(query)
            found[name] = int(cursor.fetchone()[0])
    return found
