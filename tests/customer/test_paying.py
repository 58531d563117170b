"""Whoever pays first: every page from the choice to the receipt, and every way in which it fails."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import (
    Payment,
    PaymentState,
    Purchase,
    PurchaseState,
)
from billing.services import payments
from core.models import AuditEntry
from evbilling.customer import card_form, pictures
from evbilling.middleware import CONTENT_SECURITY_POLICY
from tests.billing.fake_gateway import FakeGateway
from tests.customer.buyers import (
    a_phone,
    bought,
    buys,
    gives_card,
    payment_of,
    pays,
    times_out,
)
from tests.customer.phones import Phone, Seen, deliver, plug_in
from tests.factories import a_charger, a_station, a_tariff

pytestmark = pytest.mark.django_db
CARD = "4242 4242 4242 4242"


# --- the choice ---------------------------------------------------------------------------------------


def test_the_free_page_names_the_sum_and_every_way_to_pay(bank: FakeGateway) -> None:
    seen = a_phone().see()
    for expected in (
        "Pay ฿150.00 with PromptPay",
        "PromptPay scan to pay, no sign-up",
        "Mobile banking opens your bank's app",
        "Credit card pay only what you use",
        "Members RFID card",
        "one price for the whole charge",
        "Unused money comes back by itself",
    ):
        assert expected in seen


def test_without_a_gateway_the_page_takes_member_cards_and_says_so() -> None:
    seen = a_phone().see()
    assert "Member cards (RFID) are taken here" in seen
    assert "PromptPay" not in seen


def test_a_members_price_is_named_where_it_is_another_one(bank: FakeGateway) -> None:
    phone = a_phone()
    a_tariff(phone.connector.charger.station, "member", anytime="6.90")
    seen = phone.see()
    assert "Price now ฿7.50 /kWh" in seen  # a guest's: that is what payers pay
    assert "RFID card · ฿6.90 /kWh" in seen


def test_a_price_that_may_rise_is_paid_in_its_dearest_case_and_the_likely_sum_is_said(
    bank: FakeGateway,
) -> None:
    plug = a_charger(a_station(prepaid_fixed_price=False), online=True).connectors.get()
    seen = Phone(plug).see()
    assert "Pay ฿154.02 with PromptPay" in seen  # 20 × 7.70, and a satang for each line's rounding
    assert re.search(r"likely ฿1(20|54)\.00, the rest comes back", seen)


def test_what_a_gateway_does_not_take_is_not_offered(bank: FakeGateway) -> None:
    phone = a_phone()
    answer = buys(phone, kwh="2")  # ฿15.00; the gateway takes ฿20.00 at least
    assert answer.status_code == 422
    assert "Enter whole kWh, from 3 to 100." in Seen(answer)
    assert '"kwh": [3, 100, 1]' in Seen(answer).html
    assert not Purchase.objects.exists()
    assert "PromptPay takes at least" in Seen(buys(phone, by="baht", baht="19")).html


def test_until_full_pays_the_most_and_says_that_the_rest_comes_back(bank: FakeGateway) -> None:
    phone = a_phone(max_session_kwh=60)
    assert buys(phone, by="full").status_code == 303
    assert bought(phone).amount == 60 * 7_50
    assert "until full" in phone.see()


@pytest.mark.parametrize(
    "form",
    [
        {"kwh": "-5"},
        {"kwh": "0"},
        {"kwh": "5.5"},
        {"kwh": "99999999"},
        {"kwh": "1e3"},
        {"by": "baht", "baht": "100.555"},
        {"by": "baht", "baht": "-100"},
        {"by": "baht", "baht": "99999999"},
        {"by": "nothing"},
        {"pay": "gold"},
        {"pay": "cash"},
        {"pay": "mobile_banking", "source": "nobody"},
    ],
)
def test_what_makes_no_sense_gets_a_sentence_and_no_payment(
    bank: FakeGateway, form: dict[str, str]
) -> None:
    phone = a_phone()
    answer = buys(phone, **form)
    assert 400 <= answer.status_code < 500
    assert (
        'class="err" id="' in answer.content.decode() or 'role="alert"' in answer.content.decode()
    )
    assert not Payment.objects.exists()


def test_a_price_shown_too_long_ago_is_not_paid(bank: FakeGateway) -> None:
    phone = a_phone()
    old = int(timezone.now().timestamp()) - 700
    answer = buys(phone, quoted=str(old))
    assert answer.status_code == 409
    assert "The price was shown more than 10 minutes ago." in Seen(answer)


def test_an_offline_charger_takes_no_money_and_says_so_before(bank: FakeGateway) -> None:
    site = a_station()
    phone = Phone(a_charger(site).connectors.get())
    assert "So we take no money here for now." in phone.see()
    assert buys(phone).status_code == 409
    assert not Payment.objects.exists()


# --- the money is awaited ------------------------------------------------------------------------------


def test_the_qr_page_shows_payee_sum_reference_and_time(bank: FakeGateway) -> None:
    phone = a_phone()
    assert buys(phone).headers["Location"] == phone.home
    seen, payment = phone.see(), payment_of(phone)
    assert seen.stage == "pay"
    assert payment.tax_entity is not None
    for expected in (
        "Scan with your bank's app to pay ฿37.50",
        payment.tax_entity.name,
        payment.reference,
        "Waiting for the money",
        "charging starts by itself",
        "Not paid, nothing is charged",
    ):
        assert expected in seen
    assert '<svg class="qr" role="img" aria-label="PromptPay QR for ฿37.50"' in seen.html


def test_the_qr_is_saved_as_a_picture_and_only_by_the_phone_that_pays(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    answer = phone.get("/qr.png")
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith('attachment; filename="PromptPay-')
    assert answer.content.startswith(b"\x89PNG")
    assert Phone(phone.connector).get("/qr.png").status_code == 404


def test_a_gateways_own_picture_is_shown_as_it_came_and_saved_as_png(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h3v3H1z"/></svg>'
    Payment.objects.update(qr_payload="", qr_image=svg, qr_image_type="image/svg+xml")
    assert f'src="{phone.home}/qr?' in phone.see().html
    shown = phone.get("/qr")
    assert (shown.content, shown["Content-Type"]) == (svg, "image/svg+xml")
    assert "sandbox" in shown["Content-Security-Policy"]
    assert phone.get("/qr.png").content == pictures.as_png(svg.decode())


def test_twice_pressed_or_pressed_on_the_page_behind_is_one_payment(bank: FakeGateway) -> None:
    phone = a_phone()
    for _ in range(3):
        assert buys(phone).status_code == 303
    assert Payment.objects.count() == 1
    buys(phone, kwh="6")  # another amount is another wish: the first is given up
    assert Payment.objects.count() == 2
    assert [p.state for p in Purchase.objects.order_by("pk")] == ["dropped", "paying"]


def test_who_changes_to_a_member_card_gives_the_payment_up(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    assert buys(phone, pay="member").status_code == 303
    assert phone.stage == "tap"
    assert bought(phone).state == PurchaseState.DROPPED


def test_cancelling_before_paying_leads_back_to_the_choice(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    assert phone.post("call-off").status_code == 303
    assert phone.stage == "free"
    assert phone.post("call-off").status_code == 303  # and once more does nothing


def test_the_banks_app_is_opened_by_its_own_address_only(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="mobile_banking", source="kbank")
    Payment.objects.update(qr_payload="", authorize_uri="https://bank.example/go?x=1&y=2")
    seen = phone.see()
    assert 'data-go="https://bank.example/go?x=1&amp;y=2"' in seen.html
    assert "Open the bank's app" in seen
    Payment.objects.update(authorize_uri="javascript:alert(1)")
    assert "javascript:" not in phone.see().html


def test_a_gateway_that_is_away_is_said_and_leaves_the_other_ways_open(bank: FakeGateway) -> None:
    phone = a_phone()
    bank.away = True
    buys(phone)
    assert "The bank is being asked for the payment" in phone.see()
    Payment.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    seen = phone.see()
    assert "The bank does not answer right now" in seen
    assert "Choose another way to pay" in seen
    bank.away = False
    payments.look(payment_of(phone).pk)
    assert "Scan with your bank's app to pay" in phone.see()


def test_a_qr_whose_time_is_over_is_made_new_in_one_tap(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    times_out(phone)
    seen = phone.see()
    assert (seen.stage, "The time of this QR is over" in seen) == ("unpaid", True)
    assert phone.post("pay-again").status_code == 303
    assert phone.stage == "pay"
    assert Payment.objects.count() == 2
    assert phone.see("?again=1").stage == "pay"  # nothing is lost by an old address


def test_nobody_is_let_pay_where_nothing_would_start(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone)
    plug_in(phone.connector, "Faulted")
    seen = phone.see()
    assert "Do not pay now: the charger cannot start" in seen
    assert 'class="qr"' not in seen.html
    plug_in(phone.connector, "Available")
    other = Phone(phone.connector)
    buys(other)
    pays(other, bank)
    seen = phone.see()
    assert "Do not pay now: somebody else was faster" in seen
    assert 'class="qr"' not in seen.html
    stranger = Phone(phone.connector).see()
    assert "Somebody has just paid for this plug" in stranger
    assert stranger.stage == "busy"


# --- a card --------------------------------------------------------------------------------------------


def test_the_gateways_script_is_let_in_on_the_card_page_and_nowhere_else(
    bank: FakeGateway, settings: Any
) -> None:
    phone = a_phone()
    assert phone.get()["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    buys(phone, pay="card")
    page = phone.get()
    policy = page["Content-Security-Policy"]
    assert "script-src 'self' https://cdn.omise.co;" in policy
    assert "frame-src https://cdn.omise.co https://vault.omise.co" in policy
    assert "unsafe" not in policy
    assert 'src="https://cdn.omise.co/omise.js"' in page.content.decode()
    gives_card(phone)
    assert phone.get()["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_the_cards_fields_have_no_names_so_no_form_could_send_them(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="card")
    fields = re.findall(r'<input id="cc-[^>]*>', phone.see().html)
    assert len(fields) == 4
    assert not any(" name=" in field for field in fields)


@pytest.mark.parametrize(
    "form",
    [
        {"token": CARD},
        {"token": "4242424242424242"},
        {"token": "tokn_ok", "number": CARD},
        {"token": "tokn_4242424242424242"},
        {"token": ""},
        {},
    ],
)
def test_a_card_number_that_reaches_us_is_refused_and_written_down_nowhere(
    bank: FakeGateway, form: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    phone = a_phone()
    buys(phone, pay="card")
    answer = phone.post("token", **form)
    assert answer.status_code == 422
    assert "The card could not be read." in Seen(answer)
    assert payment_of(phone).state == PaymentState.NEW
    assert "create" not in bank.calls
    kept = f"{caplog.text} {list(AuditEntry.objects.values())} {list(Payment.objects.values())}"
    assert "4242" not in kept.replace(" ", "")
    assert "4242" not in answer.content.decode()


@pytest.mark.pure
def test_a_card_number_is_known_by_its_check_digit() -> None:
    assert card_form.looks_like_a_card("x 4111-1111-1111-1111 y")
    assert not card_form.looks_like_a_card("4111 1111 1111 1112")
    assert not card_form.looks_like_a_card("tokn_test_5086xl7c9k5rnx35qba")


def test_a_declined_card_says_what_to_do_and_leaves_every_way_open(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="card")
    bank.refuses = {"create"}
    gives_card(phone)
    deliver()
    Payment.objects.update(failure_code="insufficient_fund")
    seen = phone.see()
    assert seen.stage == "unpaid"
    assert "Nothing was charged. The limit or the balance is too low." in seen
    assert "Choose the amount or another way to pay" in seen
    bank.refuses = set()
    phone.post("pay-again")
    assert phone.stage == "card"
    gives_card(phone)
    deliver()
    assert phone.stage == "paid"


def test_a_token_that_comes_twice_holds_once(bank: FakeGateway) -> None:
    phone = a_phone()
    buys(phone, pay="card")
    for _ in range(2):
        assert gives_card(phone).status_code == 303
    assert len(bank.charges) == 1
