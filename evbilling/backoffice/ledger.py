"""The ledger: accounts, their entries with the running balance, transfers, and whether it proves out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.models import Account, AccountKind, Entry, LedgerProof, Transfer
from billing.money import to_baht
from billing.selectors import ledger as selectors
from billing.selectors.ledger import MANY, Group, Narrow
from billing.services import proving
from evbilling import spreadsheets
from evbilling.backoffice.chips import chip
from evbilling.backoffice.gate import AdminRequest, needs, one, rows, whole_company
from evbilling.backoffice.moments import midnight, next_midnight, parse_day
from evbilling.explained import account_word
from stations.models import Session
from users.access import Action, may

MOST_ACCOUNTS = 100
MOST_PROOFS = 60


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a transfer in words."""

    entry: Entry
    word: str
    whose: str

    @property
    def debit(self) -> int:
        return max(self.entry.amount, 0)

    @property
    def credit(self) -> int:
        return max(-self.entry.amount, 0)


@require_safe
@needs(Action.VIEW_LEDGER)
def index(request: AdminRequest) -> HttpResponse:
    """All accounts by kind; with ``?kind=`` those of one kind, wallets and debts by customer."""
    whole_company(request)
    mine = _accounts(request)
    kind = _kind(request)
    if kind is not None:
        return _of_kind(request, mine.filter(kind=kind), kind)
    found = selectors.groups(mine)
    context = {
        "groups": [
            (group_word(g.name), g, [(account_word(k.kind), k) for k in g.kinds]) for g in found
        ],
        "empty": not any(g.kinds for g in found),
        "difference": selectors.difference(found),
        "proof": selectors.newest_proof(),
        "people": _people(found),
    }
    return render(request, "backoffice/ledger.html", context)


@require_safe
@needs(Action.VIEW_LEDGER)
def account(request: AdminRequest, pk: int) -> HttpResponse:
    """One account's entries, newest first, each with the balance after it."""
    whole_company(request)
    found = one(request, _accounts(request), pk=pk)
    narrow = _narrow(request)
    words = {kind: transfer_word(kind) for kind in selectors.kinds_of(found)}
    page = selectors.entries(found, narrow, request.GET.get("at", ""))
    context = {
        "account": found,
        "word": account_word(found.kind),
        "whose": whose(found),
        "page": page,
        "rows": [(row, transfer_word(row.entry.transfer.kind)) for row in page.rows],
        "chips": [chip(request, "kind", _("Kind"), words)],
        "filtered": narrow != Narrow(),
        "many": found.kind in MANY,
    }
    return render(request, "backoffice/ledger_account.html", context)


@require_safe
@needs(Action.VIEW_LEDGER)
def export(request: AdminRequest, pk: int) -> HttpResponse:
    """The account's entries as an Excel file, by the page's filters."""
    whole_company(request)
    found = one(request, _accounts(request), pk=pk)
    heads = [
        _("Time"),
        _("Transfer"),
        _("Kind"),
        _("Reason"),
        _("Customer"),
        _("Debit"),
        _("Credit"),
        _("Balance"),
    ]
    lines = (
        (
            row.entry.transfer.at,
            row.entry.transfer_id,
            transfer_word(row.entry.transfer.kind),
            row.entry.transfer.reason,
            row.entry.transfer.customer.name if row.entry.transfer.customer else "",
            to_baht(row.debit) if row.debit else None,
            to_baht(row.credit) if row.credit else None,
            to_baht(row.balance),
        )
        for row in selectors.exported(found, _narrow(request))
    )
    return spreadsheets.answer(f"account-{found.pk}", account_word(found.kind), heads, lines)


@require_safe
@needs(Action.VIEW_LEDGER)
def transfer(request: AdminRequest, pk: int) -> HttpResponse:
    """One movement of money with all its sides."""
    whole_company(request)
    found = one(request, Transfer.objects.select_related("customer"), pk=pk)
    session = rows(request, Session.objects.filter(pk=found.session_id or 0)).first()
    context = {
        "transfer": found,
        "word": transfer_word(found.kind),
        "sides": [
            Side(e, account_word(e.account.kind), whose(e.account)) for e in selectors.sides(found)
        ],
        "session": session,
        "may_payment": may(request.admin, Action.VIEW_PAYMENT),
    }
    return render(request, "backoffice/ledger_transfer.html", context)


@require_safe
@needs(Action.VIEW_LEDGER)
def proofs(request: AdminRequest) -> HttpResponse:
    """When the ledger was proven, and what came of it."""
    whole_company(request)
    context = {
        "proofs": [
            (proof, wrong_words(proof)) for proof in LedgerProof.objects.all()[:MOST_PROOFS]
        ],
        "checks": [(name, check_word(name)) for name in CHECKS],
        "soon": selectors.newest_proof(),
    }
    return render(request, "backoffice/ledger_proofs.html", context)


