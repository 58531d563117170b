"""Core profile: what the charge point begins, and that every word of it is answered rightly."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.certification import states
from tests.certification.scene import Scene, moment

pytestmark = pytest.mark.wire


def test_tc_001_a_cold_boot_is_accepted_and_the_clock_is_told(scene: Scene) -> None:
    scene.connect()
    answer = states.boot(scene)
    assert answer["interval"] > 0
    states.all_available(scene)
    for told in (answer, scene.point.says("Heartbeat")):
        at = datetime.fromisoformat(told["currentTime"])
        assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


def test_tc_003_a_session_begins_with_the_plug(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Preparing")
    states.authorized(scene)
    states.transaction(scene)
    states.status(scene, "Charging")


def test_tc_004_1_a_session_begins_with_the_card(scene: Scene) -> None:
    states.connected(scene)
    states.authorized(scene)
    states.status(scene, "Preparing")
    states.transaction(scene)
    states.status(scene, "Charging")


def test_tc_004_2_nobody_plugs_in_after_the_card(scene: Scene) -> None:
    states.connected(scene)
    states.authorized(scene)
    states.status(scene, "Preparing")
    states.status(scene, "Available")


def test_tc_005_1_a_cable_pulled_at_the_car_ends_the_transaction(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    states.status(scene, "SuspendedEV")
    answer = states.stopped(scene, number, "EVDisconnected", tag=scene.tag)
    assert answer["idTagInfo"]["status"] == "Accepted"
    states.unplugged(scene)


def test_tc_007_a_card_from_the_cache_starts_without_asking(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Preparing")
    states.transaction(scene)
    states.status(scene, "Charging")


def test_tc_023_1_an_unknown_card_is_invalid(scene: Scene) -> None:
    states.connected(scene)
    info = scene.point.says("Authorize", idTag="NOBODY-KNOWS-IT")["idTagInfo"]
    assert info["status"] == "Invalid"


def test_tc_023_2_a_card_past_its_day_is_expired(scene: Scene) -> None:
    tag = scene.new_card(expires_at=datetime.now(UTC) - timedelta(days=1))
    states.connected(scene)
    assert scene.point.says("Authorize", idTag=tag)["idTagInfo"]["status"] == "Expired"


def test_tc_023_3_a_card_that_was_blocked_is_blocked(scene: Scene) -> None:
    scene.site.ask("PATCH", f"cards/{scene.tag}/", {"status": "blocked"})
    states.connected(scene)
    assert scene.point.says("Authorize", idTag=scene.tag)["idTagInfo"]["status"] == "Blocked"


def test_tc_024_a_lock_that_fails_is_taken_note_of(scene: Scene) -> None:
    states.connected(scene)
    states.status(scene, "Preparing")
    states.authorized(scene)
    states.status(scene, "Faulted", error="ConnectorLockFailure")


def test_tc_032_1_after_a_power_cut_the_transaction_is_stopped(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    scene.disconnect()
    scene.connect()
    states.boot(scene)
    for connector, word in ((0, "Available"), (1, "Finishing"), (2, "Available")):
        states.status(scene, word, connector)
    states.stopped(scene, number, "PowerLoss")


def test_tc_037_1_a_start_while_offline_is_accepted_afterwards(scene: Scene) -> None:
    states.connected(scene)
    scene.disconnect()
    begun = moment(minutes=-10)
    scene.connect()
    states.transaction(scene, at=begun)
    states.status(scene, "Charging")


def test_tc_037_3_a_start_while_offline_with_a_strange_card_is_invalid_and_may_stop(
    scene: Scene,
) -> None:
    states.connected(scene)
    scene.disconnect()
    begun, strange = moment(minutes=-10), "NOBODY-KNOWS-IT"
    scene.connect()
    answer = states.started(scene, strange, at=begun)
    assert answer["idTagInfo"]["status"] == "Invalid"
    number = answer["transactionId"]
    assert number > 0, "its stop has to name something"
    states.status(scene, "Charging")
    states.stopped(scene, number, "DeAuthorized")
    states.status(scene, "Finishing")


def test_tc_039_a_whole_charge_while_offline_is_taken_afterwards(scene: Scene) -> None:
    states.connected(scene)
    scene.disconnect()
    begun, ended = moment(minutes=-40), moment(minutes=-10)
    scene.connect()
    number = states.transaction(scene, at=begun)
    answer = states.stopped(scene, number, "Local", tag=scene.tag, at=ended, meter=4_000)
    assert answer["idTagInfo"]["status"] == "Accepted"


def test_tc_064_vendor_data_that_means_nothing_to_us_is_not_accepted(scene: Scene) -> None:
    states.connected(scene)
    answer = scene.point.says(
        "DataTransfer", vendorId="com.example.strange", messageId="M", data="d"
    )
    assert answer["status"] in ("Rejected", "UnknownMessageId", "UnknownVendorId")
