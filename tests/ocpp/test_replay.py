"""A log exported from a real conversation, through the parser and over the wire again."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command

from simulators import replay as player
from stations.drivers.ocpp.replay import replay
from stations.models import Charger, Frame, Session
from tests.factories import (
    CHARGER_PASSWORD,
    a_card,
    a_charger,
    a_customer,
    a_station,
    an_admin,
)
from tests.stack import Stack, eventually
from tests.wire import CallError, Point
from users import tokens


def a_conversation(live: Stack, charger: Charger, tag: str) -> int:
    """Everything a charge says, a quirk, something unknown and something that is no frame."""
    with Point(live.ocpp_url, charger) as point:
        point.call(
            "BootNotification",
            {"chargePointVendor": "Test", "chargePointModel": "a name beyond twenty characters"},
        )
        point.status("Available")
        ours = int(point.start(tag)["transactionId"])
        point.meter(ours, 1_250)
        with pytest.raises(CallError, match="NotImplemented"):
            point.call("Fly", {"high": True})
        with pytest.raises(CallError):
            point.call("StatusNotification", {"connectorId": 1})
        point.raw("[2, broken")
        point.stop(ours, 1_500)
    eventually(lambda: Frame.objects.filter(charger=charger, action="StopTransaction").exists())
    return ours


def exported(live: Stack, charger: Charger, query: str = "") -> str:
    admin = an_admin(charger.station.company)
    token = tokens.create(admin)
    path = f"/api/v1/chargers/{charger.charge_point_id}/messages/export/{query}"
    answer = httpx.get(f"{live.url}{path}", headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert charger.charge_point_id in answer.headers["content-disposition"]
    return answer.text


@pytest.mark.wire
def test_an_exported_conversation_goes_through_the_parser_and_over_the_wire_again(
    live_web: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charger = a_charger(a_station())
    tag = a_card(a_customer(charger.station.company, balance=500_000)).id_tag
    ours = a_conversation(live_web, charger, tag)
    text = exported(live_web, charger)
    messages = [json.loads(line) for line in text.splitlines()]
    assert [(m["direction"], m["kind"], m["action"]) for m in messages[:4]] == [
        ("in", "call", "BootNotification"),
        ("out", "result", "BootNotification"),
        ("in", "call", "StatusNotification"),
        ("out", "result", "StatusNotification"),
    ]
    assert messages[5]["payload"]["transactionId"] == ours
    file = tmp_path / "frames.jsonl"
    file.write_text(text)

    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("replay_frames", file, validate=True, stdout=said)
    report = said.getvalue()
    assert "unknown: Fly" in report
    assert "refused: StatusNotification OccurenceConstraintViolation" in report
    assert "broken: " in report
    assert "quirk: BootNotification chargePointModel" in report
    assert "7 calls, 3 would be refused" in report

    assert again(live_web, charger, file) == 0
    assert "7 calls said again, 0 answered otherwise" in capsys.readouterr().out
    # The same start means the same charge; on another charger it is a new one.
    assert Session.objects.filter(charger=charger).count() == 1
    other = a_charger(charger.station)
    assert again(live_web, other, file) == 0
    copy = Session.objects.get(charger=other)
    assert copy.transaction_id != ours
    assert (copy.status, copy.energy_wh) == ("ended", 500)


@pytest.mark.wire
def test_what_is_answered_otherwise_today_is_said(
    live_web: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charger = a_charger(a_station())
    line: dict[str, Any] = {
        "at": "2026-11-20T01:00:00Z",
        "direction": "in",
        "kind": "call",
        "action": "Authorize",
        "message_id": "m1",
        "payload": {"idTag": "NOBODY"},
        "error": None,
    }
    said = {"idTagInfo": {"status": "Accepted"}}
    then = {**line, "direction": "out", "kind": "result", "payload": said}
    file = tmp_path / "frames.jsonl"
    file.write_text(f"{json.dumps(line)}\n{json.dumps(then)}\n")
    assert again(live_web, charger, file) == 1
    assert "1. Authorize: Accepted then, Invalid now" in capsys.readouterr().out


def again(live: Stack, charger: Charger, file: Path) -> int:
    url = live.ocpp_url
    who = ["--id", charger.charge_point_id, "--password", CHARGER_PASSWORD]
    return player.main([str(file), "--url", url, *who])


@pytest.mark.pure
def test_lines_that_are_no_messages_are_findings_and_no_crash() -> None:
    call: dict[str, Any] = {"direction": "in", "kind": "call", "message_id": "1"}
    report = replay(
        [
            "",
            "hello",
            "[1,2]",
            '{"direction":"in"}',
            json.dumps(call | {"action": "Heartbeat", "payload": {}}),
            json.dumps(call | {"action": None, "payload": {}}),
            json.dumps(call | {"action": "Heartbeat", "payload": []}),
            json.dumps(
                call
                | {
                    "action": "MeterValues",
                    "payload": {
                        "connectorId": 1,
                        "meterValue": [{"timestamp": "x", "sampledValue": "none"}],
                    },
                }
            ),
            json.dumps({"direction": "out", "kind": "call", "action": "Reset", "payload": {}}),
        ]
    )
    kinds = sorted((f.kind, f.action) for f in report.found)
    assert [k for k, _ in kinds] == ["refused"] * 3 + ["unreadable"] * 3
    assert ("refused", "MeterValues") in kinds
    assert report.calls["Heartbeat"] == 2
