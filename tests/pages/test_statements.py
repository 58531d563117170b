"""Monthly bills in the back office and the API, and the prices of staying in the form."""

from typing import Any

import pytest
from django.urls import reverse

from billing.models import Statement, Tariff
from evbilling.statement_links import sign
from tests.api.client import Caller
from tests.billing.a_statement import a_statement
from tests.factories import a_company, a_customer, a_station, an_admin
from tests.pages.people import a_visitor, signed_in, text_of
from users.models import Company, Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return a_company()


@pytest.fixture
def bill(company: Company) -> Statement:
    return a_statement(company, a_station(company))


def test_a_bill_is_listed_shown_and_paid_at_the_counter(company: Company, bill: Statement) -> None:
    client = signed_in(an_admin(company, Level.OPERATOR))
    assert bill.number in text_of(client.get("/statements/"))
    page = text_of(client.get(f"/statements/{bill.pk}/"))
    assert "Still to be paid" in page
    assert "Make this bill void" not in page
    wrong = client.post(f"/statements/{bill.pk}/pay/", {"amount": "9999", "method": "cash"})
    assert wrong.status_code == 422
    assert "are still to be paid on this bill, not more" in text_of(wrong)
    amount = f"{bill.total / 100:.2f}"
    form = {"amount": amount, "method": "cash", "key": "k"}
    for _ in range(2):
        assert client.post(f"/statements/{bill.pk}/pay/", form).status_code == 302
    bill.refresh_from_db()
    assert (bill.state, bill.payments.count()) == ("paid", 1)


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.234", "x", "1e5"])
def test_an_amount_that_is_none_changes_nothing(
    company: Company, bill: Statement, amount: str
) -> None:
    client = signed_in(an_admin(company))
    form = {"amount": amount, "method": "cash", "key": "k"}
    assert client.post(f"/statements/{bill.pk}/pay/", form).status_code == 422
    assert not bill.payments.exists()


def test_a_manager_bills_again_what_was_made_void(company: Company, bill: Statement) -> None:
    client = signed_in(an_admin(company, Level.MANAGER))
    assert client.post(f"/statements/{bill.pk}/void/", {"reason": " "}).status_code == 422
    assert client.post(f"/statements/{bill.pk}/void/", {"reason": "wrong"}).status_code == 302
    assert bill.customer.name in text_of(client.get("/statements/"))
    form = {"customer": bill.customer_id, "due_on": "2020-01-01", "key": "a"}
    assert "Choose a due day from today on" in text_of(client.post("/statements/issue/", form))
    form["due_on"] = bill.due_on.isoformat()
    for _ in range(2):
        assert client.post("/statements/issue/", form).status_code == 302
    assert Statement.objects.filter(state="open").count() == 1
    terms = {"cycle_day": "31", "due_days": "15"}
    assert "Choose a day from 1 to 28." in text_of(client.post("/statements/terms/", terms))


def test_the_paper_opens_by_its_link_and_by_no_other(company: Company, bill: Statement) -> None:
    visitor = a_visitor()
    found = visitor.get(reverse("statement-link", args=[sign(bill)]))
    assert (found.status_code, found["Content-Type"]) == (200, "application/pdf")
    assert visitor.get(reverse("statement-link", args=[f"{bill.pk}.x"])).status_code == 404


def test_another_company_finds_nothing_of_it(bill: Statement) -> None:
    client = signed_in(an_admin(a_company()))
    for path in ("", "pay/", "void/"):
        assert client.post(f"/statements/{bill.pk}/{path}").status_code in (404, 405)
    assert client.get(f"/statements/{bill.pk}/").status_code == 404
    assert client.get(f"/statements/{bill.pk}.pdf").status_code == 404


