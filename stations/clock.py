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
LOCAL_SHIFT = timedelta(hours=7)  # what Thai local time is ahead by
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


def believe(
    text: str | None,
    received_at: datetime,
    connected_at: datetime | None,
    shift: timedelta | None = None,
) -> Claim:
    """The time of a message that says ``text`` and came at ``received_at``, on a link made at
    ``connected_at``. ``shift``: how far ahead this model's clock runs before it has taken ours."""
    device_at, zoned = parse(text)
    if device_at is None:
        return Claim(received_at, None, Clock.RECEIPT)
    if _may_be(device_at, received_at, connected_at):
        return Claim(device_at, device_at, Clock.DEVICE if zoned else Clock.NO_ZONE)
    if shift is not None and _may_be(device_at - shift, received_at, connected_at):
        return Claim(device_at - shift, device_at, Clock.NO_ZONE)
    return Claim(received_at, device_at, Clock.RECEIPT)


def _may_be(at: datetime, received_at: datetime, connected_at: datetime | None) -> bool:
    """Whether a time is now, or that of a message kept back while there was no line."""
    if abs(at - received_at) <= GUARD:
        return True
    earliest = received_at - OLDEST
    return earliest <= at < received_at and (connected_at is None or at <= connected_at)


def oddity(claim: Claim, received_at: datetime) -> str:
    """What is wrong with the clock of a claim that was not simply believed: a finding's code."""
    if claim.clock == Clock.NO_ZONE:
        return "clock_no_zone"
    if claim.device_at is None:
        return "clock_off"
    if claim.device_at.year < 2000:
        return "clock_1970"
    ahead = claim.device_at - received_at
    return "clock_local" if abs(ahead - LOCAL_SHIFT) <= GUARD else "clock_off"


def zulu(at: datetime) -> str:
    """RFC 3339 with milliseconds and Z, which every charger reads (quirk 25)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
