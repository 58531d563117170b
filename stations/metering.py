"""Energy from meter registers that may lie: never negative, never invented. Pure.

A reading continues the counter it belongs to where it has not fallen and where the plug could have
given the difference in the time between; else it begins another counter. Several counters in one
charge are what real meters make: a register reset by a reboot, a lifetime register at the start and
a relative one in between, a wild value, kWh labelled Wh, a stop of zero.

What is believed (beats "the last reading" and "the highest", SteVe's streak rule is its core):
start and stop, where they are one counter, else the longest streaks that do not overlap. A value
that its own neighbours contradict is left out. So the energy is a lower bound of what flowed: what
else the charger claims is ``disputed_wh``, for a person to decide.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

JITTER_WH = 10  # a register that wobbles by its last digit is not a fault
POWER_MARGIN = 1.25  # a plug may give a little more than its plate says
SLACK_S = 60.0  # a reading may be this much older than its time
BURST_S = (
    5.0  # readings this close in receipt, of a clock that is not believed, say nothing of time
)
# A charge this short may be a test at the bench that runs an hour's charge in a minute, or one whose
# times are unknown (made offline with a wrong clock): only what a car can take at once bounds it.
SHORT = timedelta(minutes=15)
SHORT_MOST_WH = 10_000
MOST_OPEN = 8  # counters kept in mind; a meter with more of them is noise
LEAST_SHAPE = 3  # readings from which on another counter tells how energy came over time

RESET = "register_reset"
IMPOSSIBLE = "impossible_rise"
CONTRADICTED = "contradicted_reading"
STOP_ZERO = "stop_zero"
STOP_LOW = "stop_below_readings"


@dataclass(frozen=True, slots=True)
class Sample:
    """A register in Wh as read at ``at``; ``heard_at`` is when it came to us."""

    at: datetime
    register_wh: int
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Wh delivered since the start, at ``at``; never falls along a curve."""

    at: datetime
    wh: int


@dataclass(frozen=True, slots=True)
class Metered:
    """The energy of a charge in Wh, its curve, and what was wrong with the register.

    ``disputed_wh``: what the charger claims beyond ``wh`` and the plug could have given.
    """

    wh: int
    curve: tuple[Point, ...]
    faults: tuple[str, ...] = ()
    claimed_wh: int = 0
    disputed_wh: int = 0

    @property
    def faulty(self) -> bool:
        return bool(self.faults)


@dataclass(frozen=True, slots=True)
class Plug:
    """What the plug can give (W; None: unknown, no bound) and how its register counts."""

    most_w: int | None = None
    counts_from_zero: bool = False

    def most_wh(self, seconds: float) -> float:
        """The energy that can have flowed in a time, with margin."""
        if self.most_w is None:
            return float("inf")
        return (max(seconds, 0.0) + SLACK_S) * self.most_wh_per_s

    @property
    def most_wh_per_s(self) -> float:
        """Wh in a second at full power, with margin."""
        return float("inf") if self.most_w is None else self.most_w * POWER_MARGIN / 3600


UNBOUND = Plug()


