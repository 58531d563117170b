"""The witness that stands behind every wire test: what it calls illegal, and that it is there."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.inside.witness import Conversation, Witness, watching
from tests.stack import Stack

CONF = {"status": "Accepted", "currentTime": "2026-11-20T10:00:00.000Z", "interval": 300}


def conversation() -> Conversation:
    """A charger has sent a BootNotification with the id ``b``."""
    told = Conversation()
    told.heard('[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]')
    return told


LEGAL = {
    "an answer": [3, "b", CONF],
    "a refusal": [4, "b", "InternalError", "", {}],
    "a refusal of what could not be read": [4, "-1", "FormationViolation", "what?", {}],
    "a call": [2, "x", "Reset", {"type": "Soft"}],
    "a call with a time": [
        2,
        "x",
        "UpdateFirmware",
        {"location": "https://example.com/f", "retrieveDate": "2026-11-20T17:00:00+07:00"},
    ],
}
ILLEGAL = {
    "a word the answer does not know": [3, "b", CONF | {"status": "Perhaps"}],
    "a time that is none": [3, "b", CONF | {"currentTime": "now"}],
    "a field too many": [3, "b", CONF | {"greeting": "hello"}],
    "an answer to nobody": [3, "c", CONF],
    "a code of another protocol": [4, "b", "RpcFrameworkError", "", {}],
    "an action of another protocol": [2, "x", "RequestStartTransaction", {}],
    "a call without a needed field": [2, "x", "Reset", {}],
    "an id that is too long": [2, "x" * 37, "ClearCache", {}],
    "an id that is a number": [2, 5, "ClearCache", {}],
    "an address without scheme": [2, "x", "GetDiagnostics", {"location": "here"}],
    "no frame": {"hello": 1},
}


@pytest.mark.pure
@pytest.mark.parametrize("frame", LEGAL.values(), ids=LEGAL.keys())
def test_a_legal_frame_is_nothing_to_write_home_about(frame: Any) -> None:
    assert conversation().flaw(json.dumps(frame)) == ""


@pytest.mark.pure
@pytest.mark.parametrize("frame", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_an_illegal_frame_is_seen(frame: Any) -> None:
    assert conversation().flaw(json.dumps(frame))


@pytest.mark.pure
def test_an_answer_is_given_once() -> None:
    told = conversation()
    assert told.flaw(json.dumps([3, "b", CONF])) == ""
    assert told.flaw(json.dumps([3, "b", CONF])) == "answers nothing"


@pytest.mark.pure
def test_what_is_illegal_goes_into_the_book_and_the_tests_fail_by_it(tmp_path: Path) -> None:
    async def answers_wrongly(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.send", "text": '[3,"h",{}]'})

    async def receive() -> Any:
        return {"type": "websocket.receive", "text": '[2,"h","Heartbeat",{}]'}

    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    stack = Stack(tmp_path, "none")
    witness = Witness(answers_wrongly, stack.book)
    stack.check_frames()
    asyncio.run(witness({"type": "websocket", "path": "/ocpp/A"}, receive, send))
    assert len(sent) == 1, "the witness changes nothing"
    with pytest.raises(AssertionError, match="HeartbeatResponse"):
        stack.check_frames()
    stack.check_frames()  # told once


@pytest.mark.wire
def test_the_running_stack_is_watched(live: Stack) -> None:
    assert watching(live.book).exists()
