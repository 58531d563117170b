"""Rows 16 to 27: limits, units and habits of single models."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from evbilling.backoffice import board
from evbilling.backoffice.board import Seen
from evbilling.states import OFFLINE
from stations import configuration, devices, profiles
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Connector, LimitState, PowerLimit, Session
from stations.selectors.chargers import Plug
from stations.services.measuring import device_of
from tests.quirks.bench import Bench, boot, now, profile_of, readings, row
from tests.stack import Stack, eventually
from tests.wire import CallError


def _state(bench: Bench, number: int = 1) -> str:
    return PowerLimit.objects.get(connector=bench.plug(number)).state


@row(16, "Wallbox Pulsar", "ignores profiles unless Relative", "sent as Relative")
def relative_profile(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="Wall Box Chargers", model="Pulsar Plus") as point:
        bench.limit(amps=Decimal("12.34"))
        sent = profile_of(point.expect("SetChargingProfile"))
    assert sent == ("TxDefaultProfile", 1, "Relative", "A", 12.3)


@row(
    17,
    "EVBox and others",
    "refuses ChargePointMaxProfile; refuses a limit of 0",
    "Max becomes TxDefault; 0 becomes a stop, never 6 A that nobody allowed",
)
def refused_purposes(live: Stack) -> None:
    evbox = Bench(live)
    Connector.objects.create(charger=evbox.charger, connector_id=0)
    with evbox.point(vendor="EV-BOX", model="Elvi") as point:
        evbox.limit(0, amps=Decimal(20))
        assert profile_of(point.expect("SetChargingProfile"))[0] == "TxDefaultProfile"
    other = Bench(live)
    Connector.objects.create(charger=other.charger, connector_id=0)
    with other.point(vendor="Nobody", model="X") as point:
        point.answers["SetChargingProfile"] = lambda p: {
            "status": "Rejected"
            if p["csChargingProfiles"]["chargingProfilePurpose"] == "ChargePointMaxProfile"
            or p["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            == 0
            else "Accepted"
        }
        other.limit(0, amps=Decimal(20))
        tried = [profile_of(point.expect("SetChargingProfile"))[0] for _ in range(3)]
        assert tried == ["ChargePointMaxProfile", "ChargePointMaxProfile", "TxDefaultProfile"]
        assert other.finding("profile_purpose").count
        begun = point.start(other.tag, meter=0)["transactionId"]
        other.limit(1, amps=Decimal(0))
        assert point.expect("RemoteStopTransaction") == {"transactionId": begun}
        assert other.finding("zero_limit_refused").count


@row(
    18,
    "SyncEV, go-e",
    "SyncEV restarts on a profile; go-e forgets its limit on resume",
    "sent again at each StatusNotification Charging, not more often than the model bears",
)
def limit_again(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="go-e", model="HOMEfix") as point:
        bench.limit(amps=Decimal(16))
        point.expect("SetChargingProfile")
        eventually(lambda: _state(bench) == LimitState.CONFIRMED)
        point.status("Charging")  # too soon: nothing is sent
        point.call("Heartbeat")
        long_ago = timezone.now() - timedelta(seconds=11)
        PowerLimit.objects.filter(connector=bench.plug()).update(told_at=long_ago)
        point.status("SuspendedEV")
        point.status("Charging")
        # It may come while the point waits for an answer of its own.
        sent = [payload for action, payload in point.heard if action == "SetChargingProfile"]
        again = sent[1] if len(sent) > 1 else point.expect("SetChargingProfile")
        assert profile_of(again)[4] == 16
        point.call("Heartbeat")
    assert len([a for a, _ in point.heard if a == "SetChargingProfile"]) == 2
    assert devices.catalogue()["syncev"].quirks.profile_gap_s == 60


@row(
    19,
    "Phoenix CHARX",
    "refuses RemoteStart unless AuthorizeRemoteTxRequests is false",
    "its recipe of settings says so",
)
def recipe(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="Phoenix Contact", model="CHARX SEC-3100"):
        pass
    bench.charger.refresh_from_db()
    assert device_of(bench.charger).quirks.configuration == {"AuthorizeRemoteTxRequests": "false"}


@row(
    20,
    "EN+",
    "no boot after a reconnect; ChangeAvailability breaks it",
    "any message means alive; asked for boot and status; never told ChangeAvailability",
)
def no_boot(live: Stack) -> None:
    bench = Bench(live, vendor="EN+", model="Caro")
    with bench.point() as point:
        point.meter(None, 5)  # no boot, no status: it is there all the same
        assert point.expect("TriggerMessage") == {"requestedMessage": "BootNotification"}
        point.expect("TriggerMessage")
        assert Charger.objects.exclude(connection_holder="").filter(pk=bench.charger.pk).exists()
    assert device_of(bench.charger).quirks.skip_change_availability


@row(
    21,
    "StarCharge, FoxESS",
    "reconnect loop; redials only every 6 to 19 minutes",
    "no alarm below the model's grace",
)
def grace(live: Stack) -> None:
    def alarms(minutes: float) -> int:
        bench = Bench(live, vendor="FoxESS", model="A011")
        gone = timezone.now() - timedelta(minutes=minutes)
        Charger.objects.filter(pk=bench.charger.pk).update(disconnected_at=gone, last_seen_at=gone)
        seen = Seen(Plug(bench.plug(), online=False), OFFLINE, "F")
        return len(board.alerts([seen]))

    assert alarms(18) == 0
    assert alarms(21) == 1


@row(
    22,
    "OpenEVSE",
    "kWh values labelled Wh",
    "read as kWh where the model is known; else power over time gives it away: a case, billed as read",
)
def kwh_labelled_wh(live: Stack) -> None:
    known = Bench(live)
    with known.point(vendor="OpenEVSE", model="ESP32") as point:
        session = known.charge(point, 1_000_000, ["1001.5", "1003", "1004.5"], 1_006_000)
    assert known.billed(session) == 6_000
    assert known.cases() == []
    assert [r.register_wh for r in session.readings.order_by("at")] == [
        1_001_500,
        1_003_000,
        1_004_500,
    ]
    unknown = Bench(live)
    with unknown.point(vendor="Nobody", model="X") as point:
        session = unknown.charge(
            point, 1_000, [1_001, 1_003, 1_005], 1_006, Power_Active_Import=7_000
        )
    assert unknown.billed(session) == 6
    assert unknown.cases() == ["unit_fault"]
    assert unknown.finding("kwh_labelled_wh").count


@row(23, "any", 'StopTransaction with "Celcius"', "both spellings are taken")
def celcius(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        data = [
            {
                "timestamp": now(),
                "sampledValue": [
                    {"value": "2000"},
                    {"value": "31", "measurand": "Temperature", "unit": unit},
                ],
            }
            for unit in ("Celcius", "Celsius")
        ]
        stop = {"transactionId": begun, "meterStop": 3_000, "timestamp": now()}
        point.call("StopTransaction", stop | {"transactionData": data})
    assert bench.billed(bench.session(begun)) == 2_000


@row(24, "any", "fractions of a Wh", "rounded, never rejected")
def fractions(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        start = {"connectorId": 1, "idTag": bench.tag, "meterStart": 999.6, "timestamp": now()}
        begun = point.call("StartTransaction", start)["transactionId"]
        point.meter(begun, "1500.4")
        stop = {"transactionId": begun, "meterStop": 3000.4, "timestamp": now()}
        point.call("StopTransaction", stop)
    session = bench.session(begun)
    assert (session.meter_start, session.meter_stop) == (1_000, 3_000)
    assert bench.billed(session) == 2_000
    assert bench.finding("fractional_wh").count


@row(
    25,
    "any",
    "gives up on an incomplete answer or on a currentTime without Z",
    "every answer passes the official schema; times in UTC with Z",
)
def strict_out(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:  # Point.call holds every answer against the schema
        assert point.call("BootNotification", boot())["currentTime"].endswith("Z")
        assert point.call("Heartbeat")["currentTime"].endswith("Z")
        for tag in (bench.tag, "NOBODY", ""):
            assert point.call("Authorize", {"idTag": tag})["idTagInfo"]["status"]
        for tag in ("NOBODY", bench.tag):
            begun = point.start(tag)
            assert begun["idTagInfo"]["status"]
            assert isinstance(begun["transactionId"], int)


@row(
    26,
    "any",
    "W, A, Current or Power as rate unit; keys in other case; lists with spaces and quotes; phase suffixes",
    "keys and words compared without regard to case, trimmed; the phase is taken off the measurand",
)
def spellings(live: Stack) -> None:
    for said, units in (
        ("Current", ("A",)),
        ("power", ("W",)),
        ('"Current", "Power"', ("A", "W")),
        ("W", ("W",)),
    ):
        answer = {
            "configurationKey": [
                {"key": "chargingscheduleAllowedChargingRateUnit", "readonly": True, "value": said}
            ]
        }
        assert profiles.rate_units(configuration.read(answer)) == units
    assert configuration.as_list(' "SoC" , Voltage,, ') == ["SoC", "Voltage"]
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        odd = [
            {"value": "1.5", "measurand": "energy.active.import.register", "unit": "KWH"},
            {"value": "2.3", "measurand": "Power.Active.Import.L1", "unit": "kw"},
            {"value": "2300", "measurand": "Power.Active.Import.L2", "unit": " W"},
        ]
        readings(point, begun, odd, now())
        kept = Session.objects.get(transaction_id=begun).readings.get()
        assert (kept.register_wh, kept.power_w) == (1_500, 4_600)
        point.answers["GetConfiguration"] = {
            "configurationKey": [
                {
                    "key": "CHARGINGSCHEDULEALLOWEDCHARGINGRATEUNIT",
                    "readonly": True,
                    "value": "Power",
                }
            ]
        }
        command = OcppDriver().send(bench.charger, "GetConfiguration", {}, by="test")
        point.expect("GetConfiguration")
        assert bench.ended(command).status == "accepted"
        bench.limit(amps=Decimal(10))  # told in W, as for one phase: a car may draw all of it there
        assert profile_of(point.expect("SetChargingProfile"))[3:] == ("W", 2_300)


@row(27, "any", "a connector without EVSE", "connectorId is enough")
def connector_is_enough(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        point.status("Available", connector=2)
        point.status("Charging", connector=7)
        with pytest.raises(CallError):
            point.status("Charging", connector=-1)
    assert [bench.plug(n).status for n in (2, 7)] == ["Available", "Charging"]
