"""Faults on demand: each one looks on the wire as it does in the field."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
from websockets.protocol import State

from simulators.car import Car
from simulators.charger import ChargePoint
from simulators.clock import ClockStyle
from simulators.faults import chaos
from tests.simulators.server import CentralSystem
from tests.simulators.world import charger, story, value

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]


async def begin(cp: ChargePoint, soc: float = 0.2) -> None:
    """A car charges on connector 1."""
    await cp.wait_registered()
    cp.plug(1, Car(soc=soc))
    await cp.tap("CARD1", 1)
    await cp.wait_status(1, "Charging")


@story
async def test_a_dropped_link_comes_back_without_a_boot_and_the_session_goes_on(
    server: CentralSystem,
) -> None:
    async with charger(server) as cp:
        await begin(cp)
        old = server.sockets["CP1"]
        cp.faults.drop_link()
        await old.wait_closed()
        assert old.close_code == 1006
        cp.stop_session(1)
        await cp.wait_session_end(1)
    assert len(server.of("BootNotification")) == 1
    assert {frame.connection for frame in server.frames} == {1, 2}


@story
async def test_a_half_open_link_leaves_the_server_with_two_sockets(server: CentralSystem) -> None:
    async with charger(server, speed=2_400) as cp:
        await begin(cp)
        old = server.sockets["CP1"]
        cp.faults.half_open()
        await cp.journal.until(lambda: server.frames[-1].connection == 2 or None, 5, lambda: "no 2")
        assert server.sockets["CP1"] is not old
        assert old.state is State.OPEN
        await old.send('[2,"deaf","ClearCache",{}]')
        await cp.wait_idle()
        assert cp.received == []
        assert server.frames[-1].connection == 2


@pytest.mark.parametrize("new_id", [False, True])
@pytest.mark.parametrize("next_connection", [False, True])
def test_a_message_is_sent_twice(new_id: bool, next_connection: bool) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await begin(cp)
            result = await cp.faults.resend(
                "StartTransaction", new_id=new_id, next_connection=next_connection
            )
            assert result["transactionId"] == 2
        first, second = (f for f in server.frames if f.action == "StartTransaction")
        assert first.payload == second.payload
        assert (first.message_id != second.message_id) == new_id
        assert (first.connection != second.connection) == next_connection

    tell()


@story
async def test_what_was_never_acknowledged_cannot_be_sent_again(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        with pytest.raises(LookupError, match="no StopTransaction was acknowledged yet"):
            await cp.faults.resend("StopTransaction")


@pytest.mark.parametrize("renew", [False, True])
def test_lost_replies_make_the_charger_send_again(renew: bool) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            cp.faults.renew_message_ids(renew)
            cp.faults.lose_replies("StartTransaction", 2)
            await begin(cp)
            start = await cp.wait_for("StartTransaction")
            cp.stop_session(1)
            session = await cp.wait_session_end(1)
            assert [a.action for a in cp.acknowledged].count("StartTransaction") == 1
        starts = [frame for frame in server.frames if frame.action == "StartTransaction"]
        assert len(starts) == 3
        assert len({frame.message_id for frame in starts}) == (3 if renew else 1)
        assert start.result["transactionId"] == session.transaction_id == 3

    tell()


@story
async def test_messages_change_places(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await begin(cp)
        await cp.wait_idle()
        cp.faults.disorder()
        cp.stop_session(1)
        await cp.wait_status(1, "Finishing")
        await cp.wait_session_end(1)
    told = [f.payload.get("status", f.action) for f in server.frames if f.action != "MeterValues"]
    assert told[-2:] == ["Finishing", "StopTransaction"]


@pytest.mark.parametrize(
    ("style", "offset_s", "year", "tail"),
    [
        (ClockStyle.UNSYNCED, 0, 1970, "Z"),
        (ClockStyle.UTC, 3 * 365 * 86_400, 2029, "Z"),
        (ClockStyle.NO_ZONE, 0, 2026, ""),
        (ClockStyle.WITH_OFFSET, 0, 2026, "+07:00"),
    ],
)
def test_a_wrong_clock_shows_in_every_timestamp(
    style: ClockStyle, offset_s: float, year: int, tail: str
) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        cp = charger(server, origin=datetime(2026, 11, 20, tzinfo=UTC))
        cp.faults.wrong_clock(style, offset_s)
        async with cp:
            await begin(cp)
            cp.stop_session(1)
            await cp.wait_session_end(1)
        # A time without zone is no date-time of the schema: that is the fault.
        server.problems = [p for p in server.problems if 'is not a "date-time"' not in p]
        for action in ("StatusNotification", "StartTransaction", "StopTransaction"):
            text = server.of(action)[0]["timestamp"]
            assert datetime.fromisoformat(text).year == year
            assert text.endswith(f".{text.partition('.')[2][:3]}{tail}")

    tell()


@story
async def test_a_register_reset_in_the_middle_of_a_session_gives_a_stop_below_the_start(
    server: CentralSystem,
) -> None:
    async with charger(server) as cp:
        cp.connector(1).meter.total_wh = 1_234_567
        await begin(cp)
        cp.faults.reset_register(1)
        cp.stop_session(1)
        session = await cp.wait_session_end(1)
    assert session.meter_start == 1_234_567
    assert session.meter_stop is not None
    assert session.meter_stop < 1_000


@story
async def test_a_register_that_every_reboot_resets(server: CentralSystem) -> None:
    async with charger(server) as cp:
        cp.connector(1).meter.total_wh = 1_234_567
        cp.faults.reset_registers_on_reboot = True
        await begin(cp)
        mark = cp.journal.mark()
        cp.power_cycle()
        stop = await cp.wait_for("StopTransaction", after=mark)
        await begin_again(cp)
    assert stop.payload["meterStop"] >= 1_234_567
    assert server.of("StartTransaction")[1]["meterStart"] == 0


async def begin_again(cp: ChargePoint) -> None:
    mark = cp.journal.mark()
    await cp.tap("CARD1", 1)
    await cp.wait_for("StartTransaction", after=mark)


@story
async def test_a_stuck_meter_and_a_spike_show_in_the_samples(server: CentralSystem) -> None:
    async with charger(server, speed=2_400) as cp:
        await begin(cp)
        cp.faults.stick_meter(1)
        stuck = [await cp.wait_for("MeterValues", after=cp.journal.mark())]
        stuck.append(await cp.wait_for("MeterValues", after=stuck[0].number))
        cp.faults.stick_meter(1, False)
        cp.faults.spike_meter(1, 1_000_000)
        spike = await cp.wait_for("MeterValues", after=cp.journal.mark())
        after = await cp.wait_for("MeterValues", after=spike.number)
    register = "Energy.Active.Import.Register"
    assert value(stuck[0].payload, register) == value(stuck[1].payload, register)
    assert value(stuck[1].payload, "Power.Active.Import") == 60_000
    assert value(spike.payload, register) > 1_000_000 > value(after.payload, register) > 0


@story
async def test_a_command_can_be_met_with_silence(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await begin(cp)
        cp.faults.never_answer("ChangeAvailability")
        order = {"connectorId": 1, "type": "Inoperative"}
        asked = asyncio.create_task(server.call("CP1", "ChangeAvailability", order))
        await cp.wait_for_command("ChangeAvailability")
        assert await server.call("CP1", "ClearCache", {}) == {"status": "Accepted"}
        assert not asked.done()
        asked.cancel()
        assert cp.connector(1).operative_later is None


@pytest.mark.parametrize(
    ("action", "payload", "status"),
    [
        ("Reset", {"type": "Hard"}, "Rejected"),
        ("UnlockConnector", {"connectorId": 1}, "UnlockFailed"),
        ("ClearChargingProfile", {}, "Unknown"),
    ],
)
def test_a_command_can_be_refused(action: str, payload: dict[str, object], status: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            cp.faults.reject(action)
            assert await server.call("CP1", action, payload) == {"status": status}
            cp.faults.reject("GetConfiguration")
            with pytest.raises(RuntimeError, match="InternalError"):
                await server.call("CP1", "GetConfiguration", {})
            cp.faults.behave()
            assert "configurationKey" in await server.call("CP1", "GetConfiguration", {})

    tell()


@story
async def test_a_late_answer_is_followed_by_the_act(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await begin(cp)
        cp.faults.answer_late("RemoteStopTransaction", 0.05)
        stop = asyncio.create_task(
            server.call("CP1", "RemoteStopTransaction", {"transactionId": 1})
        )
        await cp.wait_for_command("RemoteStopTransaction")
        assert cp.connector(1).status == "Charging"
        assert await stop == {"status": "Accepted"}
        await cp.wait_session_end(1)


@story
async def test_a_remote_stop_can_be_accepted_and_ignored(server: CentralSystem) -> None:
    async with charger(server, speed=2_400) as cp:
        await begin(cp)
        cp.faults.ignore_remote_stop()
        stop = {"transactionId": 1}
        assert await server.call("CP1", "RemoteStopTransaction", stop) == {"status": "Accepted"}
        await cp.wait_for("MeterValues", after=cp.journal.mark())
        assert cp.connector(1).status == "Charging"


@story
async def test_chaos_breaks_much_but_never_the_charger(server: CentralSystem) -> None:
    said: list[str] = []
    async with charger(server, connectors=2, speed=6_000) as cp:
        await begin(cp)
        cp._say = said.append
        trouble = cp.spawn(chaos(cp, per_hour=200 * 3_600, rng=random.Random(7)))
        await cp.journal.until(
            lambda: len([s for s in said if "chaos" in s]) >= 20 or None, 10, lambda: "too calm"
        )
        trouble.cancel()
        await cp.wait_for("Heartbeat", after=cp.journal.mark())
    faults = {sentence.partition("chaos: ")[2][:8] for sentence in said if "chaos" in sentence}
    assert len(faults) >= 6
