"""Who has connected: a charger that wants a websocket, or somebody who asks by HTTP.

uvicorn has every request parsed by h11, put together again and parsed once more by websockets. When
the power comes back thousands dial in the same second, and that took a third of the time that
letting one of them in costs (docs/benchmarks.md). A charger's whole upgrade request in one piece goes to
the websocket protocol as it is; everything else goes uvicorn's way.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

COMPLETED = b"x-evbilling-completed"
SILENT_SECONDS = 20.0  # who has connected and says nothing is sent away


class ChargerDoor(H11Protocol):
    """Completes a WebSocket handshake that lacks its Connection header (quirk 11), and marks it so
    that only chargers of models known for it are let in (``stations.drivers.ocpp.consumer``)."""

    def _get_upgrade(self) -> bytes | None:
        self.headers[:] = [
            (k, v) for k, v in self.headers if k != COMPLETED
        ]  # nobody else's to set
        said = {name: value.lower() for name, value in self.headers}
        wants = said.get(b"upgrade") == b"websocket" and b"sec-websocket-key" in said
        if wants and b"connection" not in said:
            self.headers += [(b"connection", b"Upgrade"), (COMPLETED, b"1")]
        found: bytes | None = super()._get_upgrade()
        return found


class FrontDoor(asyncio.Protocol):
    """What uvicorn makes for each connection; it lives until the first bytes have come."""

    transport: asyncio.Transport

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.words = {"config": config, "server_state": server_state, "app_state": app_state}
        self.loop = _loop or asyncio.get_event_loop()
        self.connections: set[Any] = server_state.connections
        self.websocket = config.ws_protocol_class
        self.patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connections.add(self)
        self.patience = self.loop.call_later(SILENT_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        self._done()
        upgrade = upgrade_request(data)
        kind = ChargerDoor if upgrade is None else self.websocket
        protocol = kind(**self.words, _loop=self.loop)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(upgrade or data)

    def connection_lost(self, error: Exception | None) -> None:
        self._done()

    def shutdown(self) -> None:
        """The server stops."""
        self.transport.close()

    def _done(self) -> None:
        self.connections.discard(self)
        if self.patience is not None:
            self.patience.cancel()


def upgrade_request(data: bytes) -> bytes | None:
    """``data`` if it is exactly one upgrade request, whole (RFC 6455 §4.1), its header names in small
    letters as ASGI wants them."""
    if not data.startswith(b"GET ") or data.find(b"\r\n\r\n") != len(data) - 4:
        return None
    first, *headers = data[:-4].split(b"\r\n")
    named = [(name.lower(), value) for name, _, value in (line.partition(b":") for line in headers)]
    asked = {name: value.strip().lower() for name, value in named}
    if asked.get(b"upgrade") != b"websocket" or asked.get(b"connection") != b"upgrade":
        return None
    lines = [first, *(name + b":" + value for name, value in named), b"", b""]
    return b"\r\n".join(lines)
