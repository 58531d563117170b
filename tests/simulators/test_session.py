"""A charge as the server hears it, from the card to the unplugged cable."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from simulators.car import Car
from tests.simulators.server import CentralSystem
from tests.simulators.world import AC_22, charger, story, value

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]


@story
async def test_a_charge_from_card_to_unplugged_cable_is_told_in_the_right_order(
    server: CentralSystem,
) -> None:
    async with charger(server, speed=2_400) as cp:
        await cp.wait_status(1, "Available")
        cp.plug(1, Car(soc=0.4))
        assert await cp.tap("CARD1", 1) == "Accepted"
        await cp.wait_for("MeterValues")
        assert await cp.tap("CARD1", 1) == "Stopped"
        session = await cp.wait_session_end(1)
        cp.unplug(1)
        await cp.wait_status(1, "Available")
    told = [
        frame.payload.get("status", frame.action)
        for frame in server.frames
        if frame.action not in ("MeterValues", "Heartbeat")
        and frame.payload.get("connectorId") != 0
    ]
    assert told == [
        "BootNotification",
        "Available",
        "Preparing",
        "Authorize",
        "StartTransaction",
        "Charging",
        "StopTransaction",
        "Finishing",
        "Available",
    ]
    start, stop = server.of("StartTransaction")[0], server.of("StopTransaction")[0]
    assert (start["idTag"], start["meterStart"]) == ("CARD1", 0)
    assert (stop["reason"], stop["idTag"], stop["transactionId"]) == ("Local", "CARD1", 1)
    assert stop["meterStop"] == session.meter_stop
    assert session.energy_wh == session.meter_stop
    assert stop["meterStop"] > 0


@story
async def test_samples_come_on_the_second_and_their_energy_is_power_times_time(
    server: CentralSystem,
) -> None:
    origin = datetime(2026, 11, 20, 14, 58, tzinfo=UTC)
    async with charger(server, speed=2_400, origin=origin) as cp:
        await cp.wait_registered()
        cp.plug(1, Car(soc=0.1, battery_kwh=100, max_dc_w=200_000))
        await cp.tap("CARD1", 1)
        await cp.wait_for("MeterValues", lambda a: value(a.payload, "SoC") >= 15)
    samples = [
        (datetime.fromisoformat(p["meterValue"][0]["timestamp"]), p)
        for p in server.of("MeterValues")
    ]
    assert len(samples) >= 5
    for (before, first), (after, second) in pairwise(samples):
        assert after - before == timedelta(seconds=60)
        energy = [value(p, "Energy.Active.Import.Register") for p in (first, second)]
        assert energy[1] - energy[0] == pytest.approx(1_000, abs=1)
        assert value(second, "Power.Active.Import") == 60_000


@story
async def test_a_clock_aligned_sample_falls_exactly_on_ten_at_night_in_bangkok(
    server: CentralSystem,
) -> None:
    keys = {
        "ClockAlignedDataInterval": "900",
        "MeterValueSampleInterval": "0",
        "AllowOfflineTxForUnknownId": "true",
    }
    origin = datetime(2026, 11, 20, 14, 55, 17, tzinfo=UTC)
    async with charger(server, speed=3_600, origin=origin, configuration=keys) as cp:
        cp.plug(1, Car(soc=0.1))
        await cp.tap("CARD1", 1)
        sample = await cp.wait_for("MeterValues")
    entry = sample.payload["meterValue"][0]
    assert entry["timestamp"] == "2026-11-20T15:00:00.000Z"
    assert entry["sampledValue"][0]["context"] == "Sample.Clock"
    session = cp.connector(1).session
    assert session is not None
    seconds = datetime(2026, 11, 20, 15, tzinfo=UTC).timestamp() - session.started_at
    assert int(entry["sampledValue"][0]["value"]) == int(60_000 * seconds / 3_600)
    assert sample.payload["transactionId"] == 1


@story
async def test_a_full_car_pauses_the_session_which_then_waits_for_its_driver(
    server: CentralSystem,
) -> None:
    async with charger(server, speed=6_000) as cp:
        await cp.wait_registered()
        car = cp.plug(1, Car(soc=0.75, battery_kwh=50, efficiency=0.95))
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "SuspendedEV")
        await cp.tap("CARD1", 1)
        session = await cp.wait_session_end(1)
    assert car.soc == pytest.approx(1.0)
    assert session.energy_wh == pytest.approx(0.25 * 50_000 / 0.95, abs=1)


@story
async def test_a_single_phase_car_loads_one_phase_of_an_ac_charger(server: CentralSystem) -> None:
    async with charger(server, rating=AC_22, speed=2_400) as cp:
        await cp.wait_registered()
        cp.plug(1, Car(soc=0.1, phases=1, max_ac_w=7_360))
        await cp.tap("CARD1", 1)
        payload = (await cp.wait_for("MeterValues")).payload
    amps = [value(payload, "Current.Import", f"L{n}") for n in (1, 2, 3)]
    volts = [value(payload, "Voltage", f"L{n}-N") for n in (1, 2, 3)]
    assert amps[0] * volts[0] == pytest.approx(7_360, rel=0.01)
    assert amps[1:] == [0.0, 0.0]
    assert value(payload, "Power.Active.Import") == 7_360
    assert value(payload, "Power.Offered") == 22_080
    assert all(entry["measurand"] != "SoC" for entry in payload["meterValue"][0]["sampledValue"])


@story
async def test_a_card_first_waits_for_the_cable_and_gives_up_after_the_time_out(
    server: CentralSystem,
) -> None:
    async with charger(server, speed=2_400, configuration={"ConnectionTimeOut": "30"}) as cp:
        await cp.wait_registered()
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Preparing")
        await cp.wait_status(1, "Available")
        await cp.tap("CARD2", 1)
        cp.plug(1)
        start = await cp.wait_for("StartTransaction")
    assert start.payload["idTag"] == "CARD2"


@story
async def test_a_refused_card_starts_nothing(server: CentralSystem) -> None:
    server.answers["Authorize"] = lambda _: {"idTagInfo": {"status": "Blocked"}}
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        assert await cp.tap("CARD1", 1) == "Blocked"
        await cp.wait_idle()
    assert server.of("StartTransaction") == []


@pytest.mark.parametrize(
    ("stops", "status", "reason"),
    [("true", "Finishing", "DeAuthorized"), ("false", "SuspendedEVSE", "")],
)
def test_a_start_that_the_server_calls_invalid_ends_or_gives_no_energy(
    stops: str, status: str, reason: str
) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        server.answers["StartTransaction"] = lambda _: {
            "transactionId": 9,
            "idTagInfo": {"status": "Invalid"},
        }
        keys = {"StopTransactionOnInvalidId": stops}
        async with charger(server, speed=60, configuration=keys) as cp:
            await cp.wait_registered()
            cp.plug(1)
            await cp.tap("CARD1", 1)
            await cp.wait_status(1, status)
            assert [p["reason"] for p in server.of("StopTransaction")] == (
                [reason] if reason else []
            )
            assert cp.connector(1).meter.power_w() == 0

    tell()


@story
async def test_pulling_the_cable_ends_the_session_at_once(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        cp.unplug(1)
        await cp.wait_session_end(1)
        await cp.wait_status(1, "Available")
    assert server.of("StopTransaction")[0]["reason"] == "EVDisconnected"


@story
async def test_the_cable_may_be_pulled_and_put_back_where_the_charger_allows_it(
    server: CentralSystem,
) -> None:
    async with charger(server, configuration={"StopTransactionOnEVSideDisconnect": "false"}) as cp:
        await cp.wait_registered()
        car = cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        cp.unplug(1)
        await cp.wait_status(1, "SuspendedEV")
        cp.plug(1, car)
        await cp.wait_status(1, "Charging")
    assert server.of("StopTransaction") == []


@story
async def test_a_car_that_pauses_by_itself_is_suspended_and_goes_on(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        cp.pause_car(1)
        await cp.wait_status(1, "SuspendedEV")
        cp.pause_car(1, False)
        await cp.wait_status(1, "Charging")


@story
async def test_a_fault_ends_the_session_and_is_told_with_its_code(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        cp.fault(1, "GroundFailure")
        await cp.wait_status(1, "Faulted")
        session = await cp.wait_session_end(1)
        assert session.stop_reason == "Other"
        assert server.of("StatusNotification")[-1]["errorCode"] == "GroundFailure"
        cp.fault(1, "NoError")
        await cp.wait_status(1, "Finishing")


@story
async def test_the_stop_carries_the_samples_that_were_asked_for(server: CentralSystem) -> None:
    keys = {"StopTxnSampledData": "Energy.Active.Import.Register"}
    async with charger(server, speed=2_400, configuration=keys) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_for("MeterValues")
        cp.stop_session(1)
        await cp.wait_session_end(1)
    data = server.of("StopTransaction")[0]["transactionData"]
    contexts = [entry["sampledValue"][0]["context"] for entry in data]
    assert contexts[0] == "Transaction.Begin"
    assert contexts[-1] == "Transaction.End"
    assert set(contexts[1:-1]) == {"Sample.Periodic"}


@story
async def test_a_session_without_link_goes_on_and_is_told_later_with_its_own_times(
    server: CentralSystem,
) -> None:
    keys = {"AllowOfflineTxForUnknownId": "true"}
    async with charger(server, speed=2_400, configuration=keys) as cp:
        await cp.wait_registered()
        cp.plug(1, Car(soc=0.2))
        cp.faults.drop_link(None)
        assert await cp.tap("CARD1", 1) == "Accepted"
        await cp.journal.until(lambda: cp.link.waiting >= 4 or None, 10, lambda: "no samples")
        cp.stop_session(1)
        await cp.wait_status(1, "Finishing", reported=False)
        session = cp.connector(1).last_session
        assert session is not None
        assert server.of("StartTransaction") == []
        cp.faults.come_back()
        await cp.wait_session_end(1)
        await cp.wait_status(1, "Finishing")
    kept = [f for f in server.frames if "Transaction" in f.action or f.action == "MeterValues"]
    assert kept[0].action == "StartTransaction"
    assert kept[-1].action == "StopTransaction"
    assert {f.payload["transactionId"] for f in kept[1:]} == {1}
    assert kept[0].payload["timestamp"] == cp.clock.stamp(session.started_at)
    assert kept[-1].payload["timestamp"] == cp.clock.stamp(session.stopped_at)


@pytest.mark.parametrize(
    ("keys", "listed", "verdict"),
    [
        ({}, False, "Invalid"),
        ({"AllowOfflineTxForUnknownId": "true"}, False, "Accepted"),
        ({}, True, "Accepted"),
        ({"LocalAuthorizeOffline": "false"}, True, "Invalid"),
    ],
)
def test_without_link_the_charger_decides_by_its_list_and_its_keys(
    keys: dict[str, str], listed: bool, verdict: str
) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server, configuration=keys) as cp:
            await cp.wait_registered()
            entry = {"idTag": "card1", "idTagInfo": {"status": "Accepted"}}
            update = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
            if listed:
                await server.call("CP1", "SendLocalList", update)
            cp.faults.drop_link(None)
            assert await cp.tap("CARD1", 1) == verdict

    tell()


@story
async def test_a_known_card_is_not_asked_about_where_the_charger_may_decide(
    server: CentralSystem,
) -> None:
    async with charger(server, configuration={"LocalPreAuthorize": "true"}) as cp:
        await cp.wait_registered()
        cp.plug(1)
        for _ in range(2):
            await cp.tap("CARD1", 1)
            await cp.wait_status(1, "Charging")
            await cp.tap("CARD1", 1)
            await cp.wait_status(1, "Finishing")
    assert len(server.of("Authorize")) == 1
    assert len(server.of("StartTransaction")) == 2


@story
async def test_another_card_of_the_same_group_may_stop_a_session_and_a_stranger_may_not(
    server: CentralSystem,
) -> None:
    parents = {"CARD1": "FAMILY", "CARD2": "FAMILY", "CARD3": "OTHERS"}

    def authorise(payload: dict[str, Any]) -> dict[str, Any]:
        return {"idTagInfo": {"status": "Accepted", "parentIdTag": parents[payload["idTag"]]}}

    server.answers["Authorize"] = authorise
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        assert await cp.tap("CARD3", 1) == "Invalid"
        assert await cp.tap("CARD2", 1) == "Stopped"
        await cp.wait_session_end(1)
    assert server.of("StopTransaction")[0]["idTag"] == "CARD2"


@story
async def test_two_connectors_charge_apart(server: CentralSystem) -> None:
    async with charger(server, connectors=2, speed=60) as cp:
        await cp.wait_registered()
        for number in (1, 2):
            cp.plug(number)
        await asyncio.gather(cp.tap("CARD1", 1), cp.tap("CARD2", 2))
        await cp.wait_status(1, "Charging")
        await cp.wait_status(2, "Charging")
        cp.stop_session(2)
        second = await cp.wait_session_end(2)
        assert cp.connector(1).status == "Charging"
    stop = server.of("StopTransaction")[0]
    assert stop["transactionId"] == second.transaction_id
    start = next(p for p in server.of("StartTransaction") if p["connectorId"] == 2)
    assert start["idTag"] == second.id_tag
