"""Reservation: a connector, or any connector, kept for one card until a moment."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from tests.certification import states
from tests.certification.scene import CONNECTORS, Payload, Scene, moment

pytestmark = pytest.mark.wire
_numbers = count(1)


def reserve(scene: Scene, answer: str, connector: int = 1, **more: str) -> Payload:
    """A ReserveNow as the charge point heard it."""
    payload = {
        "connectorId": connector,
        "idTag": scene.tag,
        "reservationId": next(_numbers),
        "expiryDate": moment(minutes=15),
        **more,
    }
    heard = scene.order("ReserveNow", payload, {"status": answer})
    assert heard == payload
    assert datetime.fromisoformat(heard["expiryDate"]).utcoffset() == timedelta(0)
    return heard


def reserved(scene: Scene, **more: str) -> Payload:
    """State *Reserved*: connector 1 is kept for the card."""
    heard = reserve(scene, "Accepted", 1, **more)
    states.status(scene, "Reserved")
    return heard


def test_tc_046_a_reserved_connector_charges_the_one_it_waits_for(scene: Scene) -> None:
    states.connected(scene)
    number = reserved(scene)["reservationId"]
    states.charging(scene, reservationId=number)


def test_tc_047_a_reservation_that_nobody_uses_ends_by_itself(scene: Scene) -> None:
    states.connected(scene)
    reserved(scene)
    states.status(scene, "Available")


def test_tc_048_1_a_faulted_connector_cannot_be_reserved(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Faulted", error="GroundFailure")
    reserve(scene, "Faulted")


def test_tc_048_2_an_occupied_connector_cannot_be_reserved(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Preparing")
    reserve(scene, "Occupied")


def test_tc_048_3_an_unavailable_connector_cannot_be_reserved(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Unavailable")
    reserve(scene, "Unavailable")


def test_tc_048_4_a_charge_point_may_take_no_reservations(scene: Scene) -> None:
    states.connected(scene)
    reserve(scene, "Rejected")


def test_tc_049_any_connector_is_reserved_by_number_zero(scene: Scene) -> None:
    states.connected(scene)
    heard = reserve(scene, "Accepted", connector=0)
    assert heard["connectorId"] == 0
    for connector in range(1, CONNECTORS + 1):
        states.status(scene, "Reserved", connector)


def cancel(scene: Scene, number: int, answer: str) -> None:
    payload = {"reservationId": number}
    assert scene.order("CancelReservation", payload, {"status": answer}) == payload


def test_tc_051_a_reservation_is_cancelled_by_its_number(scene: Scene) -> None:
    states.connected(scene)
    cancel(scene, reserved(scene)["reservationId"], "Accepted")
    states.status(scene, "Available")


def test_tc_052_a_cancellation_may_be_rejected(scene: Scene) -> None:
    states.connected(scene)
    cancel(scene, reserved(scene)["reservationId"], "Rejected")


def test_tc_053_another_card_of_the_same_parent_may_use_the_reservation(scene: Scene) -> None:
    parent = scene.tag[-8:] + "-P"
    scene.site.ask("PATCH", f"cards/{scene.tag}/", {"parent_id_tag": parent})
    sibling = scene.new_card(parent_id_tag=parent)
    states.connected(scene)
    heard = reserved(scene, parentIdTag=parent)
    assert heard["connectorId"] != 0
    assert heard["parentIdTag"] == parent
    # The charge point lets the sibling in because our answer names the parent (OCPP 1.6 §5.13).
    assert states.authorized(scene, sibling)["parentIdTag"] == parent
    states.charging(scene, sibling, reservationId=heard["reservationId"])
