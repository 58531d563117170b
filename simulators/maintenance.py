"""Firmware updates and diagnostics (OCPP 1.6 §5.8 and §5.19), with real transfers over HTTP."""

import asyncio
import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from simulators.journal import Payload
from simulators.profiles import seconds_of

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

TRANSFER_TIMEOUT_S = 10.0


class Maintenance:
    """What goes on in the background; ``firmware`` and ``diagnostics`` are the states reported."""

    def __init__(self, point: "ChargePoint") -> None:
        self.firmware = "Idle"
        self.diagnostics = "Idle"
        self._point = point

    def report_firmware(self, *, early: bool = False) -> None:
        """Send FirmwareStatusNotification."""
        self._point.link.post("FirmwareStatusNotification", {"status": self.firmware}, early=early)

    def report_diagnostics(self, *, early: bool = False) -> None:
        """Send DiagnosticsStatusNotification."""
        self._point.link.post(
            "DiagnosticsStatusNotification", {"status": self.diagnostics}, early=early
        )

    async def update_firmware(self, payload: Payload) -> None:
        """Fetch ``location`` at ``retrieveDate``, install it and reboot."""
        point = self._point
        await point.time.sleep(max(0.0, seconds_of(payload["retrieveDate"]) - point.time.seconds()))
        self._firmware("Downloading")
        if not await self._attempt("GET", payload, b""):
            self._firmware("DownloadFailed")
            return
        self._firmware("Downloaded")
        self._firmware("Installing")
        await point.reset("Soft")
        await point.wait_registered(timeout=None)
        self._firmware("Installed")
        self.firmware = "Idle"

    async def upload_diagnostics(self, payload: Payload, name: str) -> None:
        """PUT what the charger remembers of its messages to ``location``."""
        self._diagnostics("Uploading")
        lines = [
            orjson.dumps([entry.at, entry.action, entry.payload])
            for entry in self._point.journal.sent
        ]
        done = await self._attempt("PUT", payload, b"\n".join(lines), name)
        self._diagnostics("Uploaded" if done else "UploadFailed")
        self.diagnostics = "Idle"

    async def _attempt(self, method: str, payload: Payload, body: bytes, name: str = "") -> bool:
        """Transfer, and again ``retries`` times at ``retryInterval`` seconds."""
        for attempt in range(1 + int(payload.get("retries", 0))):
            if attempt:
                await self._point.time.sleep(float(payload.get("retryInterval", 60)))
            try:
                status = await asyncio.to_thread(_transfer, method, payload["location"], body, name)
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._point.say(f"{method} {payload['location']}: {error}")
                continue
            if 200 <= status < 300:
                return True
        return False

    def _firmware(self, status: str) -> None:
        self.firmware = status
        self.report_firmware()

    def _diagnostics(self, status: str) -> None:
        self.diagnostics = status
        self.report_diagnostics()


def _transfer(method: str, location: str, body: bytes, name: str) -> int:
    """One HTTP exchange; returns its status. Raises OSError, ValueError or HTTPException."""
    parts = urlsplit(location)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or parts.hostname is None:
        raise ValueError("this charger only knows http and https")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=TRANSFER_TIMEOUT_S)
    path = parts.path + name if parts.path.endswith("/") else parts.path or "/"
    try:
        connection.request(method, f"{path}?{parts.query}" if parts.query else path, body or None)
        response = connection.getresponse()
        response.read()
        return int(response.status)
    finally:
        connection.close()
