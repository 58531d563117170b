"""The way of a charge's money: set aside, paid in, billed, captured, given back (features C8).

Read from what cannot change (holds, ledger transfers) and from the rows of payment and refunds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.models import (
    AccountKind,
    Bill,
    Entry,
    HoldState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    Transfer,
)
from billing.selectors import bills, purchases
from stations.models import Session

# What a bill is paid from; the other side of its transfer is income and VAT.
PAYS = (
    AccountKind.WALLET,
    AccountKind.GUEST_DEPOSIT,
    AccountKind.CARD_DUE,
    AccountKind.RECEIVABLE,
    AccountKind.BAD_DEBT,
)


class Step(StrEnum):
    """What happened to money, in the order in which it can."""

    HELD = "held"  # set aside; ``where``: wallet or receivable
    OPENED = "opened"  # a payment was asked for
    CARD_HELD = "card_held"
    PAID_IN = "paid_in"
    FEE = "fee"  # the gateway's, with its VAT; the owner's cost
    USED = "used"  # of what was set aside
    FREED = "freed"
    BILLED = "billed"  # ``where``: the account that paid
    CAPTURED = "captured"
    RELEASED = "released"  # of a card's hold, never taken
    LOST = "lost"
    OWED_BACK = "owed_back"
    PAID_BACK = "paid_back"


@dataclass(frozen=True, slots=True)
class Move:
    """One step. ``at`` None: it has no moment of its own. ``transfer`` is its row in the ledger."""

    at: datetime | None
    step: Step
    amount: int
    where: str = ""
    transfer: int | None = None
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class MoneyWay:
    """``moves`` in order. Satang: paid in advance = billed from it + back + on its way back."""

    moves: tuple[Move, ...]
    payment: Payment | None = None
    paid: int = 0
    billed: int = 0
    back: int = 0
    to_come_back: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether all that was paid in advance is accounted for, once the charge is billed."""
        return self.paid == self.billed + self.back + self.to_come_back

    @property
    def in_advance(self) -> bool:
        return self.paid > 0


def of_session(session: Session, bill: Bill | None) -> MoneyWay:
    """How a charge was paid for, from the first step on."""
    purchase = purchases.of_session(session)
    payment = purchase.payment if purchase is not None else None
    moves = [*_of_hold(session, bill), *_of_bill(bill), *_lost(session)]
    if payment is None:
        return MoneyWay(_in_order(moves))
    refunds = list(payment.refunds.order_by("id"))
    moves += [*_of_payment(payment), *_of_refunds(refunds)]
    advance = (AccountKind.GUEST_DEPOSIT, AccountKind.CARD_DUE)
    return MoneyWay(
        _in_order(moves),
        payment,
        paid=payment.captured if payment.state == PaymentState.PAID else 0,
        billed=sum(m.amount for m in moves if m.step is Step.BILLED and m.where in advance),
        back=sum(r.amount for r in refunds if r.state == RefundState.DONE),
        to_come_back=sum(r.amount for r in refunds if r.state != RefundState.DONE),
    )


_RANK = {step: n for n, step in enumerate(Step)}


def _in_order(moves: list[Move]) -> tuple[Move, ...]:
    """By time; of one moment in the order of the steps. What has no moment comes last."""
    known = [m for m in moves if m.at is not None]
    rest = [m for m in moves if m.at is None]
    return (*sorted(known, key=lambda m: (m.at, _RANK[m.step])), *rest)


def _of_hold(session: Session, bill: Bill | None) -> Iterator[Move]:
    """A wallet's or credit line's; what a card holds is told by its payment."""
    hold = bills.hold_of(session)
    if hold is None or hold.account.kind not in (AccountKind.WALLET, AccountKind.RECEIVABLE):
        return
    where = hold.account.kind
    yield Move(hold.placed_at, Step.HELD, hold.amount, where)
    if hold.state == HoldState.OPEN:
        return
    if hold.posted:
        yield Move(hold.resolved_at, Step.USED, hold.posted, where)
    if back := hold.amount - hold.posted:
        yield Move(hold.resolved_at, Step.FREED, back, where)


def _of_bill(bill: Bill | None) -> Iterator[Move]:
    for entry in bills.entries_of(bill) if bill else []:
        if entry.amount > 0 and entry.account.kind in PAYS:
            at = bill.billed_at if bill else None
            yield Move(at, Step.BILLED, entry.amount, entry.account.kind, entry.transfer_id)


def _lost(session: Session) -> Iterator[Move]:
    found = Entry.objects.filter(
        transfer__session_id=session.pk, transfer__kind="bad_debt", amount__gt=0
    ).select_related("transfer")
    for entry in found:
        yield Move(entry.transfer.at, Step.LOST, entry.amount, "", entry.transfer_id)


def _of_payment(payment: Payment) -> Iterator[Move]:
    yield Move(payment.created_at, Step.OPENED, payment.amount, payment.method)
    if payment.hold and payment.authorised:
        yield Move(payment.paid_at, Step.CARD_HELD, payment.authorised, payment.method)
    steps = {"payment": Step.PAID_IN, "capture": Step.CAPTURED, "fee": Step.FEE}
    made = Transfer.objects.filter(payment_id=payment.pk, kind__in=steps).prefetch_related(
        "entries"
    )
    for row in made.order_by("id"):
        amount = sum(e.amount for e in row.entries.all() if e.amount > 0)
        yield Move(row.at, steps[row.kind], amount, payment.method, row.pk)
    over = payment.state in (PaymentState.PAID, PaymentState.RELEASED)
    if payment.hold and over and (left := payment.authorised - payment.captured):
        yield Move(payment.closed_at, Step.RELEASED, left, payment.method)


def _of_refunds(refunds: list[Refund]) -> Iterator[Move]:
    keys = [f"{word}:{r.pk}" for r in refunds for word in ("owed", "refund")]
    rows = dict(Transfer.objects.filter(key__in=keys).values_list("key", "pk"))
    for refund in refunds:
        owed, paid = rows.get(f"owed:{refund.pk}"), rows.get(f"refund:{refund.pk}")
        yield Move(refund.created_at, Step.OWED_BACK, refund.amount, "", owed, refund)
        if refund.state == RefundState.DONE:
            yield Move(refund.done_at, Step.PAID_BACK, refund.amount, refund.route, paid, refund)
