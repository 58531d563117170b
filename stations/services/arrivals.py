"""Chargers have booted: what waits for that moment has its turn."""

from collections.abc import Callable, Sequence

from core.models import Fact
from stations.services import (
    campaigns,
    certificates,
    commissioning,
    limits,
    local_lists,
    transfers,
    upgrades,
)

# Each takes the ids of chargers that have just booted, finds those it waits for, and sees to them.
WAITING: tuple[Callable[[Sequence[int]], None], ...] = (
    certificates.on_booted,
    upgrades.on_booted,
    transfers.on_booted,
    campaigns.on_booted,
    local_lists.on_booted,
    commissioning.on_booted,
    limits.tell_after_boot,
)


def on_chargers_booted(fact: Fact) -> None:
    """One delivery for a whole group of boots: after a power cut thousands come at once."""
    for waiting in WAITING:
        waiting(fact.data["chargers"])
