"""A second central system for tests: a real websocket server that holds every frame against the schemas."""

import base64
import json
import queue
import ssl
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import jsonschema_rs
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from tests.inside.witness import schema
from tests.stack import eventually

Payload = dict[str, Any]


class SecondSide:
    """Answers as ``answers`` says (a payload, a callable, or None for silence); keeps what it hears."""

    def __init__(
        self, port: int = 0, *, password: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answers: dict[str, Any] = {}
        self.heard: list[tuple[str, Payload]] = []
        self.problems: list[str] = []
        self.connections = 0
        self.next_number = 77_001
        self.password = password
        self.tls = tls
        self._replies: dict[str, queue.Queue[list[Any]]] = {}
        self._calls = 0
        self._sockets: list[ServerConnection] = []
        self._server = self._serve(port)
        self.port: int = self._server.socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/central"

    def _serve(self, port: int) -> Server:
        server = serve(
            self._speak,
            "127.0.0.1",
            port,
            subprotocols=[Subprotocol("ocpp1.6")],
            process_request=self._admit,
            ssl=self.tls,
            compression=None,
            close_timeout=0.5,
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if error is None:
            assert self.problems == []

    def kill(self) -> None:
        """As a killed process: the door shuts and every line is cut."""
        self._server.shutdown()
        for socket in self._sockets:
            socket.socket.close()
        self._sockets.clear()

    def rise(self) -> None:
        """Back at the same address."""
        self._server = self._serve(self.port)

    def of(self, action: str) -> list[Payload]:
        return [payload for heard, payload in list(self.heard) if heard == action]

    def hear(self, action: str, count: int = 1, seconds: float = 15) -> list[Payload]:
        """Wait until ``count`` of ``action`` have come in all."""
        found: list[Payload] = eventually(
            lambda: self.of(action) if len(self.of(action)) >= count else [], seconds
        )
        return found

    def call(self, action: str, payload: Payload, timeout: float = 15) -> list[Any]:
        """Ask the charge point; the whole frame that answers."""
        self._calls += 1
        message_id = f"second-{self._calls}"
        reply = self._replies[message_id] = queue.Queue()
        self._sockets[-1].send(json.dumps([2, message_id, action, payload]))
        return reply.get(timeout=timeout)

    def send(self, text: str) -> None:
        self._sockets[-1].send(text)

    def _admit(self, connection: ServerConnection, request: Any) -> Any:
        given = request.headers.get("Authorization", "")
        name = request.path.rpartition("/")[2]
        wanted = base64.b64encode(f"{name}:{self.password}".encode()).decode()
        if self.password and given != f"Basic {wanted}":
            return connection.respond(401, "who are you?\n")
        return None

    def _speak(self, socket: ServerConnection) -> None:
        self.connections += 1
        self._sockets.append(socket)
        try:
            for text in socket:
                self._take(socket, json.loads(text))
        except (ConnectionClosed, OSError):
            return

    def _take(self, socket: ServerConnection, frame: list[Any]) -> None:
        if frame[0] != 2:
            if waiting := self._replies.get(frame[1]):
                waiting.put(frame)
            return
        _, message_id, action, payload = frame
        try:
            schema(action).validate(payload)
        except jsonschema_rs.ValidationError as error:
            self.problems.append(f"{action} {payload}: {error.message}")
        self.heard.append((action, payload))
        found = self.answers[action] if action in self.answers else self._usual(action)
        if callable(found):
            found = found(payload)
        if found is None:
            return
        if isinstance(found, list):
            socket.send(json.dumps([4, message_id, *found]))
        else:
            socket.send(json.dumps([3, message_id, found]))

    def _usual(self, action: str) -> Payload:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if action == "StartTransaction":
            self.next_number += 1
            return {"transactionId": self.next_number, "idTagInfo": {"status": "Invalid"}}
        usual: dict[str, Payload] = {
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 300},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTagInfo": {"status": "Blocked"}},
            "DataTransfer": {"status": "Accepted"},
        }
        return usual.get(action, {})
