"""What a price list says about a car that stays at the plug, and its hours by the local clock. Pure.

Parking counts from the start of the charge until the plug is free. The penalty counts from the end
of charging and the grace minutes after it until the plug is free, but for the exempt hours. The
grace time runs by the clock: exempt hours within it do not lengthen it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal

MOST_GRACE_MIN = 24 * 60
MOST_FREE_USE_MIN = 24 * 60
MOST_EXEMPT = 8
MOST_PENALTY = Decimal(100_000)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of every day by the local clock. One that does not end after it begins ends the next day."""

    start: time
    end: time

    def on(self, day: date, zone: tzinfo) -> Span:
        """The stretch that begins on ``day``."""
        last = day if self.end > self.start else day + timedelta(days=1)
        return datetime.combine(day, self.start, zone), datetime.combine(last, self.end, zone)


@dataclass(frozen=True, slots=True)
class Terms:
    """Grace minutes, exempt hours and limits of a price list.

    ``penalty_max``: baht, the most a charge's penalty may come to. ``free_use_min``: a reservation
    costs nothing when the charge starts within so many minutes of it (0: it always costs).
    """

    grace_min: int = 0
    exempt: tuple[Hours, ...] = ()
    exempt_holidays: bool = False
    penalty_max: Decimal | None = None
    free_use_min: int = 0

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_min)

    def problem(self) -> tuple[str, str] | None:
        """The field that makes no sense and why; None where all do."""
        if not 0 <= self.grace_min <= MOST_GRACE_MIN:
            return "grace_min", "grace_range"
        if not 0 <= self.free_use_min <= MOST_FREE_USE_MIN:
            return "free_use_min", "free_use_range"
        if len(self.exempt) > MOST_EXEMPT:
            return "exempt", "too_many_hours"
        most = self.penalty_max
        if most is None:
            return None
        if not most.is_finite() or most < 0:
            return "penalty_max", "negative"
        if most > MOST_PENALTY:
            return "penalty_max", "too_high"
        return ("penalty_max", "decimals") if most.as_tuple().exponent < -2 else None  # type: ignore[operator]


NO_TERMS = Terms()


def whole(moment: datetime) -> datetime:
    """To the second, down: what is cut at whole seconds loses none."""
    return moment.replace(microsecond=0)


def priced_spans(
    start: datetime, end: datetime, terms: Terms, holidays: Collection[date], zone: tzinfo
) -> list[Span]:
    """The parts of [start, end) that no exempt hours cover, in order."""
    return _without((start, end), _exempt(start, end, terms, holidays, zone)) if start < end else []


def _exempt(
    start: datetime, end: datetime, terms: Terms, holidays: Collection[date], zone: tzinfo
) -> Iterable[Span]:
    day = start.astimezone(zone).date() - timedelta(days=1)  # hours of the night before
    last = end.astimezone(zone).date()
    while day <= last:
        yield from (hours.on(day, zone) for hours in terms.exempt)
        if terms.exempt_holidays and day in holidays:
            yield Hours(time(), time()).on(day, zone)
        day += timedelta(days=1)


def _without(span: Span, gaps: Iterable[Span]) -> list[Span]:
    start, end = span
    found = []
    for gap_start, gap_end in sorted(gaps):
        if gap_start > start:
            found.append((start, min(gap_start, end)))
        start = max(start, gap_end)
        if start >= end:
            return found
    return [*found, (start, end)]
