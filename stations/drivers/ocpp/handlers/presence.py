"""The charger says that it is there and how its plugs are: boot, heartbeat, status."""

import time
from datetime import datetime

import msgspec
from django.conf import settings

from stations import devices
from stations.clock import believe
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector, zulu
from stations.drivers.ocpp.line import CallRefused, Line, NoAnswer
from stations.services import limits, links
from stations.services.connectors import BootReport, StatusReport, is_known_status

FORGETS_S, NEVER_SAID_S = 1.0, 20.0  # how long a line may be open before it is asked who it is
TRIGGER_ANSWER_S = 15.0
LONGEST_SERIAL = 25

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
    _notice_boot(line, msg)
    await line.hub.facts.submit(report)
    line.booted = True
    await _choose_device(line, report)
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
    if not known:
        line.notice("unknown_error_code", said=m.text(msg.error_code, 60))
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
    if status == "Charging" and line.device.quirks.limit_resend_on_charging:
        line.hub.spawn(line.hub.pool.run(limits.tell_again, line.pk, msg.connector_id))
    return EMPTY


def expect(line: Line, introduced: bool) -> None:
    """A charger that has not introduced itself on this line is asked to, some after each reconnect
    (quirks 3 and 20), others only as long as nobody knows what they are."""
    forgets = line.device.quirks.no_boot_after_reconnect
    if introduced and not forgets:
        return
    wait = FORGETS_S if forgets else NEVER_SAID_S
    line.hub.silent.append((time.monotonic() + wait, line))


async def ask(line: Line) -> None:
    """Its boot message, then how its plugs are. What it says comes as messages of its own."""
    if line.closed or line.booted or line.no_trigger:
        return
    line.notice("no_boot")
    for wanted in ("BootNotification", "StatusNotification"):
        try:
            await line.call("TriggerMessage", {"requestedMessage": wanted}, TRIGGER_ANSWER_S)
        except CallRefused:
            line.no_trigger = True
            line.notice("no_trigger")
            return
        except NoAnswer:
            return


def _notice_boot(line: Line, msg: m.BootNotification) -> None:
    """What is not as §6.3 has it: 20 characters of vendor and model, 25 of each serial number."""
    serial = msg.charge_point_serial_number or ""
    box = msg.charge_box_serial_number or ""
    if max(len(serial), len(box)) > LONGEST_SERIAL:
        line.notice("long_serial", length=max(len(serial), len(box)))
    if not msg.charge_point_vendor.strip():
        line.notice("no_vendor")


async def _choose_device(line: Line, report: BootReport) -> None:
    """Deal with it as what it says it is; asked again only where that differs from before."""
    before = line.device
    found = devices.match(report.vendor, report.model, report.firmware_version)
    if found.key != before.key:
        line.take_device(await line.hub.pool.run(links.device_now, line.pk))
