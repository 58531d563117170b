"""The four filters of the source documents, and today: Cycle, Period, Monthly, Annually. Pure.

Days are those of the station's wall. A cycle begins on the station's own billing-cycle day, so
stations may have different ones at the same time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from evbilling.backoffice.moments import LOCAL, parse_day

Kind = Literal["today", "cycle", "period", "month", "year"]
KINDS: tuple[Kind, ...] = ("today", "cycle", "period", "month", "year")
BACK = {"cycle": 12, "month": 12, "year": 5}  # how many the page offers
LONGEST_PERIOD = timedelta(days=366)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Days:
    """From ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), LOCAL)

    @property
    def end(self) -> datetime:
        """The first moment that no longer belongs."""
        return datetime.combine(self.last + timedelta(days=1), time(), LOCAL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the filter says. ``back`` counts cycles, months or years before the one that runs."""

    kind: Kind = "today"
    back: int = 0
    days: Days | None = None


def parse(query: Mapping[str, str], today: date) -> Wanted:
    """The filter in a URL; today for whatever is not one."""
    found = query.get("totals", "today")
    kind: Kind = next((k for k in KINDS if k == found), "today")
    if kind == "period":
        return Wanted(kind, days=_period(query, today))
    text = query.get("back", "")
    back = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return Wanted(kind, min(back, BACK.get(kind, 1) - 1))


def _period(query: Mapping[str, str], today: date) -> Days:
    first = parse_day(query.get("from", "")) or today - timedelta(days=6)
    last = parse_day(query.get("to", "")) or max(first, today)
    if last < first:
        first, last = last, first
    return Days(max(first, last - LONGEST_PERIOD), last)


def days_of(wanted: Wanted, today: date, cycle_day: int = 1) -> Days:
    """The days that are shown. ``cycle_day``: on which day of the month a station's cycle begins."""
    if wanted.kind == "period" and wanted.days is not None:
        return wanted.days
    if wanted.kind == "cycle":
        return cycle(today, cycle_day, wanted.back)
    if wanted.kind == "month":
        return cycle(today, 1, wanted.back)
    if wanted.kind == "year":
        year = today.year - wanted.back
        return Days(date(year, 1, 1), date(year, 12, 31))
    return Days(today, today)


def cycle(today: date, begins: int, back: int = 0) -> Days:
    """The cycle that ``today`` lies in, or one ``back`` before it."""
    months = today.year * 12 + today.month - 1 - back - (today.day < begins)
    first = date(months // 12, months % 12 + 1, begins)
    following = date((months + 1) // 12, (months + 1) % 12 + 1, begins)
    return Days(first, following - timedelta(days=1))


def before(wanted: Wanted, shown: Days, today: date, cycle_day: int = 1) -> Days:
    """The days to compare with: last week's day, the cycle, month or year before, as many days before.

    Of a period that still runs, only as many days as have passed of it.
    """
    if wanted.kind == "today":
        return Days(shown.first - WEEK, shown.last - WEEK)
    if wanted.kind == "period":
        length = shown.last - shown.first
        return Days(shown.first - timedelta(days=1) - length, shown.first - timedelta(days=1))
    whole = days_of(Wanted(wanted.kind, wanted.back + 1), today, cycle_day)
    if not shown.first <= today < shown.last:
        return whole
    return Days(whole.first, min(whole.first + (today - shown.first), whole.last))


def cycle_days(days: Iterable[int]) -> list[int]:
    """The different cycle days of some stations; the first of the month where there are none."""
    return sorted(set(days)) or [1]
