"""A small central system for the simulator's tests: it checks every frame against the schemas."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Self
from urllib.parse import unquote

import jsonschema_rs
from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

Payload = dict[str, Any]


@cache
def validator(name: str) -> jsonschema_rs.Validator:
    """The official OCPP 1.6 schema ``name``."""
    text = (files("ocpp.v16.schemas") / f"{name}.json").read_text("utf-8-sig")
    return jsonschema_rs.validator_for(json.loads(text), validate_formats=True)


def problem(name: str, payload: object) -> str | None:
    """Why ``payload`` is not a legal ``name``."""
    error = next(iter(validator(name).iter_errors(payload)), None)
    return None if error is None else f"{name}: {error.message} in {payload}"


@dataclass
class Frame:
    """A CALL of a charge point."""

    charge_point: str
    connection: int
    message_id: str
    action: str
    payload: Payload


@dataclass
class CentralSystem:
    """Answers as ``answers`` says; ``None`` as an answer means silence."""

    refuse_handshake: int = 0
    boot: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[Payload], Payload | None]] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    sockets: dict[str, ServerConnection] = field(default_factory=dict)
    url: str = ""
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _transactions: int = 0
    _connections: int = 0
    _calls: int = 0
    _replies: dict[str, asyncio.Future[list[Any]]] = field(default_factory=dict)
    _server: WebsocketServer | None = None

    async def __aenter__(self) -> Self:
        await self.listen(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self, port: int) -> None:
        self._server = await serve(
            self._speak,
            "127.0.0.1",
            port,
            subprotocols=[Subprotocol("ocpp1.6")],
            process_request=self._admit,
            compression=None,
            close_timeout=0.2,
            ping_interval=None,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ocpp/1.6"

    async def close(self) -> None:
        """Stop as a killed process does: every line is cut."""
        if self._server is not None:
            self._server.close(close_connections=False)
            for socket in self.sockets.values():
                socket.transport.abort()
            await self._server.wait_closed()

    def of(self, action: str) -> list[Payload]:
        """The payloads of every ``action`` received, in order."""
        return [frame.payload for frame in self.frames if frame.action == action]

    async def hear(self, action: str, count: int) -> None:
        """Until ``count`` calls of ``action`` have been received in all."""
        while len(self.of(action)) < count:
            self._heard.clear()
            await self._heard.wait()

    async def call(self, charge_point: str, action: str, payload: Payload) -> Payload:
        """Send a CALL and return the legal result. Raises RuntimeError on a CALLERROR."""
        self._calls += 1
        message_id = f"server-{self._calls}"
        future = self._replies[message_id] = asyncio.get_running_loop().create_future()
        if (text := problem(action, payload)) is not None:
            self.problems.append(text)
        await self.sockets[charge_point].send(json.dumps([2, message_id, action, payload]))
        async with asyncio.timeout(5):
            reply = await future
        if reply[0] == 4:
            raise RuntimeError(reply[2])
        if (text := problem(f"{action}Response", reply[2])) is not None:
            self.problems.append(text)
        result: Payload = reply[2]
        return result

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.passwords.append(request.headers.get("Authorization", ""))
        if self.refuse_handshake:
            return connection.respond(self.refuse_handshake, "who are you?\n")
        return None

    async def _speak(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        name = unquote(socket.request.path.rpartition("/")[2])
        self.sockets[name] = socket
        self._connections += 1
        number = self._connections
        try:
            async for text in socket:
                await self._hear(socket, name, number, json.loads(text))
        except ConnectionClosed:
            pass

    async def _hear(
        self, socket: ServerConnection, name: str, number: int, message: list[Any]
    ) -> None:
        if message[0] != 2:
            future = self._replies.pop(message[1], None)
            if future is not None and not future.done():
                future.set_result(message)
            return
        _, message_id, action, payload = message
        if (text := problem(action, payload)) is not None:
            self.problems.append(text)
        self.frames.append(Frame(name, number, message_id, action, payload))
        self._heard.set()
        result = self._answer(action, payload)
        if result is None:
            return
        if "error" in result:
            frame = [4, message_id, result["error"], "", {}]
        else:
            frame = [3, message_id, result]
            if (text := problem(f"{action}Response", result)) is not None:
                self.problems.append(text)
        await socket.send(json.dumps(frame))

    def _answer(self, action: str, payload: Payload) -> Payload | None:
        if action in self.answers:
            return self.answers[action](payload)
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if action == "BootNotification":
            status = self.boot.pop(0) if self.boot else "Accepted"
            return {"status": status, "currentTime": now, "interval": 300}
        if action == "StartTransaction":
            self._transactions += 1
            return {"transactionId": self._transactions, "idTagInfo": {"status": "Accepted"}}
        usual: dict[str, Payload] = {
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "Heartbeat": {"currentTime": now},
            "DataTransfer": {"status": "Accepted"},
        }
        return usual.get(action, {})


@asynccontextmanager
async def central_system() -> AsyncIterator[CentralSystem]:
    """A running server; at the end every frame must have been legal."""
    server = CentralSystem()
    async with server:
        yield server
    assert server.problems == []
