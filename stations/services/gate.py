"""The one hook through which money decides about energy.

``stations`` defines it, ``billing`` implements it, ``evbilling.events`` installs it. ``allow`` is
called inside the transaction that creates the session and places its hold there, so two taps on
one wallet cannot both win.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stations.models import Authorisation, Connector, Station
from users.models import Customer


@dataclass(frozen=True, slots=True)
class Allowance:
    """Leave to draw: ``max_wh`` since the start (None: no limit), to be renewed by ``valid_until``."""

    max_wh: int | None = None
    hold_id: int | None = None
    valid_until: datetime | None = None
    chosen_wh: int | None = None
    chosen_satang: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave, and why: ``no_money``, ``arrears``, ``overdue``, ``credit_used_up``, ``no_tariff``."""

    code: str


class Gate(Protocol):
    def check(self, station: Station, customer: Customer, at: datetime) -> Refusal | None:
        """Whether a start would be allowed, without reserving anything (Authorize)."""
        ...

    def allow(
        self,
        connector: Connector,
        customer: Customer | None,
        at: datetime,
        *,
        key: str,
        authorisation: Authorisation | None,
    ) -> Allowance | Refusal:
        """Reserve and allow, inside the caller's transaction. ``key`` makes a repeat find its hold."""
        ...

    def spendable(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        """What each has or is lent, less what is owed, in satang: who may charge offline."""
        ...


class _NoGate:
    """Before the project is wired nobody may charge."""

    def check(self, station: Station, customer: Customer, at: datetime) -> Refusal | None:
        return Refusal("not_wired")

    def allow(
        self,
        connector: Connector,
        customer: Customer | None,
        at: datetime,
        *,
        key: str,
        authorisation: Authorisation | None,
    ) -> Allowance | Refusal:
        return Refusal("not_wired")

    def spendable(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        return {}


_gate: Gate = _NoGate()


def install(gate: Gate) -> None:
    global _gate
    _gate = gate


def current() -> Gate:
    return _gate
