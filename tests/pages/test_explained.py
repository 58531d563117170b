"""The page that explains a charge, for the phone and on paper: plug to refund, to the satang."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.models import Bill
from billing.selectors import money_way
from billing.selectors.money_way import Step
from core import outbox
from core.models import Fact
from evbilling import explained
from evbilling.customer import receipts
from stations.models import Connector, Session
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_customer, a_station, an_admin
from tests.pages.charges import EVENING, a_billed_charge
from tests.pages.paid import a_paid_charge
from tests.pages.people import signed_in, text_of

pytestmark = pytest.mark.django_db


def a_plug() -> Connector:
    charger = a_charger(a_station(a_company()), online=True)
    return charger.connectors.get()


def on_the_phone(session: Session) -> Any:
    path = f"/c/{session.connector.code}/receipt/{receipts.token_of(session)}/explained"
    return Client(headers={"accept-language": "en"}).get(f"{path}?lang=en")


def plug_says(session: Session, status: str, at: Any) -> None:
    outbox.publish(
        "connector_changed",
        session.connector_id,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        connector=session.connector_id,
        number=1,
        status=status,
    )
    Fact.objects.filter(pk=Fact.objects.latest("pk").pk).update(at=at)


def test_a_guest_who_paid_too_much_sees_every_satang_from_payment_to_refund() -> None:
    """By hand: 300.00 paid, 179.19 + 52.37 = 231.56 billed, 68.44 back; VAT 231.56 × 7 ÷ 107."""
    bill = a_paid_charge(a_plug())
    page = text_of(on_the_phone(bill.session))
    for words in (
        "23.272 kWh × ฿7.70 = ฿179.1944 → rounded to a satang",
        "8.728 kWh × ฿6.00 = ฿52.368 →",
        "231.56 × 7 ÷ 107 = 15.1488… → 15.15",
        "Payment asked for",
        "Billed, from what was paid before",
        "To be paid back",
        "Not all was used",
        "Paid back",
        "Back the way it came",
        "฿300.00 paid = ฿231.56 billed + ฿68.44 paid back",
        "the same result, to the satang",
        "This is not a tax invoice.",
    ):
        assert words in page
    assert page.count("kWh</span>") >= 55  # every reading that was used


def test_money_that_has_not_come_back_yet_is_said_to_be_on_its_way() -> None:
    bill = a_paid_charge(a_plug(), done=False)
    way = money_way.of_session(bill.session, bill)
    assert way.adds_up
    assert (way.back, way.to_come_back) == (0, 6_844)
    assert "฿68.44 on its way back" in explained.sum_word(way)


def test_the_steps_of_the_money_stand_in_their_order() -> None:
    bill = a_paid_charge(a_plug())
    steps = [m.step for m in money_way.of_session(bill.session, bill).moves]
    assert steps == [Step.OPENED, Step.PAID_IN, Step.BILLED, Step.OWED_BACK, Step.PAID_BACK]


def test_the_story_goes_from_plug_to_unplug() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=500_000)
    bill = a_billed_charge(plug, customer)
    session = bill.session
    Fact.objects.filter(kind="connector_changed").delete()
    for status, minutes in (
        ("Available", -60),
        ("Preparing", -3),
        ("Charging", 0),
        ("Finishing", 55),
        ("Available", 61),
        ("Preparing", 90),
    ):
        plug_says(session, status, EVENING + timedelta(minutes=minutes))
    Session.objects.filter(pk=session.pk).update(
        started_received_at=EVENING, stopped_received_at=EVENING + timedelta(minutes=55)
    )
    session = Session.objects.get(pk=session.pk)
    found = [(h.key, (h.at - EVENING) // timedelta(minutes=1)) for h in story_of(session).timeline]
    assert found == [("plug", -3), ("start", 0), ("border", 40), ("stop", 55), ("unplug", 61)]


def story_of(session: Session) -> explained.Story:
    return explained.story(session, Bill.objects.get(session=session))


def test_the_page_names_nobody_and_shows_no_balance() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=500_000, name="Somsri Jaidee")
    bill = a_billed_charge(plug, customer)
    response = on_the_phone(bill.session)
    page = text_of(response)
    assert "Paid from the wallet" in page
    assert "Somsri" not in page
    assert "4,768.44" not in page  # what is left in the wallet
    assert response["Cache-Control"] == "private, no-store"


def test_anothers_receipt_is_not_found() -> None:
    bill = a_paid_charge(a_plug())
    token = receipts.token_of(bill.session)
    client = Client()
    other = a_plug()
    assert client.get(f"/c/{other.code}/receipt/{token}/explained").status_code == 404
    code = bill.session.connector.code
    assert client.get(f"/c/{code}/receipt/{token}x/explained").status_code == 404


def test_the_office_prints_the_same_page_and_the_api_says_the_same() -> None:
    bill = a_paid_charge(a_plug())
    admin = an_admin(bill.company)
    page = text_of(signed_in(admin, "en").get(f"/sessions/{bill.session_id}/bill/"))
    assert "฿300.00 paid = ฿231.56 billed + ฿68.44 paid back" in page
    told = Caller(admin).get(f"sessions/{bill.session_id}/bill/").json
    assert [step["step"] for step in told["money"]] == [
        "opened",
        "paid_in",
        "billed",
        "owed_back",
        "paid_back",
    ]
    assert told["money"][2]["transfer"] == bill.transfer_id
    assert [m["kind"] for m in told["timeline"]] == ["start", "border", "stop"]
    assert told["vat_reason"] == "231.56 × 7 ÷ 107 = 15.1488… → 15.15"


def test_the_receipt_leads_to_its_explanation() -> None:
    bill = a_paid_charge(a_plug())
    token = receipts.token_of(bill.session)
    code = bill.session.connector.code
    page = Client().get(f"/c/{code}/receipt/{token}").content.decode()
    assert f"/c/{code}/receipt/{token}/explained" in page
