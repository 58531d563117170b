"""The link: boot, one call at a time, reconnection, and messages that must arrive."""

import asyncio
import base64
from typing import Any

import pytest

from simulators.charger import Hardware
from simulators.journal import Acknowledged
from tests.simulators.server import CentralSystem
from tests.simulators.world import charger, story

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]


@story
async def test_a_charger_names_itself_and_shows_its_password(server: CentralSystem) -> None:
    async with charger(server, "โรงแรม 1/ก", password="s:e cret") as cp:
        await cp.wait_registered()
        assert "โรงแรม 1/ก" in server.sockets
    kind, _, token = server.passwords[0].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(token).decode() == "โรงแรม 1/ก:s:e cret"


@story
async def test_nothing_is_sent_before_the_boot_is_accepted(server: CentralSystem) -> None:
    server.boot = ["Pending", "Rejected", "Accepted"]
    async with charger(server, speed=6_000) as cp:
        cp.plug(1)
        await cp.wait_status(1, "Preparing")
    assert [frame.action for frame in server.frames[:4]] == ["BootNotification"] * 3 + [
        "StatusNotification"
    ]


@story
async def test_while_the_boot_is_pending_the_server_may_ask_but_not_start(
    server: CentralSystem,
) -> None:
    server.boot = ["Pending"]
    async with charger(server) as cp:
        await cp.journal.until(lambda: cp.acknowledged or None, 5, lambda: "no boot")
        asked = {"requestedMessage": "StatusNotification", "connectorId": 1}
        assert await server.call("CP1", "TriggerMessage", asked) == {"status": "Accepted"}
        await cp.wait_for("StatusNotification")
        start = {"idTag": "WEB", "connectorId": 1}
        assert await server.call("CP1", "RemoteStartTransaction", start) == {"status": "Rejected"}
        again = {"requestedMessage": "BootNotification"}
        await server.call("CP1", "TriggerMessage", again)
        await cp.wait_registered()


@story
async def test_heartbeats_follow_the_interval_of_the_boot(server: CentralSystem) -> None:
    async with charger(server, speed=12_000) as cp:
        first = await cp.wait_for("Heartbeat")
        await cp.wait_for("Heartbeat", after=first.number)
    assert cp.configuration.number("HeartbeatInterval") == 300


@story
async def test_one_call_is_in_flight_at_a_time(server: CentralSystem) -> None:
    waiting: list[str] = []
    silent = asyncio.Event()

    def hold(payload: dict[str, Any]) -> None:
        waiting.append("DataTransfer")
        silent.set()

    server.answers["DataTransfer"] = hold
    async with charger(server, reply_timeout_s=0.1) as cp:
        await cp.wait_status(1, "Available")
        before = len(server.frames)
        transfer = asyncio.create_task(cp.data_transfer("evbilling", data="x"))
        await silent.wait()
        cp.plug(1)
        assert [frame.action for frame in server.frames[before:]] == ["DataTransfer"]
        with pytest.raises(Exception, match="no reply in time"):
            await transfer
        await cp.wait_status(1, "Preparing")


@story
async def test_the_server_may_die_at_any_moment_and_hears_all_afterwards(
    server: CentralSystem,
) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    async with charger(server, speed=2_400) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_for("MeterValues")
        await server.close()
        promised = list(cp.acknowledged)
        await cp.journal.until(lambda: cp.link.waiting >= 2 or None, 10, lambda: "no samples")
        cp.stop_session(1)
        await server.listen(port)
        await cp.wait_session_end(1)
        await cp.wait_idle()
    heard = {(frame.message_id, frame.action) for frame in server.frames}
    assert {(a.message_id, a.action) for a in promised} <= heard
    registers = [
        int(p["meterValue"][0]["sampledValue"][0]["value"]) for p in server.of("MeterValues")
    ]
    assert registers == sorted(set(registers))
    assert len(server.of("BootNotification")) == 1


@story
async def test_firmware_that_boots_after_each_loss_of_the_link_is_simulated_too(
    server: CentralSystem,
) -> None:
    async with charger(server, hardware=Hardware(boot_on_reconnect=True)) as cp:
        first = await cp.wait_for("BootNotification")
        await cp.wait_registered()
        cp.faults.drop_link()
        await cp.wait_for("BootNotification", after=first.number)
        await cp.wait_registered()


