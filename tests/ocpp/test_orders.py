"""Orders: in time or not at all, one after the other, each with one outcome."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Command
from stations.services import commands
from tests.factories import a_charger
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire
TRIGGER = {"requestedMessage": "Heartbeat"}


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger()


def order(charger: Charger, action: str, payload: Mapping[str, object], **more: int) -> Command:
    return OcppDriver().send(charger, action, payload, by="test", **more)


def outcome(command: Command) -> Command:
    def ended() -> Command | None:
        fresh = Command.objects.get(pk=command.pk)
        return fresh if fresh.status not in ("queued", "sent") else None

    found = eventually(ended)
    assert isinstance(found, Command)
    return found


@pytest.mark.parametrize(
    ("action", "payload", "answer", "status"),
    [
        ("Reset", {"type": "Soft"}, {"status": "Accepted"}, "accepted"),
        ("Reset", {"type": "Hard"}, {"status": "Rejected"}, "rejected"),
        ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}, "accepted"),
        ("UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}, "rejected"),
        (
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            {"status": "Scheduled"},
            "accepted",
        ),
        (
            "ChangeConfiguration",
            {"key": "k", "value": "v"},
            {"status": "RebootRequired"},
            "accepted",
        ),
        ("ChangeConfiguration", {"key": "k", "value": "v"}, {"status": "NotSupported"}, "rejected"),
        (
            "GetConfiguration",
            {"key": ["k"]},
            {"configurationKey": [{"key": "k", "readonly": False, "value": "v"}]},
            "accepted",
        ),
        ("ClearCache", {}, {"status": "Accepted"}, "accepted"),
        (
            "TriggerMessage",
            {"requestedMessage": "BootNotification"},
            {"status": "NotImplemented"},
            "rejected",
        ),
        (
            "RemoteStartTransaction",
            {"idTag": "A", "connectorId": 1},
            {"status": "Accepted"},
            "accepted",
        ),
        ("RemoteStopTransaction", {"transactionId": 5}, {"status": "Rejected"}, "rejected"),
        ("DataTransfer", {"vendorId": "x"}, {"status": "UnknownVendorId"}, "rejected"),
    ],
)
def test_an_order_reaches_the_charger_and_its_answer_is_kept(
    live: Stack,
    charger: Charger,
    action: str,
    payload: dict[str, object],
    answer: dict[str, object],
    status: str,
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.answers[action] = answer
        command = order(charger, action, payload)
        assert point.expect(action) == payload
        ended = outcome(command)
    assert (ended.status, ended.response) == (status, answer)
    assert ended.sent_at is not None
    assert ended.answered_at is not None


def test_an_order_to_a_charger_that_is_away_ends_offline_at_once_and_is_never_delivered(
    live: Stack, charger: Charger
) -> None:
    assert order(charger, "ClearCache", {}).status == "offline"
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        order(charger, "TriggerMessage", TRIGGER)
        point.expect("TriggerMessage")
        assert [action for action, _ in point.heard] == ["TriggerMessage"]


def test_a_charger_that_never_answers_ends_in_timeout_and_the_next_order_goes_on(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.answers["ClearCache"] = lambda payload: None
        silent = order(charger, "ClearCache", {}, answer_timeout_s=1)
        following = order(charger, "TriggerMessage", TRIGGER)
        point.expect("ClearCache")
        point.expect("TriggerMessage")
        assert outcome(silent).status == "timeout"
        assert outcome(following).status == "accepted"


def test_a_refusal_by_callerror_ends_in_error_with_its_words(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        command = order(charger, "ClearCache", {})
        frame = point.receive()
        point.socket.send(f'[4,"{frame[1]}","NotSupported","no such thing",{{}}]')
        ended = outcome(command)
    assert ended.status == "error"
    assert ended.response == {"errorCode": "NotSupported", "errorDescription": "no such thing"}


def test_a_line_that_ends_before_the_answer_ends_in_timeout(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.answers["ClearCache"] = lambda payload: None
        command = order(charger, "ClearCache", {})
        point.expect("ClearCache")
    assert outcome(command).status == "timeout"


def test_a_late_answer_is_logged_and_never_taken_for_another_orders(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        late = order(charger, "ClearCache", {}, answer_timeout_s=1)
        late_frame = point.receive()
        assert outcome(late).status == "timeout"
        following = order(charger, "Reset", {"type": "Soft"})
        frame = point.receive()
        point.socket.send(f'[3,"{late_frame[1]}",{{"status":"Rejected"}}]')
        point.socket.send(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')
        assert outcome(following).status == "accepted"
    assert Command.objects.get(pk=late.pk).status == "timeout"


def test_orders_to_one_charger_go_one_after_the_other(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        ordered = [order(charger, "ClearCache", {}) for _ in range(3)]
        for _ in ordered:
            frame = point.receive()
            with pytest.raises(TimeoutError):
                point.receive(timeout=0.1)
            point.socket.send(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')
        assert [outcome(c).status for c in ordered] == ["accepted"] * 3


def test_an_order_that_waited_too_long_is_not_delivered(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        late = Command.objects.create(
            charger=charger, action="ClearCache", expires_at=timezone.now() - timedelta(seconds=1)
        )
        commands.expire_overdue()
        with pytest.raises(TimeoutError):
            point.receive(timeout=0.3)
    assert Command.objects.get(pk=late.pk).status == "timeout"


def test_orders_from_many_threads_reach_many_chargers_quickly(live: Stack) -> None:
    station = a_charger().station
    chargers = [a_charger(station) for _ in range(20)]
    points = [Point(live.ocpp_url, charger) for charger in chargers]

    def serve(point: Point) -> None:
        for _ in range(5):
            point.expect("ClearCache")

    def ask(charger: Charger) -> list[int]:
        try:
            return [order(charger, "ClearCache", {}).pk for _ in range(5)]
        finally:
            connection.close()

    servers = [threading.Thread(target=serve, args=(point,)) for point in points]
    for server in servers:
        server.start()
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        ids = [pk for found in pool.map(ask, chargers) for pk in found]
    for server in servers:
        server.join()
    eventually(lambda: Command.objects.filter(pk__in=ids, status="accepted").count() == 100)
    assert time.monotonic() - began < 10
    for point in points:
        point.socket.close()


def test_a_secret_that_can_no_longer_be_read_is_not_sent_as_stars(
    live: Stack, charger: Charger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "seal", lambda text: "sealed under another SECRET_KEY")
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        lost = commands.request(
            charger, "ChangeConfiguration", {"key": "K"}, by="test", secret={"value": "hush"}
        )
        ended = outcome(lost)
        order(charger, "TriggerMessage", TRIGGER)
        point.expect("TriggerMessage")
        assert [action for action, _ in point.heard] == ["TriggerMessage"]
    assert (ended.status, ended.sealed) == ("error", "")
    assert "SECRET_KEY has changed" in ended.detail


def test_a_password_of_the_makers_own_reaches_the_charger_and_stays_nowhere(
    live: Stack, charger: Charger
) -> None:
    wanted = {"key": "Vendor.WifiPassword", "value": "hush-hush-42"}
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        command = order(charger, "ChangeConfiguration", wanted)
        assert "hush" not in str(Command.objects.values().get(pk=command.pk))
        assert point.expect("ChangeConfiguration") == wanted
        ended = outcome(command)
    assert (ended.status, ended.payload["value"], ended.sealed) == ("accepted", "***", "")
