"""Cycle, Period, Monthly, Annually: which days they mean."""
# ruff: noqa: E501 (a table reads better in rows)

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evbilling.backoffice import periods
from evbilling.backoffice.periods import Days, Wanted

pytestmark = pytest.mark.pure
TODAY = date(2026, 11, 20)


def shown(query: dict[str, str], cycle_day: int = 1) -> Days:
    return periods.days_of(periods.parse(query, TODAY), TODAY, cycle_day)


@pytest.mark.parametrize(
    ("query", "cycle_day", "first", "last"),
    [
        ({}, 1, TODAY, TODAY),
        ({"totals": "nonsense"}, 1, TODAY, TODAY),
        ({"totals": "cycle"}, 1, date(2026, 11, 1), date(2026, 11, 30)),
        ({"totals": "cycle"}, 20, TODAY, date(2026, 12, 19)),
        ({"totals": "cycle"}, 26, date(2026, 10, 26), date(2026, 11, 25)),
        ({"totals": "cycle", "back": "1"}, 26, date(2026, 9, 26), date(2026, 10, 25)),
        ({"totals": "cycle", "back": "99999"}, 1, date(2026, 11, 1), date(2026, 11, 30)),
        ({"totals": "month", "back": "11"}, 1, date(2025, 12, 1), date(2025, 12, 31)),
        ({"totals": "month", "back": "9"}, 1, date(2026, 2, 1), date(2026, 2, 28)),
        ({"totals": "year", "back": "1"}, 1, date(2025, 1, 1), date(2025, 12, 31)),
        ({"totals": "year", "back": "-1"}, 1, date(2026, 1, 1), date(2026, 12, 31)),
        ({"totals": "period"}, 1, date(2026, 11, 14), TODAY),
        ({"totals": "period", "from": "2026-11-05", "to": "2026-11-07"}, 1, date(2026, 11, 5), date(2026, 11, 7)),
        ({"totals": "period", "from": "2026-11-07", "to": "2026-11-05"}, 1, date(2026, 11, 5), date(2026, 11, 7)),
        ({"totals": "period", "from": "x", "to": "0001-01-01"}, 1, date(2026, 11, 14), TODAY),
    ],
)  # fmt: skip
def test_a_filter_means_these_days(
    query: dict[str, str], cycle_day: int, first: date, last: date
) -> None:
    assert shown(query, cycle_day) == Days(first, last)


def test_a_period_is_at_most_a_year_long() -> None:
    found = shown({"totals": "period", "from": "2001-01-01", "to": "2026-01-01"})
    assert found.last - found.first == periods.LONGEST_PERIOD


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        (Wanted("today"), date(2026, 11, 13), date(2026, 11, 13)),
        # of a month that still runs, as many days as have passed of it
        (Wanted("month"), date(2026, 10, 1), date(2026, 10, 20)),
        (Wanted("month", 1), date(2026, 9, 1), date(2026, 9, 30)),
        (Wanted("year"), date(2025, 1, 1), date(2025, 11, 20)),
        (Wanted("cycle"), date(2026, 10, 1), date(2026, 10, 20)),
        (Wanted("period", days=Days(date(2026, 11, 5), date(2026, 11, 7))), date(2026, 11, 2), date(2026, 11, 4)),
    ],
)  # fmt: skip
def test_a_period_is_compared_with_the_one_before(wanted: Wanted, first: date, last: date) -> None:
    found = periods.before(wanted, periods.days_of(wanted, TODAY), TODAY)
    assert found == Days(first, last)


def test_a_day_goes_from_midnight_to_midnight_on_the_stations_wall() -> None:
    days = Days(TODAY, TODAY)
    assert days.start.isoformat() == "2026-11-20T00:00:00+07:00"
    assert days.end - days.start == timedelta(days=1)


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.integers(1, 28), st.integers(0, 12))
def test_cycles_follow_one_another_without_a_gap_and_today_lies_in_the_first(
    today: date, begins: int, back: int
) -> None:
    newest = periods.cycle(today, begins)
    assert newest.first <= today <= newest.last
    this, before = periods.cycle(today, begins, back), periods.cycle(today, begins, back + 1)
    assert before.last + timedelta(days=1) == this.first
    assert this.first.day == begins
