"""The energy of a session, from everything its charger said and what is known of its model."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stations import devices
from stations.clock import GUARD
from stations.devices import Device
from stations.metering import JITTER_WH, Metered, Plug, Sample, looks_like_kwh, measure
from stations.models import CaseKind, Charger, Connector, MeterValue, Session, SessionStatus
from stations.services import findings
from stations.services.cases import open_case

# What a plug may give whose kind nobody has entered: the largest charger there is on our roads.
UNKNOWN_PLUG_W = 400_000
MOST_EVIDENCE = 40
LONGEST_STEP_S = 900.0  # power is taken to have lasted no longer than this after a reading


@dataclass(frozen=True, slots=True)
class Row:
    """What one reading says, and when."""

    at: datetime
    device_at: datetime | None
    received_at: datetime
    register_wh: int | None
    power_w: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """The energy with what it was found from."""

    metered: Metered
    rows: Sequence[Row]
    plug: Plug

    @property
    def samples(self) -> list[Sample]:
        return _samples(self.rows)

    @property
    def drawn_wh(self) -> float:
        """Power over time, as the charger gave it: no billing value, but it gives a lie away."""
        pairs = zip(self.rows, self.rows[1:], strict=False)
        return sum(
            (a.power_w or 0) * min((b.at - a.at).total_seconds(), LONGEST_STEP_S) / 3600
            for a, b in pairs
        )


def device_of(charger: Charger) -> Device:
    """How the charger is dealt with. Costs no query: files are read once."""
    return devices.choose(
        charger.device, charger.vendor, charger.model, charger.firmware_version, charger.quirks
    )


def find(session: Session) -> Found:
    """Measure a session as it stands: to its stop where it has one, else to its last reading."""
    rows = _rows(session)
    plug = plug_of(session.connector, device_of(session.charger), rows)
    ended = session.status == SessionStatus.ENDED and not session.stop_inferred
    stop_wh = session.meter_stop if ended else None
    stop = None
    if stop_wh is not None and session.stopped_at is not None:
        stop = Sample(session.stopped_at, stop_wh, session.stopped_received_at)
    start = Sample(session.started_at, session.meter_start, session.started_received_at)
    samples = _samples(rows)
    metered = measure(session.meter_start, samples, stop_wh, start=start, stop=stop, plug=plug)
    return Found(metered, rows, plug)


def plug_of(connector: Connector, device: Device, rows: Sequence[Row] = ()) -> Plug:
    """What can have flowed: the plug's plate or, where its own power readings say more, those."""
    powers = sorted(r.power_w for r in rows if r.power_w and r.power_w > 0)
    usual = min(powers[len(powers) // 2], UNKNOWN_PLUG_W) if powers else 0
    return Plug(max(most_power_w(connector), usual), device.quirks.counts_from_zero)


def most_power_w(connector: Connector) -> int:
    """W that the plug can give; one that nobody has described may be any."""
    return connector.max_power_w if connector.kind else max(UNKNOWN_PLUG_W, connector.max_power_w)


def _rows(session: Session) -> list[Row]:
    """The readings of a session by believed time. One that a charger sends again counts once, and
    history of before the start not at all (Alfen, quirk 9)."""
    found = MeterValue.objects.filter(session=session).order_by("at", "id")
    seen: set[tuple[datetime, int | None]] = set()
    rows = []
    for values in found.values_list("at", "device_at", "received_at", "register_wh", "power_w"):
        row = Row(*values)
        if row.at < session.started_at - GUARD:
            continue
        if row.device_at is not None:
            if (row.device_at, row.register_wh) in seen:
                continue
            seen.add((row.device_at, row.register_wh))
        rows.append(row)
    return rows


def _samples(rows: Sequence[Row]) -> list[Sample]:
    return [Sample(r.at, r.register_wh, r.received_at) for r in rows if r.register_wh is not None]


def open_cases(session: Session, found: Found) -> None:
    """Where the meter lied in a way that is not known of its model, a person hears of it, with all
    the evidence. Call inside a transaction, after the session has been ended."""
    metered = found.metered
    kwh = looks_like_kwh(metered.wh, found.drawn_wh)
    if not (metered.faulty or kwh):
        return
    codes = [*metered.faults, *(["kwh_labelled_wh"] if kwh else [])]
    seen = {"session": session.pk, "transaction_id": session.transaction_id}
    findings.note(session.charger_id, codes, seen, device_of(session.charger).key)
    kind = CaseKind.UNIT_FAULT if kwh else CaseKind.METER_FAULT
    if metered.disputed_wh > JITTER_WH:
        kind = CaseKind.ENERGY_DISPUTED
    open_case(
        kind, session.charger, key=str(session.pk), session=session, **_evidence(session, found)
    )


def _evidence(session: Session, found: Found) -> dict[str, Any]:
    metered = found.metered
    stopped_at = session.stopped_at or session.started_at
    possible = found.plug.most_wh((stopped_at - session.started_at).total_seconds())
    return {
        "meter_start": session.meter_start,
        "meter_stop": session.meter_stop,
        "energy_wh": metered.wh,
        "claimed_wh": metered.claimed_wh,
        "disputed_wh": metered.disputed_wh,
        "possible_wh": int(possible),
        "drawn_wh": int(found.drawn_wh),
        "faults": list(metered.faults),
        "started_at": session.started_at.isoformat(),
        "stopped_at": stopped_at.isoformat(),
        "readings": [[s.at.isoformat(), s.register_wh] for s in _telling(found.samples)],
    }


def _telling(samples: Sequence[Sample]) -> list[Sample]:
    """The readings around each break, the first and the last: what a person needs to see it."""
    ordered = sorted(samples, key=lambda s: s.at)
    if len(ordered) <= MOST_EVIDENCE:
        return ordered
    steps = [
        (b.register_wh - a.register_wh, n) for n, (a, b) in enumerate(itertools.pairwise(ordered))
    ]
    odd = sorted(steps)[:8] + sorted(steps)[-8:]
    kept = {0, 1, len(ordered) - 2, len(ordered) - 1}
    kept |= {n + more for _, n in odd for more in (0, 1)}
    return [ordered[n] for n in sorted(kept)]
