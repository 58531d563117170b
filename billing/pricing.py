"""What a charge costs: ``price(usage, tariff) -> Bill``. Pure: no clock, no database, no Django.

A tariff is one value: start, flat, energy, time, parking, penalty and reservation parts, each for
On-Peak, Off-Peak or any time, the calendar that tells the two apart, and the terms of staying at the
plug (``billing.stay``). Energy is integer Wh; unit prices are ``Decimal`` baht;
amounts are integer satang, rounded once per line (``money.round_satang``). A session that crosses
a price border is split by metered energy: by the reading at the border where there is one, else by
time between the two readings around it, the odd Wh going to the later side.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from billing.money import round_satang
from billing.stay import NO_TERMS, Span, Terms, priced_spans, whole

WH_PER_KWH = 1000
SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600


class Period(StrEnum):
    """Time of use. ``ANY`` is a price that does not care."""

    ON_PEAK = "on_peak"
    OFF_PEAK = "off_peak"
    ANY = "any"


class Part(StrEnum):
    """What is paid for."""

    START = "start"  # baht once, for starting
    FLAT = "flat"  # baht once, for the charge as a whole
    ENERGY = "energy"  # baht per kWh
    TIME = "time"  # baht per minute from start to end
    PARKING = "parking"  # baht per hour from start until the plug is free
    PENALTY = "penalty"  # baht per minute after the grace time until the plug is free
    RESERVATION = "reservation"  # baht once, for a reservation that was not used in time


ONCE = (Part.START, Part.FLAT, Part.RESERVATION)
STAYING = (Part.PARKING, Part.PENALTY)
# How much of a line's quantity (Wh, seconds) one unit price is for.
PER = {
    Part.ENERGY: WH_PER_KWH,
    Part.TIME: SECONDS_PER_MINUTE,
    Part.PARKING: SECONDS_PER_HOUR,
    Part.PENALTY: SECONDS_PER_MINUTE,
}


class TariffError(ValueError):
    """The tariff contradicts itself. ``field`` names the element."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Element:
    """One price. ``price`` is baht, VAT included, per session, kWh, minute or hour by ``part``.

    Parking is per hour: a price per minute times 60 is exact, an hour's price by 60 often is not.
    """

    part: Part
    price: Decimal
    period: Period = Period.ANY


@dataclass(frozen=True)
class Calendar:
    """On-Peak hours of working days; weekends and ``off_peak_days`` are Off-Peak all day.

    MEA/PEA TOU: On-Peak Mon-Fri 09:00-22:00 (research: Thai tariffs §4).
    """

    off_peak_days: frozenset[date] = frozenset()
    on_from: time = time(9)
    on_until: time = time(22)
    zone: str = "Asia/Bangkok"

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.off_peak_days

    def period_at(self, at: datetime) -> Period:
        """The period that ``at`` (aware) lies in; a border belongs to what it begins."""
        local = at.astimezone(self.tz)
        on = self.is_working_day(local.date()) and self.on_from <= local.time() < self.on_until
        return Period.ON_PEAK if on else Period.OFF_PEAK

    def borders(self, start: datetime, end: datetime) -> list[datetime]:
        """Moments strictly inside (start, end) at which the period changes, in order."""
        found = []
        day = start.astimezone(self.tz).date()
        last = end.astimezone(self.tz).date()
        while day <= last:
            if self.is_working_day(day):
                for hour in (self.on_from, self.on_until):
                    at = datetime.combine(day, hour, self.tz)
                    if start < at < end:
                        found.append(at)
            day += timedelta(days=1)
        return found

    def next_change(self, at: datetime) -> datetime:
        """The next border after ``at``. There is one within the longest run of holidays."""
        reach = at
        for _ in range(40):
            reach += timedelta(days=2)
            if borders := self.borders(at, reach):
                return borders[0]
        raise TariffError("off_peak_days", "no working day within 80 days")


