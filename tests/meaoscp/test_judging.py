"""The judge by itself: what it takes for evidence, and what it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meaoscp import form, measuring
from meaoscp.judging import Asked, Exchange, Order, Outcome, Verdict, judge

pytestmark = pytest.mark.pure
T0 = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ACCEPTED = {"idTagInfo": {"status": "Accepted"}, "transactionId": 7}
START = {"connectorId": 1, "idTag": "GOOD", "timestamp": "2026-11-20T08:00:00Z", "meterStart": 5}
STOP = {"transactionId": 7, "idTag": "GOOD", "timestamp": "2026-11-20T08:01:00Z", "meterStop": 9}


def asked(number: str, **more: Any) -> Asked:
    usual = Asked(
        step=form.STEPS[number],
        connector=1,
        connectors=[1, 2],
        card="GOOD",
        stop_cards=["GOOD", "SECOND"],
        invalid_id_tag="",
        direct=False,
        limit=10.0,
        now=T0 + timedelta(minutes=1),
        over=False,
        values={"transactionId": 7, "reservationId": 3},
    )
    return replace(usual, **more)


def said(action: str, request: dict[str, Any], answer: Any = None, **more: Any) -> Exchange:
    return Exchange(
        T0, f"m-{action}", True, action, request, {} if answer is None else answer, **more
    )


def why(verdict: Verdict) -> str:
    return verdict.reason or verdict.outcome.value


def meter(*samples: tuple[str, str, str], **more: Any) -> Exchange:
    values = [{"measurand": name, "value": value, "unit": unit} for name, value, unit in samples]
    request = {"connectorId": 1, "transactionId": 7, "meterValue": [{"sampledValue": values}]}
    return said("MeterValues", request | more)


ALL = (
    ("Power.Offered", "22", "kW"),
    ("Power.Active.Import", "7000", "W"),
    ("Current.Import", "10.1", "A"),
    ("Voltage", "231", "V"),
    ("Energy.Active.Import.Register", "1.5", "kWh"),
)


@pytest.mark.parametrize(
    ("number", "exchange", "result"),
    [
        ("1.1", said("BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"},
                     {"status": "Accepted"}), "ok"),
        ("1.1", said("BootNotification", {"chargePointVendor": "", "chargePointModel": "B"},
                     {"status": "Accepted"}), "fields_missing"),
        ("1.1", said("BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"},
                     {"status": "Rejected"}), "refused_by_us"),
        ("3", said("Authorize", {"idTag": "X"}, {"idTagInfo": {"status": "Invalid"}}), "ok"),
        ("3", said("Authorize", {"idTag": "GOOD"}, ACCEPTED), "wait"),
        ("4.1", said("Authorize", {"idTag": "good"}, ACCEPTED), "ok"),
        ("4.1", said("Authorize", {"idTag": "OTHER"}, ACCEPTED), "wait"),
        ("4.1", said("Authorize", {"idTag": "GOOD"}, {"idTagInfo": {"status": "Blocked"}}),
         "card_not_accepted"),
        ("4.1", said("StartTransaction", START, ACCEPTED), "started_unasked"),
        ("4.2", said("StartTransaction", START, ACCEPTED), "ok"),
        ("4.2", said("StartTransaction", START | {"connectorId": 2}, ACCEPTED), "other_connector"),
        ("4.2", said("StartTransaction", START | {"idTag": "OTHER"}, ACCEPTED), "other_card"),
        ("4.2", said("StartTransaction", {**START, "timestamp": ""}, ACCEPTED), "fields_missing"),
        ("4.2", said("StartTransaction", START, {"idTagInfo": {"status": "Blocked"}}),
         "refused_by_us"),
        ("8.4", said("StartTransaction", START | {"reservationId": 3}, ACCEPTED), "ok"),
        ("8.4", said("StartTransaction", START | {"reservationId": 4}, ACCEPTED),
         "other_reservation"),
        ("4.3", said("StatusNotification", {"connectorId": 1, "status": "SuspendedEV"}), "wait"),
        ("4.3", said("StatusNotification", {"connectorId": 2, "status": "Charging"}), "wait"),
        ("4.3", said("StopTransaction", STOP), "ended_early"),
        ("4.5", said("Authorize", {"idTag": "SECOND"}, ACCEPTED), "ok"),
        ("4.5", said("StopTransaction", {**STOP, "reason": "EVDisconnected"}), "ended_early"),
        ("4.6", said("StopTransaction", STOP), "ok"),
        ("4.6", said("StopTransaction", STOP | {"transactionId": -1}), "wait"),
        ("5.6", said("StopTransaction", {**STOP, "meterStop": None}), "fields_missing"),
        ("4.7", said("StatusNotification", {"connectorId": 1, "status": "Finishing"}), "ok"),
        ("6.4", said("StatusNotification", {"connectorId": 1, "status": "Finishing"}), "wait"),
    ],
)  # fmt: skip
def test_one_message_is_judged_by_what_it_says(
    number: str, exchange: Exchange, result: str
) -> None:
    assert why(judge(asked(number), [exchange])) == result


def test_what_is_measured_may_come_in_several_messages() -> None:
    parts = [meter(sample) for sample in ALL]
    assert why(judge(asked("4.4"), parts[:2])) == "wait"
    verdict = judge(asked("4.4"), parts)
    assert verdict.outcome is Outcome.OK
    assert verdict.remark == (
        "Offered 22000 W, Active 7000 W, Current 10.1 A, Voltage 231 V, Energy 1500 Wh, SOC – (AC)"
    )
    assert verdict.values == {"amps": 10.1, "watts": 7000.0}


def test_direct_current_needs_the_state_of_charge() -> None:
    late = asked("4.4", direct=True, over=True)
    verdict = judge(late, [meter(*ALL)])
    assert (verdict.reason, verdict.reason_values) == ("measurands_missing", {"missing": "SoC"})
    assert why(judge(asked("4.4", direct=True), [meter(*ALL, ("SoC", "55", "Percent"))])) == "ok"


def test_values_of_another_charge_do_not_count() -> None:
    assert why(judge(asked("4.4"), [meter(*ALL, transactionId=8)])) == "wait"
    assert why(judge(asked("4.4"), [meter(*ALL, connectorId=2)])) == "wait"


def test_nonsense_in_meter_values_is_no_number_and_no_accident() -> None:
    strange: list[dict[str, Any]] = [
        {"meterValue": 5},
        {"meterValue": [{"sampledValue": [7, {"value": "abc"}]}, 3]},
        {},
    ]
    assert measuring.read(strange) == {}


def ordered(number: str, status: str, **more: Any) -> Asked:
    payload = {"reservationId": 3}
    return asked(number, order=Order(status, payload, {"status": "Rejected"}, T0), **more)


def test_an_order_is_judged_by_its_own_answer() -> None:
    call = Exchange(T0, "out", False, "CancelReservation", {"reservationId": 3}, {"status": "x"})
    assert why(judge(ordered("6.3", "accepted"), [call])) == "ok"
    assert why(judge(ordered("6.3", "sent", over=True), [call])) == "wait"
    for status in ("rejected", "timeout", "offline", "error"):
        assert why(judge(ordered("6.3", status), [call])) == f"order_{status}"


def test_a_frame_lost_in_a_crash_does_not_lose_the_order() -> None:
    at_once = ordered("6.3", "accepted", now=T0 + timedelta(seconds=1))
    assert why(judge(at_once, [])) == "wait"
    assert why(judge(replace(at_once, now=T0 + timedelta(seconds=6)), [])) == "ok"


def test_a_limit_is_kept_within_a_tenth() -> None:
    limit = measuring.Limit(10.0, direct=False)
    assert limit.holds({"amps": 12.0})
    assert not limit.holds({"amps": 12.1})
    assert limit.holds({"watts": 10.0 * 230 * 3})
    assert not limit.holds({})
    direct = measuring.Limit(20_000.0, direct=True)
    assert direct.holds({"watts": 22_500.0})
    assert not direct.holds({"watts": 22_501.0})


def reserved(**more: Any) -> Asked:
    values = {"expiryDate": "2026-11-20T08:02:00Z", "reservedAt": T0.isoformat()}
    return asked("7.3", values=values, **more)


def test_a_reservation_must_last_until_its_time() -> None:
    status = said("StatusNotification", {"connectorId": 1, "status": "Available"})
    assert why(judge(reserved(), [status])) == "freed_early"
    assert why(judge(reserved(), [])) == "wait"
    almost = replace(status, at=T0 + timedelta(seconds=115))
    assert why(judge(reserved(now=T0 + timedelta(seconds=120)), [almost])) == "ok"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1.1", "nothing_came"),
        ("1.2", "connectors_missing"),
        ("2", "nothing_came"),
        ("4.0", "not_free"),
        ("4.2", "nothing_came"),
        ("4.4", "nothing_came"),
        ("5.1", "not_plugged"),
        ("6.2", "no_status"),
    ],
)
def test_when_the_time_is_over_the_reason_says_what_was_missing(number: str, reason: str) -> None:
    verdict = judge(asked(number, over=True), [])
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == reason
