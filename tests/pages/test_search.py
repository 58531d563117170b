"""One box finds anything, within what somebody may see."""

from typing import Any

import pytest

from tests.factories import (
    a_card,
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, Any]:
    company = a_company()
    station = a_station(company, name="Riverside", name_th="ริมน้ำ")
    charger = a_charger(station, charge_point_id="SJ-01", serial_number="SN-778", online=True)
    customer = a_customer(company, name="พิมพ์ชนก วัฒนกุล", phone="+66812345678")
    card = a_card(customer, "04A1B2C3")
    session = a_session(charger.connectors.get(), customer=customer, transaction_id=48_213)
    return {
        "company": company,
        "charger": charger,
        "session": session,
        "card": card,
        "customer": customer,
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sj-0", "SJ-01"),
        ("SN-778", "SJ-01"),
        ("river", "Riverside"),
        ("ริมน้ำ", "Riverside"),
        ("#48213", "48213"),
        ("04a1b2", "04A1B2C3"),
        ("พิมพ์ชนก", "พิมพ์ชนก วัฒนกุล"),
        ("081-234-5678", "พิมพ์ชนก วัฒนกุล"),
        ("345678", "พิมพ์ชนก วัฒนกุล"),
    ],
)
def test_it_finds_by_whatever_is_at_hand(world: dict[str, Any], text: str, shown: str) -> None:
    page = text_of(signed_in(an_admin(world["company"])).get("/search/", {"q": text}))
    assert f"<b>{shown}</b>" in page


def test_a_whole_id_leads_straight_to_the_thing(world: dict[str, Any]) -> None:
    client = signed_in(an_admin(world["company"]))
    assert client.get("/search/", {"q": " sj-01 "})["Location"] == "/chargers/SJ-01/"
    session = world["session"]
    assert client.get("/search/", {"q": "48213"})["Location"] == f"/sessions/{session.pk}/"
    code = world["charger"].connectors.get().code
    assert client.get("/search/", {"q": code.lower()})["Location"] == "/chargers/SJ-01/"


@pytest.mark.parametrize("text", ["SJ-01", "48213", "04A1B2C3", "พิมพ์ชนก", "Riverside"])
def test_what_is_somebody_elses_is_not_found(world: dict[str, Any], text: str) -> None:
    response = signed_in(an_admin()).get("/search/", {"q": text})
    assert response.status_code == 200
    assert f"Nothing found for “{text}”" in text_of(response)


def test_a_charger_of_another_station_is_not_found_by_an_admin_of_some(
    world: dict[str, Any],
) -> None:
    admin = an_admin(world["company"], Level.VIEWER, all_stations=False)
    assert "Nothing found" in text_of(signed_in(admin).get("/search/", {"q": "SJ-01"}))


@pytest.mark.parametrize("text", ["", "a", "%", "'; --", "9" * 40, "\x00abc", "<script>"])
def test_odd_questions_get_a_calm_answer(world: dict[str, Any], text: str) -> None:
    response = signed_in(an_admin(world["company"])).get("/search/", {"q": text})
    assert response.status_code == 200
    assert "<script>" not in text_of(response).split("</head>")[1]


def test_the_list_alone_comes_to_a_part_that_asks(world: dict[str, Any]) -> None:
    client = signed_in(an_admin(world["company"]))
    page = text_of(client.get("/search/", {"q": "SJ-01"}, headers=HTMX))
    assert "<html" not in page
    assert "SJ-01" in page


def test_it_asks_a_few_queries_only(
    world: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    client = signed_in(an_admin(world["company"]))
    with django_assert_max_num_queries(12):
        client.get("/search/", {"q": "zz"})
