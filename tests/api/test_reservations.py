"""Reservations and the cards in a charger, for programs."""

from typing import Any

import pytest

from stations.models import Charger, LocalList, Reservation
from tests.api.client import Caller
from tests.factories import a_card, a_charger, a_company, a_customer, a_reservation, a_station
from tests.stations.answering import answer, deliver, goes_away, waiting
from users.models import Card, Company

pytestmark = pytest.mark.django_db


@pytest.fixture
def charger(company: Company) -> Charger:
    return a_charger(a_station(company), charge_point_id="SJ-01", connectors=2, online=True)


@pytest.fixture
def card(company: Company) -> Card:
    return a_card(a_customer(company, balance=500_00), "04A1B2C3", parent_id_tag="FAMILY")


def body(**more: Any) -> dict[str, Any]:
    return {
        "charge_point_id": "sj-01",
        "connector_id": 1,
        "id_tag": "04a1b2c3",
        "minutes": 15,
    } | more


def test_a_reservation_is_made_read_and_cancelled(
    api: Caller, charger: Charger, card: Card
) -> None:
    made = api.post("reservations/", body())
    assert made.status == 201
    assert (made["status"], made["connector_id"], made["id_tag"]) == ("requested", 1, "04A1B2C3")
    assert made["expires_at"].endswith("Z")
    answer(charger, {"status": "Accepted"})
    path = f"reservations/{made['id']}/"
    read = api.get(path)
    assert (read["status"], read["reason"], read["at_charger"]) == ("reserved", "", "")
    assert waiting(charger) == []
    cancelled = api.delete(path)
    assert (cancelled.status, cancelled["status"], cancelled["at_charger"]) == (
        200,
        "cancelled",
        "sent",
    )
    assert waiting(charger)[0].payload == {"reservationId": made["number"]}
    again = api.delete(path)
    assert (again.status, again["code"]) == (409, "not_open")


def test_it_can_be_for_a_customer_and_for_any_connector(
    api: Caller, charger: Charger, card: Card
) -> None:
    fields = body(customer=card.customer_id)
    del fields["id_tag"], fields["connector_id"]
    made = api.post("reservations/", fields)
    assert (made.status, made["connector_id"], made["id_tag"]) == (201, 0, card.id_tag)


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"charge_point_id": "NOPE"}, 422, "charge_point_id"),
        ({"connector_id": 9}, 422, "connector_id"),
        ({"connector_id": -1}, 422, "connector_id"),
        ({"id_tag": "UNKNOWN"}, 422, "id_tag"),
        ({"id_tag": None}, 422, "id_tag"),
        ({"minutes": 0}, 422, "minutes"),
        ({"minutes": 1441}, 422, "minutes"),
        ({"minutes": "x"}, 422, "minutes"),
    ],
)
def test_what_makes_no_sense_names_its_field_and_nothing_is_sent(
    api: Caller, charger: Charger, card: Card, change: dict[str, Any], status: int, field: str
) -> None:
    refused = api.post("reservations/", body(**change))
    assert (refused.status, list(refused["fields"])) == (status, [field])
    assert waiting(charger) == []


def test_another_companys_charger_customer_or_card_does_not_exist(
    api: Caller, charger: Charger
) -> None:
    stranger = a_card(a_customer(a_company(), balance=500_00), "FOREIGN1")
    assert api.post("reservations/", body(id_tag="FOREIGN1"))["fields"].keys() == {"id_tag"}
    fields = body(customer=stranger.customer_id)
    del fields["id_tag"]
    assert api.post("reservations/", fields).status == 422
    foreign = a_charger(online=True)
    assert api.post("reservations/", body(charge_point_id=foreign.charge_point_id)).status == 422
    assert not Reservation.objects.exists()


def test_an_offline_charger_is_a_conflict(api: Caller, charger: Charger, card: Card) -> None:
    goes_away(charger)
    refused = api.post("reservations/", body())
    assert (refused.status, refused["code"]) == (409, "charger_offline")


def test_reservations_are_filtered(api: Caller, charger: Charger, card: Card) -> None:
    one = a_reservation(charger.connectors.get(connector_id=1), card)
    two = a_reservation(charger.connectors.get(connector_id=2))
    for params, expected in (
        ({"id_tag": "04a1b2c3"}, [one.pk]),
        ({"customer": two.customer_id}, [two.pk]),
        ({"charge_point_id": "sj-01"}, [two.pk, one.pk]),
        ({"status": "used"}, []),
        ({"from": "2100-01-01T00:00:00Z"}, []),
    ):
        assert [row["id"] for row in api.get("reservations/", **params).rows] == expected


def test_a_stations_rules_are_fields_of_it(api: Caller, charger: Charger) -> None:
    path = f"stations/{charger.station_id}/"
    assert api.get(path)["offline_credit"] == "0.00"
    changed = api.patch(
        path, {"offline_credit": "50.50", "local_lists": True, "max_reservation_min": 30}
    )
    assert (changed["offline_credit"], changed["max_reservation_min"]) == ("50.50", 30)
    for wrong in (
        {"offline_credit": "-1"},
        {"offline_credit": "100001"},
        {"max_reservation_min": 0},
    ):
        assert api.patch(path, wrong).status == 422


def test_the_list_in_a_charger_is_read_and_sent(api: Caller, charger: Charger, card: Card) -> None:
    path = "chargers/sj-01/local-list/"
    empty = api.get(path)
    assert (empty.status, empty["version"], empty["entries"]) == (200, 0, {})
    refused = api.post(path, {"do": "send"})
    assert (refused.status, refused["code"]) == (409, "lists_off")
    assert api.post(path, {"do": "dance"}).status == 422
    api.patch(f"stations/{charger.station_id}/", {"local_lists": True, "offline_credit": "100"})
    assert api.post(path, {"do": "send"})["step"] == "limits"
    answer(charger, {"configurationKey": []})
    answer(charger, {"listVersion": 3})
    answer(charger, {"status": "Accepted"})
    found = api.get(path)
    assert (found["version"], found["state"], found["step"]) == (4, "known", "")
    assert found["entries"] == {"04A1B2C3": {"status": "Accepted", "parentIdTag": "FAMILY"}}


def test_a_raw_send_local_list_goes_out_as_it_is_and_makes_the_list_unknown(
    api: Caller, charger: Charger
) -> None:
    LocalList.objects.create(charger=charger, state="known", version=4, top_version=4, due_at=None)
    raw = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "X"}]}
    url = "/api/v1/chargers/SJ-01/commands/SendLocalList/?timeout=1"
    api.client.post(url, raw, "application/json", headers=api.headers)
    deliver()
    (order,) = waiting(charger)
    assert (order.action, order.payload) == ("SendLocalList", raw)
    assert LocalList.objects.get().state == "unknown"
