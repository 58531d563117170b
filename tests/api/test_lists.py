"""What all lists have in common: pages, formats, and a number of queries that does not grow."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.services import bills
from stations.models import Case, CaseKind, Session
from tests.api.client import Caller
from tests.api.world import end
from tests.factories import a_card, a_charger, a_customer, a_session, a_station, an_admin
from users.models import Company, Level

pytestmark = pytest.mark.django_db
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
MONEY = re.compile(r"-?\d+\.\d\d")


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


def fill(company: Company, n: int) -> None:
    station = a_station(company)
    for _ in range(n):
        customer = a_customer(company, balance=20_000)
        a_card(customer)
        charger = a_charger(station, connectors=2)
        a_session(charger.connectors.get(connector_id=1), customer=customer, wh=1_000)
        ended = a_session(charger.connectors.get(connector_id=2), customer=customer, wh=500)
        bills.bill_session(end(ended))
        Case.objects.create(charger=charger, kind=CaseKind.NO_STOP, key=f"k{charger.pk}")
        an_admin(company, Level.VIEWER)


# Authentication is one query; each list may add what stands here, whatever its length.
CEILINGS = {
    "stations/": 1,
    "chargers/": 2,
    "sessions/": 1,
    "customers/": 1,
    "cards/": 1,
    "tariffs/": 1,
    "ledger/": 2,
    "limits/": 1,
    "cases/": 1,
    "admins/": 2,
    "audit/": 1,
    "tokens/": 1,
    "tax-entities/": 1,
    "companies/": 1,
    "holidays/": 1,
}


def test_lists_ask_the_database_as_often_for_many_rows_as_for_one(
    api: Caller, company: Company
) -> None:
    fill(company, 4)
    api.get("me/")  # the token's last use is written once a minute
    too_many = {}
    for path, most in CEILINGS.items():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = api.get(path)
        assert answer.status == 200
        if len(queries) > most + 1:
            too_many[path] = [q["sql"][:200] for q in queries]
    assert too_many == {}


def test_times_are_utc_and_money_is_text_everywhere(api: Caller, company: Company) -> None:
    fill(company, 1)
    money = {"amount", "balance", "credit_limit"}
    seen = set()
    for path in CEILINGS:
        for name, value in leaves(api.get(path)["results"]):
            assert not isinstance(value, float) or name in ("latitude", "longitude"), (path, name)
            if value is None:
                continue
            if name.endswith("_at") or name in ("at", "since", "until", "valid_from"):
                assert TIME.fullmatch(value), (path, name, value)
                seen.add(name)
            if name in money:
                assert MONEY.fullmatch(value), (path, name, value)
                seen.add(name)
    assert seen >= {"started_at", "created_at", "at", "valid_from", "since", *money}


def test_a_list_is_walked_forth_and_back_without_a_gap_or_a_repeat(
    api: Caller, company: Company
) -> None:
    for n in range(7):
        a_customer(company, name=f"C{n}")
    page = api.get("customers/", page_size=3)
    assert page["previous"] is None
    forth = [[row["name"] for row in page.rows]]
    while page["next"]:
        page = api.get(page["next"])
        forth.append([row["name"] for row in page.rows])
        if len(forth) == 1:
            a_customer(company, name="new while reading")
    assert forth == [["C6", "C5", "C4"], ["C3", "C2", "C1"], ["C0"]]
    back = [[row["name"] for row in page.rows]]
    while page["previous"]:
        page = api.get(page["previous"])
        back.insert(0, [row["name"] for row in page.rows])
    assert back == forth
    assert page["previous"] is None


def test_rows_of_one_moment_are_all_met(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), connectors=5)
    at = timezone.now() - timedelta(hours=1)
    made = [a_session(plug, started_at=at).pk for plug in charger.connectors.all()]
    page = api.get("sessions/", page_size=2)
    met = [row["id"] for row in page.rows]
    while page["next"]:
        page = api.get(page["next"])
        met += [row["id"] for row in page.rows]
    assert met == sorted(made, reverse=True)


def test_filters_stay_on_the_next_page(api: Caller, company: Company) -> None:
    for n in range(4):
        a_customer(company, level="vip" if n % 2 else "member")
    first = api.get("customers/", level="vip", page_size=1)
    second = api.get(first["next"])
    assert [row["level"] for row in first.rows + second.rows] == ["vip", "vip"]
    assert second["next"] is None


def test_a_page_has_at_most_500_rows_and_at_least_one(api: Caller) -> None:
    assert api.get("customers/", page_size=100_000).status == 200
    for size in ("0", "-1", "x", "1.5"):
        answer = api.get("customers/", page_size=size)
        assert (answer.status, list(answer["fields"])) == (400, ["page_size"])


def test_the_ledger_shows_both_sides_of_every_movement(api: Caller, company: Company) -> None:
    customer = a_customer(company, balance=12_345)
    row = api.get("ledger/", customer=customer.pk).rows[0]
    assert (row["kind"], row["customer"], row["reason"]) == ("top_up", customer.pk, "opening")
    assert [(e["account"], e["amount"]) for e in row["entries"]] == [
        ("cash", "123.45"),
        ("wallet", "-123.45"),
    ]
    assert row["entries"][1]["customer"] == customer.pk


def test_limits_say_what_each_charge_may_draw_and_why(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), connectors=3)
    plugs = [charger.connectors.get(connector_id=n) for n in (1, 2, 3)]
    a_session(plugs[0], wh=100)
    until = timezone.now() + timedelta(minutes=5)
    a_session(plugs[1], wh=200, allowance_wh=5_000, allowance_until=until)
    a_session(plugs[2], wh=300, allowance_wh=3_000, chosen_wh=3_000)
    rows = api.get("limits/").rows
    assert [(r["connector_id"], r["kind"], r["energy"], r["drawn"]) for r in rows] == [
        (3, "allowance", 3_000, 300),
        (2, "allowance", 5_000, 200),
        (1, "none", None, 100),
    ]
    assert len({row["reason"] for row in rows}) == 3
    assert rows[1]["until"] is not None
    assert rows[2]["until"] is None


def test_a_case_is_resolved_once_with_a_note(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    case = Case.objects.create(
        charger=charger, kind=CaseKind.UNKNOWN_STOP, key="c1", evidence={"meter_stop": 5}
    )
    path = f"cases/{case.pk}/"
    assert api.get("cases/", open="true").rows[0]["evidence"] == {"meter_stop": 5}
    assert api.post(f"{path}resolve/", {})["fields"].keys() == {"note"}
    resolved = api.post(f"{path}resolve/", {"note": "test bench"})
    assert (resolved["note"], resolved["resolved_by"]) == ("test bench", str(api.admin))
    assert api.post(f"{path}resolve/", {"note": "again"})["code"] == "already_resolved"
    assert api.get("cases/", open="true").rows == []
    assert len(api.get("cases/", open="false", kind="unknown_stop").rows) == 1


def test_the_audit_shows_who_did_what(api: Caller, other_api: Caller) -> None:
    api.post("stations/", {"name": "Audited"})
    row = api.get("audit/", action="create_station").rows[0]
    assert (row["actor_kind"], row["actor_name"], row["address"]) == (
        "admin",
        str(api.admin),
        "127.0.0.1",
    )
    assert row["new"] == {"name": "Audited"}
    assert other_api.get("audit/", action="create_station").rows == []


def test_sessions_of_a_deleted_charger_stay_in_the_history(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    session = end(a_session(charger.connectors.get(), wh=10))
    assert api.delete(f"chargers/{charger.charge_point_id}/").status == 204
    assert [row["id"] for row in api.get("sessions/").rows] == [session.pk]
    assert Session.objects.filter(pk=session.pk).exists()
