"""Whose time counts: the charger's, within a guard, else ours. Pure.

Chargers buffer messages while away, so a claimed time may honestly lie hours back; but their
clocks also start at 1970, run in local time labelled Z (+7 h in Thailand), or not at all. The rule:
a claim near our receipt is believed; one from before this connection began may be a buffered
message and is believed back to ``OLDEST``; anything else gets our receipt time.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import msgspec

GUARD = timedelta(minutes=5)
OLDEST = timedelta(days=14)
_FRACTION = re.compile(r"(\.\d{6})\d+")


class Clock(IntEnum):
    """How ``Claim.at`` came about; the numbers are stored with each reading."""

    DEVICE = 0
    RECEIPT = 1
    NO_ZONE = 2


class Claim(msgspec.Struct, frozen=True, gc=False):
    """``at`` is what we believe; ``device_at`` what the charger said, if it can be read at all."""

    at: datetime
    device_at: datetime | None
    clock: Clock


def parse(text: str | None) -> tuple[datetime | None, bool]:
    """A charger's timestamp as UTC, and whether it named a zone. (None, False) when unreadable."""
    if not text:
        return None, False
    try:
        found = _read(text)
        if found.tzinfo is None:
            return found.replace(tzinfo=UTC), False
        return found.astimezone(UTC), True
    except (ValueError, OverflowError):
        return None, False


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # more digits than microseconds, lower case, spaces around
        return datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()).upper())


def believe(text: str | None, received_at: datetime, connected_at: datetime | None) -> Claim:
    """The time of a message that says ``text`` and came at ``received_at``, on a link made at
    ``connected_at``."""
    device_at, zoned = parse(text)
    if device_at is None:
        return Claim(received_at, None, Clock.RECEIPT)
    near = abs(device_at - received_at) <= GUARD
    buffered = received_at - OLDEST <= device_at < received_at and (
        connected_at is None or device_at <= connected_at
    )
    if not (near or buffered):
        return Claim(received_at, device_at, Clock.RECEIPT)
    return Claim(device_at, device_at, Clock.DEVICE if zoned else Clock.NO_ZONE)


def zulu(at: datetime) -> str:
    """RFC 3339 with milliseconds and Z, which every charger reads (quirk 25)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
