"""Money that goes back: a liability from the moment it is known, until it is paid. Never income."""

from billing.models import Payment, Refund, RefundReason
from core.audit import Actor
from core.models import Fact


def give_back(payment: Payment, satang: int, reason: RefundReason, key: str) -> Refund:
    """Owe ``satang`` of what was taken, once per ``key``, and pick the way back. In a transaction."""
    raise NotImplementedError


def run(refund_id: int) -> Refund:
    """Do what is due on a refund: ask the gateway (looking for it first), or take the next way."""
    raise NotImplementedError


def run_due(most: int = 50) -> list[int]:
    """Claim refunds that are due: their ids, for ``run``."""
    raise NotImplementedError


def accept_number(refund: Refund, text: str) -> Refund:
    """The PromptPay number a guest gives on the link. ``BadNumber``, ``LinkOver`` (410)."""
    raise NotImplementedError


def pay_by_hand(refund: Refund, actor: Actor, note: str, *, cash: bool = False) -> Refund:
    """An admin has paid it: ``note`` is the bank's reference. Not while the gateway may still pay it."""
    raise NotImplementedError


def number_of(refund: Refund) -> str:
    """The PromptPay number that was given, for the admin who pays; or ''."""
    raise NotImplementedError


def on_reminder_due(fact: Fact) -> None:
    """A link nobody has used: remind twice, then hand it to an admin."""
    raise NotImplementedError
