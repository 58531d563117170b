"""How many LINE messages are left, as the alarms page shows it. One account serves all companies."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from django.conf import settings

from users.messages import quota
from users.models import LineQuota


@dataclass(frozen=True, slots=True)
class Shown:
    """``used`` is what LINE counted and what we have sent since."""

    row: LineQuota
    used: int
    share: Decimal

    @property
    def percent(self) -> int:
        return int((self.share * 100).to_integral_value(ROUND_DOWN))

    @property
    def warns(self) -> bool:
        return self.share >= quota.WARN_AT

    @property
    def keeps_back(self) -> bool:
        return self.share >= quota.KEEP_BACK_AT


def shown() -> Shown | None:
    """None where LINE is not set up."""
    if not settings.LINE_CHANNEL_ACCESS_TOKEN:
        return None
    row = quota.row()
    return Shown(row, quota.used_now(row), quota.share(row))
