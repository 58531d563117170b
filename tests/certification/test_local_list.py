"""Local Auth List Management: the list that a charge point keeps for when nobody answers."""

from typing import Any

import pytest

from tests.certification import states
from tests.certification.scene import Scene

pytestmark = pytest.mark.wire


def version(scene: Scene, number: int) -> None:
    assert scene.order("GetLocalListVersion", {}, {"listVersion": number}) == {}


def send_list(scene: Scene, kind: str, number: int, answer: str, *tags: str) -> dict[str, Any]:
    """A SendLocalList as the charge point heard it: every entry with its idTagInfo."""
    entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in tags]
    payload = {"listVersion": number, "updateType": kind, "localAuthorizationList": entries}
    heard = scene.order("SendLocalList", payload, {"status": answer})
    assert heard["updateType"] == kind
    assert heard["listVersion"] == number
    assert [entry["idTag"] for entry in heard["localAuthorizationList"]] == list(tags)
    assert all("idTagInfo" in entry for entry in heard["localAuthorizationList"])
    return heard


def test_tc_042_1_a_charge_point_without_list_says_minus_one(scene: Scene) -> None:
    states.connected(scene)
    version(scene, -1)


def test_tc_042_2_an_empty_list_has_version_zero(scene: Scene) -> None:
    states.connected(scene)
    version(scene, 0)


def test_tc_043_1_a_charge_point_may_have_no_list(scene: Scene) -> None:
    states.connected(scene)
    send_list(scene, "Full", 1, "NotSupported", scene.tag)


def test_tc_043_3_a_list_may_fail(scene: Scene) -> None:
    states.connected(scene)
    send_list(scene, "Full", 1, "Failed", scene.tag)


def test_tc_043_4_a_full_list_has_cards_with_their_standing(scene: Scene) -> None:
    states.connected(scene)
    send_list(scene, "Full", 1, "Accepted", scene.tag, scene.new_card())


def test_tc_043_5_a_difference_has_only_what_is_new_and_a_higher_version(scene: Scene) -> None:
    states.connected(scene)
    first = send_list(scene, "Full", 1, "Accepted", scene.tag)
    version(scene, first["listVersion"])
    second = send_list(scene, "Differential", 2, "Accepted", scene.new_card())
    assert second["listVersion"] > first["listVersion"]
