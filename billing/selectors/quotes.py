"""What a charge would cost: the price now, when it changes, the day at a glance, and estimates.

The customer page works the same estimates out again in the phone, in whole numbers, on every
change of the amount (``static/js/customer.js``); ``for_phone`` is what it needs for that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from billing import forecast, pricing
from billing.models import PriceLevel, Tariff
from billing.money import round_satang
from billing.pricing import Part, Period
from billing.services import tariffs
from stations.models import Session, Station

PRICE_SCALE = 10_000  # unit prices have at most four decimals: whole numbers for the phone
# A car may take less than the plug gives: one phase of three, or the slow end of a DC charge.
SLOWER = 3
LEAST_POWER_W = 500  # below it a car is ending or pausing, and says nothing about the rest
LOOK_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Price:
    """Unit prices at one moment: baht per kWh and minute, satang once per charge."""

    at: datetime
    period: Period
    per_kwh: Decimal
    per_minute: Decimal
    once: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The price list that counts for somebody now, and the next change of its prices.

    ``own``: the level has a list of its own here, so a page should say whose prices these are.
    """

    level: str
    own: bool
    tariff: pricing.Tariff
    now: Price
    change: Price | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a day with one price. ``dear``: there are cheaper ones that day."""

    start: datetime
    end: datetime
    per_kwh: Decimal
    dear: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A charge to come, or the rest of one that runs, at constant power from ``at``, a whole second.

    ``top_power_w`` is the plug's: by it money is held.
    """

    tariff: pricing.Tariff
    at: datetime
    power_w: int
    top_power_w: int
    so_far: pricing.Usage | None = None

    @property
    def drawn_wh(self) -> int:
        return self.so_far.wh if self.so_far else 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Satang for a quantity: as expected and its bounds; ``open`` when a price border may be crossed."""

    expected: int
    lowest: int
    highest: int
    seconds: int
    ends_at: datetime
    open: bool


def public_offer(station: Station, at: datetime) -> Offer | None:
    """What a phone sees that has not said who it is: a member's prices, as members charge here."""
    return offer(station, PriceLevel.MEMBER, at) or offer(station, PriceLevel.VIP, at)


def offer(
    station: Station, level: str, at: datetime, *, since: datetime | None = None
) -> Offer | None:
    """The prices at ``at`` and their next change; None where there is no price list.

    A charge that runs ``since`` then keeps the list it began with.
    """
    found = tariffs.value(station, level, since or at)
    if found is None:
        return None
    tariff = found[1]
    border = tariff.calendar.next_change(at) if changes_with_period(tariff) else None
    change = price_at(tariff, border) if border else None
    if since is None:
        change = _new_list(station, level, at, border) or change
    own = found[0].level == level != PriceLevel.GUEST
    return Offer(level, own, tariff, price_at(tariff, at), change)


def offer_of(session: Session, at: datetime) -> Offer | None:
    """The prices of a running charge: those it was sold at, or those of the list it began with."""
    found = tariffs.of_session(session)
    if found is None:
        return None
    row, tariff = found
    border = tariff.calendar.next_change(at) if changes_with_period(tariff) else None
    change = price_at(tariff, border) if border else None
    own = row.level == session.level != PriceLevel.GUEST
    return Offer(session.level, own, tariff, price_at(tariff, at), change)


def day(tariff: pricing.Tariff, at: datetime) -> list[Stretch]:
    """The local day around ``at``, cut where its price changes."""
    midnight = datetime.combine(at.astimezone(tariff.calendar.tz), time(), tariff.calendar.tz)
    end = midnight + timedelta(days=1)
    cuts = [midnight, *tariff.calendar.borders(midnight, end), end]
    prices = [price_at(tariff, cut).per_kwh for cut in cuts[:-1]]
    least = min(prices)
    parts: list[Stretch] = []
    for start, until, per_kwh in zip(cuts, cuts[1:], prices, strict=False):
        if parts and parts[-1].per_kwh == per_kwh:
            start = parts.pop().start
        parts.append(Stretch(start, until, per_kwh, per_kwh > least))
    return parts


