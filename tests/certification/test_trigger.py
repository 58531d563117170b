"""Remote Trigger: the charge point is asked to speak."""

from typing import Any

import pytest

from tests.certification import states
from tests.certification.scene import Scene, moment

pytestmark = pytest.mark.wire


def trigger(scene: Scene, message: str, answer: str, **more: int) -> None:
    payload = {"requestedMessage": message, **more}
    assert scene.order("TriggerMessage", payload, {"status": answer}) == payload


def test_tc_054_what_was_triggered_is_answered(scene: Scene) -> None:
    states.connected(scene)
    trigger(scene, "MeterValues", "Accepted", connectorId=1)
    sample: dict[str, Any] = {"value": "1200", "context": "Trigger", "unit": "Wh"}
    values = [{"timestamp": moment(), "sampledValue": [sample]}]
    assert scene.point.says("MeterValues", connectorId=1, meterValue=values) == {}
    trigger(scene, "Heartbeat", "Accepted")
    assert "currentTime" in scene.point.says("Heartbeat")
    trigger(scene, "StatusNotification", "Accepted", connectorId=1)
    states.status(scene, "Available")
    trigger(scene, "DiagnosticsStatusNotification", "Accepted")
    assert scene.point.says("DiagnosticsStatusNotification", status="Idle") == {}
    trigger(scene, "FirmwareStatusNotification", "Accepted")
    assert scene.point.says("FirmwareStatusNotification", status="Idle") == {}


def test_tc_055_a_trigger_may_be_rejected(scene: Scene) -> None:
    states.connected(scene)
    trigger(scene, "MeterValues", "Rejected")
