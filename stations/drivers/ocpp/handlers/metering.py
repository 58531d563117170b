"""MeterValues: stored whatever they say; those of a running charge move it on."""

from datetime import datetime

import msgspec

from stations.clock import believe
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector
from stations.drivers.ocpp.handlers.following import reload, watch
from stations.drivers.ocpp.limits import expected_stop
from stations.drivers.ocpp.line import Line, Running
from stations.services import links
from stations.services.readings import Live, Reading


async def meter_values(line: Line, msg: m.MeterValues, at: datetime) -> bytes:
    """Stored whatever it says; readings of a running charge also move its live row and its limit."""
    require_connector(msg.connector_id)
    connector_pk = line.connectors.get(msg.connector_id)
    if connector_pk is None:
        connector_pk = await line.hub.pool.run(links.connector_pk, line.pk, msg.connector_id)
        line.connectors[msg.connector_id] = connector_pk
    running = line.session_by_transaction(msg.transaction_id, msg.connector_id)
    before = running.at if running is not None else None
    readings = [reading_of(line, connector_pk, running, e, at) for e in msg.meter_value]
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


def reading_of(
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