@require_POST
@needs(Action.VIEW_LEDGER)
def prove(request: AdminRequest) -> HttpResponse:
    whole_company(request)
    proving.prove_now(str(request.admin))
    return redirect("ledger-proofs")


def _of_kind(request: AdminRequest, mine: QuerySet[Account], kind: AccountKind) -> HttpResponse:
    """Accounts of one kind, the fullest first."""
    who = request.GET.get("who", "").strip()[:60]
    if who:
        mine = mine.filter(customer__name__icontains=who)
    found = mine.select_related("customer", "tax_entity").order_by("-balance", "pk")
    context = {
        "word": account_word(kind),
        "kind": kind,
        "who": who,
        "many": kind in MANY,
        "accounts": [(a, whose(a)) for a in found[:MOST_ACCOUNTS]],
        "total": found.count(),
    }
    return render(request, "backoffice/ledger_kind.html", context)


def _accounts(request: AdminRequest) -> QuerySet[Account]:
    return rows(request, Account.objects.select_related("customer", "tax_entity"))


def _kind(request: HttpRequest) -> AccountKind | None:
    wanted = request.GET.get("kind", "")
    return AccountKind(wanted) if wanted in AccountKind.values else None


def _narrow(request: HttpRequest) -> Narrow:
    first, last = (parse_day(request.GET.get(name, "")) for name in ("from", "to"))
    return Narrow(
        request.GET.get("kind", "")[:20],
        midnight(first) if first else None,
        next_midnight(last) if last else None,
    )


def _people(found: Sequence[Group]) -> int:
    """What is other people's money: wallets, deposits, what is owed back."""
    theirs = (AccountKind.WALLET, AccountKind.GUEST_DEPOSIT, AccountKind.REFUND_PAYABLE)
    return sum(kind.balance for group in found for kind in group.kinds if kind.kind in theirs)


def whose(account: Account) -> str:
    """Whose account it is, where there are several of its kind."""
    parts: Iterable[str] = (
        account.customer.name if account.customer else "",
        account.tax_entity.name if account.tax_entity else "",
        account.gateway.upper(),
    )
    return " · ".join(filter(None, parts))


def group_word(name: str) -> str:
    return {
        "has": _("What the company has"),
        "owes": _("What it owes"),
        "earned": _("Earned, without VAT"),
        "spent": _("Spent"),
    }[name]


def transfer_word(kind: str) -> str:
    """What moved the money; a kind without words of its own keeps its name."""
    words: dict[str, Any] = {
        "charge": _("Charge"),
        "top_up": _("Top-up"),
        "withdraw": _("Withdrawal"),
        "payment": _("Payment"),
        "capture": _("Taken from the card"),
        "fee": _("Gateway fee"),
        "refund_owed": _("To be paid back"),
        "refund": _("Paid back"),
        "bad_debt": _("Bad debt"),
        "settlement": _("Settlement of the gateway"),
    }
    return str(words.get(kind, kind))


# What a proof looks at, in words; the checks themselves are ``ledger.prove``.
CHECKS = (
    "transfers_not_zero",
    "transfers_without_entries",
    "balances_off",
    "held_off",
    "wallets_below_zero",
    "bills_off_ledger",
    "outstanding_off_receivable",
    "clearing_off_payments",
    "card_holds_off_payments",
    "card_bills_not_captured",
    "refunds_off_payable",
    "deposits_off_purchases",
    "charged_and_refunded",
    "started_unpaid",
)


def check_word(name: str) -> str:
    words: dict[str, str] = {
        "transfers_not_zero": _("Every transfer’s sides sum to zero"),
        "transfers_without_entries": _("Every transfer has its sides"),
        "balances_off": _("Every balance is the sum of its entries"),
        "held_off": _("What is held is the sum of the open holds"),
        "wallets_below_zero": _("No wallet holds less than what is set aside of it"),
        "bills_off_ledger": _("Every bill is in the ledger with its amount"),
        "outstanding_off_receivable": _("What customers owe covers their open bills"),
        "clearing_off_payments": _("What gateways have for us is what payments say"),
        "card_holds_off_payments": _("What cards hold is what payments say"),
        "card_bills_not_captured": _("What was billed to cards was taken from them"),
        "refunds_off_payable": _("What is owed back is the sum of the open refunds"),
        "deposits_off_purchases": _("What guests have paid ahead is the sum of their purchases"),
        "charged_and_refunded": _("Nothing was billed and given back twice"),
        "started_unpaid": _("No charge was started unpaid"),
    }
    return words.get(name, name)


def wrong_words(proof: LedgerProof) -> list[tuple[str, int]]:
    return [(check_word(name), count) for name, count in sorted(proof.wrong.items())]
