"""Limits from the server really lower the power."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from simulators.car import Car
from simulators.charger import ChargePoint
from tests.simulators.server import CentralSystem
from tests.simulators.world import AC_22, DC_60, charger, story, value

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}


def limit(
    amount: float,
    unit: str = "A",
    *,
    number: int = 1,
    purpose: str = "TxDefaultProfile",
    level: int = 0,
    kind: str = "Relative",
    **schedule: Any,
) -> dict[str, Any]:
    periods = [{"startPeriod": 0, "limit": amount}]
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
            **schedule,
        },
    }


async def charging(cp: ChargePoint, number: int = 1, **car: Any) -> None:
    cp.plug(number, Car(**{"soc": 0.1, "max_ac_w": 22_080, **car}))
    await cp.tap(f"CARD{number}", number)
    await cp.wait_status(number, "Charging")


@story
async def test_a_limit_lowers_the_power_and_clearing_it_gives_it_back(
    server: CentralSystem,
) -> None:
    async with charger(server, rating=AC_22, speed=600) as cp:
        await cp.wait_registered()
        await charging(cp)
        assert cp.connector(1).meter.power_w() == pytest.approx(22_080)
        order = {"connectorId": 1, "csChargingProfiles": limit(10.0, purpose="TxProfile")}
        assert await server.call("CP1", "SetChargingProfile", order) == ACCEPTED
        sample = await cp.wait_for("MeterValues", after=cp.journal.mark())
        assert value(sample.payload, "Power.Active.Import") == 6_900
        assert value(sample.payload, "Power.Offered") == 6_900
        assert value(sample.payload, "Current.Import", "L2") == pytest.approx(10, abs=0.2)
        assert await server.call("CP1", "ClearChargingProfile", {"id": 1}) == ACCEPTED
        assert cp.connector(1).meter.power_w() == pytest.approx(22_080)
        answer = await server.call("CP1", "ClearChargingProfile", {"id": 1})
        assert answer == {"status": "Unknown"}


@story
async def test_less_than_six_amperes_suspends_an_ac_car(server: CentralSystem) -> None:
    async with charger(server, rating=AC_22) as cp:
        await cp.wait_registered()
        await charging(cp)
        order = {"connectorId": 1, "csChargingProfiles": limit(5.9)}
        await server.call("CP1", "SetChargingProfile", order)
        await cp.wait_status(1, "SuspendedEVSE")
        assert cp.connector(1).meter.power_w() == 0
        order["csChargingProfiles"] = limit(6.0)
        await server.call("CP1", "SetChargingProfile", order)
        await cp.wait_status(1, "Charging")
        assert cp.connector(1).meter.power_w() == pytest.approx(4_140)


@story
async def test_a_dc_charger_obeys_watts_and_stops_at_zero(server: CentralSystem) -> None:
    async with charger(server, rating=DC_60) as cp:
        await cp.wait_registered()
        await charging(cp)
        for watts, drawn in ((25_000.0, 25_000.0), (0.0, 0.0)):
            order = {"connectorId": 0, "csChargingProfiles": limit(watts, "W")}
            assert await server.call("CP1", "SetChargingProfile", order) == ACCEPTED
            assert cp.connector(1).meter.power_w() == drawn
        await cp.wait_status(1, "SuspendedEVSE")


@story
async def test_the_cap_of_a_charge_point_is_shared_by_its_sessions(server: CentralSystem) -> None:
    async with charger(server, connectors=2, rating=DC_60) as cp:
        await cp.wait_registered()
        cap = limit(40_000.0, "W", purpose="ChargePointMaxProfile", kind="Absolute")
        order = {"connectorId": 0, "csChargingProfiles": cap}
        assert await server.call("CP1", "SetChargingProfile", order) == ACCEPTED
        await charging(cp, 1)
        assert cp.connector(1).meter.power_w() == 40_000
        await charging(cp, 2)
        assert [c.meter.power_w() for c in cp.connectors] == [20_000, 20_000]
        cp.unplug(1)
        assert cp.connector(2).meter.power_w() == 40_000


@story
async def test_a_limit_that_begins_later_begins_to_the_second(server: CentralSystem) -> None:
    profile = limit(60_000.0, "W", purpose="TxProfile")
    later = {"startPeriod": 210, "limit": 30_000.0}
    profile["chargingSchedule"]["chargingSchedulePeriod"].append(later)
    async with charger(server, rating=DC_60, speed=2_400) as cp:
        await cp.wait_registered()
        cp.plug(1, Car(soc=0.1, battery_kwh=120))
        wish = {"idTag": "WEB", "connectorId": 1, "chargingProfile": profile}
        await server.call("CP1", "RemoteStartTransaction", wish)
        await server.hear("MeterValues", 6)
    registers = [
        0.0,
        *(value(p, "Energy.Active.Import.Register") for p in server.of("MeterValues")),
    ]
    drawn = [after - before for before, after in pairwise(registers)]
    assert drawn[:6] == pytest.approx([1_000, 1_000, 1_000, 750, 500, 500], abs=1)


@story
async def test_a_profile_may_come_with_the_remote_start_and_goes_with_the_session(
    server: CentralSystem,
) -> None:
    async with charger(server, rating=DC_60) as cp:
        await cp.wait_registered()
        cp.plug(1)
        wish = {
            "idTag": "WEB",
            "connectorId": 1,
            "chargingProfile": limit(11_000.0, "W", purpose="TxProfile"),
        }
        assert await server.call("CP1", "RemoteStartTransaction", wish) == ACCEPTED
        await cp.wait_status(1, "Charging")
        assert cp.connector(1).meter.power_w() == 11_000
        cp.stop_session(1)
        await cp.wait_session_end(1)
        assert cp.profiles.installed == []
        wish["chargingProfile"] = limit(11_000.0, "W")
        assert await server.call("CP1", "RemoteStartTransaction", wish) == REJECTED


@pytest.mark.parametrize(
    ("connector", "profile"),
    [
        (1, limit(10, purpose="TxProfile")),
        (0, limit(10, purpose="TxProfile")),
        (9, limit(10)),
        (1, limit(10, purpose="ChargePointMaxProfile")),
        (1, limit(10, level=9)),
    ],
)
def test_a_profile_that_cannot_be_is_rejected(connector: int, profile: dict[str, Any]) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            order = {"connectorId": connector, "csChargingProfiles": profile}
            assert await server.call("CP1", "SetChargingProfile", order) == REJECTED
            assert cp.profiles.installed == []

    tell()


@story
async def test_the_composite_schedule_tells_what_will_be_allowed(server: CentralSystem) -> None:
    origin = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    async with charger(server, rating=AC_22, speed=1e-6, origin=origin) as cp:
        await cp.wait_registered()
        low = limit(10.0, kind="Absolute", startSchedule="2026-11-20T07:15:00Z", duration=900)
        order = {"connectorId": 0, "csChargingProfiles": low}
        assert await server.call("CP1", "SetChargingProfile", order) == ACCEPTED
        asked = {"connectorId": 1, "duration": 3600}
        amps = await server.call("CP1", "GetCompositeSchedule", asked)
        watts = await server.call("CP1", "GetCompositeSchedule", {**asked, "chargingRateUnit": "W"})
        nowhere = await server.call("CP1", "GetCompositeSchedule", {**asked, "connectorId": 4})
    assert amps["scheduleStart"] == "2026-11-20T07:00:00.000Z"
    assert amps["chargingSchedule"] == {
        "duration": 3600,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 32.0},
            {"startPeriod": 900, "limit": 10.0},
            {"startPeriod": 1800, "limit": 32.0},
        ],
    }
    periods = watts["chargingSchedule"]["chargingSchedulePeriod"]
    assert [period["limit"] for period in periods] == [22_080.0, 6_900.0, 22_080.0]
    assert nowhere == REJECTED
