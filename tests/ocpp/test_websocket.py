"""Our short way through a WebSocket frame says the same as the library's long way, byte for byte."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from evbilling.websocket import ChargerProtocol, text_frame, whole_text

pytestmark = pytest.mark.pure
MOST = 70_000
HANDSHAKE = (
    b"GET /ocpp/1.6/A HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SIZES = st.sampled_from([0, 1, 124, 125, 126, 127, 600, 65_535, 65_536, MOST, MOST + 1])
KINDS = st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.PING])


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def _settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def conversation(
    kind: type[WebSocketsSansIOProtocol], pieces: list[bytes]
) -> tuple[list[Any], bytes, bool]:
    """What the application got, what went over the wire after the handshake, and whether it closed."""
    got: list[Any] = []

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            got.append(event.get("text", event.get("bytes")))
            if "text" in event:
                await send({"type": "websocket.send", "text": event["text"]})

    options: dict[str, Any] = {"ws_per_message_deflate": False, "ws_ping_interval": None}
    config = Config(echo, lifespan="off", log_config=None, ws_max_size=MOST, **options)
    config.load()
    wire = Wire()
    protocol = kind(config, ServerState(), {})
    protocol.connection_made(wire)  # type: ignore[arg-type]
    protocol.data_received(HANDSHAKE)
    await _settled()
    begun = len(wire.written)
    for piece in pieces:
        if not (wire.closed or protocol.close_sent):
            protocol.data_received(piece)
            await _settled()
    said, closed = bytes(wire.written[begun:]), wire.closed or protocol.close_sent
    protocol.connection_lost(None)
    await _settled()
    return got, said, closed


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Frames of a client, fragmented or not, one of them perhaps damaged, cut anywhere by TCP."""
    stream = bytearray()
    borders = []
    for _ in range(draw(st.integers(1, 5))):
        kind, size = draw(KINDS), draw(SIZES)
        size = min(size, 125) if kind is Opcode.PING else size
        whole = kind is Opcode.PING or draw(st.integers(0, 4)) > 0
        stream += Frame(kind, b"x" * size, fin=whole).serialize(mask=True)
        if not whole:
            borders.append(len(stream))
            stream += Frame(Opcode.CONT, "ไทย".encode(), fin=True).serialize(mask=True)
        borders.append(len(stream))
    if draw(st.integers(0, 5)) == 0:
        stream[draw(st.integers(0, min(len(stream), 12) - 1))] ^= 1 << draw(st.integers(0, 7))
    cuts = draw(st.lists(st.integers(1, len(stream)), max_size=4))
    at = sorted({*cuts, *(borders if draw(st.booleans()) else ()), len(stream)})
    return [bytes(stream[a:b]) for a, b in zip([0, *at], at, strict=False) if a < b]


@given(streams())
@example([Frame(Opcode.TEXT, b"\xff\xfe", fin=True).serialize(mask=True)])
@example([b"\x81\x01x"])
def test_any_stream_of_frames_means_the_same_on_both_ways(pieces: list[bytes]) -> None:
    ours = asyncio.run(conversation(ChargerProtocol, pieces))
    theirs = asyncio.run(conversation(WebSocketsSansIOProtocol, pieces))
    assert ours == theirs


@pytest.mark.parametrize("size", [0, 1, 125, 126, 600, 65_535])
def test_a_whole_text_frame_takes_the_short_way_both_ways(size: int) -> None:
    text = "y" * size
    assert whole_text(Frame(Opcode.TEXT, text.encode()).serialize(mask=True)) == text
    assert text_frame(text.encode()) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_what_is_longer_takes_the_long_way() -> None:
    assert whole_text(Frame(Opcode.TEXT, b"y" * 65_536).serialize(mask=True)) is None
    assert text_frame(b"y" * 65_536) is None


def test_a_flood_stops_the_reading_until_it_has_been_handled() -> None:
    async def flood() -> tuple[bool, bool]:
        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await go.wait()
            while (await receive())["type"] == "websocket.receive":
                pass

        go = asyncio.Event()
        config = Config(slow, lifespan="off", log_config=None, ws_ping_interval=None)
        config.ws_per_message_deflate = False
        config.load()
        protocol = ChargerProtocol(config, ServerState(), {})
        protocol.connection_made(Wire())  # type: ignore[arg-type]
        protocol.data_received(HANDSHAKE)
        await _settled()
        for _ in range(10):
            protocol.data_received(Frame(Opcode.TEXT, b"z").serialize(mask=True))
        paused = protocol.read_paused
        go.set()
        await asyncio.sleep(0.01)
        resumed = not protocol.read_paused
        protocol.connection_lost(None)
        await _settled()
        return paused, resumed

    assert asyncio.run(flood()) == (True, True)