class Register:
    """Follows a register reading by reading. ``energy_wh`` is what has been delivered so far.

    On the path of every MeterValues: an honest reading costs two comparisons and a sum.
    """

    __slots__ = ("_before_drop", "_before_jump", "energy_wh", "faulty", "from_zero", "last_wh")

    def __init__(
        self,
        start_wh: int,
        energy_wh: int = 0,
        last_wh: int | None = None,
        *,
        from_zero: bool = False,
    ) -> None:
        self.last_wh = start_wh if last_wh is None else last_wh
        self.energy_wh = energy_wh
        self.faulty = False
        self.from_zero = from_zero
        self._before_drop: int | None = None
        self._before_jump: int | None = None

    def read(self, register_wh: int, most_wh: float = float("inf")) -> int:
        """Take the next reading and say the energy so far. ``most_wh``: what can have flowed since
        the last one.

        After a drop the register may go on from its new place (it was reset) or come back above
        where it was (one reading was wrong); only the second reading tells. A rise that cannot be
        is not counted: it may be another counter, or a wild value that the next one contradicts.
        """
        rise = register_wh - self.last_wh
        if rise < 0:
            self._fall(register_wh, most_wh)
        elif self._before_drop is not None and 0 <= register_wh - self._before_drop <= most_wh:
            self.energy_wh += register_wh - self._before_drop
            self._before_drop = self._before_jump = None
        elif rise > most_wh:
            self.faulty = True
            self._before_jump = self.last_wh if self._before_jump is None else self._before_jump
            self._before_drop = None
        else:
            self.energy_wh += rise
            self._before_drop = self._before_jump = None
        self.last_wh = register_wh
        return self.energy_wh

    def _fall(self, register_wh: int, most_wh: float) -> None:
        jump, self._before_jump = self._before_jump, None
        if jump is not None and 0 <= register_wh - jump <= most_wh:
            self.energy_wh += register_wh - jump  # back from one wild value
            return
        fall = self.last_wh - register_wh
        self.faulty |= fall > JITTER_WH
        self._before_drop = max(self.last_wh if jump is None else jump, self._before_drop or 0)
        if self.from_zero and fall > JITTER_WH and register_wh <= most_wh:
            self.energy_wh += register_wh
            self._before_drop = None


@dataclass(slots=True, eq=False)
class _Reading:
    """A register value at a place in the order of all; the start is number 0."""

    n: int
    sample: Sample
    is_stop: bool = False

    @property
    def wh(self) -> int:
        return self.sample.register_wh


@dataclass(slots=True, eq=False)
class _Counter:
    """Readings of one counter, in order; ``base_wh`` is its value where it began."""

    readings: list[_Reading]
    base_wh: int
    fresh: bool = False  # begun at zero after a fall, as the model is known to do

    @property
    def last_wh(self) -> int:
        return max(self.readings[-1].wh, self.base_wh)

    @property
    def rise(self) -> int:
        return max(self.last_wh - self.base_wh, 0)

    @property
    def steps(self) -> int:
        return len(self.readings) - 1 + self.fresh


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """Counters that do not overlap, as a chain from the last one back."""

    steps: int = 0
    rise: int = 0
    last: _Counter | None = None
    before: "_Chain | None" = None

    def counters(self) -> list[_Counter]:
        found, link = [], self
        while link.last is not None and link.before is not None:
            found.append(link.last)
            link = link.before
        return found[::-1]


@dataclass(slots=True)
class _Sorting:
    """Readings being told apart into counters."""

    plug: Plug
    short: bool
    newest_first: bool = False  # of counters that fit, that of the reading before, not the nearest
    counters: list[_Counter] = field(default_factory=list)
    faults: dict[str, None] = field(default_factory=dict)  # in the order noticed

    def take(self, reading: _Reading) -> None:
        """Put a reading where it belongs."""
        alive = self.counters[-MOST_OPEN:]
        fitting = [c for c in alive if self._continues(c, reading)]
        if fitting:
            chosen = min(fitting, key=lambda c: self._distance(c, reading))
            if reading.wh < chosen.last_wh:
                reading = _level(reading, chosen.last_wh)
            chosen.readings.append(reading)
            self.counters.remove(chosen)
            self.counters.append(chosen)
            return
        if self._drops_one(alive[-1], reading):
            return
        self._begin(alive[-1], reading)

    def _continues(self, counter: _Counter, reading: _Reading) -> bool:
        rise = reading.wh - counter.last_wh
        if rise < -JITTER_WH:
            return False
        return rise <= self._most(counter, reading)

    def _distance(self, counter: _Counter, reading: _Reading) -> tuple[bool, int]:
        """How far a reading lies from a counter that it fits. A wobble is one of the newest counter;
        that an older one stood just above is chance."""
        newest = counter is self.counters[-1]
        rise = reading.wh - counter.last_wh
        return not newest and (self.newest_first or rise < 0), max(rise, 0)

    def _most(self, counter: _Counter, reading: _Reading) -> float:
        """What can have been added to a counter since its last reading."""
        last = counter.readings[-1].sample
        now = reading.sample
        most = self.plug.most_wh(_seconds(last, now))
        if _together(last, now):
            # Kept back and sent together: only all of it together can be too much.
            first = counter.readings[0].sample
            most = max(most, self.plug.most_wh(_seconds(first, now)) - counter.rise)
        if self.short and self.plug.most_w is not None:
            most = max(most, SHORT_MOST_WH - counter.rise)
        return most

    def _drops_one(self, counter: _Counter, reading: _Reading) -> bool:
        """Whether the newest reading was wild: this one continues what was before it."""
        kept = counter.readings
        if len(kept) < 2 or reading.wh >= kept[-1].wh or (reading.is_stop and reading.wh == 0):
            return False
        wild = kept.pop()
        if not self._continues(counter, reading):
            kept.append(wild)
            return False
        kept.append(reading)
        self.faults[CONTRADICTED] = None
        return True

    def _begin(self, before: _Counter, reading: _Reading) -> None:
        fell = reading.wh < before.last_wh
        fault = RESET if fell else IMPOSSIBLE
        if reading.is_stop and fell:
            fault = STOP_ZERO if reading.wh == 0 else STOP_LOW
        self.faults[fault] = None
        fresh = fell and self.plug.counts_from_zero and reading.wh <= self._most(before, reading)
        self.counters.append(_Counter([reading], 0 if fresh else reading.wh, fresh))


