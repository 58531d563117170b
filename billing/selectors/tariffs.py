"""Price lists as pages read them: what it costs now and next, who changed it, what a charge would cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils.translation import get_language

from billing import pricing
from billing.models import PriceLevel, Tariff, TouHoliday
from billing.money import vat_within
from billing.pricing import Part, Period
from billing.services.tariffs import FALLBACK, vat_rate
from stations.models import Station
from users.models import Company

LEVELS: tuple[str, ...] = tuple(PriceLevel.values)


@dataclass(frozen=True, slots=True)
class LevelPrice:
    """What one level pays at a station. ``row`` is None where nobody has set a price.

    ``borrowed`` names the level whose list is used because this one has none of its own.
    """

    level: str
    row: Tariff | None
    value: pricing.Tariff | None
    borrowed: str
    at: datetime

    @property
    def period(self) -> Period | None:
        return self.value.calendar.period_at(self.at) if self.value else None

    @property
    def energy(self) -> Decimal | None:
        """Baht per kWh now."""
        if self.value is None or self.period is None:
            return None
        return self.value.unit_price(Part.ENERGY, self.period)

    @property
    def changes_at(self) -> datetime | None:
        """When the energy price changes next; None where it is the same all day."""
        if self.value is None or self.energy == self._other:
            return None
        return self.value.calendar.next_change(self.at)

    @property
    def next_energy(self) -> Decimal | None:
        return self._other if self.changes_at is not None else None

    @property
    def _other(self) -> Decimal | None:
        if self.value is None:
            return None
        other = Period.OFF_PEAK if self.period is Period.ON_PEAK else Period.ON_PEAK
        return self.value.unit_price(Part.ENERGY, other)

    def price(self, part: str, period: str) -> Decimal | None:
        """One cell of the grid; None where there is no list at all."""
        return self.value.unit_price(Part(part), Period(period)) if self.value else None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a charge would cost one level, and the VAT inside it."""

    level: str
    bill: pricing.Bill
    vat: int
    vat_rate: Decimal

    @property
    def net(self) -> int:
        return self.bill.total - self.vat


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One day of the week strip; On-Peak from and until, none on days off."""

    day: date
    on_peak: tuple[time, time] | None
    holiday: str = ""


def in_force(stations: Iterable[Station], at: datetime) -> dict[int, list[LevelPrice]]:
    """What every level pays at each station at that moment: two queries, however many stations."""
    stations = list(stations)
    rows = (
        Tariff.objects.filter(station__in=stations, valid_from__lte=at)
        .order_by("station_id", "level", "-valid_from", "-version")
        .distinct("station_id", "level")
    )
    found = {(row.station_id, row.level): row for row in rows}
    calendars = calendars_of(stations)
    return {
        s.pk: [_level(found, s, level, calendars[s.pk], at) for level in LEVELS] for s in stations
    }


def _level(
    found: dict[tuple[int, str], Tariff],
    station: Station,
    level: str,
    calendar: pricing.Calendar,
    at: datetime,
) -> LevelPrice:
    for candidate in FALLBACK[level]:
        row = found.get((station.pk, candidate))
        if row is not None:
            borrowed = candidate if candidate != level else ""
            return LevelPrice(level, row, row.as_value(calendar), borrowed, at)
    return LevelPrice(level, None, None, "", at)


def calendars_of(stations: Sequence[Station]) -> dict[int, pricing.Calendar]:
    """The TOU calendar of each station, in one query."""
    days: dict[tuple[int, str], set[date]] = {}
    rows = TouHoliday.objects.filter(
        company_id__in={s.company_id for s in stations}, off_peak=True
    ).values_list("company_id", "utility", "date")
    for company_id, utility, day in rows:
        days.setdefault((company_id, utility), set()).add(day)
    return {
        s.pk: pricing.Calendar(frozenset(days.get((s.company_id, s.utility), ()))) for s in stations
    }


def versions(station: Station, most: int = 30) -> list[Tariff]:
    """Every version of every level, newest first."""
    return list(station.tariffs.order_by("-created_at", "-id")[:most])


def quote(
    station: Station, level: str, value: pricing.Tariff, usage: pricing.Usage, day: date
) -> Quote:
    """The bill of an imagined charge, by the same function that makes the real ones."""
    bill = pricing.price(usage, value)
    rate = vat_rate(station.tax_entity, day)
    return Quote(level, bill, vat_within(bill.total, rate), rate)


def week(calendar: pricing.Calendar, station: Station, first: date) -> list[WeekDay]:
    """Seven days from ``first`` on, holidays with their names."""
    days = [first + timedelta(days=n) for n in range(7)]
    rows = TouHoliday.objects.filter(
        company_id=station.company_id, utility=station.utility, date__in=days, off_peak=True
    )
    holidays = {row.date: row for row in rows}
    hours = (calendar.on_from, calendar.on_until)
    return [
        WeekDay(day, hours if calendar.is_working_day(day) else None, _name(holidays.get(day)))
        for day in days
    ]


def holidays_of(company: Company, utility: str, year: int) -> list[TouHoliday]:
    """The company's own table of days for a year."""
    found = TouHoliday.objects.filter(company=company, utility=utility, date__year=year)
    return list(found.order_by("date"))


def holiday_years(company: Company, utility: str) -> list[int]:
    found = TouHoliday.objects.filter(company=company, utility=utility)
    return [day.year for day in found.dates("date", "year")]


def _name(row: TouHoliday | None) -> str:
    return "" if row is None else holiday_name(row)


def holiday_name(row: TouHoliday) -> str:
    """In the language of the page; Thai first."""
    return row.name_th or row.name if (get_language() or "th").startswith("th") else row.name
