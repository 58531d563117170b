"""How much: what a phone may ask for, before the tap, after it, and while it charges."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import translation

from billing.models import Hold, HoldState
from billing.services import wallets
from core import outbox
from core.models import AuditEntry
from evbilling.customer import guard
from evbilling.customer.choice import BadChoice, Typed, read
from stations.models import Authorisation, Command, Session, TapMode, Visit
from stations.services.authorising import holder_of
from tests.customer.phones import (
    RICH,
    Phone,
    Seen,
    a_member,
    a_plug,
    deliver,
    plug_in,
    reads,
    refused,
    start,
    tap,
    tapped_and_started,
)
from tests.customer.test_page import FRIDAY_EVENING
from users.models import Card

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evening() -> Iterator[None]:
    with time_machine.travel(FRIDAY_EVENING, tick=False):
        yield


def a_recognised_phone(balance: int = RICH, **station: Any) -> tuple[Phone, Card]:
    """Confirm first: the page waited, the card was tapped."""
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST, **station)
    plug_in(plug)
    phone = Phone(plug)
    phone.post("wait", by="kwh", kwh="20", baht="150")
    card = a_member(plug, balance, name="Pimchanok")
    assert tap(plug, card).status == "Invalid"
    return phone, card


def a_charging_phone(balance: int = RICH, wh: int = 0, **station: Any) -> tuple[Phone, Session]:
    """Tap starts: the page waited, the tap began the charge."""
    plug = a_plug(**station)
    phone = Phone(plug)
    phone.post("wait", by="kwh", kwh="20", baht="150")
    session = tapped_and_started(plug, a_member(plug, balance, name="Pimchanok"))
    if wh:
        reads(session, wh)
    return phone, session


WRONG = [
    ("kwh", "0", "Enter whole kWh, from 1 to 60."),
    ("kwh", "-5", "Enter whole kWh"),
    ("kwh", "2.5", "Enter whole kWh"),
    ("kwh", "twenty", "Enter whole kWh"),
    ("kwh", "", "Enter whole kWh"),
    ("kwh", "1e3", "Enter whole kWh"),
    ("kwh", "61", "At most 60 kWh"),
    ("kwh", "9" * 40, "Enter whole kWh"),
    ("kwh", "20\x00", "Enter whole kWh"),
    ("baht", "0", "Enter at least 1 baht"),
    ("baht", "-1", "Enter an amount in baht"),
    ("baht", "1.005", "Enter an amount in baht"),
    ("baht", "NaN", "Enter an amount in baht"),
    ("baht", "1e9", "Enter an amount in baht"),
    ("baht", "463", "At most 462 baht"),
    ("elephants", "1", "Choose kWh, baht or until full"),
]


@pytest.mark.parametrize(("by", "amount", "sentence"), WRONG)
def test_what_makes_no_sense_gets_a_sentence(by: str, amount: str, sentence: str) -> None:
    typed = Typed(by, amount, amount)
    bounds: dict[str, int] = {
        "least_kwh": 1,
        "most_kwh": 60,
        "least_satang": 1,
        "most_satang": 46_202,
    }
    with translation.override("en"), pytest.raises(BadChoice, match=sentence):
        read(typed, **bounds)


@pytest.mark.parametrize("act", ["wait", "confirm"])
def test_a_wrong_amount_is_refused_at_its_field_and_nothing_else_happens(act: str) -> None:
    phone, _card = a_recognised_phone(max_session_kwh=60)
    if act == "wait":  # before the tap, too
        phone.post("cancel")
    for n, (by, amount, sentence) in enumerate(WRONG[3:12:2], start=1):
        answer = phone.post(act, **{"by": by, "kwh": amount, "baht": amount})
        assert answer.status_code == 422
        assert sentence in Seen(answer)
        assert 'aria-invalid="true"' in answer.content.decode()
        assert refused("choose_amount") == n
    assert not Authorisation.objects.exists()
    assert not Hold.objects.exists()
    assert not Command.objects.exists()
    assert Visit.objects.filter(stage="waiting").count() == 0


def test_thai_digits_are_digits() -> None:
    phone, _card = a_recognised_phone()
    phone.post("confirm", by="kwh", kwh="๒๐")
    assert Authorisation.objects.get().chosen_wh == 20_000


def test_confirm_holds_the_dearest_case_gives_leave_and_tells_the_charger() -> None:
    phone, card = a_recognised_phone()
    seen = phone.see()
    assert "฿1,000.00 free in the wallet" in seen
    assert "Confirm 20 kWh · ฿120.00 – ฿154.00" in seen  # at 22 kW it may pass 22:00
    answer = phone.post("confirm", by="kwh", kwh="20", baht="150")
    assert (answer.status_code, answer["Location"]) == (303, phone.home)
    leave = Authorisation.objects.get()
    assert (leave.chosen_wh, leave.card_id) == (20_000, card.pk)
    assert Hold.objects.get().amount == 15_402
    order = Command.objects.get()
    assert (order.action, order.payload["idTag"]) == ("RemoteStartTransaction", card.id_tag)
    seen = phone.see()
    assert seen.stage == "starting"
    assert "Confirmed: 20 kWh" in seen


def test_a_second_press_on_confirm_is_the_same_wish() -> None:
    phone, _card = a_recognised_phone()
    for _ in range(3):
        phone.post("confirm", by="kwh", kwh="20", baht="150")
    assert Authorisation.objects.count() == Hold.objects.count() == Command.objects.count() == 1


def test_the_start_after_confirm_is_this_phones_charge() -> None:
    phone, card = a_recognised_phone()
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    assert tap(phone.connector, card).status == "Accepted"
    session = start(phone.connector, card).session
    plug_in(phone.connector, "Charging")
    assert session.chosen_wh == 20_000
    assert Hold.objects.count() == 1
    seen = phone.see()
    assert seen.stage == "live"
    assert "0.00 kWh of 20.00 kWh" in seen


def test_more_than_the_wallet_covers_is_refused_in_a_sentence() -> None:
    phone, _card = a_recognised_phone(balance=5_000)
    assert "Confirm 6 kWh · ฿46.20" in phone.see()
    answer = phone.post("confirm", by="kwh", kwh="20", baht="150")
    assert answer.status_code == 422
    assert "The wallet does not cover this. Top up, or choose less." in Seen(answer)
    assert "Only ฿50.00 can be used." in Seen(answer)
    assert refused("choose_amount") == 1
    assert not Hold.objects.exists()


@pytest.mark.parametrize("status", ["rejected", "timeout", "offline"])
def test_a_charger_that_does_not_start_costs_nothing_and_may_be_asked_again(status: str) -> None:
    phone, card = a_recognised_phone()
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    order = Command.objects.get()
    order.status = status
    order.save()
    with transaction.atomic():
        outbox.publish("command_finished", order.pk)
    deliver()
    seen = phone.see()
    assert seen.stage == "confirm"
    assert "Nothing was charged." in seen
    assert Hold.objects.get().state == HoldState.RELEASED
    assert wallets.standing(holder_of(card)).available == RICH
    phone.post("confirm", by="kwh", kwh="10", baht="150")
    assert phone.stage == "starting"


def test_cancelling_a_confirmed_charge_frees_the_money_at_once() -> None:
    phone, card = a_recognised_phone()
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    phone.post("cancel")
    deliver()
    assert wallets.standing(holder_of(card)).available == RICH
    assert phone.stage == "free"


def test_the_tap_starts_and_the_page_turns_into_how_much() -> None:
    phone, session = a_charging_phone(wh=120)
    seen = phone.see()
    assert seen.stage == "ask"
    assert "It is charging. How much would you like?" in seen
    assert "Pimchanok" in seen
    assert session.chosen_wh is None


def test_the_choice_of_a_running_charge_is_kept_by_its_hold() -> None:
    phone, session = a_charging_phone(wh=120)
    phone.post("confirm", by="kwh", kwh="12", baht="150")
    session.refresh_from_db()
    assert (session.chosen_wh, session.allowance_wh) == (12_000, 12_000)
    assert Hold.objects.get().amount == 9_242
    assert phone.stage == "live"


def test_baht_buy_what_they_buy() -> None:
    phone, session = a_charging_phone(wh=120)
    phone.post("confirm", by="baht", kwh="20", baht="154")
    session.refresh_from_db()
    assert (session.chosen_satang, session.allowance_wh) == (15_400, 20_000)


def test_until_full_is_asked_once() -> None:
    phone, session = a_charging_phone(wh=120)
    phone.post("confirm", by="full", kwh="20", baht="150")
    session.refresh_from_db()
    assert session.chosen_wh is session.chosen_satang is None
    seen = phone.see()
    assert seen.stage == "live"
    assert "until the car is full" in seen


def test_the_amount_may_change_while_charging_but_not_below_what_is_drawn() -> None:
    phone, session = a_charging_phone(wh=8_420)
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    phone.post("confirm", by="kwh", kwh="30", baht="150")
    session.refresh_from_db()
    assert session.chosen_wh == 30_000
    answer = phone.post("confirm", by="kwh", kwh="8", baht="150")
    assert answer.status_code == 422
    assert "Enter whole kWh, from 9 to 100." in Seen(answer)
    answer = phone.post("confirm", by="baht", kwh="9", baht="64")
    assert answer.status_code == 422
    assert "Enter at least 65 baht." in Seen(answer)
    session.refresh_from_db()
    assert session.chosen_wh == 30_000


def test_without_javascript_the_sum_is_worked_out_again_and_nothing_else() -> None:
    phone, _card = a_recognised_phone()
    answer = phone.post("confirm", by="kwh", kwh="30", baht="150", sum="1")
    assert answer.status_code == 200
    assert "Confirm 30 kWh · ฿180.00 – ฿231.00" in Seen(answer)
    assert not Authorisation.objects.exists()


def test_what_was_chosen_before_the_tap_is_proposed_after_it() -> None:
    phone = Phone(a_plug())
    phone.get()
    phone.post("wait", by="baht", kwh="20", baht="200")
    assert "You chose ฿200.00." in phone.see()
    tapped_and_started(phone.connector, a_member(phone.connector))
    assert "Confirm ฿200.00" in phone.see()


@pytest.mark.parametrize("cookie", ["kwh:0:0:0", "x", "kwh:-1:2:3", "baht:99999999:1:2:3", "::::"])
def test_a_spoiled_cookie_does_no_harm(cookie: str) -> None:
    phone = Phone(a_plug())
    phone.client.cookies["choice"] = cookie
    assert phone.get().status_code == 200


def test_pressing_too_often_is_refused_calmly_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "ACTS", 3)
    phone, session = a_charging_phone()
    codes = [phone.post("confirm", by="kwh", kwh="20", baht="150").status_code for _ in range(3)]
    assert codes == [303, 303, 429]
    answer = phone.post("confirm", by="kwh", kwh="30", baht="150")
    assert "A running charge goes on." in Seen(answer)
    session.refresh_from_db()
    assert session.chosen_wh == 20_000


def test_a_form_without_its_token_is_refused() -> None:
    phone, session = a_charging_phone()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = phone.client.cookies
    phone.client = strict
    answer = phone.post("confirm", by="kwh", kwh="20", baht="150")
    assert answer.status_code == 403
    session.refresh_from_db()
    assert session.chosen_wh is None


def test_who_chose_what_is_on_record() -> None:
    phone, session = a_charging_phone()
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    line = AuditEntry.objects.get(action="choose_amount")
    assert (line.actor_kind, line.actor_name, line.subject, line.new) == (
        "customer",
        "Pimchanok",
        f"session:{session.pk}",
        {"typed": "kwh 20"},
    )
