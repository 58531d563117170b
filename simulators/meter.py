"""The energy register of a connector: integrates a load over simulated time, exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulators.car import Car


class Load(Protocol):
    """Something that draws power; it knows its own past, so it is asked for one span at a time."""

    def power_w(self) -> float:
        """What it draws at this moment, in W."""

    def draw(self, seconds: float) -> float:
        """Let ``seconds`` pass and return the Wh drawn in them."""


@dataclass(slots=True)
class Charging:
    """A car at a steady offer."""

    car: Car
    offered_w: float
    direct: bool

    def power_w(self) -> float:
        return self.car.power_w(self.offered_w, self.direct)

    def draw(self, seconds: float) -> float:
        return self.car.charge(self.offered_w, seconds, self.direct)


@dataclass(slots=True)
class RampDown:
    """A car asked to stop: its power falls in a straight line to zero within ``seconds``."""

    car: Car
    from_w: float
    seconds: float
    passed: float = 0.0

    def power_w(self) -> float:
        return self._power_after(self.passed)

    def draw(self, seconds: float) -> float:
        until = min(self.seconds, self.passed + seconds)
        mean_w = (self._power_after(self.passed) + self._power_after(until)) / 2
        wh = mean_w * (until - self.passed) / 3600
        self.passed = until
        return self.car.take(wh)

    def _power_after(self, passed: float) -> float:
        return self.from_w * (1 - passed / self.seconds) if passed < self.seconds else 0.0


class Meter:
    """A lifetime register in Wh. ``clock`` gives seconds; reading it brings it up to that moment.

    The truth (``total_wh``) and the display (``read_wh``) differ only by the faults put in.
    """

    def __init__(self, clock: Callable[[], float], register_wh: float = 0.0) -> None:
        self.total_wh = register_wh
        self._clock = clock
        self._at = clock()
        self._load: Load | None = None
        self._zero_wh = 0.0
        self._stuck_wh: int | None = None
        self._spike_wh = 0

    def settle(self) -> None:
        """Count what was drawn since the last time."""
        now = self._clock()
        if now > self._at:
            if self._load is not None:
                self.total_wh += self._load.draw(now - self._at)
            self._at = now

    def attach(self, load: Load | None) -> None:
        """From now on ``load`` draws; what the one before drew is counted first."""
        self.settle()
        self._load = load

    def power_w(self) -> float:
        """The power flowing now, in W."""
        self.settle()
        return 0.0 if self._load is None else self._load.power_w()

    def true_wh(self) -> float:
        """What has really passed, whatever the display says."""
        self.settle()
        return self.total_wh

    def read_wh(self) -> int:
        """The display: whole Wh, as the charger would report them."""
        self.settle()
        if self._stuck_wh is not None:
            return self._stuck_wh
        spike, self._spike_wh = self._spike_wh, 0
        # A hair's breadth absorbs the rounding of binary fractions: 11,000.0 must not read 10,999.
        return int(self.total_wh - self._zero_wh + 1e-6) + spike

    def reset(self) -> None:
        """The display starts again at 0, as after some reboots."""
        self.settle()
        self._zero_wh = self.total_wh

    def stick(self, stuck: bool) -> None:
        """The display stands still while energy flows, or shows the truth again."""
        self._stuck_wh = None
        if stuck:
            self._stuck_wh = self.read_wh()

    def spike(self, wh: int) -> None:
        """The next reading alone is ``wh`` too high."""
        self._spike_wh = wh
