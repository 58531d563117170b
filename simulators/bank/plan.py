"""How the bank behaves until it is told otherwise: the ways in which a real one is difficult."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Webhooks = Literal[
    "on",
    "off",
    "late",
    "twice",
    "out_of_order",
    "old_secret",
    "both_secrets",
    "forged",
    "stale",
    "unsigned",
]
Refunds = Literal["done", "refused", "pending"]
Cards = Literal["straight", "3ds", "declined"]


@dataclass
class Plan:
    """``away``: the next requests get 503 and nothing happens. ``lost``: they happen and get 502.

    ``slow_s``: answers are held back that long. ``webhook_delay_s`` is for ``late``.
    """

    webhooks: Webhooks = "on"
    webhook_delay_s: float = 3.0
    refunds: Refunds = "done"
    cards: Cards = "straight"
    away: int = 0
    lost: int = 0
    slow_s: float = 0.0
    page: int = 100  # the most rows that a list gives at once

    def change(self, wish: dict[str, Any]) -> None:
        """Set what is named. ValueError for a name or value that there is not."""
        kinds = {each.name: each for each in fields(self)}
        for name, value in wish.items():
            if name not in kinds:
                raise ValueError(f"no switch {name}")
            words = _WORDS.get(name)
            if words and value not in words:
                raise ValueError(f"{name} is one of {', '.join(words)}")
            if not words and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} is a number")
        for name, value in wish.items():
            setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        return asdict(self)


_WORDS: dict[str, tuple[str, ...]] = {
    "webhooks": get_args(Webhooks),
    "refunds": get_args(Refunds),
    "cards": get_args(Cards),
}