def measure(
    start_wh: int,
    samples: Iterable[Sample],
    stop_wh: int | None,
    *,
    start: Sample | None = None,
    stop: Sample | None = None,
    plug: Plug = UNBOUND,
) -> Metered:
    """The energy of a charge from its start register, readings in any order, and stop register.

    ``stop_wh`` None: the stop never came; the readings decide. Times of start and stop matter
    only for ``plug.most_w``.
    """
    ordered = sorted(samples, key=lambda s: s.at)
    readings = _in_order(start_wh, ordered, stop_wh, start, stop)
    sorting = _told_apart(readings, plug)
    stop_n = len(readings) - 1 if stop_wh is not None else None
    if sorting.faults and _whole(sorting.counters, stop_n) is None:
        # By chance a reading may stand where another counter stood: told apart the other way, start
        # and stop may turn out to be one.
        other = _told_apart(readings, plug, newest_first=True)
        sorting = sorting if _whole(other.counters, stop_n) is None else other
    chosen = _believed(sorting.counters, stop_n)
    wh = sum(c.rise for c in chosen)
    curve = _curve(ordered, chosen, sorting.counters, wh)
    faults = tuple(sorting.faults)
    if plug.counts_from_zero:  # what the model is known to do is no fault
        faults = tuple(f for f in faults if f != RESET)
    claimed = _claimed(readings, plug, sorting.short, wh)
    possible = plug.most_wh(_seconds(readings[0].sample, readings[-1].sample))
    disputed = max(int(min(claimed, possible)) - wh, 0) if faults else 0
    return Metered(wh, curve, faults, claimed, disputed)


def _told_apart(
    readings: Sequence[_Reading], plug: Plug, *, newest_first: bool = False
) -> _Sorting:
    sorting = _Sorting(plug, _is_short(readings), newest_first)
    sorting.counters.append(_Counter([readings[0]], readings[0].wh))
    for reading in readings[1:]:
        sorting.take(reading)
    return sorting


def _in_order(
    start_wh: int,
    ordered: Sequence[Sample],
    stop_wh: int | None,
    start: Sample | None,
    stop: Sample | None,
) -> list[_Reading]:
    """Start, readings by time, stop, as one row."""
    if start is None:
        at = ordered[0].at if ordered else stop.at if stop else datetime.min.replace(tzinfo=UTC)
        start = Sample(at, start_wh)
    row = [start, *ordered]
    if stop_wh is not None:
        row.append(stop or Sample(row[-1].at, stop_wh))
    readings = [_Reading(n, sample) for n, sample in enumerate(row)]
    readings[-1].is_stop = stop_wh is not None
    return readings


