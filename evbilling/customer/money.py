"""What a page must know of the money of a charge, read once."""

from dataclasses import dataclass
from functools import cached_property

from billing import pricing
from billing.models import Hold
from billing.services.wallets import Standing


@dataclass(frozen=True)
class Money:
    """``standing``: of the one whose card was tapped, once that is sure; ``usage``: as metered so far."""

    standing: Standing | None
    hold: Hold | None
    usage: pricing.Usage | None
    tariff: pricing.Tariff | None

    @cached_property
    def cost(self) -> int | None:
        """Satang so far."""
        if self.tariff is None or self.usage is None:
            return None
        return pricing.price(self.usage, self.tariff).total

    @property
    def can_hold(self) -> int | None:
        """What is free, and with it what this very charge holds; None while nobody is known."""
        if self.standing is None:
            return None
        return self.standing.available + (self.hold.amount if self.hold else 0)
