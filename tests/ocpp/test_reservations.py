"""Reservations on the wire: the charger's word counts, foreign cards stay out, nothing is forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.audit import SYSTEM
from stations.models import Charger, Connector, Reservation
from stations.services import reservations
from tests.factories import a_card, a_charger, a_customer
from tests.stack import Stack, eventually
from tests.wire import Point, now
from users.models import Card

pytestmark = pytest.mark.wire


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger(connectors=2)


@pytest.fixture
def card(charger: Charger) -> Card:
    return a_card(a_customer(charger.station.company, balance=500_00), parent_id_tag="FAMILY")


def reserve(charger: Charger, card: Card, connector: int = 1) -> Reservation:
    fresh = Charger.objects.select_related("station").get(pk=charger.pk)
    plug = Connector.objects.get(charger=charger, connector_id=connector)
    return reservations.reserve(fresh, plug, card, 15, actor=SYSTEM)


def becomes(row: Reservation, status: str) -> Reservation:
    found = eventually(lambda: Reservation.objects.filter(pk=row.pk, status=status).first())
    assert isinstance(found, Reservation)
    return found


def test_from_the_request_to_the_start_that_uses_it(
    live: Stack, charger: Charger, card: Card
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        made = reserve(charger, card)
        asked = point.expect("ReserveNow")
        ends = parse_datetime(asked.pop("expiryDate"))
        assert ends == made.expires_at
        assert asked == {
            "connectorId": 1,
            "idTag": card.id_tag,
            "parentIdTag": "FAMILY",
            "reservationId": made.number,
        }
        becomes(made, "reserved")
        point.status("Reserved")
        foreign = a_card(a_customer(charger.station.company, balance=500_00)).id_tag
        assert point.call("Authorize", {"idTag": foreign})["idTagInfo"]["status"] == "Accepted"
        assert point.start(foreign)["idTagInfo"]["status"] == "Blocked"
        becomes(made, "reserved")
        info = point.call("Authorize", {"idTag": card.id_tag})["idTagInfo"]
        assert (info["status"], info["parentIdTag"]) == ("Accepted", "FAMILY")
        begun = point.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": card.id_tag,
                "meterStart": 2_000,
                "timestamp": now(),
                "reservationId": made.number,
            },
        )
        assert begun["idTagInfo"]["status"] == "Accepted"
        session = becomes(made, "used").session
        assert session is not None
        assert session.transaction_id == begun["transactionId"]


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_a_no_is_a_no(live: Stack, charger: Charger, card: Card, word: str) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.answers["ReserveNow"] = {"status": word}
        made = reserve(charger, card)
        point.expect("ReserveNow")
        assert becomes(made, "refused").reason == word


def test_cancelling_reaches_the_charger(live: Stack, charger: Charger, card: Card) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        made = reserve(charger, card)
        point.expect("ReserveNow")
        becomes(made, "reserved")
        reservations.cancel(made, actor=SYSTEM)
        assert point.expect("CancelReservation") == {"reservationId": made.number}
        eventually(lambda: Reservation.objects.get(pk=made.pk).withdrawal == "done")


def test_it_expires_while_the_charger_is_away_and_is_cancelled_there_without_a_boot(
    live: Stack, charger: Charger, card: Card
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        made = reserve(charger, card)
        point.expect("ReserveNow")
        becomes(made, "reserved")
    eventually(lambda: Charger.objects.get(pk=charger.pk).connection_holder == "")
    past = timezone.now() - timedelta(seconds=1)
    Reservation.objects.filter(pk=made.pk).update(
        made_at=past - timedelta(minutes=5), expires_at=past
    )
    assert becomes(made, "expired").withdrawal == "due"
    with Point(live.ocpp_url, charger) as point:
        assert point.expect("CancelReservation") == {"reservationId": made.number}
        eventually(lambda: Reservation.objects.get(pk=made.pk).withdrawal == "done")


def test_a_deliverer_killed_before_the_answer_was_taken_in_loses_nothing(
    live: Stack, charger: Charger, card: Card
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        deliver = live.processes["deliver"]
        deliver.kill9()
        made = reserve(charger, card)
        point.expect("ReserveNow")
        eventually(lambda: charger.commands.filter(status="accepted").exists())
        assert Reservation.objects.get(pk=made.pk).status == "requested"
        deliver.start()
        becomes(made, "reserved")
