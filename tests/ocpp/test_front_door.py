"""Whoever connects is let through to the right protocol, in however many pieces he speaks."""

import asyncio
import socket
import urllib.request
from types import SimpleNamespace

import pytest

from evbilling import front_door
from evbilling.front_door import FrontDoor, upgrade_request
from tests.factories import a_charger
from tests.stack import Stack
from tests.wire import basic

CREDENTIALS = basic("CP-1", "x" * 20)["Authorization"]
REQUEST = (
    "GET /ocpp/1.6/CP-1 HTTP/1.1\r\nHost: ev.example\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: {CREDENTIALS}\r\n\r\n"
).encode()


@pytest.mark.pure
def test_a_whole_upgrade_request_keeps_all_but_the_case_of_its_names() -> None:
    found = upgrade_request(REQUEST)
    assert found is not None
    assert found.lower() == REQUEST.lower()
    assert f"\r\nauthorization: {CREDENTIALS}\r\n".encode() in found


@pytest.mark.pure
@pytest.mark.parametrize(
    "data",
    [
        REQUEST[:-2],
        REQUEST + b"GET /",
        REQUEST.replace(b"GET ", b"POST "),
        REQUEST.replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade"),
        REQUEST.replace(b"WebSocket", b"h2c"),
        b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"",
    ],
)
def test_everything_else_goes_the_usual_way(data: bytes) -> None:
    assert upgrade_request(data) is None


@pytest.mark.pure
def test_who_connects_and_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "SILENT_SECONDS", 0.01)
    connections: set[object] = set()

    async def wait() -> bytes:
        loop = asyncio.get_running_loop()
        config = SimpleNamespace(ws_protocol_class=None)
        state = SimpleNamespace(connections=connections)
        server = await loop.create_server(lambda: FrontDoor(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        heard = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        server.close()
        return heard

    assert asyncio.run(wait()) == b""
    assert connections == set()


@pytest.mark.wire
@pytest.mark.parametrize(
    "pieces",
    [
        [REQUEST],
        [REQUEST[:40], REQUEST[40:]],
        [REQUEST.replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade")],
    ],
    ids=["whole", "in two pieces", "as some proxies say it"],
)
def test_a_charger_is_let_in_however_its_request_comes(live: Stack, pieces: list[bytes]) -> None:
    charger = a_charger()
    mine = basic(charger.charge_point_id, "0123456789abcdef0123")["Authorization"]
    with socket.create_connection(("127.0.0.1", live.ocpp_port), timeout=10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            words = piece.replace(b"/CP-1", f"/{charger.charge_point_id}".encode())
            line.sendall(words.replace(CREDENTIALS.encode(), mine.encode()))
        answer = line.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-protocol: ocpp1.6\r\n" in answer.lower()


@pytest.mark.wire
def test_who_asks_by_http_is_answered(live: Stack) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{live.ocpp_port}/readyz", timeout=10) as answer:
        assert answer.status == 200
