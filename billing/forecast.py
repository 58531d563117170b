"""What a charge may cost, and how much energy money buys. Pure, over the same tariff value as bills."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from billing.money import round_satang, to_baht
from billing.pricing import (
    PER,
    WH_PER_KWH,
    Part,
    Period,
    Reading,
    Tariff,
    Usage,
    price,
)

TIMED = (Part.TIME, Part.PARKING)  # what the minutes of a charge cost
TIME_STEP = timedelta(minutes=1)  # with a time price, energy is bought a minute at a time


@dataclass(frozen=True, slots=True)
class Forecast:
    """Satang for a quantity: as it will probably be, and between what bounds."""

    expected: int
    lowest: int
    highest: int
    seconds: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Affordable:
    """Wh since the session's start that the budget still covers, and until when that holds."""

    wh: int
    valid_until: datetime | None


def forecast(wh: int, power_w: int, at: datetime, tariff: Tariff) -> Forecast:
    """Charging ``wh`` from ``at`` at constant ``power_w``; bounds: all in the cheapest or dearest period."""
    seconds = -(-wh * 3600 // max(power_w, 1))
    ends_at = at + timedelta(seconds=seconds)
    expected = price(Usage(at, ends_at, wh), tariff).total
    bounds = [cost_in(period, wh, seconds, tariff) for period in (Period.ON_PEAK, Period.OFF_PEAK)]
    return Forecast(expected, min(bounds), max(bounds), seconds, ends_at)


def cost_in(period: Period, wh: int, seconds: int, tariff: Tariff) -> int:
    """Satang for a charge that lies in one period altogether."""
    if wh == 0:
        return 0
    energy = round_satang(tariff.unit_price(Part.ENERGY, period) * wh / WH_PER_KWH)
    timed = sum(
        round_satang(tariff.unit_price(part, period) * seconds / PER[part]) for part in TIMED
    )
    return tariff.once + energy + timed


def dearest(wh: int, power_w: int, tariff: Tariff) -> int:
    """Satang to hold for ``wh``: it covers the charge in whatever period it falls.

    A satang is added for each part that may be split over two lines, each rounded up.
    """
    seconds = -(-wh * 3600 // max(power_w, 1))
    most = max(cost_in(period, wh, seconds, tariff) for period in (Period.ON_PEAK, Period.OFF_PEAK))
    if not tariff.tells_periods_apart():
        return most
    return most + (3 if tariff.has(Part.PARKING) else 2)


def is_timed(tariff: Tariff, period: Period) -> bool:
    """Whether the minutes of a charge cost money in ``period``."""
    return any(tariff.unit_price(part, period) for part in TIMED)


def affordable(budget: int, usage: Usage, now: datetime, tariff: Tariff) -> Affordable:
    """How far ``budget`` (satang, for the whole session) reaches from ``now`` at the price now.

    ``usage`` is the charge so far. The answer is never more than the budget covers until
    ``valid_until``; at a price border, and each minute where time costs, it is asked again.
    """
    period = tariff.calendar.period_at(now)
    changes = tariff.calendar.next_change(now) if tariff.tells_periods_apart() else None
    step = now + TIME_STEP if is_timed(tariff, period) else None
    until = min(filter(None, (changes, step)), default=None)
    sunk = _sunk(usage, now, tariff, period, until)
    per_kwh = tariff.unit_price(Part.ENERGY, period)
    if per_kwh == 0:
        return Affordable(usage.wh if budget < sunk else 10**9, until)
    before = _wh_of_line(usage, tariff, period)
    bought = _largest_wh(budget - sunk, per_kwh)
    return Affordable(max(usage.wh - before + bought, usage.wh if bought >= before else 0), until)


def _sunk(
    usage: Usage, now: datetime, tariff: Tariff, period: Period, until: datetime | None
) -> int:
    """Satang of everything but this period's energy line, time counted up to ``until``."""
    end = max(usage.end, until if until and is_timed(tariff, period) else now)
    stretched = Usage(
        usage.start, end, max(usage.wh, 1), (*usage.readings, Reading(usage.end, usage.wh))
    )
    lines = price(stretched, tariff).lines
    return sum(
        line.amount
        for line in lines
        if not (line.part is Part.ENERGY and line.period in (period, Period.ANY))
    )


def _wh_of_line(usage: Usage, tariff: Tariff, period: Period) -> int:
    """Wh that already stand on the energy line which grows now."""
    return sum(
        line.quantity
        for line in price(usage, tariff).lines
        if line.part is Part.ENERGY and line.period in (period, Period.ANY)
    )


def _largest_wh(budget: int, per_kwh: Decimal) -> int:
    """The most Wh whose rounded price is within ``budget``: price < budget + ½ satang."""
    if budget < 0:
        return 0
    bound = (to_baht(budget) + Decimal("0.005")) * WH_PER_KWH / per_kwh
    whole = int(bound)
    return whole - 1 if whole == bound else whole
