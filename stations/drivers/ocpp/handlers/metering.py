"""MeterValues: stored whatever they say; those of a running charge move it on."""

from datetime import datetime

import msgspec

from stations.clock import Claim, believe, oddity
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.handlers.answers import EMPTY, require_connector
from stations.drivers.ocpp.handlers.following import reload, watch
from stations.drivers.ocpp.limits import expected_stop
from stations.drivers.ocpp.line import Line, Running
from stations.services import links
from stations.services.readings import Live, Reading

QUICK_RISE_WH = 150  # a rise so small needs no look at the time that it took


async def meter_values(line: Line, msg: m.MeterValues, at: datetime) -> bytes:
    """Stored whatever it says; readings of a running charge also move its live row and its limit."""
    require_connector(msg.connector_id)
    connector_pk = line.connectors.get(msg.connector_id)
    if connector_pk is None:
        connector_pk = await line.hub.pool.run(links.connector_pk, line.pk, msg.connector_id)
        line.connectors[msg.connector_id] = connector_pk
    if msg.transaction_id is not None and msg.transaction_id <= 0:
        _no_number(line, msg.transaction_id)
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


def _no_number(line: Line, said: int) -> None:
    line.notice("transaction_zero" if said == 0 else "transaction_minus_one", transaction_id=said)


def reading_of(
    line: Line,
    connector_pk: int,
    running: Running | None,
    element: m.MeterValueElement,
    at: datetime,
) -> Reading:
    try:
        sampled = m.read_samples(element.sampled_value, line.kilo)
    except msgspec.ValidationError as error:
        raise Refused("TypeConstraintViolation", f"sampledValue: {error}"[:200]) from None
    claim = believe(element.timestamp, at, line.connected_at, line.clock_shift)
    register = sampled.register_wh
    if claim.clock or sampled.odd or (register is not None and register < 0):
        _wonder(line, element, sampled, claim, at)
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


def _wonder(
    line: Line, element: m.MeterValueElement, sampled: m.Sampled, claim: Claim, at: datetime
) -> None:
    """Something of a reading is not as the standard says."""
    if claim.clock:
        line.notice(oddity(claim, at), timestamp=m.text(element.timestamp, 40))
    if sampled.odd:
        line.notice("unknown_measurand", said=m.text(sampled.odd, 60))
    if sampled.register_wh is not None and sampled.register_wh < 0:
        line.notice("negative_register", register_wh=sampled.register_wh)


def _follow(running: Running, readings: list[Reading], received_at: datetime) -> Live | None:
    """Take readings into the running charge; the row of newest values that results."""
    newest: Reading | None = None
    for reading in readings:
        if reading.register_wh is None or reading.at < running.at:
            continue  # history of before (Alfen, quirk 9) moves nothing
        gained = running.register.energy_wh
        rise = reading.register_wh - running.register.last_wh
        if 0 <= rise <= QUICK_RISE_WH:
            running.register.read(reading.register_wh)
        else:
            most = running.most_wh(reading.at, reading.received_at)
            running.register.read(reading.register_wh, most)
        gained = running.register.energy_wh - gained
        gap = (reading.at - running.at).total_seconds()
        if reading.power_w is not None:
            running.power_w = reading.power_w
        elif (
            gap >= 1
        ):  # two readings in one instant tell no power, and a division of them no number
            running.power_w = min(int(gained * 3600 / gap), int(m.MAX_W))
        if gap > 1:
            running.sample_gap_s = min(gap, 900.0)
        running.at = reading.at
        running.heard_at = reading.received_at
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
