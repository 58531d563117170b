"""Stations: the list, the page, the switch."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.models import AuditEntry, Fact
from evbilling.backoffice.moments import midnight
from stations.models import CaseKind, ConnectorStatus
from stations.services.cases import open_case
from tests.factories import (
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.charges import a_billed_charge
from tests.pages.people import signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def noon() -> Iterator[None]:
    """The middle of a day: soon after midnight a charge of an hour ago began on the day before."""
    with time_machine.travel(midnight() + timedelta(hours=12)):
        yield


def test_the_list_says_what_stands_there_and_what_it_gave_today() -> None:
    company = a_company()
    station = a_station(company, name="Suk Jai", contracted_kw=150, utility_meter_number="123456")
    plug = a_charger(station, online=True).connectors.get()
    start = max(midnight(), timezone.now() - timedelta(minutes=30))
    a_session(plug, started_at=start, wh=12_340, power_w=46_300)
    plug.status = ConnectorStatus.CHARGING
    plug.save()
    page = text_of(signed_in(an_admin(company)).get("/stations/"))
    assert "Suk Jai" in page
    assert "MEA · 123456" in page
    assert "46.3" in page
    assert "/ 150" in page
    assert "12.3" in page
    assert "Charging 1" in page


@pytest.mark.usefixtures("noon")
def test_energy_before_midnight_counts_for_yesterday() -> None:
    company = a_company()
    station = a_station(company)
    plug = a_charger(station, online=True).connectors.get()
    now = timezone.now()
    a_session(plug, started_at=midnight() - (now - midnight()), wh=20_000)
    page = text_of(signed_in(an_admin(company)).get(f"/stations/{station.pk}/"))
    half = re.search(r"Energy today</span><span class=\"v\">([\d.]+) ", page)
    assert half is not None
    assert half[1] in ("9.9", "10.0")  # to the second, of 20
    assert "begun since midnight" in page


def test_a_company_without_stations_is_told_what_a_station_is() -> None:
    page = text_of(signed_in(an_admin()).get("/stations/"))
    assert "No station yet" in page


def test_others_stations_are_not_there() -> None:
    theirs = a_station(name="Theirs")
    client = signed_in(an_admin())
    assert "Theirs" not in text_of(client.get("/stations/"))
    assert client.get(f"/stations/{theirs.pk}/").status_code == 404
    assert client.post(f"/stations/{theirs.pk}/enabled/", {"on": "0"}).status_code == 404


def test_an_admin_of_one_station_sees_that_one_only() -> None:
    company = a_company()
    mine, other = a_station(company, name="Mine"), a_station(company, name="Other")
    admin = an_admin(company, all_stations=False)
    mine.limited_admins.add(admin)
    client = signed_in(admin)
    page = text_of(client.get("/stations/"))
    assert "Mine" in page
    assert "Other" not in page
    assert client.get(f"/stations/{other.pk}/").status_code == 404


def test_the_page_shows_facts_prices_charges_and_cases() -> None:
    company = a_company()
    station = a_station(company, billing_cycle_day=26, utility_meter_number="998877")
    charger = a_charger(station, charge_point_id="SJ-01", online=True)
    a_billed_charge(charger.connectors.get(), a_customer(company, name="Kamon", balance=100_000))
    open_case(CaseKind.METER_FAULT, charger, key="x")
    page = text_of(signed_in(an_admin(company)).get(f"/stations/{station.pk}/"))
    for words in ("998877", "day 26 of the month", "registered for VAT", "Kamon", "SJ-01"):
        assert words in page
    assert "The meter ran backwards" in page
    assert "7.70" in page
    assert "6.00" in page


def test_a_station_without_prices_says_that_nobody_can_charge() -> None:
    company = a_company()
    station = a_station(company, priced=False)
    page = text_of(signed_in(an_admin(company)).get(f"/stations/{station.pk}/"))
    assert "No price list yet" in page
    assert f"/prices/{station.pk}/guest/" in page


def test_a_manager_closes_a_station_and_it_is_on_record() -> None:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company, Level.MANAGER, name="Somsri"))
    response = client.post(f"/stations/{station.pk}/enabled/", {"on": "0"})
    assert response.status_code == 302
    station.refresh_from_db()
    assert not station.enabled
    entry = AuditEntry.objects.get(action="switch_station")
    assert (entry.actor_name, entry.old, entry.new) == (
        "Somsri",
        {"enabled": True},
        {"enabled": False},
    )
    assert Fact.objects.filter(kind="station_switched", subject_id=station.pk).exists()
    assert "Closed for service" in text_of(client.get(f"/stations/{station.pk}/"))


def test_switching_twice_changes_nothing_more() -> None:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company))
    client.post(f"/stations/{station.pk}/enabled/", {"on": "0"})
    client.post(f"/stations/{station.pk}/enabled/", {"on": "0"})
    assert AuditEntry.objects.filter(action="switch_station").count() == 1


def test_an_operator_may_look_but_not_close_a_station() -> None:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company, Level.OPERATOR))
    assert 'role="switch"' not in text_of(client.get(f"/stations/{station.pk}/"))
    assert client.post(f"/stations/{station.pk}/enabled/", {"on": "0"}).status_code == 403


@pytest.mark.usefixtures("noon")
def test_the_list_asks_as_little_for_many_stations_as_for_one(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    company = a_company()
    for _ in range(6):
        station = a_station(company)
        for plug in a_charger(station, connectors=2, online=True).connectors.all():
            a_session(plug, wh=1000)
    client = signed_in(an_admin(company))
    with django_assert_max_num_queries(12):
        client.get("/stations/")
    with django_assert_max_num_queries(23):
        client.get(f"/stations/{station.pk}/")


def test_both_languages_are_spoken() -> None:
    company = a_company()
    station = a_station(company, name="Suk Jai", name_th="ตลาดสุขใจ")
    assert "ตลาดสุขใจ" in text_of(signed_in(an_admin(company), "th").get(f"/stations/{station.pk}/"))
    assert "Suk Jai" in text_of(signed_in(an_admin(company)).get(f"/stations/{station.pk}/"))
