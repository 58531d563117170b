"""Signed firmware, logs, downloads that break off: the simulated charger does what a real one does."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.files.world import signed
from tests.simulators.server import CentralSystem
from tests.simulators.world import charger, story

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]
CONTENT = b"firmware-version: 3.1.4\n" + bytes(range(256)) * 2048


@asynccontextmanager
async def files(content: bytes, etag: str = '"1"') -> AsyncIterator[tuple[str, list[str]]]:
    """Serves one file with ranges; gives its address and the heads of what it was asked."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heads.append(head)
        first = re.search(r"Range: bytes=(\d+)-", head)
        start, word = (int(first[1]), "206 Partial Content") if first else (0, "200 OK")
        body = content[start:]
        told = f"HTTP/1.1 {word}\r\nETag: {etag}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(told.encode() + body)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/fw.bin", heads


def an_order(url: str, signature: dict[str, str], number: int = 7) -> dict[str, Any]:
    return {
        "requestId": number,
        "retries": 1,
        "retryInterval": 0,
        "firmware": {
            "location": url,
            "retrieveDateTime": datetime.now(UTC).isoformat(),
            "signingCertificate": signature["signing_certificate"],
            "signature": signature["signature"],
        },
    }


def words(server: CentralSystem, action: str) -> list[tuple[str, int]]:
    return [(p["status"], p["requestId"]) for p in server.of(action)]


@story
async def test_signed_firmware_is_checked_installed_and_run(server: CentralSystem) -> None:
    async with files(CONTENT) as (url, heads), charger(server) as cp:
        await cp.wait_registered()
        cp.maintenance.break_after = 100_000
        answer = await server.call("CP1", "SignedUpdateFirmware", an_order(url, signed(CONTENT)))
        assert answer == {"status": "Accepted"}
        await cp.wait_for(
            "SignedFirmwareStatusNotification", lambda a: bool(a.payload["status"] == "Installed")
        )
        assert "Range: bytes=" in heads[1]
        assert 'If-Range: "1"' in heads[1]
    assert [word for word, _ in words(server, "SignedFirmwareStatusNotification")] == [
        *("Downloading", "Downloaded", "SignatureVerified"),
        *("Installing", "InstallRebooting", "Installed"),
    ]
    assert {n for _, n in words(server, "SignedFirmwareStatusNotification")} == {7}
    assert server.of("BootNotification")[-1]["firmwareVersion"] == "3.1.4"


@story
async def test_a_wrong_signature_is_refused_after_the_download(server: CentralSystem) -> None:
    async with files(CONTENT) as (url, _heads), charger(server) as cp:
        await cp.wait_registered()
        await server.call("CP1", "SignedUpdateFirmware", an_order(url, signed(b"another")))
        await cp.wait_for("SecurityEventNotification")
    told = [word for word, _ in words(server, "SignedFirmwareStatusNotification")]
    assert told == ["Downloading", "Downloaded", "InvalidSignature"]
    assert server.of("SecurityEventNotification")[0]["type"] == "InvalidFirmwareSignature"
    assert len(server.of("BootNotification")) == 1


@story
async def test_a_certificate_that_is_none_is_refused_at_once(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        order = an_order("http://127.0.0.1:1/x", signed(b"x") | {"signing_certificate": "none"})
        answer = await server.call("CP1", "SignedUpdateFirmware", order)
        assert answer == {"status": "InvalidCertificate"}
    assert server.of("SignedFirmwareStatusNotification") == []


@story
async def test_a_log_that_cannot_be_sent_is_told_with_its_number(server: CentralSystem) -> None:
    async with charger(server) as cp:
        await cp.wait_registered()
        order = {
            "logType": "SecurityLog",
            "requestId": 9,
            "log": {"remoteLocation": "http://127.0.0.1:1/"},
        }
        answer = await server.call("CP1", "GetLog", order)
        assert answer == {"status": "Accepted", "filename": "CP1-SecurityLog.jsonl"}
        await cp.wait_for(
            "LogStatusNotification", lambda a: bool(a.payload["status"] == "UploadFailure")
        )
    assert words(server, "LogStatusNotification") == [("Uploading", 9), ("UploadFailure", 9)]
