"""Copies for a second central system, over real wires: two servers, one charger, nothing faked."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from core.audit import SYSTEM
from core.models import AuditEntry
from stations.models import Charger, Command, Forward, ForwardedSession, Frame, Session
from stations.services import forwarding
from stations.services.forwarding import ForwardFields
from tests.factories import a_card, a_charger, a_customer, a_station
from tests.second_side import SecondSide
from tests.stack import Stack, eventually
from tests.wire import Point, now

pytestmark = pytest.mark.wire


@pytest.fixture
def relay(live: Stack) -> Stack:
    return live.start("forward")


@pytest.fixture
def side() -> Iterator[SecondSide]:
    with SecondSide() as found:
        yield found


@pytest.fixture
def charger(relay: Stack) -> Charger:
    return a_charger(a_station(), connectors=2)


@pytest.fixture
def tag(charger: Charger) -> str:
    """A card that our side accepts; the second side refuses every card."""
    return a_card(a_customer(charger.station.company, balance=500_000)).id_tag


def copied(charger: Charger, side: SecondSide, **fields: Any) -> Forward:
    given: ForwardFields = {"url": side.url, **fields}  # type: ignore[typeddict-item]
    return forwarding.set_up(charger, given, actor=SYSTEM, may_inside=True)


def state(row: Forward) -> str:
    return Forward.objects.get(pk=row.pk).state


def connected(row: Forward) -> None:
    eventually(lambda: state(row) == "connected", 15)


def test_every_message_of_the_charger_arrives_in_order_with_that_sides_numbers(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        point.status("Available")
        connected(row := copied(charger, side))
        assert side.heard[0] == (
            "BootNotification",
            {"chargePointVendor": "Test", "chargePointModel": "Wire"},
        )
        point.status("Preparing")
        assert point.call("Authorize", {"idTag": tag})["idTagInfo"]["status"] == "Accepted"
        ours = point.start(tag)["transactionId"]
        point.meter(ours, 1_200, Power_Active_Import=7000)
        point.meter(None, 1_300)
        point.stop(ours, 1_500)
        side.hear("StopTransaction")
    theirs = 77_002
    told = [(a, p) for a, p in side.heard if a not in ("BootNotification", "Heartbeat")]
    assert [a for a, _ in told][2:] == [
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
    ]
    assert [p["transactionId"] for a, p in told if a == "StopTransaction"] == [theirs]
    first, second = (p for a, p in told if a == "MeterValues")
    assert first["transactionId"] == theirs
    assert first["meterValue"][0]["sampledValue"][1]["value"] == "7000"
    assert "transactionId" not in second
    # That side says Invalid to every card; ours is what the charger was told.
    assert Session.objects.get(transaction_id=ours).refusal == ""
    fresh = eventually(lambda: Forward.objects.filter(pk=row.pk, answered__gte=8).first())
    assert fresh.boot_answer["status"] == "Accepted"


def test_a_charge_goes_on_while_that_side_is_dead_and_is_told_later_in_order_and_once(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        row = copied(charger, side)
        connected(row)
        first = point.start(tag)["transactionId"]
        side.hear("StartTransaction")
        side.kill()
        point.meter(first, 1_200)
        point.stop(first, 1_500)
        second = point.start(tag, connector=2, meter=9_000)["transactionId"]
        point.stop(second, 9_400)
        point.status("Finishing", 2)
        eventually(lambda: state(row) == "failed", 15)
        side.rise()
        forwarding.ask(charger, actor=SYSTEM)
        side.hear("StopTransaction", 2, 20)
    told = [(a, p) for a, p in side.heard if a in ("StartTransaction", "StopTransaction")]
    assert [(a, p.get("meterStart", p.get("meterStop"))) for a, p in told] == [
        ("StartTransaction", 1_000),
        ("StopTransaction", 1_500),
        ("StartTransaction", 9_000),
        ("StopTransaction", 9_400),
    ]
    assert [p["transactionId"] for a, p in told if a == "StopTransaction"] == [77_002, 77_003]
    assert side.of("StatusNotification")[-1]["status"] == "Finishing"


def test_what_came_while_that_side_was_away_from_the_start_is_told_once_even_after_a_kill(
    relay: Stack, charger: Charger, tag: str
) -> None:
    side = SecondSide()
    side.kill()
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        row = copied(charger, side)
        eventually(lambda: state(row) == "failed", 15)
        ours = point.start(tag)["transactionId"]
        relay.processes["forward"].kill9()
        point.stop(ours, 1_900)
        side.rise()
        relay.processes["forward"].start()
        side.hear("StopTransaction", 1, 30)
        point.status("Available")
        eventually(lambda: side.of("StatusNotification")[-1]["status"] == "Available")
    side.kill()
    assert len(side.of("StartTransaction")) == len(side.of("StopTransaction")) == 1
    assert side.problems == []


def test_a_charge_whose_frames_a_crash_has_eaten_is_told_from_its_own_row(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    side.kill()
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        row = copied(charger, side)
        ours = point.start(tag, meter=2_000)["transactionId"]
        point.stop(ours, 2_700, reason="EVDisconnected")
        eventually(lambda: Frame.objects.filter(charger=charger, action="StopTransaction").exists())
        Frame.objects.filter(charger=charger).delete()
        side.rise()
        forwarding.ask(charger, actor=SYSTEM)
        (stop,) = side.hear("StopTransaction", 1, 20)
    (start,) = side.of("StartTransaction")
    assert (start["meterStart"], start["idTag"], start["connectorId"]) == (2_000, tag, 1)
    assert (stop["meterStop"], stop["reason"], stop["transactionId"]) == (
        2_700,
        "EVDisconnected",
        77_002,
    )
    assert ForwardedSession.objects.get(forward=row).stopped_at is not None


def test_that_side_may_only_listen_unless_it_may_command(
    relay: Stack, charger: Charger, side: SecondSide
) -> None:
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        connected(copied(charger, side))
        for action, payload in (
            ("RemoteStartTransaction", {"idTag": "THEIRS", "connectorId": 1}),
            ("Reset", {"type": "Hard"}),
            ("UpdateFirmware", {"location": "http://x/y", "retrieveDate": now()}),
            ("ChangeConfiguration", {"key": "LightIntensity", "value": "3"}),
        ):
            answer = side.call(action, payload)
            assert answer[0] == 4, action
            assert answer[2] == "SecurityError", action
        assert side.call("Fly", {})[2] == "NotImplemented"
        assert side.call("Reset", {"type": "Softly"})[2] == "FormationViolation"
        assert side.call("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"})[
            2
        ] == {"status": "Accepted"}
        before = len(side.of("StatusNotification"))
        assert side.call("TriggerMessage", {"requestedMessage": "StatusNotification"})[2] == {
            "status": "Accepted"
        }
        side.hear("StatusNotification", before + 2)
        with pytest.raises(TimeoutError):
            point.receive(timeout=0.3)
    assert not Command.objects.filter(charger=charger).exists()


def test_its_commands_reach_the_charger_as_orders_and_the_answer_goes_back(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        connected(row := copied(charger, side, mode="commands"))
        ours = point.start(tag)["transactionId"]
        side.hear("StartTransaction")
        theirs = eventually(lambda: ForwardedSession.objects.get(forward=row).their_id)

        def asked(action: str, payload: dict[str, Any]) -> list[Any]:
            found: list[list[Any]] = []
            caller = threading.Thread(target=lambda: found.append(side.call(action, payload)))
            caller.start()
            sent = point.expect(action)
            caller.join(15)
            return [sent, found[0]]

        point.answers["RemoteStopTransaction"] = {"status": "Accepted"}
        sent, answer = asked("RemoteStopTransaction", {"transactionId": theirs})
        assert sent == {"transactionId": ours}
        assert answer[2] == {"status": "Accepted"}
        point.answers["Reset"] = {"status": "Rejected"}
        sent, answer = asked("Reset", {"type": "Soft"})
        assert (sent, answer[2]) == ({"type": "Soft"}, {"status": "Rejected"})
        assert side.call("RemoteStopTransaction", {"transactionId": 5})[0] == 4
        limit = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 500.0}],
            },
        }
        whole = {"connectorId": 0, "csChargingProfiles": limit}
        assert side.call("SetChargingProfile", whole)[2] == "SecurityError"
        assert side.call("ClearChargingProfile", {})[2] == "SecurityError"
        point.answers["GetConfiguration"] = {
            "configurationKey": [
                {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
                {"key": "AuthorizationKey", "readonly": False, "value": "secret"},
            ]
        }
        sent, answer = asked("GetConfiguration", {})
        assert [row["key"] for row in answer[2]["configurationKey"]] == ["NumberOfConnectors"]
        for key in ("AuthorizationKey", "SecurityProfile", "BackendURL"):
            refused = side.call("ChangeConfiguration", {"key": key, "value": "x"})
            assert refused[2] == "SecurityError", key
    order = Command.objects.get(charger=charger, action="RemoteStopTransaction")
    assert order.requested_by == f"forward:127.0.0.1:{side.port}"
    assert order.session is not None
    assert order.session.transaction_id == ours
    assert (
        AuditEntry.objects.filter(
            actor_kind="forward", subject=f"charger:{charger.pk}", action="command_charger"
        ).count()
        == 3
    )
    gone = side.call("Reset", {"type": "Soft"})
    assert (gone[0], gone[2]) == (4, "GenericError")


def test_its_password_and_certificate_are_what_lets_us_in(
    relay: Stack, charger: Charger, tmp_path: Any
) -> None:
    from tests.certificates import a_server_certificate

    ca_pem, context = a_server_certificate(tmp_path)
    with (
        SecondSide(password="their secret", tls=context) as side,
        Point(relay.ocpp_url, charger) as point,
    ):
        point.boot()
        row = copied(charger, side, password="wrong")

        def error() -> str:
            return Forward.objects.get(pk=row.pk).last_error

        eventually(lambda: error().startswith("certificate"), 15)
        copied(charger, side, ca_pem=ca_pem)
        eventually(lambda: error() == "http 401", 15)
        copied(charger, side, password="their secret")
        connected(row)
    sealed = Forward.objects.get(pk=row.pk).password_sealed
    assert sealed
    assert "their secret" not in sealed


def test_nonsense_and_refusals_of_that_side_never_touch_the_charge(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    side.answers["MeterValues"] = ["InternalError", "no", {}]
    side.answers["StatusNotification"] = lambda payload: {"what": ["ever"]}
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        row = copied(charger, side)
        connected(row)
        for text in ("", "[", "[3,", '{"a":1}', '[3,"no such id",{}]', "[2,5]", '[2,"x",7,8]'):
            side.send(text)
        ours = point.start(tag)["transactionId"]
        point.meter(ours, 1_100)
        point.stop(ours, 1_200)
        side.hear("StopTransaction")
        eventually(lambda: Forward.objects.get(pk=row.pk).dropped == 1)
        assert state(row) == "connected"
        with suppress(ConnectionClosed):
            while True:
                side.send("nonsense")
        eventually(lambda: Forward.objects.get(pk=row.pk).last_error.startswith("nonsense"), 15)
        assert point.call("Heartbeat")["currentTime"]


def test_without_a_number_in_its_answer_a_start_is_tried_again_and_then_let_go(
    relay: Stack, charger: Charger, side: SecondSide, tag: str, monkeypatch: Any
) -> None:
    answers = iter(({"idTagInfo": {"status": "Accepted"}}, ["InternalError", "", {}]))
    side.answers["StartTransaction"] = lambda payload: next(
        answers, {"transactionId": 5, "idTagInfo": {"status": "Accepted"}}
    )
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        connected(copied(charger, side))
        ours = point.start(tag)["transactionId"]
        point.stop(ours, 1_200)
        (stop,) = side.hear("StopTransaction", 1, 20)
    assert stop["transactionId"] == 5
    assert len(side.of("StartTransaction")) == 3


def test_a_side_that_leaves_readings_unanswered_still_hears_of_the_stop(
    relay: Stack, charger: Charger, side: SecondSide, tag: str
) -> None:
    side.answers["MeterValues"] = None
    relay.processes["forward"].stop()
    with (
        relay.servers.process("forward", OCPP_CALL_TIMEOUT_SECONDS="1"),
        Point(relay.ocpp_url, charger) as point,
    ):
        point.boot()
        row = copied(charger, side)
        connected(row)
        ours = point.start(tag)["transactionId"]
        point.meter(ours, 1_100)
        point.stop(ours, 1_200)
        eventually(lambda: Forward.objects.get(pk=row.pk).last_error.startswith("no_answer"), 15)
        forwarding.ask(charger, actor=SYSTEM)
        side.hear("StopTransaction")
    assert len(side.of("MeterValues")) == len(side.of("StartTransaction")) == 1
    relay.processes["forward"].start()


def test_the_heartbeat_is_ours_at_the_pace_that_side_gives(
    relay: Stack, charger: Charger, side: SecondSide
) -> None:
    side.answers["BootNotification"] = {"status": "Accepted", "currentTime": now(), "interval": 1}
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        connected(copied(charger, side))
        point.call("Heartbeat")
        side.hear("Heartbeat", 2)
        side.call("ChangeConfiguration", {"key": "heartbeatInterval", "value": "600"})
        told = len(side.of("Heartbeat"))
        with pytest.raises(AssertionError):
            side.hear("Heartbeat", told + 2, 2.5)
    assert Forward.objects.get(charger=charger).wishes == {"HeartbeatInterval": "600"}


def test_a_forward_that_is_off_is_dialled_once_when_asked_and_tells_what_it_heard(
    relay: Stack, charger: Charger, side: SecondSide
) -> None:
    side.answers["BootNotification"] = {
        "status": "Rejected",
        "currentTime": now(),
        "interval": 30,
    }
    row = copied(charger, side, enabled=False)
    forwarding.ask(charger, actor=SYSTEM)
    eventually(lambda: Forward.objects.get(pk=row.pk).last_error == "boot Rejected", 15)
    side.answers.clear()
    forwarding.ask(charger, actor=SYSTEM)
    found = eventually(
        lambda: (Forward.objects.get(pk=row.pk).boot_answer or {}).get("status") == "Accepted", 15
    )
    assert found
    eventually(lambda: state(row) == "off")
    assert [action for action, _ in side.heard] == ["BootNotification"] * 2


def test_a_charger_that_is_away_is_away_there_too(
    relay: Stack, charger: Charger, side: SecondSide
) -> None:
    row = copied(charger, side)
    eventually(lambda: state(row) == "waiting")
    assert side.connections == 0
    with Point(relay.ocpp_url, charger) as point:
        point.boot()
        connected(row)
    eventually(lambda: state(row) == "waiting", 20)


def test_without_forwards_a_message_costs_the_line_nothing_more() -> None:
    """The line does not know that there are forwards: no name of theirs in what handles frames."""
    from pathlib import Path

    folder = Path(__file__).parents[2] / "stations/drivers/ocpp"
    hot = [*folder.glob("*.py"), *(folder / "handlers").glob("*.py")]
    assert len(hot) > 10
    named = re.compile("forward(?!ed)", re.IGNORECASE)  # a proxy's X-Forwarded-For is another thing
    assert [p.name for p in hot if named.search(p.read_text())] == []
