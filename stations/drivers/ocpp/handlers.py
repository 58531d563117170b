"""What each request of a charger does: OCPP words in, one service call, the legal answer out.

A handler returns the payload of the CALLRESULT; it has committed by then. What it raises becomes a
CALLERROR (``frames.Refused``) or, when the database is away, no answer at all.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction

from core import outbox
from stations.clock import Clock, believe
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.limits import Watch, expected_stop
from stations.drivers.ocpp.line import Line, Running
from stations.services import authorising, links, starting, stopping
from stations.services.authorising import TagInfo
from stations.services.connectors import MAX_CONNECTORS, BootReport, StatusReport, is_known_status
from stations.services.readings import Live, Reading

EMPTY = b"{}"
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

Handler = Callable[[Line, Any, datetime], Awaitable[bytes]]


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
    _require_connector(msg.connector_id)
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


async def authorize(line: Line, msg: m.Authorize, at: datetime) -> bytes:
    info = await line.hub.pool.run(authorising.authorise, line.pk, m.text(msg.id_tag, 40))
    return msgspec.json.encode({"idTagInfo": tag_info(info)})


async def start_transaction(line: Line, msg: m.StartTransaction, at: datetime) -> bytes:
    _require_connector(msg.connector_id)
    claim = believe(msg.timestamp, at, line.connected_at)
    start = starting.Start(
        connector_id=msg.connector_id,
        id_tag=m.text(msg.id_tag, 40),
        meter_start=max(m.whole(msg.meter_start) or 0, 0),
        raw_time=m.text(msg.timestamp, 40),
        claim=claim,
        received_at=at,
    )
    started = await line.hub.pool.run(starting.start_session, line.pk, start)
    await reload(line)
    return msgspec.json.encode(
        {"transactionId": started.session.transaction_id, "idTagInfo": tag_info(started.info)}
    )


async def stop_transaction(line: Line, msg: m.StopTransaction, at: datetime) -> bytes:
    """Always answered (SteVe #156): an unknown or repeated stop becomes a case, never an error."""
    claim = believe(msg.timestamp, at, line.connected_at)
    stop = stopping.Stop(
        transaction_id=msg.transaction_id if abs(msg.transaction_id) < 2**31 else -2,
        meter_stop=_register(msg.meter_stop),
        raw_time=m.text(msg.timestamp, 40),
        claim=claim,
        received_at=at,
        reason=m.text(msg.reason, 20) or "Local",
        id_tag=m.text(msg.id_tag, 40),
        data=_transaction_data(line, msg, at),
    )
    info = await line.hub.pool.run(stopping.stop_session, line.pk, stop)
    await reload(line)
    return msgspec.json.encode({"idTagInfo": tag_info(info)}) if info else EMPTY


async def meter_values(line: Line, msg: m.MeterValues, at: datetime) -> bytes:
    """Stored whatever it says; readings of a running charge also move its live row and its limit."""
    _require_connector(msg.connector_id)
    connector_pk = line.connectors.get(msg.connector_id)
    if connector_pk is None:
        connector_pk = await line.hub.pool.run(links.connector_pk, line.pk, msg.connector_id)
        line.connectors[msg.connector_id] = connector_pk
    running = line.session_by_transaction(msg.transaction_id, msg.connector_id)
    before = running.at if running is not None else None
    readings = [_reading(line, connector_pk, running, e, at) for e in msg.meter_value]
    if not readings:
        return EMPTY
    live = _follow(running, readings, at) if running is not None else None
    try:
        await line.hub.meter.submit((readings, live))
    except Exception:
        await reload(line)  # what memory had taken in was not stored
        raise
    if running is not None and before is not None:
        line.hub.stale_stations.add((line.company_id, line.station_id))
        watch(line, running)
    return EMPTY


async def data_transfer(line: Line, msg: m.DataTransfer, at: datetime) -> bytes:
    """We know no vendor's extensions; the frame log keeps what was said (OCPP 1.6 §4.3)."""
    return b'{"status":"UnknownVendorId"}'


async def progress_notification(line: Line, msg: m.StatusOnly, at: datetime) -> bytes:
    """Firmware and diagnostics progress goes on the charger's timeline."""
    await line.hub.pool.run(
        _note_progress, line.pk, line.company_id, line.station_id, m.text(msg.status, 40)
    )
    return EMPTY


def watch(line: Line, running: Running) -> None:
    """Let the limit look at the newest reading."""
    if running.allowance_wh is None and running.allowance_until is None:
        if running.watch is not None:
            running.watch.cancel()
        return
    if running.watch is None:
        running.watch = Watch(line, running)
    running.watch.look()


async def reload(line: Line) -> None:
    """Take the running charges from the database again, after it changed beside our memory."""
    rows = await line.hub.pool.run(lambda: links.open_sessions(charger_id=line.pk))
    line.set_running([row for _, row in rows])
    for running in line.running.values():
        watch(line, running)


def tag_info(info: TagInfo) -> dict[str, str]:
    """IdTagInfo as the schema wants it."""
    answer = {"status": info.status}
    if info.expires_at is not None:
        answer["expiryDate"] = zulu(info.expires_at)
    if info.parent_id_tag:
        answer["parentIdTag"] = info.parent_id_tag
    return answer


def zulu(at: datetime) -> str:
    """RFC 3339 with milliseconds and Z, which every charger reads (quirk 25)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _require_connector(number: int) -> None:
    if not 0 <= number <= MAX_CONNECTORS:
        raise Refused("PropertyConstraintViolation", f"connectorId: {number}"[:60])


def _register(value: m.Number | None) -> int | None:
    whole = m.whole(value)
    return None if whole is None else max(whole, 0)


def _reading(
    line: Line,
    connector_pk: int,
    running: Running | None,
    element: m.MeterValueElement,
    at: datetime,
) -> Reading:
    try:
        sampled = m.read_samples(element.sampled_value)
    except msgspec.ValidationError as error:
        raise Refused("TypeConstraintViolation", f"sampledValue: {error}"[:200]) from None
    claim = believe(element.timestamp, at, line.connected_at)
    register = sampled.register_wh
    return Reading(
        connector_pk,
        running.pk if running is not None else None,
        claim.at,
        claim.device_at,
        at.timestamp(),
        claim.clock,
        register if register is None or register >= 0 else None,
        sampled.power_w,
        sampled.soc,
        m.storable(bytes(element.sampled_value).decode()),
    )


def _follow(running: Running, readings: list[Reading], received_at: datetime) -> Live | None:
    """Take readings into the running charge; the row of newest values that results."""
    newest: Reading | None = None
    for reading in readings:
        if reading.register_wh is None or reading.at < running.at:
            continue  # history of before (Alfen, quirk 9) moves nothing
        gained = running.register.energy_wh
        running.register.read(reading.register_wh)
        gained = running.register.energy_wh - gained
        gap = (reading.at - running.at).total_seconds()
        if reading.power_w is not None:
            running.power_w = reading.power_w
        elif gap > 0:
            running.power_w = int(gained * 3600 / gap)
        if gap > 1:
            running.sample_gap_s = min(gap, 900.0)
        running.at = reading.at
        newest = reading
    if newest is None:
        return None
    return Live(
        running.pk,
        running.register.energy_wh,
        running.register.last_wh,
        running.power_w,
        newest.soc,
        newest.at,
        received_at,
        expected_stop(running),
    )


def _transaction_data(line: Line, msg: m.StopTransaction, at: datetime) -> tuple[Reading, ...]:
    """Readings that come with a stop. What cannot be read is left out: a stop is never refused."""
    running = line.session_by_transaction(msg.transaction_id, 0)
    found = []
    for element in msg.transaction_data or ():
        try:
            reading = _reading(
                line, line.connectors.get(running.number, 0) if running else 0, running, element, at
            )
        except (Refused, msgspec.DecodeError, UnicodeError):
            continue
        if reading.clock != Clock.RECEIPT:
            found.append(reading)
    return tuple(found)


def _note_progress(charger_id: int, company_id: int, station_id: int, status: str) -> None:
    with transaction.atomic():
        outbox.publish(
            "charger_progress",
            charger_id,
            company_id=company_id,
            topic=f"charger:{charger_id}",
            station=station_id,
            charger=charger_id,
            status=status,
        )


def _decoder(kind: type[m.Payload]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


# Raw action word -> its decoder and handler.
ACTIONS: dict[bytes, tuple[msgspec.json.Decoder[Any], Handler]] = {
    b'"MeterValues"': (_decoder(m.MeterValues), meter_values),
    b'"Heartbeat"': (_decoder(m.Heartbeat), heartbeat),
    b'"StatusNotification"': (_decoder(m.StatusNotification), status_notification),
    b'"Authorize"': (_decoder(m.Authorize), authorize),
    b'"StartTransaction"': (_decoder(m.StartTransaction), start_transaction),
    b'"StopTransaction"': (_decoder(m.StopTransaction), stop_transaction),
    b'"BootNotification"': (_decoder(m.BootNotification), boot_notification),
    b'"DataTransfer"': (_decoder(m.DataTransfer), data_transfer),
    b'"FirmwareStatusNotification"': (_decoder(m.StatusOnly), progress_notification),
    b'"DiagnosticsStatusNotification"': (_decoder(m.StatusOnly), progress_notification),
}
