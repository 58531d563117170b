"""Rows 1 to 15: how chargers speak, when, and who they say they are."""

import json
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from stations import configuration
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, LimitState, MeterValue, PowerLimit
from stations.services import authorising
from stations.services.measuring import device_of
from tests.factories import CHARGER_PASSWORD, a_card
from tests.quirks.bench import ENERGY, Bench, ago, boot, now, profile_of, readings, row
from tests.stack import Stack, eventually
from tests.wire import Point, basic


@row(1, "Schneider EVlink", "serial number longer than the schema allows", "accepted and kept")
def long_serial(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(
        vendor="Schneider Electric", model="EVlink", chargePointSerialNumber="S" * 60
    ) as point:
        assert point.call("Heartbeat")
    bench.charger.refresh_from_db()
    assert bench.charger.serial_number == "S" * 60
    assert bench.finding("long_serial").evidence["length"] == 60
    assert device_of(bench.charger).key == "schneider_evlink"


@row(2, "Huawei SCharger", "empty chargePointVendor", "accepted")
def empty_vendor(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="", model="SCharger-7KS-S0"):
        pass
    bench.charger.refresh_from_db()
    assert device_of(bench.charger).key == "huawei_scharger"
    assert bench.finding("no_vendor").count


@row(
    3,
    "Huawei SCharger",
    "loops on Pending; stays silent after our restart",
    "boot Accepted at once; asked for boot and status after a reconnect",
)
def silent_after_a_restart(live: Stack) -> None:
    bench = Bench(live, vendor="Huawei", model="SCharger")
    with bench.point() as point:
        asked = point.expect("TriggerMessage")
        assert asked == {"requestedMessage": "BootNotification"}
        assert point.call("BootNotification", boot("Huawei", "SCharger"))["status"] == "Accepted"
        status = ("TriggerMessage", {"requestedMessage": "StatusNotification"})
        eventually(lambda: point.call("Heartbeat") and status in point.heard)
    assert bench.finding("no_boot").count


@row(4, "ABB Terra AC", "boot loop when measurands are probed", "its settings are never probed")
def never_probed(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="ABB", model="TAC-W11-G5-R-0") as point:
        for _ in range(3):
            point.call("Heartbeat")
        bench.charger.refresh_from_db()
        assert device_of(bench.charger).quirks.no_configuration_probe
        assert [action for action, _ in point.heard if "Configuration" in action] == []


@row(
    5,
    "ABB Terra AC",
    "rejects stackLevel 3 though it reports 3; wants 0",
    "level 0 at once for ABB; any other that refuses is told again at 0, and that is remembered",
)
def stack_level(live: Stack) -> None:
    abb = Bench(live)
    with abb.point(vendor="ABB", model="Terra AC W22") as point:
        abb.limit(amps=Decimal(16))
        assert profile_of(point.expect("SetChargingProfile"))[1] == 0
    other = Bench(live)
    with other.point(vendor="Nobody", model="Knows") as point:
        point.answers["SetChargingProfile"] = lambda p: {
            "status": "Rejected" if p["csChargingProfiles"]["stackLevel"] else "Accepted"
        }
        other.limit(amps=Decimal(16))
        levels = [profile_of(point.expect("SetChargingProfile"))[1] for _ in range(2)]
        assert levels == [1, 0]
        eventually(lambda: _state(other) == LimitState.CONFIRMED)
        assert other.finding("profile_stack_level").count
        other.limit(amps=Decimal(10))
        assert profile_of(point.expect("SetChargingProfile"))[1] == 0


def _state(bench: Bench, number: int = 1) -> str:
    return PowerLimit.objects.get(connector=bench.plug(number)).state


@row(
    6,
    "Ocular LTE Plus",
    "a 20-character idTag comes back with control bytes, so that stops were refused",
    "at most 18 characters sent to it; control bytes taken away; no stop is ever refused",
)
def tag_with_control_bytes(live: Stack) -> None:
    bench = Bench(live)
    card = a_card(bench.customer, "A1B2C3D4E5F6G7H8I9J0")
    back = card.id_tag + "\x02\x03"
    with bench.point(vendor="Ocular", model="LTE Plus") as point:
        begun = point.start(back, meter=1_000)
        assert begun["idTagInfo"]["status"] == "Accepted"
        stop = {"transactionId": begun["transactionId"], "meterStop": 4_000, "idTag": back}
        assert point.call("StopTransaction", stop | {"timestamp": now()})["idTagInfo"]
        # the same as raw bytes within the JSON, which is no JSON at all
        text = f'[2,"raw","Authorize",{{"idTag":"{back}"}}]'
        assert point.raw(text)[2]["idTagInfo"]["status"] == "Accepted"
    session = bench.session(begun["transactionId"])
    assert (session.card_id, session.id_tag) == (card.pk, card.id_tag)
    assert bench.billed(session) == 3_000
    bench.charger.refresh_from_db()
    assert authorising.tag_for(bench.charger, card) == "A1B2C3D4E5F6G7H8I9"
    assert bench.finding("tag_control_bytes").count


@row(7, "Legrand", 'errorCode "Error"', "kept as OtherError with its own word")
def unknown_error_code(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="Legrand", model="Green'up") as point:
        words = {"connectorId": 1, "status": "Faulted", "errorCode": "Error"}
        assert point.call("StatusNotification", words) == {}
    plug = bench.plug()
    assert (plug.error_code, plug.vendor_error_code) == ("OtherError", "Error")
    assert bench.finding("unknown_error_code").evidence["said"] == "Error"


@row(8, "Charge Amps", 'unit "Hz"', "accepted and kept")
def unknown_unit(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="Charge Amps", model="Halo") as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        hertz = {"value": "50.02", "measurand": "Frequency", "unit": "Hz"}
        readings(point, begun, [{"value": "2500"}, hertz], now())
        point.stop(begun, 3_000)
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    kept = MeterValue.objects.get(session=session)
    assert kept.register_wh == 2_500
    assert hertz in kept.samples


@row(
    9,
    "Alfen",
    "invalid context; sends its history again at each connection",
    "what is known already, or is older than the charge, counts for nothing",
)
def history_again(live: Stack) -> None:
    bench = Bench(live)
    history = [(ago(200), 500), (ago(69), 1_100), (ago(50), 2_000), (ago(20), 5_000)]
    with bench.point(vendor="Alfen BV", model="NG910") as point:
        begun = point.start(bench.tag, meter=1_000, at=ago(70))["transactionId"]
        _send_history(point, begun, history)
    with bench.point() as point:
        _send_history(point, begun, history)
        point.stop(begun, 6_000, at=ago(5))
    session = bench.session(begun)
    assert bench.billed(session) == 5_000
    assert bench.cases() == []


def _send_history(point: Point, begun: int, history: list[tuple[str, int]]) -> None:
    for at, register in history:
        sample = {"value": str(register), "measurand": ENERGY, "context": "Sample.Alfen"}
        readings(point, begun, [sample], at)


@row(10, "any", "GetConfiguration values that are not text", "read as text")
def configuration_not_text(live: Stack) -> None:
    bench = Bench(live)
    odd = [
        {"key": "HeartbeatInterval", "readonly": False, "value": 300},
        {"key": "authorizeRemoteTxRequests", "readonly": False, "value": True},
        {"key": "Empty", "readonly": True, "value": None},
        {"key": "List", "readonly": True, "value": ["A", "B"]},
        "nonsense",
    ]
    with bench.point() as point:
        point.answers["GetConfiguration"] = {"configurationKey": odd}
        command = OcppDriver().send(bench.charger, "GetConfiguration", {}, by="test")
        point.expect("GetConfiguration")
        ended = bench.ended(command)
    assert ended.status == "accepted"
    read = configuration.read(ended.response)
    assert read == {
        "heartbeatinterval": "300",
        "authorizeremotetxrequests": "true",
        "empty": "",
        "list": "A,B",
    }


@row(
    11,
    "Grizzl-E, EVduty and others",
    "no Sec-WebSocket-Protocol, no Connection header, invalid JSON",
    "let in where the model is known for it (or an admin says so); JSON mended without guessing",
)
def handshake_of_its_own(live: Stack) -> None:
    strict = Bench(live)
    me, headers = (
        strict.charger.charge_point_id,
        basic(strict.charger.charge_point_id, CHARGER_PASSWORD),
    )
    with (
        connect(live.ocpp_url + me, additional_headers=headers) as bare,
        pytest.raises(ConnectionClosed),
    ):
        bare.recv(timeout=5)
    assert _handshake_without_connection(live, strict.charger) == "400"
    known = Bench(live, vendor="United Chargers", model="Grizzl-E Smart")
    me, headers = (
        known.charger.charge_point_id,
        basic(known.charger.charge_point_id, CHARGER_PASSWORD),
    )
    with connect(live.ocpp_url + me, additional_headers=headers) as bare:
        bare.send('[2,"1","Heartbeat",{},]')
        assert json.loads(bare.recv(timeout=5))[2]["currentTime"].endswith("Z")
        bare.send('[2,"2","Heartbeat"')
        assert json.loads(bare.recv(timeout=5))[:3] == [4, "2", "FormationViolation"]
        bare.send('[2,"3","Heartbeat",{}]')
        assert json.loads(bare.recv(timeout=5))[:2] == [3, "3"]
    assert known.finding("no_subprotocol").count
    assert known.finding("bad_json").evidence["text"].startswith("[2,")
    assert _handshake_without_connection(live, known.charger) == "101"
    assert known.finding("no_connection_header").count


def _handshake_without_connection(live: Stack, charger: Charger) -> str:
    """The HTTP status of a handshake that lacks ``Connection: Upgrade``."""
    authorization = basic(charger.charge_point_id, CHARGER_PASSWORD)["Authorization"]
    request = (
        f"GET /ocpp/1.6/{charger.charge_point_id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: {authorization}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.ocpp_port), timeout=5) as plain:
        plain.sendall(request.encode())
        return plain.recv(100).decode("latin-1").split()[1]


@row(
    12,
    "Growatt, Chago",
    "times without a zone; local time labelled Z (+7 h in Thailand)",
    "believed where they agree with ours; else our receipt time, or put right where the model is known",
)
def local_time(live: Stack) -> None:
    def ahead(minutes: float = 0) -> str:
        at = datetime.now(UTC) + timedelta(hours=7, minutes=-minutes)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    unknown = Bench(live)
    with unknown.point(vendor="Nobody", model="X") as point:
        begun = point.start(unknown.tag, meter=1_000, at=ahead())["transactionId"]
        point.meter(begun, 2_000, at=ahead())
        point.stop(begun, 3_000, at=ahead())
    session = unknown.session(begun)
    assert unknown.billed(session) == 2_000
    assert abs(session.started_at - timezone.now()) < timedelta(minutes=1)
    assert session.started_device_at is not None
    assert session.started_device_at - session.started_at > timedelta(hours=6)
    assert unknown.finding("clock_local").count
    chago = Bench(live)
    with chago.point(vendor="Chago", model="AC") as point:  # buffered: kept its own time, put right
        begun = point.start(chago.tag, meter=1_000, at=ahead(60))["transactionId"]
        point.stop(begun, 3_000, at=ahead(30))
    session = chago.session(begun)
    assert chago.billed(session) == 2_000
    assert session.stopped_at is not None
    assert timedelta(minutes=29) < session.stopped_at - session.started_at < timedelta(minutes=31)
    growatt = Bench(live)
    with growatt.point(vendor="Growatt", model="THOR") as point:
        bare = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        begun = point.start(growatt.tag, meter=1_000, at=bare)["transactionId"]
        point.stop(begun, 2_000, at=bare)
    assert growatt.billed(growatt.session(begun)) == 1_000
    assert growatt.finding("clock_no_zone").count


@row(13, "any", "1970 until its clock is set", "our receipt time, the device's beside it")
def unset_clock(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000, at="1970-01-01T00:00:07Z")["transactionId"]
        point.meter(begun, 1_500, at="1970-01-01T00:01:00Z")
        point.meter(begun, 2_500, at=now())
        point.stop(begun, 3_000)
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    assert session.started_at.year > 2020
    assert session.started_device_at is not None
    assert session.started_device_at.year == 1970
    assert bench.finding("clock_1970").count


@row(14, "TKTEV, Delta", "transactionId 0", "found by connector and open charge")
def number_zero(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="TKTEV", model="T1") as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        point.meter(0, 2_000)
        point.stop(0, 3_000)
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    assert session.readings.count() == 1
    assert bench.finding("transaction_zero").count >= 1


@row(
    15,
    "KEBA",
    "transactionId -1 after a start made offline",
    "matched by connector and card; what matches nothing becomes a case",
)
def number_minus_one(live: Stack) -> None:
    bench = Bench(live)
    other = a_card(bench.customer).id_tag
    with bench.point(vendor="KEBA AG", model="P30") as point:
        first = point.start(bench.tag, meter=1_000)["transactionId"]
        second = point.start(other, connector=2, meter=7_000)["transactionId"]
        stop = {"transactionId": -1, "meterStop": 9_000, "timestamp": now()}
        point.call("StopTransaction", stop | {"idTag": other})
        point.call("StopTransaction", stop | {"meterStop": 2_000, "idTag": bench.tag})
        assert point.call("StopTransaction", stop | {"meterStop": 12}) == {}
    assert bench.billed(bench.session(second)) == 2_000
    assert bench.billed(bench.session(first)) == 1_000
    assert bench.cases() == ["unknown_stop"]
