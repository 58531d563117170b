"""Smart Charging: profiles set, read back and cleared."""

from typing import Any

import pytest

from tests.certification import states
from tests.certification.scene import Payload, Scene, moment

pytestmark = pytest.mark.wire
ACCEPTED = {"status": "Accepted"}


def profile(number: int, purpose: str, **more: Any) -> Payload:
    """An absolute profile in force now: 16 A, after an hour 8 A."""
    schedule = {
        "duration": 86_400,
        "startSchedule": moment(minutes=-1),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.0, "numberPhases": 3},
            {"startPeriod": 3_600, "limit": 8.5, "numberPhases": 3},
        ],
    }
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "validFrom": moment(minutes=-1),
        "validTo": moment(days=1),
        "chargingSchedule": schedule,
        **more,
    }


def set_profile(scene: Scene, connector: int, csprofile: Payload) -> Payload:
    """The profile as the charge point heard it."""
    payload = {"connectorId": connector, "csChargingProfiles": csprofile}
    heard = scene.order("SetChargingProfile", payload, ACCEPTED)
    assert heard == payload
    return dict(heard["csChargingProfiles"])


def test_tc_056_a_default_for_transactions_to_come(scene: Scene) -> None:
    states.connected(scene)
    heard = set_profile(scene, 1, profile(1, "TxDefaultProfile"))
    assert heard["chargingProfilePurpose"] == "TxDefaultProfile"
    assert "transactionId" not in heard
    assert heard["chargingSchedule"]["startSchedule"]


def test_tc_057_a_profile_for_the_transaction_that_runs(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    heard = set_profile(scene, 1, profile(2, "TxProfile", transactionId=number))
    assert heard["chargingProfilePurpose"] == "TxProfile"
    assert heard["transactionId"] == number
    assert "recurrencyKind" not in heard
    assert heard["validFrom"] < heard["validTo"]
    assert {"startSchedule", "duration"} <= heard["chargingSchedule"].keys()


def test_tc_059_a_remote_start_carries_its_profile(scene: Scene) -> None:
    states.connected(scene)
    payload = {
        "connectorId": 1,
        "idTag": scene.tag,
        "chargingProfile": profile(3, "TxProfile"),
    }
    heard = scene.order("RemoteStartTransaction", payload, ACCEPTED)
    assert heard == payload
    assert heard["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"
    assert "transactionId" not in heard["chargingProfile"]
    states.charging(scene)


def test_tc_066_the_sum_of_all_profiles_is_read_back(scene: Scene) -> None:
    states.connected(scene)
    payload: Payload = {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"}
    answer = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": moment(),
        "chargingSchedule": {
            "duration": 300,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    }
    assert scene.order("GetCompositeSchedule", payload, answer) == payload


def test_tc_067_profiles_are_cleared_by_number_by_kind_and_all(scene: Scene) -> None:
    states.connected(scene)
    number = states.charging(scene)
    set_profile(scene, 0, profile(11, "ChargePointMaxProfile"))
    set_profile(scene, 1, profile(12, "TxDefaultProfile"))
    set_profile(scene, 1, profile(13, "TxProfile", transactionId=number))
    kind = {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}
    for criteria in ({"id": 11}, kind, {}):
        assert scene.order("ClearChargingProfile", criteria, ACCEPTED) == criteria