@story
async def test_a_callerror_is_tried_again_as_often_as_the_key_says_and_then_given_up(
    server: CentralSystem,
) -> None:
    server.answers["StartTransaction"] = lambda _: {"error": "InternalError"}
    async with charger(server, configuration={"TransactionMessageAttempts": "3"}) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        cp.stop_session(1)
        await cp.wait_session_end(1)
    assert len(server.of("StartTransaction")) == 3
    refused = [r for r in cp.journal.refused if r.action == "StartTransaction"]
    assert [r.reason for r in refused] == ["CALLERROR InternalError: "]
    assert server.of("StopTransaction")[0]["transactionId"] == -1


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"transactionId": 1}, "the .conf lacks idTagInfo"),
        ({"idTagInfo": {"status": "Accepted"}}, "the .conf lacks transactionId"),
        ({"transactionId": 1, "idTagInfo": {}}, "the idTagInfo lacks status"),
    ],
)
def test_an_incomplete_reply_counts_as_none(result: dict[str, Any], reason: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        server.answers["StartTransaction"] = lambda _: result
        async with charger(server) as cp:
            await cp.wait_registered()
            cp.plug(1)
            await cp.tap("CARD1", 1)
            await cp.wait_status(1, "Charging")
            await cp.wait_idle()
            assert [r.reason for r in cp.journal.refused] == [reason]
        server.problems = [
            p for p in server.problems if not p.startswith("StartTransactionResponse")
        ]

    tell()


@story
async def test_a_pause_between_attempts_does_not_hold_up_other_messages(
    server: CentralSystem,
) -> None:
    server.answers["StartTransaction"] = lambda _: {"error": "InternalError"}
    async with charger(server, configuration={"TransactionMessageRetryInterval": "3600"}) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        assert await cp.data_transfer("evbilling") == {"status": "Accepted"}
    assert len(server.of("StartTransaction")) == 1


@story
async def test_a_message_without_reply_is_sent_again_until_it_is_answered(
    server: CentralSystem,
) -> None:
    deaf = 4

    def start(payload: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal deaf
        deaf -= 1
        return None if deaf >= 0 else {"transactionId": 5, "idTagInfo": {"status": "Accepted"}}

    server.answers["StartTransaction"] = start
    async with charger(server, reply_timeout_s=0.02) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_for("StartTransaction")
    assert (
        len({frame.message_id for frame in server.frames if frame.action == "StartTransaction"})
        == 1
    )
    assert len(server.of("StartTransaction")) >= 5


@story
async def test_a_refused_handshake_is_told_and_tried_again(server: CentralSystem) -> None:
    server.refuse_handshake = 401
    reasons: list[str] = []
    cp = charger(server)

    def note(reason: str) -> None:
        reasons.append(reason)
        cp.journal.changed()

    cp.link.on_failure = note
    async with cp:
        await cp.journal.until(lambda: len(reasons) > 2 or None, 5, lambda: "never tried again")
        assert reasons[0] == "HTTP 401 Unauthorized"
        server.refuse_handshake = 0
        await cp.wait_registered()


@story
async def test_a_new_authorization_key_is_used_at_once_and_shown_to_nobody(
    server: CentralSystem,
) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    async with charger(server, password="old") as cp:
        await cp.wait_registered()
        change = {"key": "AuthorizationKey", "value": secret}
        assert await server.call("CP1", "ChangeConfiguration", change) == {"status": "Accepted"}
        await cp.journal.until(lambda: len(server.passwords) > 1 or None, 5, lambda: "no reconnect")
        await cp.wait_registered()
        asked = await server.call("CP1", "GetConfiguration", {"key": ["AuthorizationKey"]})
    assert base64.b64decode(server.passwords[1].split()[1]).decode() == f"CP1:{secret}"
    assert asked["configurationKey"] == [{"key": "AuthorizationKey", "readonly": False}]


@story
async def test_what_is_no_reply_to_us_is_kept_as_a_stray(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        for frame in (
            '[3,"nobody",{}]',
            "no json",
            '{"a":1}',
            "[]",
            '[4,"x","GenericError","",{}]',
        ):
            await server.sockets["CP1"].send(frame)
        await cp.journal.until(lambda: len(cp.journal.strays) == 5 or None, 5, lambda: "lost")
        assert await cp.data_transfer("evbilling") == {"status": "Accepted"}


@story
async def test_binary_frames_are_no_ocpp_and_end_the_connection(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        old = server.sockets["CP1"]
        await old.send(b"[3]")
        await old.wait_closed()
        assert old.close_code == 1003


@story
async def test_waiting_for_what_never_comes_says_what_it_was(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        with pytest.raises(TimeoutError, match="CP1: no such StopTransaction was acknowledged"):
            await cp.wait_for("StopTransaction", timeout=0.01)
        with pytest.raises(TimeoutError, match="CP1/1 is Available, not Charging"):
            await cp.wait_status(1, "Charging", timeout=0.01)


@story
async def test_the_journal_can_be_read_from_a_mark_on(server: CentralSystem) -> None:
    def is_preparing(entry: Acknowledged) -> bool:
        return bool(entry.payload["status"] == "Preparing")

    async with charger(server) as cp:
        await cp.wait_status(1, "Available")
        mark = cp.journal.mark()
        cp.plug(1)
        entry = await cp.wait_for("StatusNotification", is_preparing, after=mark)
        assert entry.number > mark
        assert entry.answered_at >= entry.sent_at
        assert entry.message_id in {sent.message_id for sent in cp.sent}