def _is_short(readings: Sequence[_Reading]) -> bool:
    return _seconds(readings[0].sample, readings[-1].sample) < SHORT.total_seconds()


def _seconds(a: Sample, b: Sample) -> float:
    """The time between two readings: by their own times or by when we heard, whichever is longer.

    Buffered readings come late and together; a clock that is set in between jumps.
    """
    return max((b.at - a.at).total_seconds(), _heard(a, b))


def _together(a: Sample, b: Sample) -> bool:
    """Whether two readings came to us in one go."""
    return a.heard_at is not None and b.heard_at is not None and _heard(a, b) < BURST_S


def _heard(a: Sample, b: Sample) -> float:
    if a.heard_at is None or b.heard_at is None:
        return 0.0
    return (b.heard_at - a.heard_at).total_seconds()


def _level(reading: _Reading, wh: int) -> _Reading:
    """A reading whose last digit wobbled, at the height of the one before."""
    s = reading.sample
    return _Reading(reading.n, Sample(s.at, wh, s.heard_at), reading.is_stop)


def _believed(counters: Sequence[_Counter], stop_n: int | None) -> list[_Counter]:
    """The counters whose rises are the energy: start to stop where that is one counter, else the
    best supported ones that do not overlap, in order."""
    if whole := _whole(counters, stop_n):
        return [whole]
    rows = sorted((c for c in counters if c.steps), key=lambda c: c.readings[-1].n)
    ends = [c.readings[-1].n for c in rows]
    best = [_Chain()]
    for counter in rows:
        before = best[bisect_right(ends, counter.readings[0].n, hi=len(best) - 1)]
        taken = _Chain(before.steps + counter.steps, before.rise + counter.rise, counter, before)
        best.append(max(best[-1], taken, key=lambda chain: (chain.steps, chain.rise)))
    return best[-1].counters()


def _whole(counters: Sequence[_Counter], stop_n: int | None) -> _Counter | None:
    """The counter that both start and stop belong to."""
    for counter in counters:
        if stop_n and counter.readings[0].n == 0 and counter.readings[-1].n == stop_n:
            return counter
    return None


def _curve(
    ordered: Sequence[Sample],
    chosen: Sequence[_Counter],
    counters: Sequence[_Counter],
    wh: int,
) -> tuple[Point, ...]:
    """Energy at each reading. Where start and stop alone are believed, another counter that ran
    along may tell when within the charge the energy came."""
    heights: dict[int, int] = {}
    before = 0
    for counter in chosen:
        heights |= {r.n: before + max(r.wh - counter.base_wh, 0) for r in counter.readings}
        before += counter.rise
    for counter in counters:
        if len(counter.readings) >= LEAST_SHAPE and counter not in chosen:
            for r in counter.readings:
                heights.setdefault(r.n, max(r.wh - counter.base_wh, 0))
    points, height = [], 0
    for n, sample in enumerate(ordered, 1):
        height = min(max(height, heights.get(n, height)), wh)
        points.append(Point(sample.at, height))
    return tuple(points)


def _claimed(readings: Sequence[_Reading], plug: Plug, short: bool, believed: int) -> int:
    """The most that the charger's own words may mean: end less start, or every possible rise added
    up, as if each fall had been a reset."""
    least = SHORT_MOST_WH if short else 0
    rises = 0
    for a, b in itertools.pairwise(readings):
        rise = b.wh - a.wh
        if 0 < rise <= max(plug.most_wh(_seconds(a.sample, b.sample)), least):
            rises += rise
    return max(believed, rises, readings[-1].wh - readings[0].wh)


def looks_like_kwh(rise_wh: int, drawn_wh: float) -> bool:
    """Whether a register that rose by ``rise_wh`` in fact counts kWh: power times time says about a
    thousand times as much (quirk 22)."""
    return drawn_wh >= 500 and drawn_wh > 300 * max(rise_wh, 1)
