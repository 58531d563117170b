"""Core profile: what the operator orders, and that the charge point's word comes back."""

import pytest

from tests.certification import states
from tests.certification.scene import Scene

pytestmark = pytest.mark.wire
ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}


def remote_start(scene: Scene, answer: dict[str, str]) -> None:
    payload = {"connectorId": 1, "idTag": scene.tag}
    assert scene.order("RemoteStartTransaction", payload, answer) == payload


def test_tc_010_a_remote_start_after_the_cable(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Preparing")
    remote_start(scene, ACCEPTED)
    states.authorized(scene)
    states.transaction(scene)
    states.status(scene, "Charging")


def test_tc_011_1_a_remote_start_before_the_cable(scene: Scene) -> None:
    states.connected(scene)
    remote_start(scene, ACCEPTED)
    states.authorized(scene)
    states.status(scene, "Preparing")
    states.transaction(scene)
    states.status(scene, "Charging")


def test_tc_011_2_a_remote_start_that_nobody_uses(scene: Scene) -> None:
    states.connected(scene)
    remote_start(scene, ACCEPTED)
    states.authorized(scene)
    states.status(scene, "Preparing")
    states.status(scene, "Available")


def test_tc_012_a_remote_stop_names_the_transaction(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    heard = scene.order("RemoteStopTransaction", {"transactionId": number}, ACCEPTED)
    assert heard == {"transactionId": number}
    states.stopped(scene, number, "Remote")
    states.unplugged(scene)


def reset(scene: Scene, kind: str) -> None:
    """Ordered and carried out: the charge point comes back and boots."""
    states.connected(scene)
    assert scene.order("Reset", {"type": kind}, ACCEPTED) == {"type": kind}
    scene.disconnect()
    scene.connect()
    states.booted(scene)


def test_tc_013_a_hard_reset(scene: Scene) -> None:
    reset(scene, "Hard")


def test_tc_014_a_soft_reset(scene: Scene) -> None:
    reset(scene, "Soft")


def unlock(scene: Scene, answer: str, connector: int = 1) -> None:
    payload = {"connectorId": connector}
    assert scene.order("UnlockConnector", payload, {"status": answer}) == payload


def test_tc_017_1_a_loose_cable_is_unlocked(scene: Scene) -> None:
    states.connected(scene)
    unlock(scene, "Unlocked")


def test_tc_017_2_a_fixed_cable_cannot_be_unlocked(scene: Scene) -> None:
    states.connected(scene)
    unlock(scene, "NotSupported")


def test_tc_018_1_unlocking_ends_the_transaction(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    unlock(scene, "Unlocked")
    states.stopped(scene, number, "UnlockCommand")
    states.unplugged(scene)


def test_tc_019_1_all_keys_are_read_by_naming_none(scene: Scene) -> None:
    states.connected(scene)
    answer = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
        ]
    }
    assert scene.order("GetConfiguration", {}, answer).get("key", []) == []


def test_tc_019_2_one_key_is_read_by_its_name(scene: Scene) -> None:
    states.connected(scene)
    key = "SupportedFeatureProfiles"
    answer = {"configurationKey": [{"key": key, "readonly": True, "value": "Core,SmartCharging"}]}
    assert scene.order("GetConfiguration", {"key": [key]}, answer) == {"key": [key]}


def change(scene: Scene, key: str, value: str, answer: str) -> None:
    payload = {"key": key, "value": value}
    assert scene.order("ChangeConfiguration", payload, {"status": answer}) == payload


def test_tc_021_a_key_is_set(scene: Scene) -> None:
    states.connected(scene)
    change(scene, "MeterValueSampleInterval", "60", "Accepted")


def test_tc_026_a_remote_start_may_be_rejected(scene: Scene) -> None:
    states.connected(scene)
    remote_start(scene, REJECTED)


def test_tc_028_a_remote_stop_may_be_rejected(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    heard = scene.order("RemoteStopTransaction", {"transactionId": number}, REJECTED)
    assert heard == {"transactionId": number}


def test_tc_030_a_lock_may_hold(scene: Scene) -> None:
    states.connected(scene)
    unlock(scene, "UnlockFailed")


def test_tc_031_a_connector_that_we_do_not_know_is_asked_for_all_the_same(scene: Scene) -> None:
    states.connected(scene)
    unlock(scene, "NotSupported", connector=9)


def test_tc_040_1_a_key_may_be_unknown(scene: Scene) -> None:
    states.connected(scene)
    change(scene, "NoSuchKey", "1", "NotSupported")


def test_tc_040_2_a_value_may_be_refused(scene: Scene) -> None:
    states.connected(scene)
    change(scene, "MeterValueSampleInterval", "-1", "Rejected")


def test_tc_061_the_cache_is_cleared(scene: Scene) -> None:
    states.connected(scene)
    assert scene.order("ClearCache", {}, ACCEPTED) == {}
