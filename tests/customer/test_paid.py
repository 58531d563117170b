"""Paid: from the plug to the receipt, the ways in which it comes to nothing, and the money back."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import (
    Payment,
    Purchase,
    PurchaseState,
    Refund,
)
from billing.services import payments, refunds
from stations.models import Charger, Connector
from tests.billing.fake_gateway import FakeGateway
from tests.customer.buyers import (
    a_phone,
    bought,
    buys,
    gives_card,
    payment_of,
    pays,
    starts,
    times_out,
)
from tests.customer.phones import Phone, Seen, deliver, plug_in, reads, stops

pytestmark = pytest.mark.django_db
CARD = "4242 4242 4242 4242"


# --- paid ----------------------------------------------------------------------------------------------


def test_paid_then_plugged_then_charging_then_the_receipt_with_what_comes_back(
    bank: FakeGateway,
) -> None:
    phone = a_phone()
    buys(phone, kwh="20")
    pays(phone, bank)
    seen = phone.see()
    assert (seen.stage, "Paid: ฿150.00 Plug in now" in seen) == ("paid", True)
    assert "Cancel and get ฿150.00 back" in seen
    assert "Time left to plug in: 15:00" in seen or "Time left to plug in: 14:5" in seen
    plug_in(phone.connector)
    assert "The charger is starting" in phone.see()
    session = starts(phone)
    reads(session, 8_420)
    seen = phone.see()
    assert seen.stage == "live"
    for expected in (
        "of 20.00 kWh that are paid",
        "฿150.00 paid",
        "Stop now and ฿86.85 comes back.",
        "The price you paid at. It stays for the whole charge.",
    ):
        assert expected in seen
    assert "Change the amount" not in seen
    assert buys(phone).status_code == 303  # the button of an old page: nothing is bought
    assert Purchase.objects.count() == 1
    stops(session, 8_500)
    seen = phone.see()
    assert seen.stage == "receipt"
    assert "Net total ฿63.75" in seen
    assert re.search(r"Paid PromptPay \d\d:\d\d 150\.00", seen)
    assert "On its way back ฿86.25" in seen
    refunds.run(Refund.objects.get().pk)
    assert "Paid back ฿86.25 Back to the account you paid from." in phone.see()
    link = re.search(r'href="([^"]+/receipt/[^"/]+)"', phone.see().html)
    assert link is not None
    assert "Paid back ฿86.25" in Seen(Phone(phone.connector).client.get(f"{link[1]}?lang=en"))


def test_a_card_is_held_and_only_what_was_used_is_taken(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="card", kwh="20")
    gives_card(phone)
    deliver()
    assert "฿150.00 is held" in phone.see()
    plug_in(phone.connector)
    session = starts(phone)
    reads(session, 8_420)
    assert "Stop now: about ฿63.15 is taken from the card, the rest never." in phone.see()
    stops(session, 8_500)
    seen = phone.see()
    assert "Taken from the card ฿63.75" in seen
    assert not Refund.objects.exists()


def test_until_full_is_not_asked_again_how_much(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, by="full")
    pays(phone, bank)
    session = starts(phone)
    reads(session, 1_000)
    assert phone.stage == "live"


def test_stop_on_the_page_is_for_whoever_paid(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    pays(phone, bank)
    session = starts(phone)
    assert Phone(phone.connector).post("stop").status_code == 403
    assert phone.post("stop").status_code == 303
    assert session.commands.filter(action="RemoteStopTransaction").count() == 1


# --- paid, and no charge came of it ------------------------------------------------------------------------


def test_paid_and_called_off_goes_back_whole(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    pays(phone, bank)
    assert phone.post("call-off").status_code == 303
    deliver()
    seen = phone.see()
    assert seen.stage == "returned"
    assert "฿37.50 comes back to you The charge was cancelled before it began." in seen
    assert "On its way back" in seen
    assert phone.see("?again=1").stage == "free"


def test_a_card_called_off_is_let_go(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="card")
    gives_card(phone)
    deliver()
    phone.post("call-off")
    assert "Nothing was taken from your card" in phone.see()


def test_the_slower_of_two_who_paid_is_told_and_gets_the_money_back(bank: FakeGateway) -> None:
    slow = a_phone()
    fast = Phone(slow.connector)
    for phone in (slow, fast):
        buys(phone)
    mine = Payment.objects.earliest("pk")
    pays(fast, bank)
    bank.pay(mine.gateway_ref)
    payments.look(mine.pk)
    deliver()
    assert "Somebody else was faster at this plug." in slow.see()
    assert fast.stage == "paid"


def test_a_charger_that_goes_away_after_paying_is_said_with_what_happens(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    pays(phone, bank)
    Charger.objects.filter(pk=phone.connector.charger_id).update(connection_holder="")
    seen = phone.see()
    assert seen.stage == "paid"
    assert "The charger has lost its connection since" in seen
    assert "If not, all of the money goes back." in seen


def test_money_that_comes_too_late_is_told_on_the_page(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    times_out(phone)
    Purchase.objects.update(valid_until=timezone.now() - timedelta(minutes=5))
    bank.pay(payment_of(phone).gateway_ref)
    payments.look(payment_of(phone).pk)
    deliver()
    assert "The money came after the time was over." in phone.see()


def test_two_phones_never_see_each_others_payment(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    reference = payment_of(phone).reference
    other = Phone(phone.connector)
    assert reference not in other.see().html
    other.post("call-off")
    assert bought(phone).state == PurchaseState.PAYING


# --- the link of a refund ---------------------------------------------------------------------


@pytest.fixture
def refund(bank: FakeGateway) -> Refund:
    """Money that the bank cannot send back the way it came."""
    phone = a_phone()
    buys(phone)
    pays(phone, bank)
    bank.refuses = {"refund"}
    phone.post("call-off")
    deliver()
    return refunds.run(Refund.objects.get().pk)


def test_a_guest_says_where_the_money_may_go_and_it_is_read_back_first(refund: Refund) -> None:
    phone = Phone(Connector.objects.get())
    url = f"/refund/{refund.token}/"
    page = phone.client.get(url)
    assert page["Referrer-Policy"] == "no-referrer"
    assert "฿37.50 comes back to you" in Seen(page)
    wrong = phone.client.post(url, {"number": "02 123 4567"})
    assert (wrong.status_code, "This is no Thai mobile number." in Seen(wrong)) == (422, True)
    assert "The last digit does not fit" in Seen(
        phone.client.post(url, {"number": "1234567890123"})
    )
    asked = Seen(phone.client.post(url, {"number": "๐๘๑-234 5678"}))
    assert "Send ฿37.50 to this number? xxx-xxx-5678" in asked
    refund.refresh_from_db()
    assert refund.promptpay == ""
    done = phone.client.post(url, {"number": "0812345678", "sure": "1"})
    assert (done.status_code, done["Location"]) == (303, url)
    seen = Seen(phone.client.get(url))
    assert "The station's office sends it to the number you gave. xxx-xxx-5678" in seen
    assert phone.client.post(url, {"number": "0899999999", "sure": "1"}).status_code == 200
    refund.refresh_from_db()
    assert refunds.number_of(refund) == "0812345678"


def test_the_link_is_on_the_page_until_it_has_been_used(refund: Refund) -> None:
    purchase = Purchase.objects.get()
    phone = Phone(purchase.connector)
    phone.client.cookies["visitor"] = purchase.visitor
    assert f'href="/refund/{refund.token}/"' in phone.see().html
    assert "฿37.50 of yours waits here" in phone.see("?again=1")
    refunds.accept_number(refund, "0812345678")
    assert "of yours waits here" not in phone.see("?again=1")


def test_a_link_whose_time_is_over_says_who_has_the_money(refund: Refund) -> None:
    Refund.objects.update(link_until=timezone.now() - timedelta(minutes=1))
    phone = Phone(Connector.objects.get())
    seen = Seen(phone.client.get(f"/refund/{refund.token}/"))
    assert "฿37.50 is still yours" in seen
    assert "Show the reference at the station's office" in seen
    phone.client.post(f"/refund/{refund.token}/", {"number": "0812345678", "sure": "1"})
    refund.refresh_from_db()
    assert refund.promptpay == ""


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "../c"])
def test_a_link_that_does_not_exist_is_a_404(token: str) -> None:
    from django.test import Client

    assert Client().get(f"/refund/{token}/").status_code == 404
