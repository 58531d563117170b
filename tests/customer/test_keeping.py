"""A plug kept for a member: asked for on its page, seen by everybody, given back."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from core.models import AuditEntry
from evbilling.templatetags.ui import moment
from stations.models import Connector, ConnectorStatus, Reservation
from stations.services import reservations
from tests.customer.phones import (
    Phone,
    a_member,
    a_plug,
    plug_in,
    start,
    stops,
    tap,
    tapped_and_started,
)
from tests.factories import a_reservation
from tests.stations.answering import answer, deliver, waiting
from users.models import Card

pytestmark = pytest.mark.django_db


@pytest.fixture
def plug() -> Connector:
    return a_plug(customers_reserve=True, max_reservation_min=30)


@pytest.fixture
def card(plug: Connector) -> Card:
    return a_member(plug, id_tag="04A1B2C3")


def reserve(phone: Phone, **form: Any) -> Any:
    return phone.post("reserve", **{"number": "04a1b2c3", "minutes": "15"} | form)


def accept(plug: Connector) -> None:
    answer(plug.charger, {"status": "Accepted"})
    plug_in(plug, ConnectorStatus.RESERVED)


def test_a_member_keeps_a_plug_and_others_see_until_when(plug: Connector, card: Card) -> None:
    mine, other = Phone(plug), Phone(plug)
    assert "Keep this plug for later" in mine.see()
    assert reserve(mine).status_code == 303
    assert "Asking the charger to keep this plug for you" in mine.see()
    assert other.stage == "free"  # it is not reserved before the charger says so
    accept(plug)
    until = moment(Reservation.objects.get().expires_at)  # with the day, shortly before midnight
    seen = mine.see()
    assert seen.stage == "free"
    assert f"Kept for you until {until}" in seen
    assert "hold the same card (•••• B2C3)" in seen
    assert "Keep this plug for later" not in seen
    foreign = other.see()
    assert foreign.stage == "reserved"
    assert f"Reserved until {until} – free again then" in foreign
    assert "04A1B2C3" not in foreign.html
    assert "B2C3" not in foreign.html
    assert other.post("wait").status_code == 409


def test_others_see_it_also_where_the_charger_still_calls_the_plug_available(
    plug: Connector, card: Card
) -> None:
    a_reservation(plug, card)
    assert Phone(plug).stage == "reserved"
    plug_in(plug, ConnectorStatus.PREPARING)
    assert Phone(plug).stage == "reserved"


def test_the_holder_taps_and_charges(plug: Connector, card: Card) -> None:
    mine = Phone(plug)
    reserve(mine)
    accept(plug)
    mine.post("wait", by="kwh", kwh="20")
    assert mine.stage == "tap"
    assert tap(plug, card).status == "Accepted"
    plug_in(plug)
    assert start(plug, card).info.status == "Accepted"
    assert Reservation.objects.get().status == "used"
    assert mine.stage == "live" or mine.stage == "ask"


def test_a_foreign_tap_is_told_why_on_its_page(plug: Connector, card: Card) -> None:
    other = Phone(plug)
    other.post("wait", by="kwh", kwh="20")
    a_reservation(plug, card)
    assert tap(plug, a_member(plug)).reason == "reserved"
    Reservation.objects.update(status="cancelled", ended_at=timezone.now())
    assert "This plug is kept for somebody else. Use another one." in other.see()


def test_it_is_given_back(plug: Connector, card: Card) -> None:
    mine = Phone(plug)
    reserve(mine)
    accept(plug)
    assert "Cancel the reservation" in mine.see()
    assert mine.post("unreserve").status_code == 303
    assert Reservation.objects.get().status == "cancelled"
    assert waiting(plug.charger)[0].action == "CancelReservation"
    assert "Cancel the reservation" not in mine.see()
    assert mine.post("unreserve").status_code == 303  # a second tap is the same wish


def test_nobody_gives_back_anothers(plug: Connector, card: Card) -> None:
    reserve(Phone(plug))
    accept(plug)
    Phone(plug).post("unreserve")
    assert Reservation.objects.get().status == "reserved"


def test_its_end_is_told_and_the_plug_is_free_again(plug: Connector, card: Card) -> None:
    mine = Phone(plug)
    reserve(mine)
    accept(plug)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        plug.charger.refresh_from_db()
        reservations.tidy()
        deliver()
        plug_in(plug, ConnectorStatus.AVAILABLE)
        assert "Your reservation ended at" in mine.see()
        assert "Keep this plug for later" in mine.see()


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("Occupied", "Another car is there."),
        ("Faulted", "The charger has a fault."),
        ("Unavailable", "The plug is out of service."),
        ("Rejected", "This charger takes no reservations."),
    ],
)
def test_a_chargers_no_is_told(plug: Connector, card: Card, word: str, sentence: str) -> None:
    mine = Phone(plug)
    reserve(mine)
    answer(plug.charger, {"status": word})
    seen = mine.see()
    assert "This plug could not be kept for you" in seen
    assert sentence in seen


def test_a_phone_that_has_charged_here_need_not_type_its_card(plug: Connector, card: Card) -> None:
    mine = Phone(plug)
    mine.post("wait", by="kwh", kwh="20")
    stops(tapped_and_started(plug, card), 5_000)
    plug_in(plug, ConnectorStatus.AVAILABLE)
    seen = mine.see("?again=1")
    assert "For your card •••• B2C3" in seen
    assert f'action="{mine.home}/reserve?again=1"' in seen.html
    done = mine.client.post(f"{mine.home}/reserve?again=1", {"minutes": "10"})
    assert done.status_code == 303
    assert Reservation.objects.get().card == card
    assert "Asking the charger to keep this plug for you" in mine.see()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"number": ""}, "No card has this number."),
        ({"number": "B2C3"}, "No card has this number."),
        ({"minutes": "31"}, "Choose from 1 to 30 minutes."),
        ({"minutes": "0"}, "Choose from 1 to 30 minutes."),
        ({"minutes": "x"}, "Choose from 1 to 30 minutes."),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_sent(
    plug: Connector, card: Card, form: dict[str, str], sentence: str
) -> None:
    phone = Phone(plug)
    page = reserve(phone, **form)
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert waiting(plug.charger) == []


def test_numbers_cannot_be_tried_out(plug: Connector, card: Card) -> None:
    for n in range(4):
        assert reserve(Phone(plug), number=f"0000{n}").status_code == 422
    assert reserve(Phone(plug), number="00009").status_code == 429
    page = reserve(Phone(plug))  # the right one, too late
    assert page.status_code == 429
    assert "Five tries were wrong." in page.content.decode()
    assert not Reservation.objects.exists()
    assert AuditEntry.objects.filter(subject=f"reserve:{plug.pk}", refused=True).count() == 5


def test_a_station_that_does_not_want_it_offers_nothing_and_takes_nothing(card: Card) -> None:
    plug = a_plug()
    a_member(plug, id_tag="04A1B2C3")
    phone = Phone(plug)
    assert "Keep this plug for later" not in phone.see()
    assert reserve(phone).status_code == 409


def test_a_card_without_money_is_told_so_first(plug: Connector) -> None:
    a_member(plug, balance=0, id_tag="POOR1234")
    page = reserve(Phone(plug), number="POOR1234")
    assert page.status_code == 422
    assert "The wallet is empty." in page.content.decode()
    assert not Reservation.objects.exists()
