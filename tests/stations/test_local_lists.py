"""A charger's list of cards: kept in step by itself, with few messages, whatever the charger says."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core import outbox
from core.audit import SYSTEM
from core.errors import DomainError
from core.outbox import News
from stations.drivers.ocpp import schemas
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, ListState, LocalList, Station
from stations.services import local_lists, sites
from tests.factories import a_card, a_charger, a_customer, a_station
from tests.stations.answering import (
    answer,
    callerror,
    comes_back,
    deliver,
    goes_away,
    no_answer,
    waiting,
)
from users.models import Card, Customer
from users.services import cards, customers

pytestmark = pytest.mark.django_db


class Point:
    """A charger that keeps a list as the standard says. ``heard`` are the parts it was sent."""

    def __init__(self, charger: Charger, *, most: int = 1_000, sent: int = 500) -> None:
        self.charger, self.most, self.sent = charger, most, sent
        self.version = 0
        self.cards: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []
        self.words: list[str] = []  # what it says to the next parts instead of Accepted

    def settle(self) -> None:
        """The sweep runs and every order is answered, until nothing is left to do."""
        deliver()
        LocalList.objects.filter(due_at__gt=timezone.now()).update(due_at=timezone.now())
        local_lists.push_due()
        while found := waiting(self.charger):
            schemas.check_request(found[0].action, found[0].payload)
            answer(self.charger, self._said(found[0].action, found[0].payload))

    def _said(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration":
            keys = {
                "LocalAuthListEnabled": "true",
                "LocalAuthListMaxLength": str(self.most),
                "SendLocalListMaxLength": str(self.sent),
            }
            found = [{"key": k, "readonly": True, "value": v} for k, v in keys.items()]
            return {"configurationKey": found, "unknownKey": ["SupportedFeatureProfiles"]}
        if action == "GetLocalListVersion":
            return {"listVersion": self.version}
        assert action == "SendLocalList", action
        self.heard.append(payload)
        return {"status": self._take(payload)}

    def _take(self, payload: dict[str, Any]) -> str:
        if self.words:
            return self.words.pop(0)
        full = payload["updateType"] == "Full"
        if payload["listVersion"] <= self.version:
            return "VersionMismatch"
        items = payload.get("localAuthorizationList", [])
        assert len(items) <= self.sent, "more than SendLocalListMaxLength"
        self.cards = {} if full else self.cards
        for item in items:
            if "idTagInfo" in item:
                self.cards[item["idTag"]] = item["idTagInfo"]
            else:
                self.cards.pop(item["idTag"], None)
        assert len(self.cards) <= self.most, "more than LocalAuthListMaxLength"
        self.version = payload["listVersion"]
        return "Accepted"

    @property
    def kinds(self) -> list[tuple[str, int]]:
        return [(p["updateType"], len(p.get("localAuthorizationList", []))) for p in self.heard]

    @property
    def row(self) -> LocalList:
        return LocalList.objects.get(charger=self.charger)


@pytest.fixture
def station() -> Station:
    return a_station()


@pytest.fixture
def customer(station: Station) -> Customer:
    return a_customer(station.company, billing_mode="postpaid", credit_limit=500_00)


@pytest.fixture
def card(customer: Customer) -> Card:
    return a_card(customer, "FIRST")


@pytest.fixture
def point(station: Station, card: Card) -> Point:
    """A charger that has taken its first list."""
    made = Point(a_charger(station, online=True))
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    made.settle()
    return made


def in_step(point: Point) -> bool:
    row = point.row
    return (row.entries, row.version, row.state) == (point.cards, point.version, ListState.KNOWN)


def test_switching_it_on_sends_the_whole_list(point: Point) -> None:
    assert point.kinds == [("Full", 1)]
    assert point.cards == {"FIRST": {"status": "Accepted"}}
    assert in_step(point)
    assert point.row.due_at is None


def test_chargers_of_stations_that_do_not_want_it_hear_nothing(
    card: Card, station: Station
) -> None:
    charger = a_charger(station, online=True)
    local_lists.on_booted([charger.pk])
    cards.block(card, actor=SYSTEM)
    deliver()
    local_lists.push_due()
    assert waiting(charger) == []
    assert not LocalList.objects.exists()


def test_each_change_of_cards_and_people_arrives_as_a_difference(
    point: Point, card: Card, customer: Customer
) -> None:
    company = customer.company
    other = cards.create(company, "SECOND", {"customer": customer}, actor=SYSTEM)
    point.settle()
    assert point.cards.keys() == {"FIRST", "SECOND"}
    cards.update(other, {"parent_id_tag": "FAMILY"}, actor=SYSTEM)
    point.settle()
    assert point.cards["SECOND"]["parentIdTag"] == "FAMILY"
    cards.block(other, actor=SYSTEM)
    point.settle()
    assert point.cards["SECOND"]["status"] == "Blocked"
    cards.delete(other, actor=SYSTEM)
    point.settle()
    assert point.cards.keys() == {"FIRST"}
    customers.update(customer, {"enabled": False}, actor=SYSTEM)
    point.settle()
    assert point.cards["FIRST"]["status"] == "Blocked"
    customers.update(customer, {"enabled": True, "credit_limit": 0}, actor=SYSTEM)
    point.settle()
    assert point.cards == {}
    assert in_step(point)
    assert [kind for kind, _ in point.kinds[1:3]] == ["Differential", "Differential"]
    versions = [p["listVersion"] for p in point.heard]
    assert versions == sorted(set(versions))


def test_nothing_is_sent_where_nothing_differs(point: Point, card: Card) -> None:
    cards.update(card, {"max_active_sessions": 3}, actor=SYSTEM)
    point.settle()
    assert len(point.heard) == 1
    assert point.row.due_at is None


def test_five_hundred_cards_at_once_are_one_message(point: Point, customer: Customer) -> None:
    company = customer.company
    made = Card.objects.bulk_create(
        Card(company=company, customer=customer, id_tag=f"N{n}", key=f"N{n}") for n in range(499)
    )
    with transaction.atomic():
        outbox.publish_many([News("card_changed", card.pk, company.pk) for card in made[:100]])
    point.settle()
    assert len(point.cards) == 500
    assert len(point.heard) == 2
    assert in_step(point)


def test_what_does_not_fit_in_one_message_comes_in_parts(
    station: Station, customer: Customer
) -> None:
    for n in range(25):
        a_card(customer, f"N{n:02d}")
    point = Point(a_charger(station, online=True), sent=10)
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    point.settle()
    assert point.kinds == [("Full", 10), ("Differential", 10), ("Differential", 5)]
    assert len(point.cards) == 25
    assert in_step(point)


def test_what_does_not_fit_in_the_charger_stays_out_and_is_counted(
    station: Station, customer: Customer
) -> None:
    for n in range(25):
        a_card(customer, f"N{n:02d}")
    point = Point(a_charger(station, online=True), most=20)
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    point.settle()
    assert len(point.cards) == 20
    assert point.row.left_out == 5
    gone = Card.objects.get(id_tag=next(iter(point.cards)))
    cards.delete(gone, actor=SYSTEM)
    point.settle()
    assert (len(point.cards), point.row.left_out) == (20, 4)


def test_prepaid_cards_join_when_the_station_lends_them_something_and_leave_again(
    point: Point, station: Station
) -> None:
    a_card(a_customer(station.company, balance=100_00), "PREPAID")
    local_lists.look_again()
    point.settle()
    assert "PREPAID" not in point.cards
    sites.update(station, {"offline_credit": 50_00}, actor=SYSTEM)
    point.settle()
    assert point.cards["PREPAID"] == {"status": "Accepted"}
    sites.update(station, {"offline_credit": 0}, actor=SYSTEM)
    point.settle()
    assert "PREPAID" not in point.cards


def test_a_card_that_expires_leaves_the_list_by_itself(point: Point, card: Card) -> None:
    cards.update(card, {"expires_at": timezone.now() + timedelta(hours=1)}, actor=SYSTEM)
    point.settle()
    assert point.cards["FIRST"].keys() == {"status", "expiryDate"}
    Card.objects.filter(pk=card.pk).update(expires_at=timezone.now())
    local_lists.look_again()  # what the periodic job does
    point.settle()
    assert point.cards == {}


def test_switching_it_off_empties_the_list_and_then_leaves_the_charger_alone(
    point: Point, station: Station, card: Card
) -> None:
    sites.update(station, {"local_lists": False}, actor=SYSTEM)
    point.settle()
    assert point.cards == {}
    sent = len(point.heard)
    cards.block(card, actor=SYSTEM)
    point.settle()
    local_lists.look_again()
    point.settle()
    assert len(point.heard) == sent


def test_after_a_boot_the_versions_are_compared_and_nothing_is_sent_where_they_agree(
    point: Point,
) -> None:
    local_lists.on_booted([point.charger.pk])
    point.settle()
    assert len(point.heard) == 1
    assert point.charger.commands.filter(action="GetLocalListVersion").count() == 2


@pytest.mark.parametrize("version", [0, 7, 4_711])
def test_a_charger_that_comes_back_with_another_list_gets_the_whole_one(
    point: Point, version: int
) -> None:
    point.version, point.cards = version, {}
    local_lists.on_booted([point.charger.pk])
    point.settle()
    assert point.kinds[1:] == [("Full", 1)]
    assert point.version > version
    assert in_step(point)


def test_a_version_mismatch_is_answered_by_the_whole_list_with_a_higher_version(
    point: Point, card: Card
) -> None:
    point.version = 50
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    point.settle()
    assert point.kinds[1:] == [("Differential", 1), ("Full", 1)]
    assert point.version == 51
    assert in_step(point)


def test_a_difference_that_failed_is_answered_by_the_whole_list(point: Point, card: Card) -> None:
    point.words = ["Failed"]
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    point.settle()
    assert point.kinds[1:] == [("Differential", 1), ("Full", 1)]
    assert in_step(point)


def test_a_list_that_is_not_taken_is_tried_again_with_patience(point: Point, card: Card) -> None:
    point.words = ["Failed"] * 3
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    point.settle()
    assert point.kinds[1:] == [("Differential", 1), ("Full", 1)]
    row = point.row
    assert (row.state, row.error) == (
        ListState.FAILED,
        "refused:Failed",
    )
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=50)
    point.settle()  # as if the time had come: it fails once more, then works
    waited = point.row.due_at
    assert waited is not None
    assert waited > row.due_at
    point.settle()
    assert in_step(point)
    assert point.row.error == ""


def test_a_charger_that_takes_only_the_first_part_is_not_asked_without_end(
    station: Station, customer: Customer
) -> None:
    for n in range(20):
        a_card(customer, f"N{n:02d}")
    point = Point(a_charger(station, online=True), sent=10)
    take = point._take

    def only_whole(payload: dict[str, Any]) -> str:
        return take(payload) if payload["updateType"] == "Full" else "Failed"

    point._take = only_whole  # type: ignore[method-assign]
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    point.settle()
    assert len(point.heard) <= 4
    assert point.row.state == ListState.FAILED


def test_not_supported_is_remembered_until_a_person_tries_again(point: Point, card: Card) -> None:
    point.words = ["NotSupported"]
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    point.settle()
    assert point.row.state == ListState.UNSUPPORTED
    cards.update(card, {"parent_id_tag": "G"}, actor=SYSTEM)
    local_lists.on_booted([point.charger.pk])
    point.settle()
    assert len(point.heard) == 2
    local_lists.send_all(Charger.objects.get(pk=point.charger.pk), actor=SYSTEM)
    point.settle()
    assert in_step(point)


@pytest.mark.parametrize("version", [-1, None, "7"])
def test_a_charger_without_a_version_keeps_no_list(
    station: Station, card: Card, version: Any
) -> None:
    charger = a_charger(station, online=True)
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    LocalList.objects.update(due_at=timezone.now())
    local_lists.push_due()
    callerror(charger, "InternalError")  # GetConfiguration: not fatal
    answer(charger, {"listVersion": version})
    assert LocalList.objects.get().state == ListState.UNSUPPORTED
    assert waiting(charger) == []


def test_a_list_that_is_switched_off_in_the_charger_is_switched_on(
    station: Station, card: Card
) -> None:
    charger = a_charger(station, online=True)
    sites.update(station, {"local_lists": True}, actor=SYSTEM)
    LocalList.objects.update(due_at=timezone.now())
    local_lists.push_due()
    off = {"key": "LocalAuthListEnabled", "readonly": False, "value": "false"}
    answer(charger, {"configurationKey": [off]})
    assert waiting(charger)[0].payload == {"key": "LocalAuthListEnabled", "value": "true"}
    answer(charger, {"status": "Accepted"})
    assert waiting(charger)[0].action == "GetLocalListVersion"


def test_without_an_answer_it_is_not_known_what_arrived_so_all_is_sent_anew(
    point: Point, card: Card
) -> None:
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    deliver()
    LocalList.objects.update(due_at=timezone.now())
    local_lists.push_due()
    no_answer(point.charger)
    assert point.row.state == ListState.UNKNOWN
    point.settle()
    assert point.kinds[1:] == [("Full", 1)]
    assert in_step(point)


def test_an_update_that_found_the_charger_gone_goes_out_when_it_is_back(
    point: Point, card: Card
) -> None:
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    deliver()
    LocalList.objects.update(due_at=timezone.now())
    local_lists.push_due()
    goes_away(point.charger)
    local_lists.push_due()
    assert waiting(point.charger) == []
    assert point.row.state == ListState.KNOWN
    comes_back(point.charger)
    point.settle()
    assert point.kinds[1:] == [("Differential", 1)]
    assert in_step(point)


def test_a_list_sent_by_hand_makes_what_we_know_worthless(point: Point, card: Card) -> None:
    body = {"listVersion": 9, "updateType": "Full"}
    OcppDriver().send(point.charger, "SendLocalList", body, by="test")
    assert point.row.state == ListState.UNKNOWN
    point.settle()
    assert [p["listVersion"] for p in point.heard] == [1, 9]  # it stays as the person wanted it …
    cards.update(card, {"parent_id_tag": "F"}, actor=SYSTEM)
    point.settle()
    assert point.kinds[-1] == ("Full", 1)  # … until a card changes
    assert in_step(point)


def test_by_hand_it_says_why_not(point: Point, station: Station) -> None:
    charger = Charger.objects.select_related("station").get(pk=point.charger.pk)
    local_lists.send_all(charger, actor=SYSTEM)
    with pytest.raises(local_lists.Busy):
        local_lists.read_version(charger, actor=SYSTEM)
    point.settle()
    local_lists.read_version(charger, actor=SYSTEM)
    point.settle()
    goes_away(charger)
    with pytest.raises(local_lists.Away):
        local_lists.send_all(charger, actor=SYSTEM)
    sites.update(station, {"local_lists": False}, actor=SYSTEM)
    with pytest.raises(DomainError) as refused:
        local_lists.send_all(Charger.objects.select_related("station").get(), actor=SYSTEM)
    assert refused.value.code == "lists_off"