def test_other_software_bills_and_takes_payments(company: Company, bill: Statement) -> None:
    api = Caller(an_admin(company))
    (row,) = api.get("statements/").rows
    assert (row["number"], row["outstanding"]) == (bill.number, row["total"])
    body = {"amount": row["total"], "method": "transfer"}
    path = f"statements/{bill.pk}/payments/"
    assert api.post(path, body).status == 400  # without a key
    first = api.post(path, body, Idempotency_Key="a")
    assert (first.status, first.json["amount"]) == (201, row["total"])
    assert api.post(path, body, Idempotency_Key="a").json == first.json
    assert api.get(f"statements/{bill.pk}/").json["state"] == "paid"
    nobody = a_customer(company)
    owes = api.post("statements/", {"customer": nobody.pk}, Idempotency_Key="b")
    assert (owes.status, owes.json["code"]) == (409, "nothing_owed")


# --- prices of staying -------------------------------------------------------------------------------

STAYING: dict[str, Any] = {
    "energy_on": "7.70",
    "energy_off": "6.00",
    "parking_on": "20",
    "penalty_on": "3",
    "penalty_off": "2",
    "grace_min": "15",
    "penalty_max": "500",
    "exempt1_from": "23:00",
    "exempt1_until": "06:00",
    "exempt_holidays": "on",
    "reservation": "20",
    "free_use_min": "10",
    "when": "now",
}


def test_prices_of_staying_are_saved_shown_and_taken_up_again(company: Company) -> None:
    station = a_station(company)
    client = signed_in(an_admin(company))
    assert client.post(f"/prices/{station.pk}/member/", STAYING).status_code == 302
    made = Tariff.objects.get(level="member")
    assert made.terms == {
        "grace_min": 15,
        "exempt": [["23:00", "06:00"]],
        "exempt_holidays": True,
        "penalty_max": "500",
        "free_use_min": 10,
    }
    page = text_of(client.get("/prices/"))
    for words in ("20.00 / 0.00", "3.00 / 2.00", "15 min to unplug", "no penalty 23:00–06:00"):
        assert words in page
    again = text_of(client.get(f"/prices/{station.pk}/member/"))
    assert 'name="exempt1_from" value="23:00"' in again


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("grace_min", "-1", "Enter whole minutes"),
        ("grace_min", "1441", "Enter whole minutes"),
        ("penalty_on", "-1", "A price cannot be negative."),
        ("penalty_max", "1.001", "A price has at most four decimals."),
        ("exempt1_until", "", "Enter both times, or none."),
    ],
)
def test_what_makes_no_sense_is_said_at_its_box(
    company: Company, field: str, value: str, sentence: str
) -> None:
    station = a_station(company)
    client = signed_in(an_admin(company))
    response = client.post(f"/prices/{station.pk}/member/", STAYING | {field: value})
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not Tariff.objects.filter(level="member").exists()


def test_the_calculator_knows_what_a_stay_costs(company: Company) -> None:
    """As worked out by hand in the tests of prices: 179.19 + 52.37 + 13.33 + 40.00."""
    station = a_station(company)
    client = signed_in(an_admin(company))
    client.post(f"/prices/{station.pk}/guest/", STAYING)
    asked = {"on": "2026-11-19", "from": "21:20", "until": "22:15", "left": "22:50", "kwh": "32"}
    page = text_of(client.get("/prices/", asked | {"part": "whatif"}))
    for words in ("฿284.89", "฿13.33", "฿40.00", "× ฿20.00/h"):
        assert words in page


def test_other_software_sets_prices_of_staying_and_is_told_what_is_wrong(company: Company) -> None:
    station = a_station(company)
    api = Caller(an_admin(company))
    body: dict[str, Any] = {
        "station": station.pk,
        "level": "vip",
        "elements": [
            {"part": "energy", "price": "6"},
            {"part": "penalty", "price": "2"},
        ],
        "terms": {"grace_min": 20, "exempt": [{"start": "23:00", "end": "06:00"}]},
    }
    made = api.post("tariffs/", body)
    assert made.status == 201
    assert made.json["terms"]["exempt"] == [{"start": "23:00", "end": "06:00"}]
    body["terms"] = {"grace_min": 5000}
    wrong = api.post("tariffs/", body)
    assert (wrong.status, list(wrong.json["fields"])) == (422, ["terms.grace_min"])
