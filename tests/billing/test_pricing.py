"""The price of a charge, and what must hold for every charge and every tariff."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import values
from billing.money import to_baht, vat_within
from billing.pricing import (
    Calendar,
    Element,
    Part,
    Period,
    Reading,
    Tariff,
    TariffError,
    Usage,
    price,
    split,
)

BANGKOK = ZoneInfo("Asia/Bangkok")
THURSDAY = date(2026, 11, 19)
TOU = Tariff(
    (
        Element(Part.ENERGY, Decimal("7.70"), Period.ON_PEAK),
        Element(Part.ENERGY, Decimal("6.00"), Period.OFF_PEAK),
    )
)


def at(hour: int, minute: int = 0, second: int = 0, day: date = THURSDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=BANGKOK)


def a_usage(start: datetime, minutes: int, wh: int, *readings: tuple[int, int]) -> Usage:
    """Readings as (minute, Wh)."""
    found = tuple(Reading(start + timedelta(minutes=m), w) for m, w in readings)
    return Usage(start, start + timedelta(minutes=minutes), wh, found)


def test_twenty_kwh_on_peak_cost_what_the_page_says() -> None:
    bill = price(a_usage(at(20, 40), 27, 20_000), TOU)
    assert bill.total == 15_400
    assert [(line.period, line.quantity, line.amount) for line in bill.lines] == [
        (Period.ON_PEAK, 20_000, 15_400)
    ]


def test_a_reading_at_the_border_splits_the_energy_exactly() -> None:
    bill = price(a_usage(at(21, 40), 40, 12_345, (20, 7_001)), TOU)
    on, off = bill.lines
    assert (on.quantity, on.amount) == (7_001, 5_391)  # 7.001 × 7.70 = 53.9077
    assert (off.quantity, off.amount) == (5_344, 3_206)  # 5.344 × 6.00 = 32.064
    assert bill.total == 8_597
    assert on.segments[0].end_measured


def test_without_a_reading_at_the_border_time_decides_and_the_odd_wh_goes_later() -> None:
    bill = price(a_usage(at(21, 50), 20, 1_001), TOU)
    on, off = bill.lines
    assert (on.quantity, off.quantity) == (500, 501)
    assert not on.segments[0].end_measured


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        (at(8, 59, 59), Period.OFF_PEAK),
        (at(9), Period.ON_PEAK),
        (at(21, 59, 59), Period.ON_PEAK),
        (at(22), Period.OFF_PEAK),
        (at(12, day=date(2026, 11, 21)), Period.OFF_PEAK),  # Saturday
        (at(12, day=date(2026, 12, 10)), Period.OFF_PEAK),  # Constitution Day, a Thursday
    ],
)
def test_the_period_follows_the_clock_in_bangkok(moment: datetime, period: Period) -> None:
    calendar = Calendar(frozenset({date(2026, 12, 10)}))
    assert calendar.period_at(moment.astimezone(UTC)) is period


def test_a_weekend_has_no_borders_and_the_next_change_is_monday_morning() -> None:
    saturday = at(12, day=date(2026, 11, 21))
    assert Calendar().borders(saturday, saturday + timedelta(days=1)) == []
    assert Calendar().next_change(saturday) == at(9, day=date(2026, 11, 23))


def test_start_flat_energy_and_time_parts_add_up() -> None:
    tariff = Tariff(
        (
            Element(Part.START, Decimal("10")),
            Element(Part.FLAT, Decimal("5.5")),
            Element(Part.ENERGY, Decimal("7.5")),
            Element(Part.TIME, Decimal("0.25")),
        )
    )
    bill = price(a_usage(at(21, 50), 20, 22_000), tariff)
    assert [(line.part, line.period, line.amount) for line in bill.lines] == [
        (Part.START, Period.ANY, 1_000),
        (Part.FLAT, Period.ANY, 550),
        (Part.ENERGY, Period.ANY, 16_500),
        (Part.TIME, Period.ANY, 500),
    ]
    assert bill.total == 18_550


def test_a_charge_without_energy_costs_nothing_even_with_a_start_fee() -> None:
    tariff = Tariff((Element(Part.START, Decimal("10")), Element(Part.TIME, Decimal("1"))))
    assert price(a_usage(at(10), 60, 0), tariff).total == 0


def test_energy_without_a_stated_price_stands_on_the_bill_at_zero() -> None:
    only_peak = Tariff((Element(Part.ENERGY, Decimal("7.7"), Period.ON_PEAK),))
    bill = price(a_usage(at(23), 10, 1_000), only_peak)
    assert [(line.quantity, line.amount) for line in bill.lines] == [(1_000, 0)]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([Element(Part.ENERGY, Decimal("-1"))], "negative"),
        ([Element(Part.ENERGY, Decimal("NaN"))], "negative"),
        ([Element(Part.ENERGY, Decimal("1.00001"))], "decimals"),
        ([Element(Part.ENERGY, Decimal(1)), Element(Part.ENERGY, Decimal(2))], "twice"),
        ([Element(Part.START, Decimal(1), Period.ON_PEAK)], "once_per_session"),
        (
            [Element(Part.TIME, Decimal(1)), Element(Part.TIME, Decimal(1), Period.OFF_PEAK)],
            "any_beside_periods",
        ),
    ],
)
def test_a_tariff_that_contradicts_itself_is_refused(elements: list[Element], reason: str) -> None:
    with pytest.raises(TariffError) as caught:
        Tariff(tuple(elements))
    assert caught.value.reason == reason


def test_a_reading_that_falls_back_is_held_up_and_one_outside_is_left_out() -> None:
    start = at(10)
    usage = a_usage(start, 10, 1_000, (2, 400), (4, 300), (20, 5_000), (6, 2_000))
    assert [p.wh for p in usage.curve] == [0, 400, 400, 1_000, 1_000]


# --- what always holds ---------------------------------------------------------------------------

prices = st.decimals(min_value=0, max_value=50, places=2)
starts = st.integers(0, 350 * 86_400).map(
    lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    elements = [Element(Part.START, draw(prices)), Element(Part.FLAT, draw(prices))]
    for part in (Part.ENERGY, Part.TIME):
        if draw(st.booleans()):
            elements.append(Element(part, draw(prices)))
        else:
            elements += [
                Element(part, draw(prices), Period.ON_PEAK),
                Element(part, draw(prices), Period.OFF_PEAK),
            ]
    return Tariff(
        tuple(elements),
        Calendar(
            frozenset(draw(st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5)))
        ),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    start = draw(starts)
    steps = draw(
        st.lists(st.tuples(st.integers(1, 36_000), st.integers(0, 20_000)), min_size=1, max_size=12)
    )
    moment, wh, readings = start, 0, []
    for seconds, gained in steps:
        moment += timedelta(seconds=seconds)
        wh += gained
        readings.append(Reading(moment, wh))
    return Usage(start, moment, wh, tuple(draw(st.permutations(readings))))


@given(usages(), tariffs())
def test_lines_sum_to_the_total_and_segments_to_the_energy(usage: Usage, tariff: Tariff) -> None:
    bill = price(usage, tariff)
    assert bill.total == sum(line.amount for line in bill.lines)
    assert all(line.amount >= 0 for line in bill.lines)
    segments = split(usage, tariff.calendar)
    assert sum(s.wh for s in segments) == usage.wh
    assert all(s.wh >= 0 for s in segments)
    assert (segments[0].start, segments[-1].end) == (usage.start, usage.end)
    assert all(a.end == b.start for a, b in pairwise(segments))
    if usage.wh:
        assert sum(line.quantity for line in bill.lines if line.part is Part.ENERGY) == usage.wh


@given(usages(), tariffs(), st.randoms())
def test_no_price_depends_on_the_order_of_readings(
    usage: Usage, tariff: Tariff, random: object
) -> None:
    shuffled = list(usage.readings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert price(Usage(usage.start, usage.end, usage.wh, tuple(shuffled)), tariff) == price(
        usage, tariff
    )


@given(usages(), tariffs(), st.integers(1, 50_000))
def test_more_energy_never_costs_less(usage: Usage, tariff: Tariff, more: int) -> None:
    larger = Usage(usage.start, usage.end, usage.wh + more, usage.readings)
    assert price(larger, tariff).total >= price(usage, tariff).total


@given(usages(), tariffs())
def test_a_stored_bill_can_be_priced_again_to_the_same_lines(usage: Usage, tariff: Tariff) -> None:
    again = price(
        values.usage_from_json(values.usage_to_json(usage)),
        values.tariff_from_json(values.tariff_to_json(tariff)),
    )
    assert values.lines_to_json(again) == values.lines_to_json(price(usage, tariff))


@given(st.integers(0, 10**9))
def test_vat_and_net_make_the_gross_again(total: int) -> None:
    vat = vat_within(total, Decimal("0.07"))
    assert 0 <= vat <= total
    assert abs((to_baht(total) - to_baht(vat)) * Decimal("0.07") - to_baht(vat)) < Decimal("0.011")


@pytest.mark.parametrize(
    ("gross", "vat"), [(16_500, 1_079), (33_000, 2_159), (770, 50), (5_999, 392), (1, 0)]
)
def test_vat_inside_a_price_is_rounded_half_up_as_accountants_do(gross: int, vat: int) -> None:
    assert vat_within(gross, Decimal("0.07")) == vat
