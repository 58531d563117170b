"""Firmware and diagnostics: real transfers, and the states told on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulators.server import CentralSystem
from tests.simulators.world import charger, story

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]


@asynccontextmanager
async def file_server(*statuses: int) -> AsyncIterator[tuple[str, list[tuple[str, bytes]]]]:
    """Answers each request with the next status; gives its address and what it was asked."""
    seen: list[tuple[str, bytes]] = []
    left = list(statuses)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(line[15:]) for line in head.split("\r\n") if line.startswith("Content-Length")), 0
        )
        seen.append((head.split("\r\n")[0], await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {left.pop(0)} X\r\nContent-Length: 2\r\n\r\nok".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def states(server: CentralSystem, action: str) -> list[str]:
    return [payload["status"] for payload in server.of(action)]


@story
async def test_new_firmware_is_fetched_installed_and_told_after_the_reboot(
    server: CentralSystem,
) -> None:
    async with file_server(503, 200) as (url, seen), charger(server) as cp:
        await cp.wait_registered()
        order = {
            "location": f"{url}/fw/2.0.bin?key=1",
            "retrieveDate": datetime.now(UTC).isoformat(),
            "retries": 2,
            "retryInterval": 1,
        }
        assert await server.call("CP1", "UpdateFirmware", order) == {}
        await cp.wait_for(
            "FirmwareStatusNotification", lambda a: bool(a.payload["status"] == "Installed")
        )
        assert [line for line, _ in seen] == ["GET /fw/2.0.bin?key=1 HTTP/1.1"] * 2
    told = ["Downloading", "Downloaded", "Installing", "Installed"]
    assert states(server, "FirmwareStatusNotification") == told
    assert len(server.of("BootNotification")) == 2


@story
async def test_diagnostics_are_uploaded_under_the_name_that_was_answered(
    server: CentralSystem,
) -> None:
    async with file_server(201) as (url, seen), charger(server) as cp:
        await cp.wait_status(1, "Available")
        answer = await server.call("CP1", "GetDiagnostics", {"location": f"{url}/logs/"})
        await cp.wait_for(
            "DiagnosticsStatusNotification", lambda a: bool(a.payload["status"] == "Uploaded")
        )
    assert seen[0][0] == f"PUT /logs/{answer['fileName']} HTTP/1.1"
    assert b"BootNotification" in seen[0][1]
    assert states(server, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]


@pytest.mark.parametrize("location", ["ftp://example.org/x", "http://127.0.0.1:1/x"])
def test_a_transfer_that_fails_is_told(location: str) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        async with charger(server) as cp:
            await cp.wait_registered()
            order: dict[str, Any] = {"location": location}
            await server.call("CP1", "GetDiagnostics", order)
            order["retrieveDate"] = "2020-01-01T00:00:00Z"
            await server.call("CP1", "UpdateFirmware", order)

            def failed(entry: Any) -> bool:
                return "Failed" in entry.payload["status"]

            await cp.wait_for("DiagnosticsStatusNotification", failed)
            await cp.wait_for("FirmwareStatusNotification", failed)

    tell()
