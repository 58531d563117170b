"""The charger says that it is there and how its plugs are: boot, heartbeat, status."""

from datetime import datetime

import msgspec
from django.conf import settings

from stations.clock import believe
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector, zulu
from stations.drivers.ocpp.line import Line
from stations.services.connectors import BootReport, StatusReport, is_known_status

# ChargePointErrorCode, OCPP 1.6 §7.6; what is not in it is stored as OtherError with its own words.
ERROR_CODES = frozenset(
    {
        "ConnectorLockFailure",
        "EVCommunicationError",
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "LocalListConflict",
        "NoError",
        "OtherError",
        "OverCurrentFailure",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "OverVoltage",
        "WeakSignal",
    }
)
# Occupied is OCPP 1.5's word, still sent by old firmware.
STATUS_ALIASES = {"Occupied": "Preparing"}


async def boot_notification(line: Line, msg: m.BootNotification, at: datetime) -> bytes:
    """Accepted at once, never Pending: some chargers loop on Pending (quirk 3)."""
    report = BootReport(
        charger_id=line.pk,
        vendor=m.text(msg.charge_point_vendor, 80),
        model=m.text(msg.charge_point_model, 80),
        serial_number=m.text(msg.charge_point_serial_number or msg.charge_box_serial_number, 80),
        firmware_version=m.text(msg.firmware_version, 80),
        everything={k: m.text(v, 200) for k, v in msgspec.structs.asdict(msg).items() if v},
        received_at=at,
    )
    await line.hub.facts.submit(report)
    interval = settings.OCPP_HEARTBEAT_SECONDS
    return f'{{"status":"Accepted","currentTime":"{zulu(at)}","interval":{interval}}}'.encode()


async def heartbeat(line: Line, msg: m.Heartbeat, at: datetime) -> bytes:
    return f'{{"currentTime":"{zulu(at)}"}}'.encode()


async def status_notification(line: Line, msg: m.StatusNotification, at: datetime) -> bytes:
    require_connector(msg.connector_id)
    status = STATUS_ALIASES.get(msg.status, msg.status)
    if not is_known_status(status):
        raise Refused("PropertyConstraintViolation", f"status: {msg.status[:40]}")
    known = msg.error_code in ERROR_CODES
    claim = believe(msg.timestamp, at, line.connected_at)
    await line.hub.facts.submit(
        StatusReport(
            charger_id=line.pk,
            connector_id=msg.connector_id,
            status=status,
            error_code=msg.error_code if known else "OtherError",
            info=m.text(msg.info, 120),
            vendor_error_code=m.text(
                msg.vendor_error_code or ("" if known else msg.error_code), 60
            ),
            received_at=at,
            device_at=claim.device_at,
        )
    )
    return EMPTY