def plan(
    tariff: pricing.Tariff,
    at: datetime,
    top_power_w: int,
    *,
    so_far: pricing.Usage | None = None,
    power_w: int | None = None,
) -> Plan:
    """The plan from now on; of a running charge by the power it has, where it says anything."""
    power = power_w if power_w is not None and power_w >= LEAST_POWER_W else top_power_w
    so_far = so_far and _at_borders(so_far, tariff.calendar)
    start = max(at, so_far.end) if so_far else at
    whole = start.replace(microsecond=0)
    if so_far and whole < start:
        whole += timedelta(seconds=1)
    return Plan(tariff, whole, max(power, LEAST_POWER_W), top_power_w, so_far)


def estimate(what: Plan, wh: int) -> Estimate:
    """What ``wh`` since the start will cost. The bounds: the rest all in the cheapest or dearest period."""
    if what.so_far is None:
        found = forecast.forecast(wh, what.power_w, what.at, what.tariff)
        seconds, ends_at = found.seconds, found.ends_at
        expected, lowest, highest = found.expected, found.lowest, found.highest
    else:
        rest = max(wh - what.so_far.wh, 0)
        seconds = -(-rest * 3600 // what.power_w)
        ends_at = what.at + timedelta(seconds=seconds)
        expected = pricing.price(_stretched(what, what.so_far, wh, ends_at), what.tariff).total
        ends = [_all_in(what, rest, seconds, p) for p in (Period.ON_PEAK, Period.OFF_PEAK)]
        lowest, highest = min(ends), max(ends)
    slow = what.at + timedelta(seconds=SLOWER * seconds)
    crossing = lowest != highest and bool(what.tariff.calendar.borders(what.at, slow))
    return Estimate(expected, lowest, highest, seconds, ends_at, crossing)


def buys(what: Plan, satang: int, most_wh: int) -> int:
    """The Wh since the start that ``satang`` will probably buy, at most ``most_wh``."""
    return _largest(
        lambda wh: estimate(what, wh).expected <= satang, what.drawn_wh, max(most_wh, what.drawn_wh)
    )


def to_hold(what: Plan, wh: int) -> int:
    """The satang that confirming ``wh`` sets aside."""
    return forecast.dearest(wh, what.top_power_w, what.tariff)


def covered(what: Plan, satang: int, most_wh: int) -> int:
    """The Wh since the start whose dearest case ``satang`` covers: what a payment beforehand buys."""
    return _largest(lambda wh: to_hold(what, wh) <= satang, 0, most_wh)


def affordable_kwh(what: Plan, satang: int, most_kwh: int) -> int:
    """The whole kWh since the start that ``satang`` can be held for."""
    return _largest(lambda kwh: to_hold(what, kwh * 1000) <= satang, 0, most_kwh)


def for_phone(what: Plan, *, most_wh: int, can_hold: int | None) -> dict[str, Any]:
    """The plan in whole numbers: prices × 10,000, Wh, W, seconds since 1970; On-Peak first."""
    tariff = what.tariff
    longest = timedelta(days=1, seconds=SLOWER * most_wh * 3600 // what.power_w)
    borders = tariff.calendar.borders(what.at, what.at + longest)
    return {
        "at": int(what.at.timestamp()),
        "running": what.so_far is not None,
        "drawn": what.drawn_wh,
        "power": what.power_w,
        "top": what.top_power_w,
        "most": most_wh,
        "can": can_hold,
        "once": tariff.once,
        "apart": tariff.tells_periods_apart(),
        "energy": _unit_prices(tariff, Part.ENERGY),
        "time": _unit_prices(tariff, Part.TIME),
        "park": _unit_prices(tariff, Part.PARKING),
        "past": _past(what),
        "on": tariff.calendar.period_at(what.at) is Period.ON_PEAK,
        "borders": [int(border.timestamp()) for border in borders],
    }


def price_at(tariff: pricing.Tariff, at: datetime) -> Price:
    """The unit prices that count at ``at``."""
    period = tariff.calendar.period_at(at)
    return Price(
        at,
        period,
        tariff.unit_price(Part.ENERGY, period),
        tariff.unit_price(Part.TIME, period),
        tariff.once,
    )


def changes_with_period(tariff: pricing.Tariff) -> bool:
    """Whether On-Peak and Off-Peak cost differently at all."""
    return any(
        tariff.unit_price(part, Period.ON_PEAK) != tariff.unit_price(part, Period.OFF_PEAK)
        for part in (Part.ENERGY, Part.TIME)
    )


def is_timed(tariff: pricing.Tariff) -> bool:
    """Whether minutes cost money, so that no sum is certain beforehand."""
    return any(forecast.is_timed(tariff, p) for p in (Period.ON_PEAK, Period.OFF_PEAK))


def _new_list(station: Station, level: str, at: datetime, border: datetime | None) -> Price | None:
    """The prices of a new list that comes into force before the next border."""
    coming = (
        Tariff.objects.filter(
            station=station,
            level__in=tariffs.FALLBACK[level],
            valid_from__gt=at,
            valid_from__lte=border or at + LOOK_AHEAD,
        )
        .order_by("valid_from")
        .first()
    )
    found = tariffs.value(station, level, coming.valid_from) if coming else None
    return price_at(found[1], coming.valid_from) if coming and found else None


def _at_borders(usage: pricing.Usage, calendar: pricing.Calendar) -> pricing.Usage:
    """The same charge with no more readings than decide about its price."""
    cuts = pricing.split(usage, calendar)[:-1]
    readings = tuple(pricing.Reading(cut.end, cut.wh_to) for cut in cuts)
    return pricing.Usage(usage.start, usage.end, usage.wh, readings)


def _stretched(what: Plan, so_far: pricing.Usage, wh: int, ends_at: datetime) -> pricing.Usage:
    """The charge as it will have been: as metered until now, then evenly to the end."""
    now = pricing.Reading(what.at, so_far.wh)
    return pricing.Usage(so_far.start, ends_at, max(wh, so_far.wh), (*so_far.readings, now))


def _past(what: Plan) -> list[list[int]]:
    """Wh and seconds so far, On-Peak and Off-Peak."""
    found = {Period.ON_PEAK: [0, 0], Period.OFF_PEAK: [0, 0]}
    if what.so_far is not None:
        until_now = _stretched(what, what.so_far, what.so_far.wh, what.at)
        for segment in pricing.split(until_now, what.tariff.calendar):
            found[segment.period][0] += segment.wh
            found[segment.period][1] += segment.seconds
    return [found[Period.ON_PEAK], found[Period.OFF_PEAK]]


def _all_in(what: Plan, rest: int, seconds: int, period: Period) -> int:
    """The whole charge's satang when its rest lies in one period altogether."""
    past = _past(what)
    future = past[0] if period is Period.ON_PEAK else past[1]
    future[0] += rest
    future[1] += seconds
    seconds_of = [past[0][1], past[1][1]]
    sums = {Part.ENERGY: [past[0][0], past[1][0]]} | dict.fromkeys(forecast.TIMED, seconds_of)
    total = what.tariff.once
    for part, (on, off) in sums.items():
        if what.tariff.periods_of(part) == (Period.ANY,):
            on, off = on + off, 0
        total += _amount(what.tariff, part, Period.ON_PEAK, on)
        total += _amount(what.tariff, part, Period.OFF_PEAK, off)
    return total


def _amount(tariff: pricing.Tariff, part: Part, period: Period, quantity: int) -> int:
    return round_satang(tariff.unit_price(part, period) * quantity / pricing.PER[part])


def _unit_prices(tariff: pricing.Tariff, part: Part) -> dict[str, Any]:
    return {
        "on": int(tariff.unit_price(part, Period.ON_PEAK) * PRICE_SCALE),
        "off": int(tariff.unit_price(part, Period.OFF_PEAK) * PRICE_SCALE),
        "any": tariff.periods_of(part) == (Period.ANY,),
    }


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest number in [low, high] that fits; ``low`` where none does. What fits is a lower part."""
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
