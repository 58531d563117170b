"""What a charge would cost: the server's estimates are the bill's arithmetic, ahead of time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import forecast, pricing
from billing.pricing import Calendar, Element, Part, Period, Reading, Tariff, Usage
from billing.selectors import quotes

EVENING = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)  # Friday 20:40 in Bangkok
prices = st.decimals("0", "20", places=4, allow_nan=False)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Energy and time by period or alike, with and without a start fee and a holiday."""
    elements = []
    for part in (Part.ENERGY, Part.TIME):
        if draw(st.booleans()):
            elements.append(Element(part, draw(prices)))
        else:
            elements.append(Element(part, draw(prices), Period.ON_PEAK))
            elements.append(Element(part, draw(prices), Period.OFF_PEAK))
    if draw(st.booleans()):
        elements.append(Element(Part.START, draw(prices)))
    days = frozenset({date(2026, 11, 23)}) if draw(st.booleans()) else frozenset()
    return Tariff(tuple(elements), Calendar(days))


MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
moments = st.integers(0, 8 * 86_400).map(lambda seconds: MONDAY + timedelta(seconds=seconds))
energies = st.integers(1_000, 120_000)
powers = st.integers(1_400, 150_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """A charge so far with a few readings, its clock not on whole seconds."""
    start = draw(moments) + timedelta(microseconds=draw(st.integers(0, 999_999)))
    steps = draw(st.lists(st.tuples(st.integers(1, 7_200), st.integers(0, 20_000)), max_size=5))
    at, wh, readings = start, 0, []
    for seconds, more in steps:
        at, wh = at + timedelta(seconds=seconds), wh + more
        readings.append(Reading(at, wh))
    return Usage(start, at, wh, tuple(readings))


def tou(on: str = "7.70", off: str = "6.00") -> Tariff:
    return Tariff(
        (
            Element(Part.ENERGY, Decimal(on), Period.ON_PEAK),
            Element(Part.ENERGY, Decimal(off), Period.OFF_PEAK),
        )
    )


@pytest.mark.pure
@given(tariffs(), moments, energies, powers)
def test_the_estimate_of_a_charge_to_come_is_the_forecast(
    tariff: Tariff, at: datetime, wh: int, power: int
) -> None:
    found = quotes.estimate(quotes.plan(tariff, at, power), wh)
    expected = forecast.forecast(wh, power, at, tariff)
    assert (found.expected, found.lowest, found.highest, found.ends_at) == (
        expected.expected,
        expected.lowest,
        expected.highest,
        expected.ends_at,
    )


@pytest.mark.pure
@given(tariffs(), usages(), st.integers(1, 60_000), powers)
def test_the_estimate_of_a_running_charge_is_its_bill_if_it_goes_on_evenly(
    tariff: Tariff, so_far: Usage, more: int, power: int
) -> None:
    plan = quotes.plan(tariff, so_far.end, power, so_far=so_far, power_w=power)
    wh = so_far.wh + more
    found = quotes.estimate(plan, wh)
    readings = (*so_far.readings, Reading(plan.at, so_far.wh))
    whole = Usage(so_far.start, found.ends_at, wh, readings)
    assert found.expected == pricing.price(whole, tariff).total
    assert found.ends_at == plan.at + timedelta(seconds=-(-more * 3600 // power))


@pytest.mark.pure
@given(tariffs(), moments, st.integers(1, 60_000), powers)
def test_money_buys_what_costs_at_most_that_much(
    tariff: Tariff, at: datetime, satang: int, power: int
) -> None:
    plan = quotes.plan(tariff, at, power)
    wh = quotes.buys(plan, satang, 120_000)
    assert wh == 0 or quotes.estimate(plan, wh).expected <= satang


@pytest.mark.pure
def test_twenty_kwh_in_the_evening_cost_154_baht_and_a_slow_car_may_pay_less() -> None:
    fast = quotes.estimate(quotes.plan(tou(), EVENING, 60_000), 20_000)
    assert (fast.expected, fast.seconds, fast.open) == (15_400, 1_200, False)
    slow = quotes.estimate(quotes.plan(tou(), EVENING, 22_000), 20_000)
    assert (slow.lowest, slow.highest, slow.open) == (12_000, 15_400, True)


@pytest.mark.pure
def test_equal_prices_leave_nothing_open() -> None:
    assert not quotes.estimate(quotes.plan(tou("7", "7"), EVENING, 7_000), 40_000).open


@pytest.mark.pure
def test_what_is_set_aside_covers_the_dearest_case() -> None:
    plan = quotes.plan(tou(), EVENING, 60_000)
    assert quotes.to_hold(plan, 20_000) == 15_402
    assert quotes.affordable_kwh(plan, 15_402, 60) == 20
    assert quotes.affordable_kwh(plan, 15_401, 60) == 19
    assert quotes.affordable_kwh(plan, 0, 60) == 0


@pytest.mark.pure
def test_a_car_that_hardly_draws_says_nothing_about_the_rest() -> None:
    so_far = Usage(EVENING, EVENING + timedelta(minutes=5), 1_000)
    plan = quotes.plan(tou(), EVENING, 22_000, so_far=so_far, power_w=40)
    assert plan.power_w == 22_000


@pytest.mark.pure
def test_a_working_day_has_its_dear_hours_and_a_sunday_none() -> None:
    friday = [(f"{s.start:%H:%M}", s.dear) for s in quotes.day(tou(), EVENING)]
    assert friday == [("00:00", False), ("09:00", True), ("22:00", False)]
    sunday = quotes.day(tou(), EVENING + timedelta(days=2))
    assert [(s.per_kwh, s.dear) for s in sunday] == [(Decimal("6.00"), False)]


@pytest.mark.pure
def test_the_phone_gets_whole_numbers_only() -> None:
    plan = quotes.plan(tou("7.1234", "6.00"), EVENING, 22_000)
    found = quotes.for_phone(plan, most_wh=100_000, can_hold=None)
    assert found["energy"] == {"on": 71_234, "off": 60_000, "any": False}
    assert found["at"] == int(EVENING.timestamp())
    assert found["borders"][0] == int((EVENING + timedelta(minutes=80)).timestamp())
    assert found["on"] is True
