"""Energy from meter registers that may lie: never negative, never invented. Pure.

A register may be reset by a reboot in the middle of a charge. What it counted before the drop and
after it is real; the drop itself is not energy. Where start and stop agree with everything read in
between, their difference is the energy; otherwise the rises are added up and the fault is named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

JITTER_WH = 10  # a register that wobbles by its last digit is not a fault


@dataclass(frozen=True, slots=True)
class Sample:
    """A register in Wh as read at ``at``."""

    at: datetime
    register_wh: int


@dataclass(frozen=True, slots=True)
class Point:
    """Wh delivered since the start, at ``at``; never falls along a curve."""

    at: datetime
    wh: int


@dataclass(frozen=True, slots=True)
class Metered:
    """The energy of a charge in Wh, its curve, and whether the register ran backwards."""

    wh: int
    curve: tuple[Point, ...]
    faulty: bool


class Register:
    """Follows a register reading by reading. ``energy_wh`` is what has been delivered so far."""

    __slots__ = ("_before_drop", "energy_wh", "faulty", "last_wh")

    def __init__(self, start_wh: int, energy_wh: int = 0, last_wh: int | None = None) -> None:
        self.last_wh = start_wh if last_wh is None else last_wh
        self.energy_wh = energy_wh
        self.faulty = False
        self._before_drop: int | None = None

    def read(self, register_wh: int) -> int:
        """Take the next reading and say the energy so far.

        After a drop the register may go on from its new place (it was reset) or come back above
        where it was (one reading was wrong); only the second reading tells.
        """
        if register_wh < self.last_wh:
            self.faulty |= self.last_wh - register_wh > JITTER_WH
            self._before_drop = max(self.last_wh, self._before_drop or 0)
        elif self._before_drop is not None and register_wh >= self._before_drop:
            self.energy_wh += register_wh - self._before_drop
            self._before_drop = None
        else:
            self.energy_wh += register_wh - self.last_wh
            self._before_drop = None
        self.last_wh = register_wh
        return self.energy_wh


def measure(start_wh: int, samples: Iterable[Sample], stop_wh: int | None) -> Metered:
    """The energy of a charge from its start register, readings in any order, and stop register.

    ``stop_wh`` None: the stop never came; the readings decide.
    """
    ordered = sorted(samples, key=lambda s: s.at)
    highest = max((s.register_wh for s in ordered), default=start_wh)
    if stop_wh is not None and stop_wh >= max(start_wh, highest):
        return _from_difference(start_wh, ordered, stop_wh)
    return _from_rises(start_wh, _without_spikes(start_wh, ordered, stop_wh), stop_wh)


def _from_difference(start_wh: int, ordered: Sequence[Sample], stop_wh: int) -> Metered:
    """Start and stop frame all readings: whatever fell in between cannot have added energy."""
    points: list[Point] = []
    highest = 0
    faulty = False
    for sample in ordered:
        wh = sample.register_wh - start_wh
        faulty |= highest - wh > JITTER_WH
        highest = max(highest, wh)
        points.append(Point(sample.at, highest))
    return Metered(stop_wh - start_wh, tuple(points), faulty)


def _from_rises(start_wh: int, ordered: Sequence[Sample], stop_wh: int | None) -> Metered:
    """The register was reset: what it counted before and after is real, the drop is not."""
    register = Register(start_wh)
    points = [Point(s.at, register.read(s.register_wh)) for s in ordered]
    if stop_wh:  # a stop of 0 beside real readings says nothing
        register.read(stop_wh)
    faulty = register.faulty or (stop_wh is not None and stop_wh < register.last_wh)
    return Metered(register.energy_wh, tuple(points), faulty)


def _without_spikes(start_wh: int, ordered: Sequence[Sample], stop_wh: int | None) -> list[Sample]:
    """Leave out a reading that both its neighbours contradict: they agree with each other, not with it."""
    values = [start_wh, *(s.register_wh for s in ordered), *([stop_wh] if stop_wh else [])]
    kept = []
    for n, sample in enumerate(ordered, 1):
        before, after = values[n - 1], values[n + 1] if n + 1 < len(values) else None
        above_both = after is not None and sample.register_wh > after >= before
        if not above_both:
            kept.append(sample)
    return kept
