"""Telling people: once, in their language, as a row that a sender can take."""

import pytest
from django.db import transaction

from billing.services import bills
from core.models import Fact
from evbilling.telling import on_session_billed
from tests.api.world import end
from tests.factories import a_charger, a_company, a_customer, a_session, a_station
from users import messages
from users.messages import texts
from users.models import Message, MessageStatus

pytestmark = pytest.mark.django_db
PAYLOAD = {"energy": 7_499, "amount": "57.75", "station": "Rama 9", "outstanding": "0.00"}


def test_a_message_is_told_once_per_key() -> None:
    customer = a_customer(a_company())
    assert messages.tell(customer, "session_billed", "k1", PAYLOAD)
    assert not messages.tell(customer, "session_billed", "k1", {**PAYLOAD, "amount": "1.00"})
    row = Message.objects.get()
    assert (row.status, row.due, row.language) == (MessageStatus.NO_CHANNEL, None, "th")
    assert row.payload == PAYLOAD
    assert row.company_id == customer.company_id


def test_the_sentence_is_in_the_customers_language_and_never_says_too_much_energy() -> None:
    customer = a_customer(a_company(), language="en")
    messages.tell(customer, "session_billed", "k1", PAYLOAD)
    text = texts.text_of(Message.objects.get())
    assert text == "Charging finished at Rama 9: 7.49 kWh, 57.75 baht."
    messages.tell(customer, "session_billed", "k2", {**PAYLOAD, "outstanding": "7.75"})
    assert texts.text_of(Message.objects.get(key="k2")).endswith("7.75 baht are still to be paid.")


def test_a_kind_without_words_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="no words"):
        messages.tell(a_customer(a_company()), "nonsense", "k1", {})


def test_the_customer_learns_what_the_charge_cost_once() -> None:
    station = a_station()
    customer = a_customer(station.company, balance=50_000, language="en")
    session = end(a_session(a_charger(station).connectors.get(), customer=customer, wh=7_000))
    bill = bills.bill_session(session)
    fact = Fact.objects.get(kind="session_billed")
    for _ in range(2):
        with transaction.atomic():
            on_session_billed(fact)
    row = Message.objects.get()
    assert bill
    assert (row.kind, row.customer) == ("session_billed", customer)
    assert row.payload["amount"] == f"{bill.total / 100:.2f}"
    assert (row.payload["energy"], row.payload["outstanding"]) == (7_000, "0.00")
    assert row.payload["station"] == station.name


def test_a_charge_without_a_bill_tells_nobody() -> None:
    session = end(a_session(wh=10))
    on_session_billed(Fact(kind="session_billed", subject_id=session.pk))
    assert not Message.objects.exists()