@dataclass(frozen=True)
class Tariff:
    """Prices and calendar as one value; versions are never edited once used."""

    elements: tuple[Element, ...]
    calendar: Calendar = Calendar()
    currency: str = "THB"
    terms: Terms = NO_TERMS

    def __post_init__(self) -> None:
        if problem := self.terms.problem():
            raise TariffError(*problem)
        seen: set[tuple[Part, Period]] = set()
        for element in self.elements:
            field = f"{element.part}.{element.period}"
            if not element.price.is_finite() or element.price < 0:
                raise TariffError(field, "negative")
            if element.price.as_tuple().exponent < -4:  # type: ignore[operator]
                raise TariffError(field, "decimals")
            if (element.part, element.period) in seen:
                raise TariffError(field, "twice")
            if element.part in ONCE and element.period is not Period.ANY:
                raise TariffError(field, "once_per_session")
            seen.add((element.part, element.period))
        for part in PER:
            if (part, Period.ANY) in seen and len([p for p, _ in seen if p is part]) > 1:
                raise TariffError(f"{part}.any", "any_beside_periods")

    def unit_price(self, part: Part, period: Period) -> Decimal:
        """Baht per unit of ``part`` in ``period``; 0 where the tariff says nothing."""
        return self._prices.get((part, period), Decimal(0))

    @cached_property
    def _prices(self) -> dict[tuple[Part, Period], Decimal]:
        table: dict[tuple[Part, Period], Decimal] = {}
        for element in self.elements:
            periods = (
                (Period.ON_PEAK, Period.OFF_PEAK, Period.ANY)
                if element.period is Period.ANY
                else (element.period,)
            )
            table.update({(element.part, period): element.price for period in periods})
        return table

    def periods_of(self, part: Part) -> tuple[Period, ...]:
        """How the price list tells ``part`` apart: as one, or On-Peak and Off-Peak."""
        if any(e.part is part and e.period is Period.ANY for e in self.elements):
            return (Period.ANY,)
        return (Period.ON_PEAK, Period.OFF_PEAK)

    def tells_periods_apart(self) -> bool:
        """Whether On-Peak and Off-Peak of a charge stand on lines of their own, which round each by itself.

        Of what may come after it (the penalty) nothing is held or promised.
        """
        return any(e.period is not Period.ANY and e.part is not Part.PENALTY for e in self.elements)

    def has(self, part: Part) -> bool:
        """Whether ``part`` costs anything at any time."""
        return any(e.part is part and e.price for e in self.elements)

    @cached_property
    def minds_the_plug(self) -> bool:
        """Whether a car that stays at the plug costs something, so that a bill waits until it left."""
        return any(self.has(part) for part in STAYING)

    @property
    def once(self) -> int:
        """Satang that a charge costs whatever it draws (start and flat parts)."""
        return sum(
            round_satang(self.unit_price(part, Period.ANY)) for part in (Part.START, Part.FLAT)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """``wh`` delivered since the start of the session, at ``at``."""

    at: datetime
    wh: int


@dataclass(frozen=True)
class Usage:
    """A charge as metered. ``readings`` may come in any order; they never fall and never exceed ``wh``.

    ``idle_from``: when charging had ended (None: it has not, or nobody knows). ``unplugged_at``:
    until when the plug was taken (None: until ``end``). ``reserved_at``: when the plug was reserved
    for it, None where it was not.
    """

    start: datetime
    end: datetime
    wh: int
    readings: tuple[Reading, ...] = ()
    idle_from: datetime | None = None
    unplugged_at: datetime | None = None
    reserved_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a charge cannot end before it starts")
        if self.wh < 0:
            raise ValueError("energy cannot be negative")

    @property
    def left(self) -> datetime:
        """When the plug was free again."""
        return max(self.end, self.unplugged_at or self.end)

    @cached_property
    def curve(self) -> tuple[Reading, ...]:
        """From (start, 0) to (end, wh), in time order, never falling."""
        points = [Reading(self.start, 0)]
        inside = (r for r in self.readings if self.start <= r.at <= self.end)
        for reading in sorted(inside, key=lambda r: (r.at, r.wh)):
            points.append(Reading(reading.at, min(max(reading.wh, points[-1].wh), self.wh)))
        points.append(Reading(self.end, self.wh))
        return tuple(points)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch within one period. ``measured`` says whether each end is a reading or interpolated."""

    period: Period
    start: datetime
    end: datetime
    wh_from: int
    wh_to: int
    start_measured: bool
    end_measured: bool

    @property
    def wh(self) -> int:
        return self.wh_to - self.wh_from

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: quantity × unit price = amount. Wh for energy, seconds for time,
    parking and penalty, else 1. ``capped``: the price list's most for a penalty made it less."""

    part: Part
    period: Period
    quantity: int
    unit_price: Decimal
    amount: int
    segments: tuple[Segment, ...] = ()
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines and their sum in satang, VAT included."""

    lines: tuple[Line, ...]
    total: int
    wh: int


def split(usage: Usage, calendar: Calendar) -> tuple[Segment, ...]:
    """Cut a charge at every border of the calendar. The segments' Wh add up to ``usage.wh``."""
    cuts = [Reading(usage.start, 0)]
    measured = [True]
    if borders := calendar.borders(usage.start, usage.end):
        times = [point.at for point in usage.curve]
        for border in borders:
            wh, exact = _wh_at(border, usage.curve, times)
            cuts.append(Reading(border, wh))
            measured.append(exact)
    cuts.append(Reading(usage.end, usage.wh))
    measured.append(True)
    return tuple(
        Segment(calendar.period_at(a.at), a.at, b.at, a.wh, b.wh, measured[n], measured[n + 1])
        for n, (a, b) in enumerate(pairwise(cuts))
    )


def price(usage: Usage, tariff: Tariff) -> Bill:
    """The bill of a charge.

    A charge without energy costs nothing and has no lines, unless the car was left at the plug
    beyond the grace time: then it pays for the stay as any other.
    """
    if usage.wh == 0 and not overstayed(usage, tariff):
        return Bill((), 0, 0)
    lines: tuple[Line, ...] = ()
    if usage.wh:
        segments = split(usage, tariff.calendar)
        lines = (*_once(usage, tariff), *_by_period(tariff, segments))
    lines = (*lines, *_parking(usage, tariff), *_penalty(usage, tariff))
    return Bill(lines, sum(line.amount for line in lines), usage.wh)


def penalty_from(usage: Usage, tariff: Tariff) -> datetime | None:
    """When the grace time is over; None while charging goes on."""
    return None if usage.idle_from is None else whole(usage.idle_from + tariff.terms.grace)


def overstayed(usage: Usage, tariff: Tariff) -> bool:
    """Whether the car still stood there after the grace time, exempt hours or not."""
    begins = penalty_from(usage, tariff)
    return begins is not None and whole(usage.left) > begins


def exempt_until(tariff: Tariff, at: datetime) -> datetime | None:
    """When the exempt hours end that hold at ``at``; None where none do. Looks a week ahead."""
    calendar = tariff.calendar
    end = at + timedelta(days=7)
    spans = priced_spans(at, end, tariff.terms, calendar.off_peak_days, calendar.tz)
    begins = spans[0][0] if spans else end
    return begins if begins > at else None


def reservation_fee(reserved_at: datetime, start: datetime | None, tariff: Tariff) -> int:
    """Satang for a reservation: nothing when the charge started in time. ``start`` None: no charge came."""
    within = timedelta(minutes=tariff.terms.free_use_min)
    if start is not None and within and start - reserved_at <= within:
        return 0
    return round_satang(tariff.unit_price(Part.RESERVATION, Period.ANY))


def _wh_at(at: datetime, curve: Sequence[Reading], times: Sequence[datetime]) -> tuple[int, bool]:
    """Wh at ``at`` and whether a reading says so; between two readings by time, rounded down."""
    after = bisect_right(times, at)
    before = curve[after - 1]
    if before.at == at or after == len(curve):
        return before.wh, True
    following = curve[after]
    span = (following.at - before.at) // timedelta(microseconds=1)
    part = (at - before.at) // timedelta(microseconds=1)
    return before.wh + (following.wh - before.wh) * part // span, False


def _once(usage: Usage, tariff: Tariff) -> Iterator[Line]:
    for part in (Part.START, Part.FLAT):
        unit = tariff.unit_price(part, Period.ANY)
        if unit:
            yield Line(part, Period.ANY, 1, unit, round_satang(unit))
    if usage.reserved_at is not None:
        fee = reservation_fee(usage.reserved_at, usage.start, tariff)
        if fee:
            unit = tariff.unit_price(Part.RESERVATION, Period.ANY)
            yield Line(Part.RESERVATION, Period.ANY, 1, unit, fee)


def _by_period(tariff: Tariff, segments: Sequence[Segment]) -> Iterator[Line]:
    """Energy and time, one line for each period of the price list that has a quantity."""
    for part in (Part.ENERGY, Part.TIME):
        for period in tariff.periods_of(part):
            mine = tuple(s for s in segments if period in (Period.ANY, s.period))
            quantity = sum(s.wh if part is Part.ENERGY else s.seconds for s in mine)
            unit = tariff.unit_price(part, period)
            if quantity and (unit or part is Part.ENERGY):
                yield Line(part, period, quantity, unit, _amount(part, quantity, unit), mine)


def _parking(usage: Usage, tariff: Tariff) -> Iterator[Line]:
    start, end = whole(usage.start), whole(usage.left)
    if tariff.has(Part.PARKING) and start < end:
        yield from _stay_lines(Part.PARKING, tariff, _pieces([(start, end)], usage.wh, tariff))


def _penalty(usage: Usage, tariff: Tariff) -> Iterator[Line]:
    begins = penalty_from(usage, tariff)
    if begins is None or not tariff.has(Part.PENALTY):
        return
    calendar, terms = tariff.calendar, tariff.terms
    spans = priced_spans(begins, whole(usage.left), terms, calendar.off_peak_days, calendar.tz)
    rest = None if terms.penalty_max is None else round_satang(terms.penalty_max)
    for line in _stay_lines(Part.PENALTY, tariff, _pieces(spans, usage.wh, tariff)):
        if rest is not None and line.amount > rest:
            yield replace(line, amount=rest, capped=True)
            rest = 0
        else:
            yield line
            rest = None if rest is None else rest - line.amount


def _pieces(spans: Sequence[Span], wh: int, tariff: Tariff) -> list[Segment]:
    """The spans cut at the calendar's borders; no energy flows in them."""
    found = []
    for start, end in spans:
        cuts = [start, *tariff.calendar.borders(start, end), end]
        for a, b in pairwise(cuts):
            period = tariff.calendar.period_at(a)
            found.append(Segment(period, a, b, wh, wh, True, True))
    return found


def _stay_lines(part: Part, tariff: Tariff, pieces: Sequence[Segment]) -> Iterator[Line]:
    """One line for each period of the price list that costs something."""
    for period in tariff.periods_of(part):
        mine = tuple(s for s in pieces if period in (Period.ANY, s.period))
        seconds, unit = sum(s.seconds for s in mine), tariff.unit_price(part, period)
        if seconds and unit:
            yield Line(part, period, seconds, unit, _amount(part, seconds, unit), mine)


def _amount(part: Part, quantity: int, unit: Decimal) -> int:
    return round_satang(unit * quantity / PER[part])
