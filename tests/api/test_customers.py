"""Customers and their money: exact, once, and never below zero."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import Account, AccountKind, Transfer
from billing.services import ledger, wallets
from core.audit import SYSTEM
from core.models import AuditEntry
from tests.api.client import Answer, Caller
from tests.factories import a_charger, a_company, a_customer, a_session, a_station
from users.models import Company, Customer

pytestmark = pytest.mark.django_db


def move(api: Caller, customer: Customer, way: str, amount: Any, key: str = "k1") -> Answer:
    body = {"amount": amount, "reason": "cash at the office"}
    return api.post(f"customers/{customer.pk}/{way}/", body, Idempotency_Key=key)


def test_a_customer_is_set_up_and_changed(api: Caller, company: Company) -> None:
    made = api.post("customers/", {"name": "สมหญิง", "phone": "081-234-5678", "level": "vip"})
    assert made.status == 201
    assert made.json.keys() >= {"id", "name", "phone", "level", "billing_mode", "enabled"}
    assert (made["phone"], made["level"], made["billing_mode"]) == (
        "+66812345678",
        "vip",
        "prepaid",
    )
    assert (made["balance"], made["credit_limit"]) == ("0.00", "0.00")
    path = f"customers/{made['id']}/"
    changed = api.patch(path, {"billing_mode": "postpaid", "credit_limit": "1500.50"})
    assert (changed["billing_mode"], changed["credit_limit"]) == ("postpaid", "1500.50")
    assert Customer.objects.get().credit_limit == 150_050
    assert api.patch(path, {"phone": ""})["phone"] is None
    assert [row["id"] for row in api.get("customers/", billing_mode="postpaid").rows] == [
        made["id"]
    ]


@pytest.mark.parametrize(
    ("phone", "code"), [("02 123 4567", "not_mobile"), ("12", "bad_phone"), ("abc", "bad_phone")]
)
def test_a_number_that_takes_no_messages_is_refused(api: Caller, phone: str, code: str) -> None:
    answer = api.post("customers/", {"name": "A", "phone": phone})
    assert (answer.status, answer["code"], list(answer["fields"])) == (422, code, ["phone"])


def test_two_customers_of_a_company_never_share_a_number(api: Caller, company: Company) -> None:
    a_customer(company, phone="+66812345678")
    answer = api.post("customers/", {"name": "B", "phone": "๐๘๑๒๓๔๕๖๗๘"})
    assert (answer.status, answer["code"]) == (409, "phone_taken")
    a_customer(a_station().company, phone="+66899999999")
    assert api.post("customers/", {"name": "C", "phone": "0899999999"}).status == 201


def test_a_customer_is_found_by_number_in_any_form(api: Caller, company: Company) -> None:
    a_customer(company)
    wanted = a_customer(company, phone="+66812345678")
    assert [r["id"] for r in api.get("customers/", phone="0066812345678").rows] == [wanted.pk]


def test_a_top_up_needs_an_idempotency_key(api: Caller, company: Company) -> None:
    customer = a_customer(company)
    body = {"amount": "100.00", "reason": "cash"}
    for key in ({}, {"Idempotency_Key": ""}, {"Idempotency_Key": "x" * 101}):
        answer = api.post(f"customers/{customer.pk}/top-up/", body, **key)
        assert (answer.status, answer["code"]) == (400, "idempotency_key_required")
    assert not Transfer.objects.exists()


def test_the_same_key_gives_the_same_answer_and_moves_the_money_once(
    api: Caller, company: Company
) -> None:
    customer = a_customer(company)
    first = move(api, customer, "top-up", "100.50")
    assert (first.status, first["amount"], first["balance"]) == (201, "100.50", "100.50")
    move(api, customer, "top-up", "50.00", key="k2")
    again = move(api, customer, "top-up", "100.50")
    assert (again.status, again.json) == (first.status, first.json)
    assert wallets.standing(customer).wallet == 15_050
    assert api.get(f"customers/{customer.pk}/")["balance"] == "150.50"
    assert not any(ledger.prove().values())


def test_a_key_used_for_something_else_is_a_409(api: Caller, company: Company) -> None:
    one, two = a_customer(company), a_customer(company)
    move(api, one, "top-up", "100.00")
    for answer in (move(api, one, "top-up", "100.01"), move(api, two, "top-up", "100.00")):
        assert (answer.status, answer["code"]) == (409, "key_reused")


def test_another_company_may_use_the_same_key(api: Caller, other_api: Caller) -> None:
    assert api.admin
    assert other_api.admin
    mine, theirs = a_customer(api.admin.company), a_customer(other_api.admin.company)  # type: ignore[arg-type]
    assert move(api, mine, "top-up", "1.00").status == 201
    assert move(other_api, theirs, "top-up", "2.00").status == 201


@pytest.mark.parametrize(
    "amount",
    [
        "-5.00",
        "0",
        "0.00",
        "1.005",
        1.005,
        "1e3",
        "1_000",
        "๑๐",
        "",
        "abc",
        True,
        None,
        "99999999999999999999",
        [],
        {},
    ],
)
def test_an_amount_that_cannot_be_is_refused_and_remembered(
    api: Caller, company: Company, amount: Any
) -> None:
    customer = a_customer(company)
    answer = move(api, customer, "top-up", amount)
    assert (answer.status, list(answer["fields"])) == (422, ["amount"])
    assert not Transfer.objects.exists()
    if amount is not None:
        entry = AuditEntry.objects.get(refused=True)
        assert (entry.action, entry.new) == ("top_up", {"code": "bad_amount", "fields": ["amount"]})


def test_a_json_number_counts_where_it_is_exact(api: Caller, company: Company) -> None:
    customer = a_customer(company)
    assert move(api, customer, "top-up", 0.1, key="a")["amount"] == "0.10"
    assert move(api, customer, "top-up", 20, key="b")["balance"] == "20.10"
    assert move(api, customer, "top-up", 0.30, key="c")["balance"] == "20.40"


def test_a_withdrawal_takes_at_most_what_is_free(api: Caller, company: Company) -> None:
    customer = a_customer(company, balance=10_000)
    refused = move(api, customer, "withdraw", "100.01")
    assert (refused.status, refused["code"]) == (422, "not_enough")
    paid = move(api, customer, "withdraw", "100.00")
    assert (paid.status, paid["kind"], paid["balance"]) == (201, "withdraw", "0.00")
    assert move(api, customer, "withdraw", "100.00").json == paid.json


def test_a_top_up_pays_what_is_owed_first(api: Caller, company: Company) -> None:
    customer = a_customer(company)
    owed, income = wallets.receivable_of(customer), ledger.account(company, AccountKind.INCOME)
    ledger.transfer(
        company,
        "debt",
        "charge",
        [ledger.debit(owed, 3_000), ledger.credit(income, 3_000)],
        customer=customer,
    )
    assert api.get(f"customers/{customer.pk}/")["balance"] == "-30.00"
    assert move(api, customer, "top-up", "20.00")["balance"] == "-10.00"
    assert move(api, customer, "top-up", "25.00", key="k2")["balance"] == "15.00"
    assert Account.objects.get(customer=customer, kind="receivable").balance == 0


def test_a_negative_credit_limit_is_refused(api: Caller, company: Company) -> None:
    customer = a_customer(company)
    answer = api.patch(f"customers/{customer.pk}/", {"credit_limit": "-1"})
    assert (answer.status, answer["code"]) == (422, "bad_amount")
    assert AuditEntry.objects.filter(action="edit_customer", refused=True).exists()


def test_a_customer_leaves_only_with_an_empty_wallet_and_no_charge(
    api: Caller, company: Company
) -> None:
    customer = a_customer(company, balance=100)
    path = f"customers/{customer.pk}/"
    assert api.delete(path)["code"] == "has_money"
    move(api, customer, "withdraw", "1.00")
    session = a_session(a_charger(a_station(company)).connectors.get(), customer=customer)
    assert api.delete(path)["code"] == "charging_now"
    assert api.patch(path, {"billing_mode": "postpaid"})["code"] == "charging_now"
    session.readings.all().delete()
    session.live.delete()
    session.delete()
    assert api.delete(path).status == 204
    assert api.get(path).status == 404
    assert Customer.all_objects.get(pk=customer.pk).deleted_by == str(api.admin)


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_moves_the_money_once() -> None:
    company = a_company()
    customer = a_customer(company)
    owed, income = wallets.receivable_of(customer), ledger.account(company, AccountKind.INCOME)
    with transaction.atomic():
        ledger.transfer(
            company,
            "debt",
            "charge",
            [ledger.debit(owed, 30_000), ledger.credit(income, 30_000)],
            customer=customer,
        )
    together = threading.Barrier(4, timeout=10)

    def once(_n: int) -> int:
        together.wait()
        try:
            made = wallets.top_up(customer, 10_000, key="same", reason="cash", actor=SYSTEM)
            return made.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(once, range(4)))) == 1
    assert wallets.standing(customer).owed == 20_000
    assert AuditEntry.objects.filter(action="top_up").count() == 1
    assert not any(ledger.prove().values())
