"""Energy, money and charges of a period."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django.utils.translation import override

from billing.models import Bill
from billing.services.bills import bill_session
from evbilling.backoffice import periods
from evbilling.backoffice.totals import Figures, Totals, totals
from stations.models import MeterValue, Session, SessionLive, Station
from tests.factories import (
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    a_tariff,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)  # Friday 14:30 in Bangkok
MIDNIGHT = datetime(2026, 11, 19, 17, tzinfo=UTC)


@pytest.fixture
def station() -> Station:
    with time_machine.travel(NOW, tick=False):
        station = a_station(a_company(), priced=False)
        a_tariff(station, valid_from=NOW - timedelta(days=400))
        return station


def a_charge(
    station: Station, start: datetime, end: datetime, wh: int, *, billed: bool = True
) -> Session:
    """An ended charge with a reading every minute, evenly drawn."""
    with time_machine.travel(end, tick=False):
        customer = a_customer(station.company)
        session = a_session(
            a_charger(station).connectors.get(), customer=customer, started_at=start, wh=wh
        )
        session.status, session.stopped_at, session.energy_wh = "ended", end, wh
        session.meter_stop = session.meter_start + wh
        session.save()
        if billed:
            bill_session(session)
    return session


def shown(station: Station, query: dict[str, str] | None = None, now: datetime = NOW) -> Totals:
    with time_machine.travel(now, tick=False), override("en"):
        wanted = periods.parse(query or {}, (now + timedelta(hours=7)).date())
        company = station.company
        days = {s.pk: s.billing_cycle_day for s in Station.objects.filter(company=company)}
        return totals(
            Session.objects.filter(company=company),
            Bill.objects.filter(company=company),
            days,
            wanted,
            timezone.now(),
        )


def test_today_counts_what_was_metered_since_midnight_in_the_hour_it_was_metered(
    station: Station,
) -> None:
    a_charge(station, NOW - timedelta(hours=3, minutes=30), NOW - timedelta(hours=1), 15_000)
    found = shown(station)
    hours = [bar.value for bar in found.bars]
    # 11:00 to 13:30 at 100 Wh a minute
    assert hours[11:14] == [6_000, 6_000, 3_000]
    assert sum(hours) == found.now.wh == 15_000
    assert found.now.sessions == 1
    assert [bar.growing for bar in found.bars].index(True) == 14


def test_a_charge_over_midnight_counts_from_midnight_on(station: Station) -> None:
    a_charge(station, MIDNIGHT - timedelta(hours=1), MIDNIGHT + timedelta(hours=1), 12_000)
    found = shown(station)
    assert found.now.wh == 6_000
    assert found.now.sessions == 0  # it began yesterday
    assert found.now.satang > 0  # but was billed today


def test_a_running_charge_counts_with_what_it_has_drawn(station: Station) -> None:
    with time_machine.travel(NOW, tick=False):
        a_session(
            a_charger(station).connectors.get(), wh=4_000, started_at=NOW - timedelta(minutes=20)
        )
    found = shown(station)
    assert found.now == Figures(4_000, 0, 1)


def test_a_refused_charge_does_not_count(station: Station) -> None:
    with time_machine.travel(NOW, tick=False):
        a_session(a_charger(station).connectors.get(), wh=4_000, refusal="Blocked")
    assert shown(station).now == Figures()


def test_today_is_compared_with_the_same_weekday_until_the_same_time(station: Station) -> None:
    week = timedelta(days=7)
    # over the very moment: half of it had been drawn by then
    a_charge(station, NOW - week - timedelta(hours=1), NOW - week + timedelta(hours=1), 8_000)
    a_charge(station, NOW - week + timedelta(hours=3), NOW - week + timedelta(hours=4), 5_000)
    a_charge(station, NOW - timedelta(hours=2), NOW - timedelta(hours=1), 6_000)
    found = shown(station)
    assert found.before == Figures(4_000, 0, 1)
    assert found.now.wh == 6_000
    assert found.compared == "against last Friday until the same time"
    assert ("Energy sold", "6.0", "kWh", "+50 %") in found.rows


def test_without_readings_energy_is_spread_evenly_and_nothing_is_lost(station: Station) -> None:
    a_charge(station, NOW - timedelta(hours=3, minutes=30), NOW - timedelta(hours=1), 15_000)
    MeterValue.objects.all().delete()
    found = shown(station)
    assert [bar.value for bar in found.bars][11:14] == [6_000, 6_000, 3_000]


def test_a_register_that_fell_takes_nothing_back(station: Station) -> None:
    charge = a_charge(station, NOW - timedelta(hours=3), NOW - timedelta(hours=1), 12_000)
    at = NOW - timedelta(hours=2, minutes=30)
    MeterValue.objects.filter(session=charge, at__gte=at).update(register_wh=5)
    hours = [bar.value for bar in shown(station).bars]
    assert min(hours) >= 0
    assert sum(hours) == 12_000


def test_a_month_counts_the_charges_that_began_in_it(station: Station) -> None:
    for day in (2, 2, 19):
        start = datetime(2026, 11, day, 3, tzinfo=UTC)
        a_charge(station, start, start + timedelta(hours=1), 10_000)
    october = datetime(2026, 10, 31, 16, 30, tzinfo=UTC)  # 23:30 on the last evening of October
    a_charge(station, october, october + timedelta(hours=1), 7_000)
    found = shown(station, {"totals": "month"})
    assert (found.title, found.now.wh, found.now.sessions) == ("Nov 2026", 30_000, 3)
    assert found.now.satang == sum(
        Bill.objects.filter(session__started_at__month=11).values_list("total", flat=True)
    )
    assert [(bar.name, bar.value) for bar in found.bars if bar.value] == [
        ("2 Nov 2026", 20_000),
        ("19 Nov 2026", 10_000),
    ]
    assert len(found.bars) == 30
    assert shown(station, {"totals": "month", "back": "1"}).now.wh == 7_000


def test_a_running_month_is_compared_with_as_much_of_the_one_before(station: Station) -> None:
    for day in (20, 21):  # of October: today is the 20th
        start = datetime(2026, 10, day, 3, tzinfo=UTC)
        a_charge(station, start, start + timedelta(hours=1), 10_000)
    assert shown(station, {"totals": "month"}).before.sessions == 1


def test_a_year_has_a_bar_for_each_month(station: Station) -> None:
    start = datetime(2026, 3, 5, 3, tzinfo=UTC)
    a_charge(station, start, start + timedelta(hours=1), 10_000)
    found = shown(station, {"totals": "year"})
    assert found.title == "2026"
    assert [bar.value for bar in found.bars] == [0, 0, 10_000] + [0] * 9
    assert [bar.growing for bar in found.bars].index(True) == 10


def test_stations_with_different_cycle_days_each_count_their_own_cycle(station: Station) -> None:
    other = a_station(station.company, billing_cycle_day=15)
    start = datetime(2026, 11, 10, 3, tzinfo=UTC)
    a_charge(station, start, start + timedelta(hours=1), 1_000)
    a_charge(other, start, start + timedelta(hours=1), 2_000)  # before its cycle
    later = datetime(2026, 11, 16, 3, tzinfo=UTC)
    a_charge(other, later, later + timedelta(hours=1), 4_000)
    found = shown(station, {"totals": "cycle"})
    assert found.now.wh == 5_000
    assert found.before.wh == 0
    assert found.title == "Each station's own cycle"


def test_a_period_of_days_names_them(station: Station) -> None:
    found = shown(station, {"totals": "period", "from": "2026-11-01", "to": "2026-11-03"})
    assert found.title == "1 Nov 2026 – 3 Nov 2026"
    assert found.axis == ("1 Nov 2026", "3 Nov 2026")
    assert len(found.bars) == 3


def test_today_takes_three_queries_and_longer_periods_two(
    station: Station, django_assert_num_queries: Any
) -> None:
    for n in range(3):
        a_charge(station, NOW - timedelta(hours=3), NOW - timedelta(minutes=n), 9_000)
    SessionLive.objects.all().exists()
    with django_assert_num_queries(4):  # and one of this test, for the stations
        shown(station)
    with django_assert_num_queries(3):
        shown(station, {"totals": "year"})
