"""RFID cards by their number."""

import pytest

from core.models import AuditEntry
from tests.api.client import Caller
from tests.factories import a_card, a_company, a_customer
from users.models import Card, Company

pytestmark = pytest.mark.django_db


def test_a_card_is_given_blocked_and_taken_back(api: Caller, company: Company) -> None:
    customer = a_customer(company)
    made = api.post(
        "cards/",
        {
            "id_tag": "04a1B2",
            "customer": customer.pk,
            "parent_id_tag": "FAMILY",
            "expires_at": "2030-01-01T00:00:00+07:00",
        },
    )
    assert made.status == 201
    assert made.json.keys() >= {
        "id_tag",
        "customer",
        "parent_id_tag",
        "expires_at",
        "status",
        "max_active_sessions",
    }
    assert (made["status"], made["max_active_sessions"]) == ("active", 1)
    assert made["expires_at"] == "2029-12-31T17:00:00.000000Z"
    changed = api.patch("cards/04A1B2/", {"status": "blocked", "max_active_sessions": None})
    assert (changed["status"], changed["max_active_sessions"]) == ("blocked", None)
    assert api.delete("cards/04a1b2/").status == 204
    assert api.get("cards/04a1b2/").status == 404
    assert api.post("cards/", {"id_tag": "04A1b2"}).status == 201
    entry = AuditEntry.objects.get(action="edit_card")
    assert entry.old == {"status": "active", "max_active_sessions": 1}


def test_a_number_is_given_once_whatever_its_case(api: Caller, company: Company) -> None:
    a_card(a_customer(company), "ABC")
    answer = api.post("cards/", {"id_tag": "abc"})
    assert (answer.status, answer["code"], list(answer["fields"])) == (
        409,
        "id_tag_taken",
        ["id_tag"],
    )


def test_two_companies_may_give_out_the_same_number(
    api: Caller, platform_api: Caller, company: Company
) -> None:
    elsewhere = a_company()
    a_card(a_customer(elsewhere), "SAME")
    mine = a_card(a_customer(company), "SAME")
    assert api.get("cards/same/")["customer"] == mine.customer_id
    answer = platform_api.get("cards/same/")
    assert (answer.status, answer["code"]) == (400, "ambiguous")
    assert platform_api.get("cards/same/", company=company.pk)["customer"] == mine.customer_id


@pytest.mark.parametrize("id_tag", ["", " ", "x" * 21, "a\tb"])
def test_a_number_no_reader_can_send_is_refused(api: Caller, id_tag: str) -> None:
    answer = api.post("cards/", {"id_tag": id_tag})
    assert (answer.status, list(answer["fields"])) == (422, ["id_tag"])


def test_a_card_with_a_slash_has_an_address(api: Caller) -> None:
    assert api.post("cards/", {"id_tag": "TH/1 2"}).status == 201
    assert api.get("cards/TH%2F1%202/")["id_tag"] == "TH/1 2"


def test_a_card_goes_only_to_a_customer_of_its_company(
    api: Caller, platform_api: Caller, company: Company
) -> None:
    foreign = a_customer(a_company())
    assert api.post("cards/", {"id_tag": "X", "customer": foreign.pk})["code"] == "does_not_exist"
    body = {"id_tag": "X", "customer": foreign.pk, "company": company.pk}
    assert platform_api.post("cards/", body)["code"] == "foreign_customer"
    made = platform_api.post("cards/", {"id_tag": "X", "customer": foreign.pk})
    assert made["company"] == foreign.company_id
    assert Card.objects.count() == 1


def test_cards_are_filtered(api: Caller, company: Company) -> None:
    one, two = a_customer(company), a_customer(company)
    a_card(one, "A1")
    a_card(two, "A2", status="blocked")
    assert [row["id_tag"] for row in api.get("cards/", customer=one.pk).rows] == ["A1"]
    assert [row["id_tag"] for row in api.get("cards/", status="blocked").rows] == ["A2"]
    assert [row["id_tag"] for row in api.get("cards/", id_tag="a1").rows] == ["A1"]
