"""Price lists: the grid, versions, the calculator, a new version."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.models import Tariff, TouHoliday
from core.models import AuditEntry
from evbilling.backoffice.moments import LOCAL
from tests.factories import a_company, a_station, a_tariff, an_admin
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db
PRICES = {"energy_on": "7.70", "energy_off": "6.00", "when": "now"}
THURSDAY_NOON = datetime(2026, 11, 19, 12, 0, tzinfo=LOCAL)


def test_the_grid_shows_every_level_and_whose_prices_it_borrows() -> None:
    company = a_company()
    station = a_station(company)
    a_tariff(station, "vip", on_peak="6.50", off_peak="4.90")
    page = text_of(signed_in(an_admin(company)).get("/prices/"))
    for words in ("7.70", "6.00", "6.50", "4.90", "pays as Guest", "VAT 7 % included everywhere"):
        assert words in page


def test_what_counts_now_is_marked_and_until_when() -> None:
    company = a_company()
    a_station(company)
    admin = an_admin(company)
    with time_machine.travel(THURSDAY_NOON, tick=False):
        page = text_of(signed_in(admin).get("/prices/"))
    assert "Now On-Peak, until 22:00." in page


def test_the_week_shows_holidays_by_name() -> None:
    company = a_company()
    a_station(company)
    admin = an_admin(company)
    TouHoliday.objects.create(
        company=company, utility="MEA", date=THURSDAY_NOON.date(), name="Some Day", name_th="วันหนึ่ง"
    )
    with time_machine.travel(THURSDAY_NOON, tick=False):
        assert "Some Day" in text_of(signed_in(admin).get("/prices/"))
        assert "วันหนึ่ง" in text_of(signed_in(admin, "th").get("/prices/"))
        assert "Now Off-Peak" in text_of(signed_in(admin).get("/prices/"))


def test_one_of_several_stations_is_chosen_in_the_url() -> None:
    company = a_company()
    first, second = a_station(company, name="A"), a_station(company, name="B", priced=False)
    client = signed_in(an_admin(company))
    assert "7.70" in text_of(client.get(f"/prices/?station={first.pk}"))
    page = text_of(client.get(f"/prices/?station={second.pk}"))
    assert "This station has no price list yet" in page
    assert client.get(f"/prices/?station={a_station().pk}").status_code == 404
    assert client.get("/prices/?station=x").status_code == 404


def test_a_company_without_stations_is_told_so() -> None:
    assert "No station yet" in text_of(signed_in(an_admin()).get("/prices/"))


def ask(client: Any, **params: str) -> str:
    query = {"on": "2026-11-18", "from": "21:20", "until": "22:15", "kwh": "32"} | params
    return text_of(client.get("/prices/", query | {"part": "whatif"}))


def test_the_calculator_prices_as_the_bills_do() -> None:
    """40 of 55 minutes On-Peak: 23.272 kWh (cut); 179.19 + 52.37 = 231.56, VAT within 15.15."""
    company = a_company()
    a_tariff(a_station(company), "vip", on_peak="6.50", off_peak="4.90")
    client = signed_in(an_admin(company))
    part = ask(client)
    for words in ("23.272 kWh × ฿7.70", "฿179.19", "8.728 kWh × ฿6.00", "฿52.37", "฿231.56"):
        assert words in part
    assert "value ฿216.41 + VAT ฿15.15" in part
    assert 'VIP <b class="ink">฿194.04</b>' in part
    assert "<html" not in part
    assert "฿194.04" in ask(client, level="vip")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"kwh": "abc"}, "Enter between 0 and 500 kWh."),
        ({"kwh": "-1"}, "Enter between 0 and 500 kWh."),
        ({"kwh": "NaN"}, "Enter between 0 and 500 kWh."),
        ({"kwh": "1e9"}, "Enter between 0 and 500 kWh."),
        ({"from": "late"}, "Enter both times"),
        ({"until": ""}, "Enter both times"),
        ({"on": "never"}, "Enter a day."),
        ({"kwh": "0"}, "Without energy nothing is charged."),
    ],
)
def test_the_calculator_says_what_it_cannot_work_with(
    params: dict[str, str], sentence: str
) -> None:
    company = a_company()
    a_station(company)
    assert sentence in ask(signed_in(an_admin(company)), **params)


def test_a_charge_that_ends_before_it_starts_ends_the_next_day() -> None:
    company = a_company()
    a_station(company)
    part = ask(signed_in(an_admin(company)), **{"from": "23:00", "until": "01:00"})
    assert "32.000 kWh × ฿6.00" in part
    assert "On-Peak" not in part


def save(level: str = "guest", right: str = Level.MANAGER, **changed: str) -> tuple[Any, Any]:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company, right, name="Somsri"))
    return station, client.post(f"/prices/{station.pk}/{level}/", PRICES | changed)


def test_saving_makes_a_new_version_and_leaves_the_old_one_alone() -> None:
    station, response = save(energy_on="8.20", time_on="0.20", time_off="0.20", start="10")
    assert response["Location"] == f"/prices/?station={station.pk}&saved=guest"
    old, new = Tariff.objects.filter(station=station).order_by("version")
    assert (old.version, new.version, new.created_by) == (1, 2, "Somsri")
    assert {(e["part"], e["period"], e["price"]) for e in new.elements} == {
        ("energy", "on_peak", "8.20"),
        ("energy", "off_peak", "6.00"),
        ("time", "any", "0.20"),
        ("start", "any", "10"),
    }
    assert AuditEntry.objects.filter(action="edit_tariff", actor_name="Somsri").exists()
    page = text_of(signed_in(an_admin(station.company)).get("/prices/?saved=guest"))
    assert "The new prices for Guest are saved" in page
    assert "8.20" in page


def test_prices_may_begin_later_and_are_shown_as_coming() -> None:
    tomorrow = (timezone.now().astimezone(LOCAL) + timedelta(days=1)).date()
    station, response = save(
        when="later", day=tomorrow.isoformat(), clock="06:30", energy_on="9.90"
    )
    assert response.status_code == 302
    new = Tariff.objects.get(station=station, version=2)
    assert new.valid_from == datetime.combine(tomorrow, datetime.min.time(), LOCAL) + timedelta(
        hours=6, minutes=30
    )
    page = text_of(signed_in(an_admin(station.company)).get("/prices/"))
    assert "9.90" in page
    assert ">7.70<" in page  # still in force


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"energy_on": ""}, "energy_on", "Enter a number in baht"),
        ({"energy_on": "x"}, "energy_on", "Enter a number in baht"),
        ({"energy_off": "-1"}, "energy_off", "A price cannot be negative."),
        ({"start": "20000"}, "start", "surely a slip"),
        ({"flat": "1.23456"}, "flat", "at most four decimals"),
        ({"time_off": "-0.5"}, "time_off", "A price cannot be negative."),
        (
            {"when": "later", "day": "2020-01-01", "clock": "06:00"},
            "day",
            "cannot begin in the past",
        ),
        ({"when": "later", "day": ""}, "day", "Choose the day and time"),
    ],
)
def test_what_is_wrong_is_said_under_its_box_and_nothing_is_saved(
    changed: dict[str, str], field: str, sentence: str
) -> None:
    station, response = save(**changed)
    assert response.status_code == 422
    page = text_of(response)
    assert f'id="id_{field}_error"' in page
    assert sentence in page
    assert Tariff.objects.filter(station=station).count() == 1


def test_every_wrong_box_says_so_at_once() -> None:
    _, response = save(energy_on="-1", energy_off="99999", flat="1.23456")
    page = text_of(response)
    for sentence in ("cannot be negative", "surely a slip", "at most four decimals"):
        assert sentence in page


def test_a_draft_is_calculated_with_before_it_is_saved() -> None:
    company = a_company()
    station = a_station(company)
    imagined = {"on": "2026-11-18", "from": "21:20", "until": "22:15", "kwh": "32"}
    part = signed_in(an_admin(company)).post(
        f"/prices/{station.pk}/guest/",
        PRICES | imagined | {"energy_on": "8.80", "part": "whatif"},
        headers=HTMX,
    )
    page = text_of(part)
    assert part.status_code == 200
    for words in ("฿257.16", "with the prices typed here", "฿231.56", "+฿25.60"):
        assert words in page
    assert Tariff.objects.count() == 1


def test_a_level_of_its_own_is_begun_from_what_it_paid_until_now() -> None:
    company = a_company()
    station = a_station(company)
    page = text_of(signed_in(an_admin(company)).get(f"/prices/{station.pk}/member/"))
    assert "until now as Guest" in page
    assert 'value="7.70"' in page
    guest = text_of(signed_in(an_admin(company)).get(f"/prices/{station.pk}/guest/"))
    assert "Member, VIP have no prices of their own" in guest


def test_an_operator_sees_prices_but_may_not_change_them() -> None:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company, Level.OPERATOR))
    assert f"/prices/{station.pk}/guest/" not in text_of(client.get("/prices/"))
    assert client.get(f"/prices/{station.pk}/guest/").status_code == 403
    assert client.post(f"/prices/{station.pk}/guest/", PRICES).status_code == 403


def test_an_unknown_level_does_not_exist() -> None:
    company = a_company()
    station = a_station(company)
    assert signed_in(an_admin(company)).get(f"/prices/{station.pk}/gold/").status_code == 404


def test_the_page_asks_little(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    company = a_company()
    station = a_station(company)
    for n in range(5):
        a_tariff(station, "vip", on_peak=str(5 + n))
    client = signed_in(an_admin(company))
    with django_assert_max_num_queries(15):
        client.get("/prices/")
