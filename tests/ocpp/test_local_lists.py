"""Lists of cards on the wire: pushed by themselves, few messages, back in step after anything."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from core.audit import SYSTEM
from simulators.cards import Cards
from simulators.configuration import Configuration
from stations.models import Charger, LocalList
from tests.factories import a_charger, a_customer, a_station
from tests.stack import Stack, eventually
from tests.wire import Point
from users.models import Card, Customer
from users.services import cards

pytestmark = pytest.mark.wire


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger(a_station(local_lists=True))


@pytest.fixture
def customer(charger: Charger) -> Customer:
    return a_customer(charger.station.company, billing_mode="postpaid", credit_limit=500_00)


class Keeping(Point):
    """A charge point that answers by itself, with the simulator's own list of cards."""

    def __init__(self, url: str, charger: Charger, cards: Cards) -> None:
        super().__init__(url, charger)
        self.cards = cards
        keys = {"LocalAuthListMaxLength": "1000", "SendLocalListMaxLength": "500"}
        known = [{"key": k, "readonly": True, "value": v} for k, v in keys.items()]
        self.answers |= {
            "GetConfiguration": {"configurationKey": known},
            "GetLocalListVersion": lambda payload: {"listVersion": self.cards.version},
            "SendLocalList": self._take,
        }

    def _take(self, payload: dict[str, Any]) -> dict[str, str]:
        items = payload.get("localAuthorizationList", [])
        full = payload["updateType"] == "Full"
        return {"status": self.cards.update(payload["listVersion"], items, full)}

    def pushed(self) -> list[tuple[str, int]]:
        return [
            (p["updateType"], len(p.get("localAuthorizationList", [])))
            for action, p in list(self.heard)
            if action == "SendLocalList"
        ]

    def knows(self, id_tag: str) -> str:
        found = self.cards.known(id_tag)
        return str(found["status"]) if found else ""


@contextmanager
def keeping(live: Stack, charger: Charger, cards: Cards) -> Iterator[Keeping]:
    """It answers in a thread of its own until the end of the block."""
    with Keeping(live.ocpp_url, charger, cards) as point:
        point.boot()

        def serve() -> None:
            try:
                while True:
                    frame = point.receive(timeout=60)
                    if frame[0] == 2:
                        point._answer(frame)
            except (ConnectionClosed, TimeoutError):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield point
        finally:
            point.socket.close()
            thread.join()


def give(customer: Customer, *tags: str) -> None:
    for tag in tags:
        cards.create(customer.company, tag, {"customer": customer}, actor=SYSTEM)


def settled(charger: Charger) -> bool:
    return LocalList.objects.filter(
        charger=charger, due_at__isnull=True, step="", state="known"
    ).exists()


def test_a_list_is_pushed_changed_and_compared_after_a_boot(
    live: Stack, charger: Charger, customer: Customer
) -> None:
    memory = Cards(Configuration())
    give(customer, "ALPHA", "BETA")
    with keeping(live, charger, memory) as point:
        eventually(lambda: point.knows("ALPHA") == "Accepted")
        eventually(lambda: settled(charger))
        assert point.pushed() == [("Full", 2)]
        cards.block(Card.objects.get(company=customer.company, id_tag="BETA"), actor=SYSTEM)
        eventually(lambda: point.knows("BETA") == "Blocked")
        assert point.pushed() == [("Full", 2), ("Differential", 1)]
        eventually(lambda: settled(charger))
    with keeping(live, charger, memory) as point:  # back with the same list
        eventually(lambda: ("GetLocalListVersion", {}) in point.heard)
        eventually(lambda: settled(charger))
        assert point.pushed() == []
    with keeping(live, charger, Cards(Configuration())) as point:  # back from the workshop
        eventually(lambda: point.knows("ALPHA") == "Accepted")
        assert point.pushed() == [("Full", 2)]
        assert point.cards.version > memory.version


def test_a_hundred_changes_are_a_few_messages(
    live: Stack, charger: Charger, customer: Customer
) -> None:
    with keeping(live, charger, Cards(Configuration())) as point:
        eventually(lambda: settled(charger))
        give(customer, *(f"N{n}" for n in range(100)))
        eventually(lambda: point.knows("N99") == "Accepted")
        eventually(lambda: settled(charger))
        assert sum(n for _, n in point.pushed()) >= 100
        assert len(point.pushed()) <= 5


def test_what_changed_while_the_charger_was_away_arrives_when_it_is_back(
    live: Stack, charger: Charger, customer: Customer
) -> None:
    memory = Cards(Configuration())
    give(customer, "ALPHA")
    with keeping(live, charger, memory) as point:
        eventually(lambda: point.knows("ALPHA") == "Accepted")
        eventually(lambda: settled(charger))
    eventually(lambda: Charger.objects.get(pk=charger.pk).connection_holder == "")
    give(customer, "BETA")
    with keeping(live, charger, memory) as point:
        eventually(lambda: point.knows("BETA") == "Accepted")
        assert point.pushed() == [("Differential", 1)]


def test_a_deliverer_killed_in_the_middle_goes_on_where_it_was(
    live: Stack, charger: Charger, customer: Customer
) -> None:
    give(customer, "ALPHA")
    deliver = live.processes["deliver"]
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.expect("GetConfiguration")
        deliver.kill9()
        deliver.start()
        point.answers["GetLocalListVersion"] = {"listVersion": 0}
        point.expect("GetLocalListVersion")
        deliver.kill9()
        LocalList.objects.filter(charger=charger).update(
            due_at=timezone.now() - timedelta(seconds=1)
        )
        deliver.start()
        sent = point.expect("SendLocalList")
        assert sent["localAuthorizationList"] == [
            {"idTag": "ALPHA", "idTagInfo": {"status": "Accepted"}}
        ]
        eventually(lambda: settled(charger))


def test_a_charger_of_a_station_without_lists_hears_nothing(live: Stack) -> None:
    charger = a_charger()
    holder = a_customer(charger.station.company, billing_mode="postpaid", credit_limit=500_00)
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        give(holder, "ALPHA")
        with pytest.raises(TimeoutError):
            point.receive(timeout=2.5)
