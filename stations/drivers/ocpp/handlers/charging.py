"""A charge from tap to stop: Authorize, StartTransaction, StopTransaction."""

from datetime import datetime

import msgspec

from stations.clock import Clock, believe
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector, tag_info
from stations.drivers.ocpp.handlers.following import reload
from stations.drivers.ocpp.handlers.metering import reading_of
from stations.drivers.ocpp.line import Line
from stations.services import authorising, starting, stopping
from stations.services.readings import Reading


async def authorize(line: Line, msg: m.Authorize, at: datetime) -> bytes:
    info = await line.hub.pool.run(authorising.authorise, line.pk, m.text(msg.id_tag, 40))
    return msgspec.json.encode({"idTagInfo": tag_info(info)})


async def start_transaction(line: Line, msg: m.StartTransaction, at: datetime) -> bytes:
    require_connector(msg.connector_id)
    claim = believe(msg.timestamp, at, line.connected_at)
    start = starting.Start(
        connector_id=msg.connector_id,
        id_tag=m.text(msg.id_tag, 40),
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
