"""A running charge on its own phone, and on somebody else's."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing.models import Bill
from stations.models import Charger, Command, Session, SessionLive
from tests.customer.phones import (
    Phone,
    Seen,
    a_member,
    a_plug,
    plug_in,
    reads,
    refused,
    stops,
    tapped_and_started,
)
from tests.customer.test_choosing import a_charging_phone
from tests.customer.test_page import FRIDAY_EVENING
from tests.factories import a_station

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evening() -> Iterator[Any]:
    with time_machine.travel(FRIDAY_EVENING, tick=False) as clock:
        yield clock


def a_confirmed_phone(evening: Any, **station: Any) -> tuple[Phone, Session]:
    """Twenty kWh, 8.42 of them drawn within eleven minutes; the battery went from 47 to 61 %."""
    phone, session = a_charging_phone(**station)
    phone.post("confirm", by="kwh", kwh="20", baht="150")
    evening.shift(timedelta(minutes=1))
    reads(session, 700, power_w=46_300, soc=47)
    evening.shift(timedelta(minutes=10))
    reads(session, 8_420, power_w=46_300, soc=61)
    return phone, session


def test_the_live_page_shows_energy_power_battery_time_and_money(evening: Any) -> None:
    phone, _session = a_confirmed_phone(evening)
    seen = phone.see()
    for expected in (
        "8.42 kWh of 20.00 kWh",
        "11.58 kWh to go",
        "done around 21:06",
        "As of 20:51:00",
        "Power 46.3 kW",
        "Car battery 61 % started at 47 %",
        "Charging for 11 min since 20:40",
        "Cost so far ฿64.83 ฿154.02 set aside",
        "Stop now: about ฿64.83, and ฿89.19 comes back.",
        "Pimchanok",
        "฿845.98",
    ):
        assert expected in seen
    assert phone.get().content.decode().count('class="cell"') == 20


def test_above_forty_kwh_a_cell_stands_for_several() -> None:
    phone, _session = a_charging_phone()
    phone.post("confirm", by="kwh", kwh="55", baht="150")
    assert phone.get().content.decode().count('class="cell"') == 28


def test_a_reload_and_another_visit_show_the_same_charge(evening: Any) -> None:
    phone, _session = a_confirmed_phone(evening)
    part = phone.see("/part")
    assert part.stage == "live"
    assert 'class="num big">8.42' in part.html


def test_a_reading_older_than_ninety_seconds_is_grey_and_says_since_when(evening: Any) -> None:
    phone, _session = a_confirmed_phone(evening)
    evening.shift(timedelta(seconds=89))
    assert 'class="card now"' in phone.get().content.decode()
    evening.shift(timedelta(seconds=2))
    seen = phone.see()
    assert 'class="card now stale"' in seen.html
    assert "No new reading since 20:51:00" in seen
    assert "kWh to go done around" not in seen


def test_a_reading_from_before_the_line_was_down_is_never_called_live(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    SessionLive.objects.filter(session=session).update(
        at=timezone.now() - timedelta(minutes=20), received_at=timezone.now()
    )
    page = phone.get().content.decode()
    assert "stale" in page
    assert "20:31:00" in page


def test_a_charger_that_is_away_is_named_and_its_values_are_old(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    Charger.objects.filter(pk=session.charger_id).update(
        connection_holder="", disconnected_at=timezone.now()
    )
    seen = phone.see()
    assert "No contact with the charger since 20:51" in seen
    assert 'class="card now stale"' in seen.html


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("Preparing", "Push the plug in fully and lock the car"),
        ("SuspendedEV", "The car is taking no power"),
        ("SuspendedEVSE", "Power is shared here."),
        ("Faulted", "The charger has switched itself off to be safe"),
    ],
)
def test_what_holds_a_charge_up_is_said_honestly(evening: Any, status: str, sentence: str) -> None:
    phone, _session = a_confirmed_phone(evening)
    plug_in(phone.connector, status)
    assert sentence in phone.see()


def test_a_full_car_is_told_from_one_that_pauses(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    reads(session, 9_000, power_w=0, soc=100)
    plug_in(phone.connector, "SuspendedEV")
    assert "The car is full" in phone.see()


def test_stop_asks_the_charger_once_and_the_page_says_so(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    for _ in range(2):
        assert phone.post("stop").status_code == 303
    order = Command.objects.get()
    assert (order.action, order.payload) == (
        "RemoteStopTransaction",
        {"transactionId": session.transaction_id},
    )
    assert "customer Pimchanok" in order.requested_by
    assert "Stopping" in phone.see()


def test_a_charger_that_does_not_stop_is_said_and_may_be_asked_again(evening: Any) -> None:
    phone, _session = a_confirmed_phone(evening)
    phone.post("stop")
    Command.objects.update(status="rejected")
    assert "The charger has not stopped" in phone.see()
    phone.post("stop")
    assert Command.objects.count() == 2


def test_another_phone_cannot_stop_change_or_see_and_the_try_is_on_record(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    other = Phone(phone.connector)
    other.get()
    for act, action in (("stop", "stop_session"), ("confirm", "choose_amount")):
        answer = other.post(act, by="kwh", kwh="50", baht="150")
        assert answer.status_code == 403
        assert "This phone is not bound to a charge here." in Seen(answer)
        assert "Pimchanok" not in Seen(answer)
        assert refused(action) == 1
    session.refresh_from_db()
    assert session.chosen_wh == 20_000
    assert not Command.objects.exists()


def test_the_last_four_characters_open_the_charge_on_another_phone(evening: Any) -> None:
    plug = a_plug()
    session = tapped_and_started(plug, a_member(plug, id_tag="04AABB7993", name="Pimchanok"))
    reads(session, 1_000)
    phone = Phone(plug)
    answer = phone.post("mine", card="0000")
    assert answer.status_code == 422
    assert "That is not this card. You have 4 more tries." in Seen(answer)
    assert phone.post("mine", card="7993").status_code == 303
    assert "Pimchanok" in phone.see()


def test_a_locked_charge_says_until_when(evening: Any) -> None:
    plug = a_plug()
    tapped_and_started(plug, a_member(plug, id_tag="04AABB7993"))
    phone = Phone(plug)
    answers = [phone.post("mine", card="0000") for _ in range(5)]
    assert answers[-1].status_code == 429
    assert "Try again after 20:55" in Seen(answers[-1])


def test_a_phone_may_say_that_the_charge_is_not_its_own(evening: Any) -> None:
    phone, _session = a_confirmed_phone(evening)
    phone.post("cancel")
    seen = phone.see()
    assert seen.stage == "busy"
    assert "Pimchanok" not in seen


def test_the_receipt_tells_every_line_in_words_and_figures(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 17_360, after=timedelta(minutes=12))
    seen = phone.see()
    for expected in (
        "Charging is done",
        "17.36 kWh",
        "20 Nov 2026 20:40–21:03 · 23 min",
        "Battery 47 → 61 %",
        "Unplug and move the car",
        "Charging fee On-Peak 17.36 kWh × ฿7.70 · 20:40–21:03 133.67",
        "Net total ฿133.67",
        "Value 124.93 · VAT 7 % 8.74",
        "Paid from the wallet 133.67",
        "Left in the wallet 866.33",
        "Abbreviated tax invoice",
        "ABB-00000-256911-000001",
    ):
        assert expected in seen


def test_a_charge_over_a_price_border_has_a_line_on_each_side(evening: Any) -> None:
    phone, session = a_charging_phone()
    phone.post("confirm", by="full", kwh="20", baht="150")
    evening.shift(timedelta(minutes=80))
    reads(session, 8_000)
    evening.shift(timedelta(minutes=60))
    stops(session, 14_000)
    seen = phone.see()
    assert "Charging fee On-Peak 8.00 kWh × ฿7.70 · 20:40–22:00 61.60" in seen
    assert "Charging fee Off-Peak 6.00 kWh × ฿6.00 · 22:00–23:00 36.00" in seen
    assert "Net total ฿97.60" in seen


def test_what_goes_beyond_the_choice_is_shown_and_not_billed(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 20_085, after=timedelta(minutes=15))
    seen = phone.see()
    assert "20.08 kWh" in seen
    assert "Beyond your choice, not billed 0.085 kWh 0.00" in seen
    assert "Net total ฿154.00" in seen


def test_arrears_are_said_with_what_to_do(evening: Any) -> None:
    phone, session = a_charging_phone(balance=5_000)
    phone.post("confirm", by="full", kwh="20", baht="150")
    stops(session, 10_000, after=timedelta(hours=1))
    seen = phone.see()
    assert "Not paid yet ฿27.00" in seen
    assert "Top up at the station's office" in seen


def test_an_entity_without_vat_shows_no_vat_line(evening: Any) -> None:
    station = a_station(tax_entity=None)
    phone, session = a_charging_phone(company=station.company, tax_entity=None)
    stops(session, 10_000, after=timedelta(hours=1))
    assert "VAT" not in phone.see()


def test_the_bill_that_is_not_there_yet_is_waited_for(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    Session.objects.filter(pk=session.pk).update(
        status="ended",
        stopped_at=timezone.now(),
        stopped_received_at=timezone.now(),
        energy_wh=9_000,
    )
    assert "Working out the bill" in phone.see()


def test_the_receipts_link_opens_without_cookies_and_shows_no_name_and_no_balance(
    evening: Any, client: Client
) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 17_360, after=timedelta(minutes=12))
    page = phone.get().content.decode()
    link = page.split('class="btn" href="')[1].split('"')[0]
    assert link.startswith(f"{phone.home}/receipt/{session.pk}.")
    answer = client.get(f"{link}?lang=en")
    assert answer.status_code == 200
    assert "฿133.67" in Seen(answer)
    assert "Pimchanok" not in Seen(answer)
    assert "866.33" not in Seen(answer)


@pytest.mark.parametrize("token", ["1", "1.x", "999.abc", "%00", "a.b.c"])
def test_a_receipts_token_cannot_be_guessed(evening: Any, client: Client, token: str) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 9_000)
    assert client.get(f"{phone.home}/receipt/{token}").status_code == 404
    other = a_plug()
    page = phone.get().content.decode()
    good = page.split('class="btn" href="')[1].split('"')[0].rsplit("/", 1)[1]
    assert client.get(f"/c/{other.code}/receipt/{good}").status_code == 404


def test_the_receipt_stays_while_the_car_stands_and_half_an_hour_then_the_plug_is_free(
    evening: Any,
) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 9_000)
    evening.shift(timedelta(minutes=40))
    assert phone.stage == "receipt"
    plug_in(phone.connector, "Available")
    assert phone.stage == "free"


def test_the_same_phone_may_charge_again_at_once(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    stops(session, 9_000)
    plug_in(phone.connector, "Available")
    assert phone.stage == "receipt"
    assert "Your last charge here" in phone.see("?again=1")
    phone.client.post(f"{phone.home}/wait?again=1", {"by": "kwh", "kwh": "20", "baht": "150"})
    assert phone.stage == "tap"


def test_a_charge_that_nobody_is_to_pay_says_so(evening: Any) -> None:
    phone, session = a_confirmed_phone(evening)
    Session.objects.filter(pk=session.pk).update(customer=None)
    stops(session, 9_000)
    assert not Bill.objects.exists()
    assert "Nothing is billed for this charge." in phone.see()
