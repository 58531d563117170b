"""Price lists, the calendar they depend on, and what a charge would cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Tariff
from billing.services import holidays
from core.models import AuditEntry
from tests.api.client import Caller
from tests.factories import a_company, a_station, a_tariff
from users.models import Company

pytestmark = pytest.mark.django_db
TOU = [
    {"part": "energy", "period": "on_peak", "price": "7.7"},
    {"part": "energy", "period": "off_peak", "price": "6.0000"},
    {"part": "start", "price": "5"},
]


def test_a_change_of_prices_is_a_new_version(api: Caller, company: Company) -> None:
    station = a_station(company)
    made = api.post("tariffs/", {"station": station.pk, "level": "guest", "elements": TOU})
    assert (made.status, made["version"], made["created_by"]) == (201, 2, str(api.admin))
    assert made["elements"][2] == {"part": "start", "period": "any", "price": "5"}
    rows = api.get("tariffs/", station=station.pk, level="guest").rows
    assert [row["version"] for row in rows] == [2, 1]
    assert api.get(f"tariffs/{made['id']}/").json == made.json
    number = [{"part": "energy", "price": 7.7}]
    again = api.post("tariffs/", {"station": station.pk, "level": "guest", "elements": number})
    assert again["elements"][0]["price"] == "7.7"


@pytest.mark.parametrize(
    ("elements", "field"),
    [
        ([], "elements"),
        ([{"part": "energy", "price": "-1"}], "elements.energy.any"),
        ([{"part": "energy", "price": "1.00001"}], "elements.energy.any"),
        ([{"part": "energy", "price": 1.00001}], "elements.energy.any"),
        ([{"part": "energy", "price": "NaN"}], "elements.energy.any"),
        ([{"part": "energy", "price": "1e-5"}], "elements.energy.any"),
        ([{"part": "energy", "price": "abc"}], "elements"),
        ([{"part": "energy", "price": "1"}] * 2, "elements.energy.any"),
        ([{"part": "energy", "price": "10001"}], "elements"),
        ([{"part": "start", "period": "on_peak", "price": "1"}], "elements.start.on_peak"),
        ([{"part": "energy"}], "elements.0.price"),
        ("all", "elements"),
    ],
)
def test_a_price_list_that_contradicts_itself_is_refused(
    api: Caller, company: Company, elements: Any, field: str
) -> None:
    station = a_station(company, priced=False)
    body = {"station": station.pk, "level": "vip", "elements": elements}
    answer = api.post("tariffs/", body)
    assert (answer.status, list(answer["fields"])) == (422, [field])
    assert not Tariff.objects.exists()


def test_prices_cannot_begin_in_the_past(api: Caller, company: Company) -> None:
    body = {"station": a_station(company).pk, "level": "vip", "elements": TOU}
    past = (timezone.now() - timedelta(hours=1)).isoformat()
    assert api.post("tariffs/", {**body, "valid_from": past})["fields"].keys() == {"valid_from"}
    soon = (timezone.now() + timedelta(days=1)).isoformat()
    assert api.post("tariffs/", {**body, "valid_from": soon}).status == 201


def test_what_is_in_force_says_whose_list_counts(api: Caller, company: Company) -> None:
    station = a_station(company)
    a_tariff(station, "vip", on_peak="5", off_peak="4")
    # Friday 10:00 in Bangkok
    answer = api.get("tariffs/in-force/", station=station.pk, at="2026-11-20T03:00:00Z")
    told = {row["level"]: row for row in answer.rows}
    assert {level: row["energy_price"] for level, row in told.items()} == {
        "guest": "7.70",
        "member": "7.70",
        "vip": "5",
    }
    assert [row["borrowed"] for row in answer.rows] == [False, True, False]
    assert told["guest"]["period"] == "on_peak"
    assert told["guest"]["changes_at"] == "2026-11-20T15:00:00.000000Z"
    assert told["vip"]["tariff"]["level"] == "vip"
    only = api.get("tariffs/in-force/", station=station.pk, level="vip").rows
    assert [row["level"] for row in only] == ["vip"]


def test_in_force_asks_for_a_station_of_the_callers(api: Caller) -> None:
    assert api.get("tariffs/in-force/").status == 400
    assert api.get("tariffs/in-force/", station=a_station().pk).status == 404


def what_if(api: Caller, station_id: int, **fields: Any) -> Any:
    return api.post(
        "tariffs/price/",
        {
            "station": station_id,
            "level": "guest",
            "started_at": "2026-11-20T13:00:00Z",
            "stopped_at": "2026-11-20T16:00:00Z",
            "energy": 9_000,
            **fields,
        },
    )


def test_what_a_charge_would_cost_is_priced_like_a_real_one(api: Caller, company: Company) -> None:
    answer = what_if(api, a_station(company).pk)
    assert answer.status == 200
    assert (answer["total"], answer["vat"], answer["energy"]) == ("64.20", "4.20", 9_000)
    assert [line["amount"] for line in answer["lines"]] == ["46.20", "18.00"]
    assert answer["lines"][0]["segments"][0]["end"]["meter"] is None


def test_a_holiday_is_off_peak_all_day(api: Caller, company: Company) -> None:
    station = a_station(company)
    friday = timezone.now().date() + timedelta(days=(4 - timezone.now().weekday()) % 7 + 7)
    made = api.post(
        "holidays/",
        {"utility": "MEA", "date": friday.isoformat(), "name": "Day off", "off_peak": True},
    )
    assert (made.status, made["source"], made["company"]) == (201, "admin", company.pk)
    times = {"started_at": f"{friday}T03:00:00Z", "stopped_at": f"{friday}T04:00:00Z"}
    assert what_if(api, station.pk, energy=1_000, **times)["total"] == "6.00"


@pytest.mark.parametrize("wh", [-1, 10_000_001])
def test_energy_that_cannot_be_is_refused_and_remembered(
    api: Caller, company: Company, wh: int
) -> None:
    answer = what_if(api, a_station(company).pk, energy=wh)
    assert (answer.status, answer["code"]) == (422, "bad_quantity")
    assert AuditEntry.objects.get(refused=True).new == {
        "code": "bad_quantity",
        "fields": ["energy"],
    }


def test_a_charge_that_ends_before_it_begins_is_refused(api: Caller, company: Company) -> None:
    station = a_station(company)
    assert list(what_if(api, station.pk, stopped_at="2026-11-20T12:00:00Z")["fields"]) == [
        "stopped_at"
    ]
    assert what_if(api, station.pk, stopped_at="2030-11-20T12:00:00Z").status == 422


def test_a_station_without_prices_cannot_price(api: Caller, company: Company) -> None:
    answer = what_if(api, a_station(company, priced=False).pk)
    assert (answer.status, answer["code"]) == (409, "no_tariff")


def test_holidays_are_listed_by_date(api: Caller, company: Company) -> None:
    holidays.seed(company, [2027])
    holidays.seed(a_company(), [2027])
    days = [row["date"] for row in api.get("holidays/", utility="MEA", year=2027).rows]
    assert days == sorted(days)
    assert days[0] == "2027-01-01"
    assert len(days) == len(set(days))
    few = api.get("holidays/", utility="PEA", **{"from": "2027-12-01", "to": "2027-12-06"}).rows
    assert [row["date"] for row in few] == ["2027-12-05"]


def test_a_day_that_has_begun_is_settled(api: Caller) -> None:
    today = timezone.now().date().isoformat()
    answer = api.post(
        "holidays/", {"utility": "MEA", "date": today, "name": "Today", "off_peak": True}
    )
    assert (answer.status, answer["code"]) == (409, "day_settled")
