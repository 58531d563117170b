"""The history of charges: pages by key, filters in the URL, totals over all of it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from stations.models import Session
from tests.factories import (
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.charges import a_bare_session, a_billed_charge
from tests.pages.people import signed_in, text_of
from users.models import Company

pytestmark = pytest.mark.django_db
LATELY = timezone.now() - timedelta(hours=5)


def a_history(company: Company) -> None:
    """Two stations: Kamon charged at one, Allan charges at the other, a stranger was refused."""
    first = a_charger(a_station(company, name="Suk Jai"), charge_point_id="SJ-01", online=True)
    second = a_charger(a_station(company, name="Resort"), charge_point_id="BCP-01", online=True)
    kamon = a_customer(company, name="Kamon", phone="+66811112222", balance=500_000)
    a_billed_charge(first.connectors.get(), kamon, started_at=LATELY, minutes=60, wh=10_000)
    allan = a_customer(company, name="Allan")
    a_session(second.connectors.get(), customer=allan, wh=4_100)
    plug = a_charger(first.station, charge_point_id="SJ-02").connectors.get()
    a_session(plug, id_tag="DEADBEEF", refusal="Invalid")


def who(page: str) -> set[str]:
    return {name for name in ("Kamon", "Allan", "Card ••BEEF") if f"{name}</span>" in page}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"Kamon", "Allan", "Card ••BEEF"}),
        ("?status=running", {"Allan"}),
        ("?status=ended", {"Kamon"}),
        ("?status=refused", {"Card ••BEEF"}),
        ("?status=nonsense", {"Kamon", "Allan", "Card ••BEEF"}),
        ("?who=kam", {"Kamon"}),
        ("?who=081-111-2222", {"Kamon"}),
        ("?who=nobody", set()),
        ("?station=999999999", set()),
        ("?charger=x", {"Kamon", "Allan", "Card ••BEEF"}),
        ("?from=2020-01-01&to=2020-01-31", set()),
        ("?from=nonsense", {"Kamon", "Allan", "Card ••BEEF"}),
        ("?at=nonsense", {"Kamon", "Allan", "Card ••BEEF"}),
    ],
)
def test_filters_of_the_url_narrow_the_history(query: str, shown: set[str]) -> None:
    company = a_company()
    a_history(company)
    assert who(text_of(signed_in(an_admin(company)).get(f"/sessions/{query}"))) == shown


def test_station_charger_and_customer_narrow_by_their_key() -> None:
    company = a_company()
    a_history(company)
    client = signed_in(an_admin(company))
    session = Session.objects.get(customer__name="Kamon")
    for query in (
        f"station={session.station_id}&status=ended",
        f"charger={session.charger_id}",
        f"customer={session.customer_id}",
    ):
        assert who(text_of(client.get(f"/sessions/?{query}"))) == {"Kamon"}


def test_totals_count_everything_the_filter_shows() -> None:
    company = a_company()
    a_history(company)
    part = text_of(signed_in(an_admin(company)).get("/sessions/?part=totals"))
    assert '<span class="v">3</span>' in part
    assert "1 still running" in part
    assert "14.1 <small>kWh" in part
    ended = text_of(signed_in(an_admin(company)).get("/sessions/?part=totals&status=ended"))
    assert "10.0 <small>kWh" in ended
    bill = Session.objects.get(customer__name="Kamon").bill
    assert f"฿{bill.total / 100:,.2f}" in ended
    assert f"VAT ฿{bill.vat / 100:,.2f} within" in ended


def test_without_script_the_totals_are_a_link_away() -> None:
    company = a_company()
    a_history(company)
    client = signed_in(an_admin(company))
    assert "totals=1" in text_of(client.get("/sessions/"))
    assert "14.1 <small>kWh" in text_of(client.get("/sessions/?totals=1"))


def test_an_empty_history_offers_more_days() -> None:
    page = text_of(signed_in(an_admin()).get("/sessions/"))
    assert "No charge in these days" in page
    assert "range=all" in page


def test_pages_go_on_and_come_back() -> None:
    company = a_company()
    charger = a_charger(a_station(company), connectors=1, online=True)
    plug, now = charger.connectors.get(), timezone.now()
    for n in range(60):
        start = now - timedelta(hours=n)
        stop = start + timedelta(minutes=1)
        a_bare_session(plug, start, status="ended", stopped_at=stop, energy_wh=n)
    client = signed_in(an_admin(company))
    first = text_of(client.get("/sessions/"))
    assert first.count('href="/sessions/') - first.count('href="/sessions/"') >= 50
    cursor = first.split("at=o")[1].split('"')[0]
    second = text_of(client.get(f"/sessions/?at=o{cursor}"))
    assert "Newer" in second
    assert "Older" not in second


def test_others_charges_are_neither_listed_nor_counted() -> None:
    a_history(a_company())
    client = signed_in(an_admin())
    assert who(text_of(client.get("/sessions/?range=all"))) == set()
    assert '<span class="v">0</span>' in text_of(client.get("/sessions/?part=totals&range=all"))
    theirs = Session.objects.first()
    assert theirs is not None
    assert client.get(f"/sessions/{theirs.pk}/").status_code == 404
    assert client.post(f"/sessions/{theirs.pk}/stop/").status_code == 404


def test_the_page_asks_as_little_for_fifty_charges_as_for_one(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    company = a_company()
    charger = a_charger(a_station(company), connectors=20, online=True)
    for plug in charger.connectors.all():
        a_session(plug, customer=a_customer(company), wh=100)
    client = signed_in(an_admin(company))
    with django_assert_max_num_queries(14):
        client.get("/sessions/")
    with django_assert_max_num_queries(5):
        client.get("/sessions/?part=totals")
