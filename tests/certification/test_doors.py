"""Security profiles: who is let in, with what, and by which protocol."""

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.certification import states
from tests.certification.scene import Scene

pytestmark = pytest.mark.wire


def test_tc_085_the_right_name_and_password_are_let_in_and_others_are_not(scene: Scene) -> None:
    scene.connect()
    states.booted(scene)
    for wrong in ("not-the-password-0123", None):
        with pytest.raises(InvalidStatus) as refused:
            scene.connect(wrong)
        assert refused.value.response.status_code == 401


def test_tc_088_of_the_offered_subprotocols_ours_is_chosen_and_without_it_there_is_no_talk(
    scene: Scene,
) -> None:
    foreign, ours = Subprotocol("ocpp0.1"), Subprotocol("ocpp1.6")
    stranger = scene.connect(subprotocols=[foreign])
    assert stranger.socket.subprotocol is None
    with pytest.raises(ConnectionClosed):
        stranger.receive()
    point = scene.connect(subprotocols=[foreign, ours])
    assert point.socket.subprotocol == ours
    states.booted(scene)
