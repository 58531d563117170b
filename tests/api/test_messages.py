"""The frame log as messages: both ways, answers with their action, newest first."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from stations.models import Charger, Frame
from tests.api.client import Caller
from tests.factories import a_charger, a_station
from users.models import Company

pytestmark = pytest.mark.django_db


@pytest.fixture
def charger(company: Company) -> Charger:
    return a_charger(a_station(company))


def a_frame(charger: Charger, at: datetime, **fields: Any) -> Frame:
    values: dict[str, Any] = {
        "direction": "in",
        "kind": "call",
        "action": "Heartbeat",
        "message_id": "m1",
        "payload": "{}",
    }
    return Frame.objects.create(charger=charger, at=at, **values | fields)


@pytest.fixture
def talk(charger: Charger) -> datetime:
    """Heartbeat and its answer; a Reset of ours and the charger's answer; a refused and a broken one."""
    at = timezone.now() - timedelta(minutes=5)
    a_frame(charger, at, answer='{"currentTime":"2026"}', answer_after_us=1500)
    second = timedelta(seconds=1)
    a_frame(
        charger,
        at + second,
        direction="out",
        action="Reset",
        message_id="r1",
        payload='{"type":"Soft"}',
    )
    a_frame(
        charger,
        at + 2 * second,
        kind="result",
        action="",
        message_id="r1",
        payload='{"status":"Accepted"}',
    )
    a_frame(
        charger,
        at + 3 * second,
        action="Fly",
        message_id="m2",
        error="NotImplemented",
        answer='"NotImplemented","Fly",{}',
        answer_after_us=900,
    )
    a_frame(
        charger,
        at + 4 * second,
        kind="broken",
        action="",
        message_id="",
        payload="{not json",
        error="FormationViolation",
        answer="the frame is no JSON",
        answer_after_us=100,
    )
    return at


def messages(api: Caller, charger: Charger, **params: Any) -> list[dict[str, Any]]:
    return api.get(f"chargers/{charger.charge_point_id}/messages/", **params).rows


def test_every_frame_comes_both_ways_newest_first(
    api: Caller, charger: Charger, talk: datetime
) -> None:
    rows = messages(api, charger)
    assert [(m["direction"], m["kind"], m["action"], m["error"]) for m in rows] == [
        ("out", "error", "", "FormationViolation"),
        ("in", "broken", "", None),
        ("out", "error", "Fly", "NotImplemented"),
        ("in", "call", "Fly", None),
        ("in", "result", "Reset", None),
        ("out", "call", "Reset", None),
        ("out", "result", "Heartbeat", None),
        ("in", "call", "Heartbeat", None),
    ]
    assert rows[1]["payload"] == "{not json"
    assert rows[2]["payload"] == {"errorCode": "NotImplemented", "errorDescription": "Fly"}
    assert rows[5]["payload"] == {"type": "Soft"}
    assert rows[6]["payload"] == {"currentTime": "2026"}
    assert rows[6]["message_id"] == rows[7]["message_id"] == "m1"
    assert rows[6]["at"] > rows[7]["at"]
    assert rows[0].keys() >= {"at", "direction", "action", "message_id", "payload", "error"}


def test_messages_are_filtered(api: Caller, charger: Charger, talk: datetime) -> None:
    def kinds(**params: Any) -> list[tuple[str, str]]:
        return [(m["direction"], m["kind"]) for m in messages(api, charger, **params)]

    assert kinds(action="Reset") == [("in", "result"), ("out", "call")]
    assert kinds(action="Heartbeat", direction="out") == [("out", "result")]
    assert kinds(direction="in", action="Reset") == [("in", "result")]
    assert {d for d, _ in kinds(direction="out")} == {"out"}
    assert len(kinds(direction="out")) == 4
    assert kinds(message_id="m1") == [("out", "result"), ("in", "call")]
    since = (talk + timedelta(seconds=2.5)).isoformat()
    assert len(kinds(**{"from": since})) == 4
    assert len(kinds(to=since)) == 4


def test_messages_come_in_pages(api: Caller, charger: Charger) -> None:
    at = timezone.now()
    for n in range(5):
        a_frame(charger, at, message_id=f"m{n}")
    path = f"chargers/{charger.charge_point_id}/messages/"
    first = api.get(path, page_size=2)
    second = api.get(first["next"])
    third = api.get(second["next"])
    ids = [m["message_id"] for page in (first, second, third) for m in page.rows]
    assert ids == ["m4", "m3", "m2", "m1", "m0"]
    assert third["next"] is None
    assert [m["message_id"] for m in api.get(third["previous"]).rows] == ["m2", "m1"]
