"""A charge from tap to stop: Authorize, StartTransaction, StopTransaction."""

from datetime import datetime

import msgspec

from stations.clock import Claim, Clock, believe, oddity
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector, tag_info
from stations.drivers.ocpp.handlers.following import reload
from stations.drivers.ocpp.handlers.metering import reading_of
from stations.drivers.ocpp.line import Line
from stations.services import authorising, starting, stopping
from stations.services.readings import Reading


async def authorize(line: Line, msg: m.Authorize, at: datetime) -> bytes:
    info = await line.hub.pool.run(authorising.authorise, line.pk, _tag(line, msg.id_tag))
    return msgspec.json.encode({"idTagInfo": tag_info(info)})


async def start_transaction(line: Line, msg: m.StartTransaction, at: datetime) -> bytes:
    require_connector(msg.connector_id)
    claim = _claim(line, msg.timestamp, at)
    _notice_fraction(line, msg.meter_start)
    start = starting.Start(
        connector_id=msg.connector_id,
        id_tag=_tag(line, msg.id_tag),
        meter_start=max(m.whole(msg.meter_start) or 0, 0),
        raw_time=m.text(msg.timestamp, 40),
        claim=claim,
        received_at=at,
        reservation_id=msg.reservation_id,
    )
    started = await line.hub.pool.run(starting.start_session, line.pk, start)
    await reload(line)
    return msgspec.json.encode(
        {"transactionId": started.session.transaction_id, "idTagInfo": tag_info(started.info)}
    )


async def stop_transaction(line: Line, msg: m.StopTransaction, at: datetime) -> bytes:
    """Always answered (SteVe #156): an unknown or repeated stop becomes a case, never an error."""
    claim = _claim(line, msg.timestamp, at)
    _notice_fraction(line, msg.meter_stop)
    if msg.transaction_id in stopping.ANY_OPEN:
        code = "transaction_minus_one" if msg.transaction_id else "transaction_zero"
        line.notice(code, transaction_id=msg.transaction_id)
    stop = stopping.Stop(
        transaction_id=msg.transaction_id if abs(msg.transaction_id) < 2**31 else -2,
        meter_stop=_register(msg.meter_stop),
        raw_time=m.text(msg.timestamp, 40),
        claim=claim,
        received_at=at,
        reason=m.text(msg.reason, 20) or "Local",
        id_tag=_tag(line, msg.id_tag),
        data=_transaction_data(line, msg, at),
    )
    info = await line.hub.pool.run(stopping.stop_session, line.pk, stop)
    await reload(line)
    return msgspec.json.encode({"idTagInfo": tag_info(info)}) if info else EMPTY


def _tag(line: Line, said: str | None) -> str:
    found = m.tag(said)
    if said and not said.isprintable():
        line.notice("tag_control_bytes", length=len(said))
    return found


def _claim(line: Line, said: str | None, at: datetime) -> Claim:
    claim = believe(said, at, line.connected_at, line.clock_shift)
    if claim.clock:
        line.notice(oddity(claim, at), timestamp=m.text(said, 40))
    return claim


def _notice_fraction(line: Line, register: m.Number | None) -> None:
    """meterStart and meterStop are whole Wh (OCPP 1.6 §6.45, §6.49)."""
    if isinstance(register, float) and register != int(register):
        line.notice("fractional_wh", register=register)


def _register(value: m.Number | None) -> int | None:
    whole = m.whole(value)
    return None if whole is None else max(whole, 0)


def _transaction_data(line: Line, msg: m.StopTransaction, at: datetime) -> tuple[Reading, ...]:
    """Readings that come with a stop. What cannot be read is left out: a stop is never refused."""
    running = line.session_by_transaction(msg.transaction_id, 0)
    found = []
    for element in msg.transaction_data or ():
        try:
            reading = reading_of(
                line, line.connectors.get(running.number, 0) if running else 0, running, element, at
            )
        except (Refused, msgspec.DecodeError, UnicodeError):
            continue
        if reading.clock != Clock.RECEIPT:
            found.append(reading)
    return tuple(found)
