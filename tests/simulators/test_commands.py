"""What the server may ask of a charger: the answer, and what follows it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulators.server import CentralSystem
from tests.simulators.world import charger, story

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}


@story
async def test_a_remote_start_charges_the_car_that_is_plugged_in(server: CentralSystem) -> None:
    async with charger(server, connectors=2) as cp:
        await cp.wait_registered()
        cp.plug(2)
        assert await server.call("CP1", "RemoteStartTransaction", {"idTag": "WEB"}) == ACCEPTED
        start = await cp.wait_for("StartTransaction")
        assert (start.payload["connectorId"], start.payload["idTag"]) == (2, "WEB")
        wish = {"idTag": "WEB2", "connectorId": 2}
        assert await server.call("CP1", "RemoteStartTransaction", wish) == REJECTED
    assert server.of("Authorize") == []


@story
async def test_a_remote_start_asks_about_the_card_where_the_key_says_so(
    server: CentralSystem,
) -> None:
    async with charger(server, configuration={"AuthorizeRemoteTxRequests": "true"}) as cp:
        await cp.wait_registered()
        cp.plug(1)
        wish = {"idTag": "WEB", "connectorId": 1}
        assert await server.call("CP1", "RemoteStartTransaction", wish) == ACCEPTED
        await cp.wait_status(1, "Charging")
    assert server.of("Authorize") == [{"idTag": "WEB"}]


@story
async def test_a_remote_start_without_a_car_waits_for_one(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        wish = {"idTag": "WEB", "connectorId": 1}
        assert await server.call("CP1", "RemoteStartTransaction", wish) == ACCEPTED
        await cp.wait_status(1, "Preparing")
        cp.plug(1)
        await cp.wait_status(1, "Charging")


@pytest.mark.parametrize("trouble", ["fault", "availability", "nowhere"])
def test_a_remote_start_is_refused_where_none_can_be(trouble: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            if trouble == "fault":
                cp.fault(1, "GroundFailure")
            elif trouble == "availability":
                order = {"connectorId": 1, "type": "Inoperative"}
                await server.call("CP1", "ChangeAvailability", order)
            wish = {"idTag": "WEB", "connectorId": 7 if trouble == "nowhere" else 1}
            assert await server.call("CP1", "RemoteStartTransaction", wish) == REJECTED

    tell()


@story
async def test_after_a_remote_stop_the_power_ramps_down_before_the_session_ends(
    server: CentralSystem,
) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        assert await server.call("CP1", "RemoteStopTransaction", {"transactionId": 99}) == REJECTED
        begun, before_wh = cp.time.seconds(), cp.connector(1).meter.true_wh()
        assert await server.call("CP1", "RemoteStopTransaction", {"transactionId": 1}) == ACCEPTED
        session = await cp.wait_session_end(1)
    assert session.stop_reason == "Remote"
    assert session.stopped_at is not None
    assert session.meter_stop is not None
    at_full_power_s = session.stopped_at - begun - 1.0
    assert at_full_power_s >= 0
    drawn_wh = 60_000 * (at_full_power_s + 0.5) / 3_600
    assert session.meter_stop - before_wh == pytest.approx(drawn_wh, abs=1)


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_a_reset_ends_the_session_and_boots_anew(kind: str, reason: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server, configuration={"MeterValueSampleInterval": "0"}) as cp:
            await cp.wait_registered()
            cp.plug(1)
            await cp.tap("CARD1", 1)
            await cp.wait_status(1, "Charging")
            change = {"key": "ConnectorPhaseRotation", "value": "1.RST"}
            answer = await server.call("CP1", "ChangeConfiguration", change)
            assert answer == {"status": "RebootRequired"}
            mark = cp.journal.mark()
            assert await server.call("CP1", "Reset", {"type": kind}) == ACCEPTED
            await cp.wait_for("BootNotification", after=mark)
            await cp.wait_session_end(1)
            await cp.wait_status(1, "Finishing")
            assert cp.configuration.text("ConnectorPhaseRotation") == "1.RST"
        order = [
            f.action for f in server.frames if f.action in ("BootNotification", "StopTransaction")
        ]
        late = ["BootNotification", "BootNotification", "StopTransaction"]
        early = ["BootNotification", "StopTransaction", "BootNotification"]
        assert order == (early if kind == "Soft" else late)
        assert server.of("StopTransaction")[0]["reason"] == reason

    tell()


@story
async def test_unlocking_ends_the_session(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        answer = await server.call("CP1", "UnlockConnector", {"connectorId": 1})
        assert answer == {"status": "Unlocked"}
        assert (await cp.wait_session_end(1)).stop_reason == "UnlockCommand"
        answer = await server.call("CP1", "UnlockConnector", {"connectorId": 5})
        assert answer == {"status": "NotSupported"}


@story
async def test_availability_changes_at_once_or_after_the_session(server: CentralSystem) -> None:
    async with charger(server, connectors=2) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        await cp.wait_status(1, "Charging")
        order = {"connectorId": 0, "type": "Inoperative"}
        assert await server.call("CP1", "ChangeAvailability", order) == {"status": "Scheduled"}
        await cp.wait_status(2, "Unavailable")
        await cp.wait_status(0, "Unavailable")
        assert cp.connector(1).status == "Charging"
        cp.stop_session(1)
        await cp.wait_status(1, "Unavailable")
        order["type"] = "Operative"
        assert await server.call("CP1", "ChangeAvailability", order) == ACCEPTED
        await cp.wait_status(2, "Available")
        order["connectorId"] = 9
        assert await server.call("CP1", "ChangeAvailability", order) == REJECTED


@story
async def test_configuration_is_read_by_name_without_regard_to_case(server: CentralSystem) -> None:
    async with charger(server, connectors=2) as cp:
        await cp.wait_registered()
        answer = await server.call(
            "CP1", "GetConfiguration", {"key": ["numberofconnectors", "Colour"]}
        )
        assert answer == {
            "configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}],
            "unknownKey": ["Colour"],
        }
        every = await server.call("CP1", "GetConfiguration", {})
        assert "unknownKey" not in every
        assert "AuthorizationKey" not in [entry["key"] for entry in every["configurationKey"]]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "10", "Accepted"),
        ("metervaluesampleinterval", "10", "Accepted"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register, SoC", "Accepted"),
        ("MeterValuesSampledData", "Phase.Of.Moon", "Rejected"),
        ("LocalPreAuthorize", "perhaps", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("ConnectorPhaseRotation", "1.RST", "RebootRequired"),
        ("AuthorizationKey", "short", "Rejected"),
        ("Colour", "green", "NotSupported"),
    ],
)
def test_a_configuration_change_is_judged(key: str, value: str, status: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            answer = await server.call("CP1", "ChangeConfiguration", {"key": key, "value": value})
            assert answer == {"status": status}

    tell()


@story
async def test_a_new_sample_interval_holds_for_the_session_under_way(server: CentralSystem) -> None:
    async with charger(server, configuration={"MeterValueSampleInterval": "86400"}) as cp:
        await cp.wait_registered()
        cp.plug(1)
        await cp.tap("CARD1", 1)
        change = {"key": "MeterValueSampleInterval", "value": "5"}
        await server.call("CP1", "ChangeConfiguration", change)
        await cp.wait_for("MeterValues")
        change = {"key": "ClockAlignedDataInterval", "value": "5"}
        await server.call("CP1", "ChangeConfiguration", change)

        def is_aligned(entry: Any) -> bool:
            return bool(
                entry.payload["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"
            )

        await cp.wait_for("MeterValues", is_aligned)


@pytest.mark.parametrize(
    "kind",
    [
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ],
)
def test_a_trigger_is_answered_and_then_obeyed(kind: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_status(1, "Available")
            mark = cp.journal.mark()
            asked = {"requestedMessage": kind, "connectorId": 1}
            assert await server.call("CP1", "TriggerMessage", asked) == ACCEPTED
            await cp.wait_for(kind, after=mark)
            asked["connectorId"] = 9
            assert await server.call("CP1", "TriggerMessage", asked) == REJECTED

    tell()


@story
async def test_a_reserved_connector_is_kept_for_its_card(server: CentralSystem) -> None:
    expiry = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    order = {"connectorId": 1, "expiryDate": expiry, "idTag": "VIP", "reservationId": 7}
    async with charger(server) as cp:
        await cp.wait_registered()
        assert await server.call("CP1", "ReserveNow", order) == ACCEPTED
        await cp.wait_status(1, "Reserved")
        wish = {"idTag": "WEB", "connectorId": 1}
        assert await server.call("CP1", "RemoteStartTransaction", wish) == REJECTED
        cp.plug(1)
        assert await cp.tap("CARD1", 1) == "Invalid"
        assert await cp.tap("vip", 1) == "Accepted"
        start = await cp.wait_for("StartTransaction")
        assert start.payload["reservationId"] == 7
        assert await server.call("CP1", "ReserveNow", order) == {"status": "Occupied"}
        assert await server.call("CP1", "CancelReservation", {"reservationId": 7}) == REJECTED


@story
async def test_a_reservation_ends_by_itself_or_when_it_is_cancelled(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        for number, seconds in ((1, 10), (2, 3_600)):
            expiry = (cp.time.now() + timedelta(seconds=seconds)).isoformat()
            order = {
                "connectorId": 1,
                "expiryDate": expiry,
                "idTag": "VIP",
                "reservationId": number,
            }
            assert await server.call("CP1", "ReserveNow", order) == ACCEPTED
            await cp.wait_status(1, "Reserved")
            if number == 2:
                answer = await server.call("CP1", "CancelReservation", {"reservationId": 2})
                assert answer == ACCEPTED
            await cp.wait_status(1, "Available")
        order["connectorId"] = 0
        assert await server.call("CP1", "ReserveNow", order) == REJECTED
        order["connectorId"] = 1
        cp.fault(1, "GroundFailure")
        assert await server.call("CP1", "ReserveNow", order) == {"status": "Faulted"}


@story
async def test_the_local_list_has_versions(server: CentralSystem) -> None:
    def update(version: int, kind: str, *tags: str) -> dict[str, Any]:
        entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in tags]
        return {"listVersion": version, "updateType": kind, "localAuthorizationList": entries}

    async with charger(server) as cp:
        await cp.wait_registered()
        assert await server.call("CP1", "GetLocalListVersion", {}) == {"listVersion": 0}
        assert await server.call("CP1", "SendLocalList", update(5, "Full", "A", "B")) == ACCEPTED
        differential = update(6, "Differential", "C")
        differential["localAuthorizationList"].append({"idTag": "a"})
        assert await server.call("CP1", "SendLocalList", differential) == ACCEPTED
        stale = await server.call("CP1", "SendLocalList", update(6, "Differential", "D"))
        assert stale == {"status": "VersionMismatch"}
        assert await server.call("CP1", "GetLocalListVersion", {}) == {"listVersion": 6}
        assert [cp.cards.known(tag) is not None for tag in "abcd"] == [False, True, True, False]


@story
async def test_the_cache_is_cleared_where_there_is_one(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        await cp.tap("CARD1", 1)
        assert cp.cards.known("card1") == ACCEPTED
        assert await server.call("CP1", "ClearCache", {}) == ACCEPTED
        assert cp.cards.known("card1") is None
        change = {"key": "AuthorizationCacheEnabled", "value": "false"}
        await server.call("CP1", "ChangeConfiguration", change)
        assert await server.call("CP1", "ClearCache", {}) == REJECTED


@story
async def test_data_transfer_goes_both_ways(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        assert await cp.data_transfer("evbilling", "hello", "there") == ACCEPTED
        answer = await server.call("CP1", "DataTransfer", {"vendorId": "evbilling", "data": "x"})
        assert answer == {"status": "Accepted", "data": "x"}
        answer = await server.call("CP1", "DataTransfer", {"vendorId": "somebody"})
        assert answer == {"status": "UnknownVendorId"}
    assert server.of("DataTransfer") == [
        {"vendorId": "evbilling", "messageId": "hello", "data": "there"}
    ]


@pytest.mark.parametrize(
    ("action", "payload", "error"),
    [
        ("MakeCoffee", {}, "NotImplemented"),
        ("RemoteStopTransaction", {}, "OccurenceConstraintViolation"),
        ("RemoteStopTransaction", {"transactionId": "one"}, "TypeConstraintViolation"),
        ("Reset", {"type": "Sideways"}, "TypeConstraintViolation"),
        ("ReserveNow", {"connectorId": 1, "idTag": "A", "reservationId": 1, "expiryDate": "soon"},
         "TypeConstraintViolation"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_a_callerror(
    action: str, payload: dict[str, Any], error: str
) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            frame = f'[2,"odd","{action}",{__import__("json").dumps(payload)}]'
            future = server._replies["odd"] = asyncio.get_running_loop().create_future()
            await server.sockets["CP1"].send(frame)
            assert (await future)[2] == error

    tell()
