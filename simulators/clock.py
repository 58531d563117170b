"""Time as the simulated world sees it: real, or N times faster from any chosen moment.

``TimeSource`` is shared by the chargers of a site; ``DeviceClock`` is what one charger believes.
"""

import asyncio
import contextlib
import heapq
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

CATCH_UP_S = 10.0  # real seconds; a machine that slept longer skips what it missed


class Timer:
    """Something planned; ``cancel`` takes it back."""

    __slots__ = ("_source", "callback", "due")

    def __init__(self, source: "TimeSource", due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback
        self._source = source

    def cancel(self) -> None:
        """It will not happen."""
        if self.callback is not None:
            self.callback = None
            self._source.one_cancelled()

    def __lt__(self, other: "Timer") -> bool:
        return self.due < other.due


class TimeSource:
    """Simulated Unix seconds; ``speed`` 60 lets an hour pass in a minute, from ``origin`` on.

    Time never runs past a planned moment before that has happened, and stands still while
    anything happens. A sample planned for 22:00:00 is therefore taken at 22:00:00 exactly, at any
    speed and on a busy machine; what is planned happens in the order of its times.
    """

    def __init__(self, speed: float = 1.0, origin: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self._wall = time.time()
        self._origin = self._wall if origin is None else origin.timestamp()
        self._latest = self._origin
        self._running = False
        self._standing = False
        self._planned: list[Timer] = []
        self._cancelled = 0
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = math.inf

    def seconds(self) -> float:
        """Simulated Unix time in seconds; it never goes back, whatever the machine's clock does."""
        if not (self._running or self._standing):
            self._latest = max(self._latest, min(self._live(), self._next_due()))
            self._stand_still()
        return self._latest

    def now(self) -> datetime:
        """The simulated moment, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` at the simulated Unix second ``due``."""
        timer = Timer(self, due, callback)
        heapq.heappush(self._planned, timer)
        if due < self._wake_at and not self._running:
            self._set_alarm()
        return timer

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` after ``delay`` simulated seconds."""
        return self.call_at(self.seconds() + delay, callback)

    async def sleep(self, delay: float) -> None:
        """Wait ``delay`` simulated seconds."""
        await asyncio.sleep(delay / self.speed)

    def one_cancelled(self) -> None:
        """A timer was taken back; they are swept out when they are the greater part."""
        self._cancelled += 1
        if self._cancelled > 100 and self._cancelled * 2 > len(self._planned):
            self._planned = [timer for timer in self._planned if timer.callback is not None]
            heapq.heapify(self._planned)
            self._cancelled = 0

    def _stand_still(self) -> None:
        """Hold time until the event loop's next turn: what happens together has one time."""
        with contextlib.suppress(RuntimeError):  # no loop runs, so nothing happens together
            asyncio.get_running_loop().call_soon(self._move_on)
            self._standing = True

    def _move_on(self) -> None:
        self._standing = False

    def _live(self) -> float:
        return self._origin + (time.time() - self._wall) * self.speed

    def _next_due(self) -> float:
        planned = self._planned
        while planned and planned[0].callback is None:
            heapq.heappop(planned)
            self._cancelled -= 1
        return planned[0].due if planned else math.inf

    def _set_alarm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self._wake_at = self._next_due()
        if self._wake_at < math.inf:
            delay = max(0.0, self._wake_at - self._live()) / self.speed
            self._wake = asyncio.get_running_loop().call_later(delay, self._run)

    def _run(self) -> None:
        """Let all that is due happen, in order, each at its own time."""
        live = self._live()
        self._running = True
        try:
            while self._next_due() <= live:
                timer = heapq.heappop(self._planned)
                self._latest = max(self._latest, timer.due, live - CATCH_UP_S * self.speed)
                callback, timer.callback = timer.callback, None
                if callback is not None:
                    callback()
        finally:
            self._running = False
            self._set_alarm()


class ClockStyle(Enum):
    """How a charger writes its timestamps, right or wrong as seen in the field."""

    UTC = "utc"
    UNSYNCED = "1970"  # counts from 1970-01-01 until its first synchronisation, which never comes
    LOCAL_AS_UTC = "+7h"  # Bangkok's local time with a false Z
    WITH_OFFSET = "+07:00"  # right, and legal
    NO_ZONE = "no-zone"  # right in UTC, but without saying so


BANGKOK = timezone(timedelta(hours=7))


class DeviceClock:
    """One charger's own clock: the time source seen through its error."""

    def __init__(self, source: TimeSource) -> None:
        self.source = source
        self.style = ClockStyle.UTC
        self.offset_s = 0.0
        self._powered_at = source.seconds()

    def stamp(self, at: float | None = None) -> str:
        """The ISO 8601 text this charger would write for the simulated Unix second ``at`` (now)."""
        at = (self.source.seconds() if at is None else at) + self.offset_s
        if self.style is ClockStyle.UNSYNCED:
            at -= self._powered_at
        elif self.style is ClockStyle.LOCAL_AS_UTC:
            at += 7 * 3600
        if self.style is ClockStyle.WITH_OFFSET:
            return datetime.fromtimestamp(at, BANGKOK).isoformat(timespec="milliseconds")
        text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6]
        return text if self.style is ClockStyle.NO_ZONE else f"{text}Z"
