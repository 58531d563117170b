"""Reservations in the back office: made, seen and cancelled; the cards on a charger; a station's rules."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.models import AuditEntry
from stations.models import Charger, Command, ListState, LocalList, Reservation, Station
from tests.factories import a_card, a_charger, a_customer, a_reservation, a_station, an_admin
from tests.pages.people import signed_in, text_of
from tests.stations.answering import answer, waiting
from users.models import Card, Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(), charge_point_id="SJ-01", connectors=2, online=True)


@pytest.fixture
def card(charger: Charger) -> Card:
    return a_card(a_customer(charger.station.company, name="Somchai", balance=500_00), "04A1B2C3")


@pytest.fixture
def office(charger: Charger) -> Client:
    return signed_in(an_admin(charger.station.company))


def reserve(client: Client, **form: Any) -> Any:
    values = {"connector": "1", "card": "04a1b2c3", "minutes": "20"}
    return client.post("/chargers/SJ-01/reserve/", values | form)


def test_an_admin_reserves_a_connector_and_sees_what_the_charger_said(
    office: Client, charger: Charger, card: Card
) -> None:
    assert reserve(office).status_code == 302
    assert "Asking the charger to keep it for Somchai" in text_of(office.get("/chargers/SJ-01/"))
    answer(charger, {"status": "Accepted"})
    page = text_of(office.get("/chargers/SJ-01/"))
    assert "Kept for Somchai until" in page
    assert "Connector 1 · Reservation confirmed" in page  # the timeline
    made = Reservation.objects.get()
    assert made.expires_at - made.made_at <= timedelta(minutes=20)
    assert made.made_by.startswith("admin ")
    assert AuditEntry.objects.get(action="reserve").new["card"] == "•••• B2C3"  # type: ignore[index]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"card": ""}, "No card has this number."),
        ({"card": "FFFF"}, "No card has this number."),
        ({"minutes": ""}, "Choose from 1 to 1440 minutes."),
        ({"minutes": "0"}, "Choose from 1 to 1440 minutes."),
        ({"minutes": "1e9"}, "Choose from 1 to 1440 minutes."),
        ({"connector": "9"}, "Choose a connector."),
        ({"connector": "x"}, "Choose a connector."),
    ],
)
def test_what_makes_no_sense_comes_back_with_a_sentence_and_nothing_is_sent(
    office: Client, card: Card, form: dict[str, str], sentence: str
) -> None:
    answer = reserve(office, **form)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not Command.objects.exists()


def test_any_connector_can_be_kept(office: Client, charger: Charger, card: Card) -> None:
    assert reserve(office, connector="0").status_code == 302
    assert waiting(charger)[0].payload["connectorId"] == 0


def test_the_list_shows_each_with_its_state_and_its_filters(
    office: Client, charger: Charger, card: Card
) -> None:
    assert "Nothing has been reserved yet" in text_of(office.get("/reservations/"))
    plug = charger.connectors.get(connector_id=1)
    a_reservation(plug, card)
    a_reservation(
        plug,
        status="refused",
        reason="Occupied",
        reserved_at=None,
        ended_at=timezone.now(),
    )
    page = text_of(office.get("/reservations/"))
    for words in ("Somchai", "•••• B2C3", "SJ-01/1", "Refused", "the connector is in use"):
        assert words in page
    assert "Refused" in text_of(office.get("/reservations/?status=refused&part=rows"))
    assert "Somchai" not in text_of(office.get("/reservations/?status=refused"))
    assert "Somchai" in text_of(office.get("/reservations/?status=open"))
    assert "With these filters there is none" in text_of(office.get("/reservations/?status=used"))


def test_an_admin_cancels_one(office: Client, charger: Charger, card: Card) -> None:
    row = a_reservation(charger.connectors.get(connector_id=1), card)
    done = office.post(f"/reservations/{row.pk}/cancel/", {"back": "list"})
    assert (done.status_code, done["Location"]) == (302, "/reservations/")
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert waiting(charger)[0].action == "CancelReservation"
    again = office.post(f"/reservations/{row.pk}/cancel/")
    assert again.status_code == 409


def test_a_viewer_sees_it_and_changes_nothing(charger: Charger, card: Card) -> None:
    row = a_reservation(charger.connectors.get(connector_id=1), card)
    viewer = signed_in(an_admin(charger.station.company, Level.VIEWER))
    page = viewer.get("/chargers/SJ-01/").content.decode()
    assert "Somchai" in page
    assert f"/reservations/{row.pk}/cancel/" not in page
    assert "/chargers/SJ-01/reserve/" not in page


# --- the station's rules ----------------------------------------------------------------------------


def save(client: Client, station: Station, **form: str) -> Any:
    values = {"max_reservation_min": "15", "offline_credit": "0"}
    return client.post(f"/stations/{station.pk}/rules/", values | form)


def test_the_rules_of_a_station_are_saved_and_its_chargers_lists_begin(
    office: Client, charger: Charger
) -> None:
    station = charger.station
    done = save(
        office,
        station,
        customers_reserve="on",
        max_reservation_min="30",
        local_lists="on",
        offline_credit="50.25",
    )
    assert done.status_code == 302
    station.refresh_from_db()
    assert (station.customers_reserve, station.max_reservation_min) == (True, 30)
    assert (station.local_lists, station.offline_credit) == (True, 50_25)
    assert LocalList.objects.get().charger == charger
    assert AuditEntry.objects.get(action="edit_station").new == {
        "customers_reserve": True,
        "max_reservation_min": 30,
        "local_lists": True,
        "offline_credit": 5025,
    }


@pytest.mark.parametrize(
    "form",
    [
        {"max_reservation_min": "0"},
        {"max_reservation_min": "999"},
        {"offline_credit": "-1"},
        {"offline_credit": "1000000"},
        {"offline_credit": "1.001"},
        {"offline_credit": "NaN"},
    ],
)
def test_rules_that_make_no_sense_come_back(
    office: Client, charger: Charger, form: dict[str, str]
) -> None:
    answer = save(office, charger.station, **form)
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.content.decode()
    assert not AuditEntry.objects.filter(action="edit_station").exists()


# --- cards on the charger ------------------------------------------------------------------------------


def communication(client: Client) -> str:
    return text_of(client.get("/chargers/SJ-01/communication/"))


def test_the_communication_page_says_how_the_chargers_list_stands(
    office: Client, charger: Charger, card: Card
) -> None:
    assert "This charger asks for every card." in communication(office)
    save(office, charger.station, local_lists="on", offline_credit="100")
    page = communication(office)
    assert "To be updated" in page
    assert "1 card differs from what it should be" in page
    assert "•••• B2C3" in page
    office.post("/chargers/SJ-01/cards/", {"do": "send"})
    answer(charger, {"configurationKey": [], "unknownKey": ["LocalAuthListEnabled"]})
    answer(charger, {"listVersion": 0})
    assert "Being updated" in communication(office)
    answer(charger, {"status": "Accepted"})
    page = communication(office)
    assert "Up to date" in page
    assert "differs" not in page
    part = text_of(office.get("/chargers/SJ-01/communication/?part=cards"))
    assert "Cards in it" in part
    assert "<html" not in part


def test_trouble_is_told_in_words(office: Client, charger: Charger, card: Card) -> None:
    save(office, charger.station, local_lists="on", offline_credit="100")
    LocalList.objects.update(state=ListState.FAILED, error="refused:Failed")
    assert "The charger did not take the list: Failed." in communication(office)


def test_by_hand_at_a_charger_that_is_away_says_so(office: Client, charger: Charger) -> None:
    save(office, charger.station, local_lists="on")
    Charger.objects.update(connection_holder="")
    answer = office.post("/chargers/SJ-01/cards/", {"do": "read"})
    assert answer.status_code == 422
    assert "The charger is offline." in text_of(answer)
