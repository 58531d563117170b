"""A websocket client as callbacks: ``send`` is a plain call and an idle socket costs no task.

Built on the sans-I/O protocol of ``websockets``, because a simulator of thousands of chargers
also needs what a well-behaved client hides: cutting a line, or leaving it half open.
"""

import asyncio
import base64
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import SEND_EOF, State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

SUBPROTOCOL = Subprotocol("ocpp1.6")
OPEN_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 2.0


class HandshakeRefused(Exception):
    """The server answered the upgrade with something else; the text says with what."""


class Socket(asyncio.Protocol):
    """One connection: ``listen`` says who gets the messages, ``closed`` tells that it is over."""

    def __init__(self, uri: WebSocketURI, authorization: str | None, ping_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._protocol = ClientProtocol(uri, subprotocols=[SUBPROTOCOL], max_size=2**22)
        self._authorization = authorization
        self._ping_s = ping_s
        self._parts: list[bytes] = []
        self._on_text: Callable[[Socket, bytes], None] | None = None
        self._unheard: list[bytes] = []  # a server may speak before anybody listens
        self._heard = True
        self._frozen = False
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is State.OPEN and not self._frozen

    def listen(self, on_text: Callable[["Socket", bytes], None]) -> None:
        """Hand each message to ``on_text``, first those that have come already."""
        self._on_text = on_text
        unheard, self._unheard = self._unheard, []
        for text in unheard:
            on_text(self, text)

    def send(self, text: bytes) -> None:
        """Send one text message."""
        self._protocol.send_text(text)
        self._flush()

    def close(self) -> None:
        """Say goodbye properly; the line is cut if the server does not answer in time."""
        if self._protocol.state is State.OPEN and not self._frozen:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
            self._start_timer(CLOSE_TIMEOUT_S, self.abort)
        else:
            self.abort()

    def abort(self) -> None:
        """Cut the line at once, with a reset, as a pulled plug behind a router looks."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def freeze(self) -> None:
        """Leave the line half open: nothing is read, written or answered, nothing is closed."""
        self._frozen = True
        self._stop_timer()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        request = self._protocol.connect()
        if self._authorization is not None:
            request.headers["Authorization"] = self._authorization
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._frozen:
            return
        self._heard = True
        self._protocol.receive_data(data)
        self._handle_events()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._handle_events()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._refuse("the server closed the connection")
        if not self.closed.done():
            self.closed.set_result(None)

    def _handle_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._handshake(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self._protocol.close_expected():
            self._start_timer(CLOSE_TIMEOUT_S, self.abort)

    def _handshake(self, response: Response) -> None:
        error = self._protocol.handshake_exc
        if error is not None:
            reason = f"HTTP {response.status_code} {response.reason_phrase}"
            if response.status_code == 101:
                reason = str(error)
            self._refuse(reason)
        elif self._protocol.subprotocol != SUBPROTOCOL:
            self._refuse(f"the server did not agree on {SUBPROTOCOL}")
        elif not self.opened.done():
            self.opened.set_result(None)
            if self._ping_s > 0:
                self._start_timer(self._ping_s, self._ping)

    def _refuse(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(HandshakeRefused(reason))

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                text = b"".join(self._parts)
                self._parts.clear()
                if self._on_text is None:
                    self._unheard.append(text)
                else:
                    self._on_text(self, text)

    def _ping(self) -> None:
        if not self._heard:
            self.abort()  # a whole interval without a pong: the other end is gone
            return
        self._heard = False
        self._protocol.send_ping(b"")
        self._flush()
        self._start_timer(self._ping_s, self._ping)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport is None or self._transport.is_closing():
                continue
            if data is SEND_EOF:
                if self._transport.can_write_eof():
                    self._transport.write_eof()
                else:
                    self._transport.close()
            else:
                self._transport.write(data)

    def _start_timer(self, delay: float, callback: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(delay, callback)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def basic_auth(identity: str, password: str) -> str:
    """The Authorization header of OCPP security profiles 1 and 2."""
    return "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()


async def open_socket(
    url: str,
    identity: str,
    password: str | None,
    *,
    ping_s: float = 0.0,
    tls: ssl.SSLContext | None = None,
) -> Socket:
    """Connect to ``url/identity``. Raises OSError, TimeoutError or HandshakeRefused."""
    uri = parse_uri(f"{url.rstrip('/')}/{quote(identity, safe='')}")
    authorization = None if password is None else basic_auth(identity, password)
    context = (tls or ssl.create_default_context()) if uri.secure else None
    async with asyncio.timeout(OPEN_TIMEOUT_S):
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Socket(uri, authorization, ping_s),
            uri.host,
            uri.port,
            ssl=context,
        )
        try:
            await connection.opened
        except (Exception, asyncio.CancelledError):
            connection.abort()
            raise
    return connection
