"""The ledger as people read it: accounts by what they are, their entries with the balance after each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from billing.models import Account, AccountKind, Entry, LedgerProof, Transfer

PAGE_SIZE = 50
MOST_EXPORTED = 50_000

# The chart of accounts in the order of a balance sheet; wallets and debts are many, shown as one.
GROUPS: tuple[tuple[str, tuple[AccountKind, ...]], ...] = (
    (
        "has",
        (
            AccountKind.BANK,
            AccountKind.CASH,
            AccountKind.GATEWAY_CLEARING,
            AccountKind.CARD_DUE,
            AccountKind.RECEIVABLE,
            AccountKind.INPUT_VAT,
        ),
    ),
    (
        "owes",
        (
            AccountKind.WALLET,
            AccountKind.GUEST_DEPOSIT,
            AccountKind.REFUND_PAYABLE,
            AccountKind.VAT_OUTPUT,
        ),
    ),
    (
        "earned",
        (
            AccountKind.INCOME,
            AccountKind.PARKING_INCOME,
            AccountKind.PENALTY_INCOME,
            AccountKind.RESERVATION_INCOME,
        ),
    ),
    ("spent", (AccountKind.GATEWAY_FEE, AccountKind.BAD_DEBT)),
)
MANY = (AccountKind.WALLET, AccountKind.RECEIVABLE)


@dataclass(frozen=True, slots=True)
class KindSum:
    """All accounts of one kind. ``only`` where there is just one, to go straight to it."""

    kind: AccountKind
    accounts: int
    balance: int
    held: int
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """``name``: has, owes, earned or spent."""

    name: str
    kinds: tuple[KindSum, ...]

    @property
    def balance(self) -> int:
        return sum(kind.balance for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of one account, and the account's balance after it, in the account's own sign."""

    entry: Entry
    balance: int

    @property
    def debit(self) -> int:
        return max(self.entry.amount, 0)

    @property
    def credit(self) -> int:
        return max(-self.entry.amount, 0)


@dataclass(frozen=True, slots=True)
class Page:
    """``older`` and ``newer`` are cursors for the URL, '' where there is no such page."""

    rows: list[Row]
    older: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which entries: of what kind of transfer, from and before which moment."""

    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> Q:
        found = Q(transfer__kind=self.kind) if self.kind else Q()
        if self.since is not None:
            found &= Q(transfer__at__gte=self.since)
        if self.until is not None:
            found &= Q(transfer__at__lt=self.until)
        return found


def groups(accounts: QuerySet[Account]) -> tuple[Group, ...]:
    """Balances by kind. What is owned less what is owed is what was earned less what was spent."""
    found = {
        row["kind"]: row
        for row in accounts.order_by()
        .values("kind")
        .annotate(n=Count("pk"), total=Sum("balance"), reserved=Sum("held"))
    }
    alone = dict(
        accounts.exclude(kind__in=MANY)
        .filter(kind__in=[kind for kind, row in found.items() if row["n"] == 1])
        .values_list("kind", "pk")
    )
    return tuple(
        Group(
            name,
            tuple(
                KindSum(
                    kind,
                    found[kind]["n"],
                    found[kind]["total"],
                    found[kind]["reserved"],
                    alone.get(kind),
                )
                for kind in kinds
                if kind in found
            ),
        )
        for name, kinds in GROUPS
    )


def difference(shown: Iterable[Group]) -> int:
    """What does not balance: 0 in a sound ledger."""
    by = {group.name: group.balance for group in shown}
    return by["has"] + by["spent"] - by["owes"] - by["earned"]


def entries(account: Account, narrow: Narrow, cursor: str = "") -> Page:
    """One page of an account, newest first, each with the balance after it."""
    wanted = Entry.objects.filter(account=account).filter(narrow.condition)
    newer, key = _cursor(cursor)
    if key is not None:
        wanted = wanted.filter(pk__gt=key) if newer else wanted.filter(pk__lt=key)
    ordered = wanted.order_by("pk" if newer else "-pk").select_related("transfer__customer")
    found = list(ordered[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if newer:
        found.reverse()
    if not found:
        return Page([])
    older_there = more if not newer else True
    newer_there = key is not None and (more if newer else True)
    return Page(
        with_balances(account, found),
        f"o{found[-1].pk}" if older_there else "",
        f"n{found[0].pk}" if newer_there else "",
    )


def with_balances(account: Account, found: Sequence[Entry]) -> list[Row]:
    """``found`` newest first. The newest balance is the account's own; the rest is taken off it."""
    if not found:
        return []
    top, bottom = found[0].pk, found[-1].pk
    mine = Entry.objects.filter(account=account)
    after = mine.filter(pk__gt=top).aggregate(n=Sum("amount"))["n"] or 0
    running = account.balance * account.sign - after
    balances = {}
    for pk, amount in (
        mine.filter(pk__gte=bottom, pk__lte=top).order_by("-pk").values_list("pk", "amount")
    ):
        balances[pk] = running * account.sign
        running -= amount
    return [Row(entry, balances[entry.pk]) for entry in found]


def exported(account: Account, narrow: Narrow) -> list[Row]:
    """For a file: oldest first, the newest ``MOST_EXPORTED``."""
    wanted = Entry.objects.filter(account=account).filter(narrow.condition)
    found = list(wanted.order_by("-pk").select_related("transfer__customer")[:MOST_EXPORTED])
    return with_balances(account, found)[::-1]


def kinds_of(account: Account) -> list[str]:
    """The kinds of transfers an account has had, for a filter."""
    mine = Transfer.objects.filter(entries__account=account).order_by("kind")
    return list(mine.values_list("kind", flat=True).distinct())


def newest_proof() -> LedgerProof | None:
    return LedgerProof.objects.first()


def _cursor(text: str) -> tuple[bool, int | None]:
    direction, number = text[:1], text[1:]
    if direction not in ("o", "n") or not (number.isascii() and number.isdigit()):
        return False, None
    return direction == "n", int(number) if len(number) < 19 else None


def sides(transfer: Transfer) -> QuerySet[Entry, Any]:
    """Both sides of a transfer, debits first."""
    return transfer.entries.select_related("account__customer", "account__tax_entity").order_by(
        "-amount", "pk"
    )
