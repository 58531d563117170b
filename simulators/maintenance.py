"""Firmware updates, diagnostics and logs (OCPP 1.6 §5.8, §5.19; security extension §4), with real
transfers over HTTP."""

import asyncio
import http.client
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from simulators.fetching import Fetch, Refused, send, signature_is_good
from simulators.journal import Payload
from simulators.profiles import seconds_of

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

VERSION = b"firmware-version: "  # a file that begins with it says what the charger is afterwards


class Maintenance:
    """What goes on in the background; ``firmware`` and ``diagnostics`` are the states reported.

    ``break_after``: the next download breaks off once after so many bytes.
    """

    def __init__(self, point: "ChargePoint") -> None:
        self.firmware = "Idle"
        self.diagnostics = "Idle"
        self.break_after = 0
        self._point = point
        self._signed: asyncio.Task[None] | None = None

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
        await self._until(payload["retrieveDate"])
        self._firmware("Downloading")
        content = await self._fetch(payload["location"], payload)
        if content is None:
            self._firmware("DownloadFailed")
            return
        self._firmware("Downloaded")
        self._firmware("Installing")
        await self._restart_as(content)
        self._firmware("Installed")
        self.firmware = "Idle"

    # The security extension

    @property
    def updating(self) -> bool:
        """Whether a signed update is under way."""
        return self._signed is not None and not self._signed.done()

    def begin_signed(self, payload: Payload) -> None:
        """Begin a signed update; one that is under way is given up."""
        if self._signed is not None:
            self._signed.cancel()
        self._signed = self._point.spawn(self._update_signed(payload))

    async def _update_signed(self, payload: Payload) -> None:
        firmware, number = payload["firmware"], int(payload["requestId"])
        await self._until(firmware["retrieveDateTime"])
        self._signed_status("Downloading", number)
        content = await self._fetch(firmware["location"], payload)
        if content is None:
            self._signed_status("DownloadFailed", number)
            return
        self._signed_status("Downloaded", number)
        certificate = firmware["signingCertificate"]
        if not signature_is_good(content, firmware["signature"], certificate):
            self._signed_status("InvalidSignature", number)
            event = {"type": "InvalidFirmwareSignature", "timestamp": self._point.clock.stamp()}
            self._point.link.post("SecurityEventNotification", event)
            return
        self._signed_status("SignatureVerified", number)
        if "installDateTime" in firmware:
            self._signed_status("InstallScheduled", number)
            await self._until(firmware["installDateTime"])
        self._signed_status("Installing", number)
        self._signed_status("InstallRebooting", number)
        await self._restart_as(content)
        self._signed_status("Installed", number)

    async def upload_diagnostics(self, payload: Payload, name: str) -> None:
        """PUT what the charger remembers of its messages to ``location``."""
        self._diagnostics("Uploading")
        done = await self._send(payload["location"], payload, self._remembered(), name)
        self._diagnostics("Uploaded" if done else "UploadFailed")
        self.diagnostics = "Idle"

    async def upload_log(self, payload: Payload, name: str) -> None:
        """The same for GetLog; of the security log only what concerns security."""
        number = int(payload["requestId"])
        self._log_status("Uploading", number)
        body = self._remembered(security=payload["logType"] == "SecurityLog")
        done = await self._send(payload["log"]["remoteLocation"], payload, body, name)
        self._log_status("Uploaded" if done else "UploadFailure", number)

    # How it is done

    async def _until(self, moment: str) -> None:
        point = self._point
        await point.time.sleep(max(0.0, seconds_of(moment) - point.time.seconds()))

    async def _restart_as(self, content: bytes) -> None:
        """Reboot into what was fetched."""
        point = self._point
        if content.startswith(VERSION):
            version = content[len(VERSION) :].split(b"\n", 1)[0].decode().strip()
            point.hardware = replace(point.hardware, firmware=version[:50])
        await point.reset("Soft")
        await point.wait_registered(timeout=None)

    def _remembered(self, *, security: bool = False) -> bytes:
        lines = [
            orjson.dumps([entry.at, entry.action, entry.payload])
            for entry in self._point.journal.sent
            if not security or entry.action in ("SecurityEventNotification", "BootNotification")
        ]
        return b"\n".join(lines)

    async def _fetch(self, location: str, payload: Payload) -> bytes | None:
        fetch = Fetch(location, self.break_after)
        self.break_after = 0
        done = await self._tries(fetch.attempt, f"GET {location}", payload)
        return bytes(fetch.content) if done else None

    async def _send(self, location: str, payload: Payload, body: bytes, name: str) -> bool:
        return await self._tries(lambda: send(location, body, name), f"PUT {location}", payload)

    async def _tries(self, work: Callable[[], None], what: str, payload: Payload) -> bool:
        """Transfer, and again ``retries`` times at ``retryInterval`` seconds."""
        for attempt in range(1 + int(payload.get("retries", 0))):
            if attempt:
                await self._point.time.sleep(float(payload.get("retryInterval", 60)))
            try:
                await asyncio.to_thread(work)
            except (OSError, ValueError, http.client.HTTPException, Refused) as error:
                self._point.say(f"{what}: {error}")
                continue
            return True
        return False

    def _firmware(self, status: str) -> None:
        self.firmware = status
        self.report_firmware()

    def _diagnostics(self, status: str) -> None:
        self.diagnostics = status
        self.report_diagnostics()

    def _signed_status(self, status: str, number: int) -> None:
        told = {"status": status, "requestId": number}
        self._point.link.post("SignedFirmwareStatusNotification", told)

    def _log_status(self, status: str, number: int) -> None:
        self._point.link.post("LogStatusNotification", {"status": status, "requestId": number})
