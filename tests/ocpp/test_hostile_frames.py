"""Whatever a frame holds: the right error or a close with a reason, and nobody else notices."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from stations.models import Charger, Connector, MeterValue, RejectedFrame
from tests.factories import a_card, a_charger, a_customer
from tests.stack import Stack, eventually
from tests.wire import CallError, Point, now

pytestmark = pytest.mark.wire


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger()


BROKEN = {
    "empty": "",
    "half": '[2,"1","Heartbeat",',
    "object": '{"a": 1}',
    "string": '"hello"',
    "number": "42",
    "null": "null",
    "empty array": "[]",
    "not a number": '[2,"1","Heartbeat",{"a":NaN}]',
    "infinity": '[2,"1","Heartbeat",{"a":Infinity}]',
    "id of the wrong kind": '[2,["1"],"Heartbeat",{}]',
    "very deep": "[" * 100_000,
    "deep payload": '[2,"1","MeterValues",' + "[" * 50_000 + "]" * 50_000 + "]",
    "lone surrogate": '[2,"1","Authorize",{"idTag":"\\ud800"}]',
    "no action": '[2,"1"]',
    "action of the wrong kind": '[2,"1",7,{}]',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_malformed_frame_is_answered_with_formation_violation(
    live: Stack, charger: Charger, text: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        answer = point.raw(text)
        assert (answer[0], answer[2]) == (4, "FormationViolation")
        assert point.call("Heartbeat")


REFUSED = {
    "unknown action": ("Teleport", {}, "NotImplemented"),
    "missing field": ("StartTransaction", {"connectorId": 1}, "OccurenceConstraintViolation"),
    "text for number": (
        "StartTransaction",
        {"connectorId": "one", "idTag": "A", "meterStart": 1, "timestamp": "x"},
        "TypeConstraintViolation",
    ),
    "number for text": ("Authorize", {"idTag": 5}, "TypeConstraintViolation"),
    "list for object": ("Authorize", [], "FormationViolation"),
    "a plug beyond reason": (
        "StatusNotification",
        {"connectorId": 10**9, "status": "Available", "errorCode": "NoError"},
        "PropertyConstraintViolation",
    ),
    "a negative plug": (
        "MeterValues",
        {"connectorId": -1, "meterValue": []},
        "PropertyConstraintViolation",
    ),
    "a status nobody knows": (
        "StatusNotification",
        {"connectorId": 1, "status": "Exploded", "errorCode": "NoError"},
        "PropertyConstraintViolation",
    ),
    "samples of the wrong kind": (
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": [{"value": {}}]}]},
        "TypeConstraintViolation",
    ),
}


@pytest.mark.parametrize(("action", "payload", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_does_not_fit_is_answered_with_the_name_of_what_is_wrong(
    live: Stack, charger: Charger, action: str, payload: dict[str, object], code: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        with pytest.raises(CallError) as refused:
            point.call(action, payload)
        assert refused.value.code == code
        assert point.call("Heartbeat")


def test_strange_values_are_taken_without_being_believed(live: Stack, charger: Charger) -> None:
    card = a_card(a_customer(charger.station.company, balance=500_00))
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(card.id_tag)["transactionId"]
        for value in ("NaN", "1e400", "-5", "", "abc", "99999999999999999999", 1500.4, "1 500"):
            point.meter(transaction, value)
        point.meter(transaction, 2_000, at="never")
        point.call(
            "MeterValues",
            {
                "connectorId": 1,
                "meterValue": [
                    {"timestamp": now(), "sampledValue": [{"value": "1", "unit": "W\x00h"}]},
                    {"timestamp": now(), "sampledValue": []},
                ],
            },
        )
    registers = MeterValue.objects.filter(session__transaction_id=transaction).values_list(
        "register_wh", flat=True
    )
    assert {r for r in registers if r is not None} == {1_500, 2_000, 1}


def test_a_binary_frame_closes_the_line_with_the_reason(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        with pytest.raises(ConnectionClosed):
            point.raw(b'[2,"1","Heartbeat",{}]')
        assert (point.socket.close_code, point.socket.close_reason) == (1003, "text frames only")


def test_a_frame_of_two_megabytes_closes_the_line_and_a_large_honest_stop_does_not(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        data = [{"timestamp": now(), "sampledValue": [{"value": "5"}]}] * 4_000
        point.call(
            "StopTransaction",
            {"transactionId": 5, "meterStop": 5, "timestamp": now(), "transactionData": data},
        )
        with pytest.raises(ConnectionClosed):
            point.raw('[2,"1","DataTransfer",{"vendorId":"' + "x" * 2_000_000 + '"}]')
        assert point.socket.close_code == 1009


def test_a_stream_of_garbage_is_hung_up_on(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        with suppress(ConnectionClosed):
            for _ in range(30):
                point.raw("garbage")
        assert point.socket.close_code == 1008


def test_an_answer_to_nothing_and_an_unknown_kind_of_message_are_ignored(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        for text in (
            '[3,"nobody-asked",{}]',
            '[4,"x","GenericError","",{}]',
            '[9,"x",{}]',
            "[3]",
            '[4,"y"]',
        ):
            with suppress(ValueError):
                point.socket.send(text)
        while True:  # "[3]" is malformed and answered; everything else is silence
            point.socket.send('[2,"still-there","Heartbeat",{}]')
            if point.receive()[1] == "still-there":
                break


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_flood_does_not_slow_the_others_nor_fill_the_memory(
    live: Stack, charger: Charger
) -> None:
    quiet = a_charger(charger.station)
    pid = live.processes["sockets"].pid
    with Point(live.ocpp_url, charger) as flooder, Point(live.ocpp_url, quiet) as other:
        other.call("Heartbeat")
        before = resident_bytes(pid)
        for n in range(4_000):
            flooder.socket.send(json.dumps([2, str(n), "Heartbeat", {}]))
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            other.call("Heartbeat")
            slowest = max(slowest, time.monotonic() - began)
        assert resident_bytes(pid) - before < 64 * 1024 * 1024
    assert slowest < 1.0


def test_a_poisoned_row_among_five_hundred_good_ones_fails_only_its_own_charger(
    live: Stack,
) -> None:
    """500 chargers send at once; PostgreSQL refuses the row of one of them."""
    from django.db import connection

    station = a_charger().station
    chargers = [a_charger(station) for _ in range(100)]
    poisoned = chargers[37]
    plug = Connector.objects.get(charger=poisoned)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE stations_metervalue ADD CONSTRAINT poison"
            f" CHECK (connector_id <> {plug.pk}) NOT VALID"
        )
    points = [Point(live.ocpp_url, charger) for charger in chargers]
    try:
        for round_ in range(5):
            for n, point in enumerate(points):
                sample = [{"timestamp": now(), "sampledValue": [{"value": str(round_)}]}]
                point.socket.send(
                    json.dumps(
                        [
                            2,
                            f"p{n}-{round_}",
                            "MeterValues",
                            {"connectorId": 1, "meterValue": sample},
                        ]
                    )
                )
            answers = [point.receive() for point in points]
            bad = [n for n, answer in enumerate(answers) if answer[0] != 3]
            assert bad == [37]
            assert answers[37][2] == "InternalError"
        assert points[37].call("Heartbeat")
    finally:
        for point in points:
            point.socket.close()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE stations_metervalue DROP CONSTRAINT poison")
    stored = MeterValue.objects.filter(connector__charger__in=chargers).count()
    assert stored == 99 * 5
    assert eventually(lambda: RejectedFrame.objects.filter(charger=poisoned).count() == 5)
