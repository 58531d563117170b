"""How far money reaches: never beyond the budget, never a Wh less than it buys."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.forecast import affordable, cost_in, dearest, forecast
from billing.pricing import Element, Part, Period, Reading, Tariff, Usage, price
from tests.billing.test_pricing import TOU, at, prices, starts

budgets = st.integers(0, 500_000)


def energy_only(on: Decimal, off: Decimal) -> Tariff:
    return Tariff(
        (Element(Part.ENERGY, on, Period.ON_PEAK), Element(Part.ENERGY, off, Period.OFF_PEAK))
    )


def test_a_hundred_and_fifty_four_baht_buy_twenty_kwh_on_peak() -> None:
    bought = affordable(15_400, Usage(at(20), at(20), 0), at(20), TOU)
    assert bought.wh == 20_000
    assert bought.valid_until == at(22)


def test_what_was_drawn_before_the_border_is_paid_at_the_old_price() -> None:
    start = at(21)
    so_far = Usage(start, at(22), 10_000, (Reading(at(22), 10_000),))
    bought = affordable(15_400, so_far, at(22), TOU)
    assert bought.wh == 22_834  # 77.00 are left; 12.834 × 6.00 = 77.004
    assert bought.valid_until == at(9, day=(start + timedelta(days=1)).date())


def test_a_forecast_across_the_border_lies_between_its_bounds() -> None:
    made = forecast(20_000, 20_000, at(21, 30), TOU)
    assert (made.lowest, made.highest) == (12_000, 15_400)
    assert made.expected == 7_700 + 6_000
    assert made.seconds == 3_600


def test_the_hold_covers_the_charge_in_whatever_period_it_falls() -> None:
    assert dearest(20_000, 22_000, TOU) == 15_402


def test_a_time_price_is_bought_a_minute_at_a_time() -> None:
    tariff = Tariff((Element(Part.ENERGY, Decimal(6)), Element(Part.TIME, Decimal(1))))
    bought = affordable(10_000, Usage(at(10), at(10), 0), at(10), tariff)
    assert bought.valid_until == at(10, 1)
    assert bought.wh == 16_500  # 100.00 − 1.00 for the minute, at 6.00 a kWh


def test_free_energy_needs_no_money() -> None:
    assert affordable(0, Usage(at(10), at(10), 0), at(10), Tariff(())).wh >= 10**9


@given(budgets, prices, prices, starts)
def test_what_is_affordable_never_costs_more_and_one_wh_more_does(
    budget: int, on: Decimal, off: Decimal, now: datetime
) -> None:
    tariff = energy_only(on, off)
    unit = tariff.unit_price(Part.ENERGY, tariff.calendar.period_at(now))
    assume(unit > 0)
    bought = affordable(budget, Usage(now, now, 0), now, tariff)
    assert price(Usage(now, now, bought.wh), tariff).total <= budget
    assert price(Usage(now, now, bought.wh + 1), tariff).total > budget


@given(budgets, prices, prices, starts, st.integers(0, 60_000), st.integers(1, 36_000))
def test_after_any_charge_so_far_the_rest_of_the_budget_is_never_exceeded(
    budget: int, on: Decimal, off: Decimal, start: datetime, wh: int, seconds: int
) -> None:
    tariff = energy_only(on, off)
    now = start + timedelta(seconds=seconds)
    so_far = Usage(start, now, wh, (Reading(now, wh),))
    assume(tariff.unit_price(Part.ENERGY, tariff.calendar.period_at(now)) > 0)
    bought = affordable(budget, so_far, now, tariff)
    if price(so_far, tariff).total <= budget:
        end = min(filter(None, (bought.valid_until, now + timedelta(hours=1))))
        full = Usage(start, end, bought.wh, (Reading(now, wh),))
        assert bought.wh >= wh
        assert price(full, tariff).total <= budget


@given(st.integers(1, 100_000), st.integers(1_000, 150_000), prices, prices, starts)
def test_a_hold_for_a_quantity_covers_every_way_it_may_be_charged(
    wh: int, power_w: int, on: Decimal, off: Decimal, start: datetime
) -> None:
    tariff = energy_only(on, off)
    hold = dearest(wh, power_w, tariff)
    assert forecast(wh, power_w, start, tariff).expected <= hold
    slow = Usage(start, start + timedelta(hours=30), wh)
    assert price(slow, tariff).total <= hold
    assert cost_in(Period.ON_PEAK, wh, 0, tariff) <= hold


def test_times_are_utc_inside() -> None:
    assert at(9).astimezone(UTC).hour == 2
