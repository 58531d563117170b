"""Every frame that our server sends, whoever the client is, is held against the official schemas.

Stands in the socket process between our application and uvicorn, so it sees what goes to the wire:
frames to points, simulators, raw sockets and chargers by others alike. What is illegal is written
into a book, which the tests read (``tests.stack``).
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

# OCPP-J 1.6 §4.2.3, with the standard's own spelling.
ERROR_CODES = frozenset(
    {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }
)
LONGEST_ID, LONGEST_DESCRIPTION = 36, 255
Application = Callable[[dict[str, Any], Any, Any], Any]


@cache
def schema(name: str) -> jsonschema_rs.Validator:
    """The official schema of ``Action`` or ``ActionResponse``, formats of times and URLs included."""
    file = resources.files("ocpp.v16").joinpath("schemas", f"{name}.json")
    text = json.loads(file.read_bytes().decode("utf-8-sig"))
    return jsonschema_rs.Draft4Validator(text, validate_formats=True)


def flaw(name: str, payload: object) -> str:
    """Why ``payload`` is not a legal ``name``; empty when it is."""
    try:
        found = next(iter(schema(name).iter_errors(payload)), None)
    except FileNotFoundError:
        return f"{name} is not a message of OCPP 1.6"
    return "" if found is None else f"{name}: {found.message}"


MENDABLE = re.compile(r'\s*\[\s*2\s*,\s*(?P<id>"[^"]*")\s*,\s*"(?P<action>\w+)"')


class Conversation:
    """One socket: what was asked of us and what we say."""

    def __init__(self) -> None:
        self._asked: defaultdict[bytes, list[str]] = defaultdict(list)

    def heard(self, text: str | None) -> None:
        match _parsed(text):
            case [2, message_id, str(action), *_]:
                self._asked[orjson.dumps(message_id)].append(action)
            case None if told := MENDABLE.match(text or ""):
                # No JSON, but our server makes sense of some of it for chargers known for that.
                self._asked[told["id"].encode()].append(told["action"])

    def flaw(self, text: str) -> str:
        """What is illegal about a frame of ours; empty when nothing is."""
        match _parsed(text):
            case [2, str(message_id), str(action), dict(payload)]:
                too_long = len(message_id) > LONGEST_ID
                return "the message id is too long" if too_long else flaw(action, payload)
            case [3, message_id, dict(payload)]:
                actions = self._asked.get(orjson.dumps(message_id))
                return flaw(f"{actions.pop(0)}Response", payload) if actions else "answers nothing"
            case [4, message_id, str(code), str(description), dict()]:
                if actions := self._asked.get(orjson.dumps(message_id)):
                    actions.pop(0)
                known = code in ERROR_CODES and len(description) <= LONGEST_DESCRIPTION
                return "" if known else "not a CALLERROR of OCPP-J 1.6"
        return "not a frame of OCPP-J 1.6"


class Witness:
    """The application, watched."""

    def __init__(self, application: Application, book: Path) -> None:
        self.application = application
        self.book = book

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await self.application(scope, receive, send)
            return
        conversation = Conversation()

        async def hear() -> Any:
            event = await receive()
            conversation.heard(event.get("text"))
            return event

        async def say(event: dict[str, Any]) -> None:
            text = event.get("text")
            if event["type"] == "websocket.send" and (problem := conversation.flaw(text or "")):
                self._note(scope["path"], problem, text)
            await send(event)

        await self.application(scope, hear, say)

    def _note(self, path: str, problem: str, text: str | None) -> None:
        with self.book.open("a") as book:
            book.write(json.dumps({"path": path, "problem": problem, "frame": text}) + "\n")


def watch(book: str) -> Callable[[Any], None]:
    """What makes the module with the ``application`` a watched one."""

    def change(module: Any) -> None:
        module.application = Witness(module.application, Path(book))
        watching(Path(book)).touch()

    return change


def watching(book: Path) -> Path:
    """A file that is there as soon as a socket process is watched."""
    return book.with_suffix(".watching")


def _parsed(text: str | None) -> Any:
    try:
        return orjson.loads(text or "")
    except (orjson.JSONDecodeError, RecursionError):
        return None
