"""How far the charger is with a file: firmware, diagnostics, logs."""

from datetime import datetime

from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers.answers import EMPTY
from stations.drivers.ocpp.line import Line
from stations.services import transfers
from stations.services.transfers import Report

MOST_REQUEST_ID = 2**63


async def firmware_status(line: Line, msg: m.StatusOnly, at: datetime) -> bytes:
    return await _keep(line, "FirmwareStatusNotification", msg.status, None, at)


async def diagnostics_status(line: Line, msg: m.StatusOnly, at: datetime) -> bytes:
    return await _keep(line, "DiagnosticsStatusNotification", msg.status, None, at)


async def log_status(line: Line, msg: m.TransferStatus, at: datetime) -> bytes:
    return await _keep(line, "LogStatusNotification", msg.status, msg.request_id, at)


async def signed_firmware_status(line: Line, msg: m.TransferStatus, at: datetime) -> bytes:
    return await _keep(line, "SignedFirmwareStatusNotification", msg.status, msg.request_id, at)


async def _keep(
    line: Line, action: str, status: str, request_id: int | None, at: datetime
) -> bytes:
    """Kept whatever it says, also where we asked for nothing; answered once it is."""
    if request_id is not None and abs(request_id) >= MOST_REQUEST_ID:
        request_id = 0  # no number of ours
    report = Report(
        line.pk, line.company_id, line.station_id, action, m.text(status, 40), request_id, at
    )
    await line.hub.pool.run(transfers.record, report)
    return EMPTY
