"""Parking, penalty and reservation in the price of a charge, and what must hold for every stay."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import forecast, pricing, values
from billing.money import share
from billing.pricing import (
    Calendar,
    Element,
    Part,
    Period,
    Tariff,
    TariffError,
    Usage,
    price,
)
from billing.stay import Hours, Terms, priced_spans
from tests.billing.test_pricing import BANGKOK, THURSDAY, TOU, a_usage, at

NIGHT = Hours(time(23), time(6))
STAY = (
    *TOU.elements,
    Element(Part.PARKING, Decimal("20"), Period.ON_PEAK),
    Element(Part.PENALTY, Decimal("3"), Period.ON_PEAK),
    Element(Part.PENALTY, Decimal("2"), Period.OFF_PEAK),
)


def a_list(*elements: Element, **terms: object) -> Tariff:
    return Tariff(elements or STAY, terms=Terms(**terms))  # type: ignore[arg-type]


def a_stay(usage: Usage, idle: datetime, left: datetime) -> Usage:
    return replace(usage, idle_from=idle, unplugged_at=left)


def amounts(bill: pricing.Bill) -> list[tuple[Part, Period, int, int]]:
    return [(line.part, line.period, line.quantity, line.amount) for line in bill.lines]


def test_an_evening_at_the_plug_costs_what_the_price_page_says() -> None:
    """21:20-22:15 32 kWh, unplugged 22:50, 15 minutes of grace: worked out by hand.

    23.272 kWh × 7.70 = 179.1944; 8.728 × 6.00 = 52.368; 40 min × 20/h = 13.3333; 20 min × 2 = 40.
    """
    usage = a_stay(a_usage(at(21, 20), 55, 32_000), at(22, 15), at(22, 50))
    bill = price(usage, a_list(grace_min=15))
    assert amounts(bill) == [
        (Part.ENERGY, Period.ON_PEAK, 23_272, 17_919),
        (Part.ENERGY, Period.OFF_PEAK, 8_728, 5_237),
        (Part.PARKING, Period.ON_PEAK, 2_400, 1_333),
        (Part.PENALTY, Period.OFF_PEAK, 1_200, 4_000),
    ]
    assert bill.total == 28_489


def test_nothing_is_a_penalty_before_the_grace_time_is_over() -> None:
    usage = a_stay(a_usage(at(10), 30, 5_000), at(10, 30), at(10, 45))
    tariff = a_list(*TOU.elements, Element(Part.PENALTY, Decimal(10)), grace_min=15)
    assert price(usage, tariff) == price(replace(usage, idle_from=None), tariff)
    one = price(replace(usage, unplugged_at=at(10, 45, 1)), tariff)
    assert amounts(one)[-1] == (Part.PENALTY, Period.ANY, 1, 17)


def test_exempt_hours_over_midnight_cost_nothing_and_the_rest_does() -> None:
    """Idle 22:00, grace to 22:15; priced 22:15-23:00 and 06:00-07:00: 105 minutes."""
    friday = THURSDAY + timedelta(days=1)
    usage = a_stay(a_usage(at(21), 60, 5_000), at(22), at(7, day=friday))
    tariff = a_list(*TOU.elements, Element(Part.PENALTY, Decimal(1)), grace_min=15, exempt=(NIGHT,))
    line = price(usage, tariff).lines[-1]
    assert (line.part, line.quantity, line.amount) == (Part.PENALTY, 105 * 60, 105_00)
    assert [(s.start, s.end) for s in line.segments] == [
        (at(22, 15), at(23)),
        (at(6, day=friday), at(7, day=friday)),
    ]


def test_on_a_holiday_the_penalty_can_be_waived_all_day_but_not_the_night_before() -> None:
    holiday = date(2026, 12, 10)
    tariff = Tariff(
        (Element(Part.PENALTY, Decimal(1)),),
        Calendar(frozenset({holiday})),
        terms=Terms(exempt_holidays=True),
    )
    eve = at(23, 30, day=date(2026, 12, 9))
    usage = a_stay(a_usage(at(20, day=eve.date()), 60, 5_000), eve, at(12, day=holiday))
    assert amounts(price(usage, tariff))[-1] == (Part.PENALTY, Period.ANY, 1_800, 30_00)


def test_a_penalty_stops_at_its_most_and_says_so() -> None:
    usage = a_stay(a_usage(at(20), 60, 5_000), at(21), at(23))
    bill = price(usage, a_list(penalty_max=Decimal("200")))
    on, off = [line for line in bill.lines if line.part is Part.PENALTY]
    assert (on.amount, on.capped) == (180_00, False)
    assert (off.amount, off.capped) == (20_00, True)
    assert values.lines_to_json(bill)[-1]["capped"] is True


def test_a_parked_car_that_never_charged_pays_only_when_it_overstays() -> None:
    usage = a_stay(a_usage(at(10), 5, 0), at(10, 5), at(10, 20))
    assert price(usage, a_list(grace_min=15)).lines == ()
    longer = price(replace(usage, unplugged_at=at(10, 30)), a_list(grace_min=15))
    assert amounts(longer) == [
        (Part.PARKING, Period.ON_PEAK, 1_800, 10_00),
        (Part.PENALTY, Period.ON_PEAK, 600, 30_00),
    ]


@pytest.mark.parametrize(
    ("minutes", "free_use_min", "fee"),
    [(10, 10, 0), (11, 10, 20_00), (1, 0, 20_00)],
)
def test_a_reservation_used_in_time_costs_nothing(
    minutes: int, free_use_min: int, fee: int
) -> None:
    tariff = a_list(
        *TOU.elements, Element(Part.RESERVATION, Decimal(20)), free_use_min=free_use_min
    )
    usage = a_usage(at(10), 30, 1_000)
    kept = replace(usage, reserved_at=at(10) - timedelta(minutes=minutes))
    assert price(kept, tariff).total == price(usage, tariff).total + fee
    assert pricing.reservation_fee(at(9), None, tariff) == 20_00


def test_parking_while_charging_is_in_what_is_held_and_in_what_money_buys() -> None:
    tariff = a_list(Element(Part.ENERGY, Decimal(6)), Element(Part.PARKING, Decimal(60)))
    assert forecast.dearest(22_000, 22_000, tariff) == 22 * 6_00 + 60_00
    bought = forecast.affordable(100_00, a_usage(at(10), 60, 1_000), at(11), tariff)
    assert bought.valid_until == at(11, 1)
    spent = price(Usage(at(10), at(11, 1), bought.wh), tariff).total
    assert spent <= 100_00 < spent + 1_00


@pytest.mark.parametrize(
    ("elements", "terms", "field", "reason"),
    [
        ((), {"grace_min": -1}, "grace_min", "grace_range"),
        ((), {"exempt": (NIGHT,) * 9}, "exempt", "too_many_hours"),
        ((), {"penalty_max": Decimal("-1")}, "penalty_max", "negative"),
        ((), {"penalty_max": Decimal("1.001")}, "penalty_max", "decimals"),
        ((), {"free_use_min": 2_000}, "free_use_min", "free_use_range"),
        (
            (Element(Part.RESERVATION, Decimal(1), Period.ON_PEAK),),
            {},
            "reservation.on_peak",
            "once_per_session",
        ),
        (
            (Element(Part.PENALTY, Decimal(1)), Element(Part.PENALTY, Decimal(1), Period.ON_PEAK)),
            {},
            "penalty.any",
            "any_beside_periods",
        ),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    elements: tuple[Element, ...], terms: dict[str, object], field: str, reason: str
) -> None:
    with pytest.raises(TariffError) as caught:
        Tariff(elements, terms=Terms(**terms))  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_a_price_list_of_before_is_stored_and_priced_as_ever() -> None:
    """The bytes of a value without terms are those of before there were any."""
    stored = values.tariff_to_json(TOU)
    assert set(stored) == {"currency", "elements", "calendar"}
    assert values.tariff_from_json(stored) == TOU
    usage = a_usage(at(21, 40), 40, 12_345, (20, 7_001))
    told = values.usage_to_json(usage)
    assert set(told) == {"start", "end", "wh", "readings"}
    lines = values.lines_to_json(price(values.usage_from_json(told), TOU))
    assert [set(line) for line in lines] == [
        {"part", "period", "quantity", "unit_price", "amount", "segments"}
    ] * 2


@pytest.mark.parametrize(
    "stored", [{"what": 1}, {"grace_min": "5"}, {"exempt": [["x", "y"]]}, {"penalty_max": "x"}, []]
)
def test_stored_terms_that_nobody_wrote_are_refused(stored: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        values.terms_from_json(stored)


# --- what always holds ---------------------------------------------------------------------------

rates = st.decimals(min_value=0, max_value=20, places=2)
clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))
hours = st.builds(Hours, clocks, clocks)
all_terms = st.builds(
    Terms,
    grace_min=st.integers(0, 120),
    exempt=st.lists(hours, max_size=3).map(tuple),
    exempt_holidays=st.booleans(),
    penalty_max=st.none() | st.decimals(min_value=0, max_value=500, places=2),
    free_use_min=st.integers(0, 60),
)


@st.composite
def lists(draw: st.DrawFn) -> Tariff:
    elements = [Element(Part.ENERGY, draw(rates)), Element(Part.RESERVATION, draw(rates))]
    for part in (Part.PARKING, Part.PENALTY):
        if draw(st.booleans()):
            elements.append(Element(part, draw(rates)))
        else:
            elements += [
                Element(part, draw(rates), Period.ON_PEAK),
                Element(part, draw(rates), Period.OFF_PEAK),
            ]
    holidays = frozenset(draw(st.sets(st.dates(date(2026, 1, 1), date(2026, 2, 1)), max_size=4)))
    return Tariff(tuple(elements), Calendar(holidays), terms=draw(all_terms))


@st.composite
def stays(draw: st.DrawFn) -> Usage:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
        seconds=draw(st.integers(0, 20 * 86_400)), microseconds=draw(st.integers(0, 999_999))
    )
    end = start + timedelta(seconds=draw(st.integers(0, 30_000)))
    idle = min(end, start + timedelta(seconds=draw(st.integers(0, 30_000))))
    left = end + timedelta(seconds=draw(st.integers(0, 200_000)))
    reserved = draw(st.none() | st.integers(0, 7_200).map(lambda s: start - timedelta(seconds=s)))
    return Usage(start, end, draw(st.integers(0, 50_000)), (), idle, left, reserved)


def of(bill: pricing.Bill, part: Part) -> list[pricing.Line]:
    return [line for line in bill.lines if line.part is part]


def seconds(start: datetime, end: datetime) -> int:
    whole = end.replace(microsecond=0) - start.replace(microsecond=0)
    return max(int(whole.total_seconds()), 0)


@given(stays(), lists())
def test_cutting_a_stay_at_borders_never_loses_a_second(usage: Usage, tariff: Tariff) -> None:
    dear = tuple(replace(e, price=e.price + 1) for e in tariff.elements)  # every second is priced
    plain = Tariff(dear, tariff.calendar, terms=Terms(grace_min=tariff.terms.grace_min))
    bill = price(usage, plain)
    begins = pricing.penalty_from(usage, plain)
    assert begins is not None
    if usage.wh or pricing.overstayed(usage, plain):
        assert sum(line.quantity for line in of(bill, Part.PARKING)) == seconds(
            usage.start, usage.left
        )
    assert sum(line.quantity for line in of(bill, Part.PENALTY)) == seconds(begins, usage.left)


@given(stays(), lists())
def test_exempt_time_never_costs_and_grace_never_does(usage: Usage, tariff: Tariff) -> None:
    begins = pricing.penalty_from(usage, tariff)
    assert begins is not None
    for line in of(price(usage, tariff), Part.PENALTY):
        for piece in line.segments:
            assert begins <= piece.start < piece.end
            middle = (piece.start + (piece.end - piece.start) / 2).astimezone(BANGKOK)
            for exempt in tariff.terms.exempt:
                spans = [
                    exempt.on(middle.date() + timedelta(days=d), tariff.calendar.tz)
                    for d in (-1, 0)
                ]
                assert not any(start <= middle < end for start, end in spans)
            if tariff.terms.exempt_holidays:
                assert middle.date() not in tariff.calendar.off_peak_days


@given(stays(), lists(), st.integers(0, 100_000))
def test_a_longer_stay_never_costs_less(usage: Usage, tariff: Tariff, more: int) -> None:
    longer = replace(usage, unplugged_at=usage.left + timedelta(seconds=more))
    assert price(longer, tariff).total >= price(usage, tariff).total
    most = tariff.terms.penalty_max
    if most is not None:
        assert sum(line.amount for line in of(price(longer, tariff), Part.PENALTY)) <= most * 100


@given(stays(), lists())
def test_a_stored_stay_is_priced_again_to_the_same_lines(usage: Usage, tariff: Tariff) -> None:
    again = price(
        values.usage_from_json(values.usage_to_json(usage)),
        values.tariff_from_json(values.tariff_to_json(tariff)),
    )
    assert values.lines_to_json(again) == values.lines_to_json(price(usage, tariff))


@given(stays(), lists())
def test_a_list_without_prices_for_staying_ignores_the_stay(usage: Usage, tariff: Tariff) -> None:
    plain = Tariff(tariff.elements[:2], tariff.calendar, terms=tariff.terms)
    short = replace(usage, idle_from=None, unplugged_at=None)
    assert price(usage, plain).total == price(short, plain).total


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_shares_add_up_to_the_whole_and_none_is_off_by_a_satang(
    total: int, weights: list[int]
) -> None:
    parts = share(total, weights)
    assert sum(parts) == total
    assert all(part >= 0 for part in parts)
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * sum(weights) - total * weight) < sum(weights)


def test_hours_that_end_when_they_begin_are_the_whole_day() -> None:
    day = Terms(exempt=(Hours(time(), time()),))
    assert priced_spans(at(1), at(5, day=THURSDAY + timedelta(days=3)), day, (), BANGKOK) == []
