"""uvicorn's WebSocket protocol with a short way for what nearly every frame is.

A charger's message is one whole masked text frame in one piece of TCP. Taking such frames apart by
hand, and putting answers together by hand, halves what a message costs outside our own code
(docs/benchmarks.md). Every other frame, and every frame that is not perfect, goes the library's way.
"""

from struct import pack
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where it can be
from websockets.protocol import OPEN

WHOLE_TEXT = 0x81  # FIN and opcode 1, RFC 6455 §5.2
MASKED = 0x80
TWO_BYTES, EIGHT_BYTES = 126, 127  # instead of a length: so many bytes of length follow
MASK_BYTES = 4
SHORT_MOST = 65_535
LINGER_SECONDS = 2.0
MOST_QUEUED = 4  # messages that may wait before we stop reading from the socket


class ChargerProtocol(WebSocketsSansIOProtocol):
    """One charger's connection."""

    def handle_connect(self, event: Any) -> None:
        """What the peer showed in the TLS handshake goes with the request."""
        super().handle_connect(event)
        channel = self.transport.get_extra_info("ssl_object")
        if channel is not None and hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions["tls"] = {
                "version": channel.version() or "",
                "client_certificate": channel.getpeercert(binary_form=True) or b"",
            }

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is not None:
            return  # told why it is closed; what still comes is thrown away
        text = whole_text(data) if self._between_frames() else None
        if text is None or len(text) > self.config.ws_max_size:
            super().data_received(data)
            return
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused and self.queue.qsize() >= MOST_QUEUED:
            self.read_paused = True
            self.transport.pause_reading()

    async def send(self, message: Any) -> None:
        text = message.get("text")
        simple = text is not None and self._may_write()
        if not simple or (frame := text_frame(text.encode())) is None:
            await super().send(message)
            if message["type"] == "websocket.http.response.body":
                self.handshake_complete = True  # refused is complete; uvicorn would log an error
            return
        self.transport.write(frame)

    def handle_parser_exception(self) -> None:
        """Say why, and shut a little later: a socket that is shut while the peer still sends is
        reset, and a reset swallows the reason."""
        close = self.conn.close_sent
        if close is None or self.close_sent:
            super().handle_parser_exception()
            return
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _between_frames(self) -> bool:
        """The library holds no part of a frame or message, and the connection is open."""
        conn = self.conn
        return (
            conn.state is OPEN
            and not conn.reader.buffer
            and conn.current_size is None
            and not conn.extensions
            and not self.close_sent
            and self.handshake_complete
        )

    def _may_write(self) -> bool:
        return (
            self.conn.state is OPEN
            and not self.conn.extensions
            and not self.close_sent
            and not self.disconnected
            and self.handshake_complete
            and self.writable.is_set()
        )


def whole_text(data: bytes) -> str | None:
    """The text of ``data`` if it is exactly one masked, unfragmented text frame of up to 64 KiB."""
    if len(data) < 2 + MASK_BYTES or data[0] != WHOLE_TEXT or data[1] < MASKED:
        return None
    length, at = data[1] - MASKED, 2
    if length == EIGHT_BYTES:
        return None
    if length == TWO_BYTES:
        length, at = int.from_bytes(data[2:4], "big"), 4
    body = at + MASK_BYTES
    if len(data) != body + length:
        return None
    try:
        return apply_mask(data[body:], data[at:body]).decode()
    except UnicodeDecodeError:
        return None  # the library closes such a connection with the right code


def text_frame(body: bytes) -> bytes | None:
    """An unmasked text frame, as servers send them; None for what needs a longer length."""
    size = len(body)
    if size < TWO_BYTES:
        return pack("!BB", WHOLE_TEXT, size) + body
    if size <= SHORT_MOST:
        return pack("!BBH", WHOLE_TEXT, TWO_BYTES, size) + body
    return None
