"""Readings into the database: one COPY and one UPDATE for everything that came together.

The hot path of the product (docs/benchmarks.md). The caller owns the transaction and answers
chargers only after it has committed.
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from django.db import connection

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COPY = (
    "COPY stations_metervalue (connector_id, session_id, at, device_at, received_at, clock,"
    " register_wh, power_w, soc, samples) FROM STDIN"
)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One MeterValue element. Wh, W, percent; ``received_at`` in seconds since 1970 (``time.time()``);
    ``samples`` is the JSON of its sampledValue list."""

    connector_id: int
    session_id: int | None
    at: datetime
    device_at: datetime | None
    received_at: float
    clock: int
    register_wh: int | None
    power_w: int | None
    soc: int | None
    samples: str


class Live(msgspec.Struct, frozen=True, gc=False):
    """What a session's row of newest values becomes."""

    session_id: int
    energy_wh: int
    register_wh: int
    power_w: int | None
    soc: int | None
    at: datetime
    received_at: datetime
    stop_due_at: datetime | None


def write(readings: Sequence[Reading], lives: Sequence[Live]) -> None:
    """Store readings and renew the live rows: both or neither, in one trip to the server.

    Statements sent as one string are one transaction by themselves (PostgreSQL, simple query
    protocol), so outside ``atomic`` the commit comes with the same answer.
    """
    if not readings:
        return
    newest = {live.session_id: live for live in lives}
    statement = f"{_live_statement(list(newest.values()))}; {_COPY}" if newest else _COPY
    text = "".join(map(_copy_line, readings))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # One chunk: psycopg2 gives up the interpreter lock for each.
        cursor.cursor.copy_expert(statement, io.StringIO(text), size=len(text) + 1)


def is_stored(reading: Reading) -> bool:
    """Whether a reading was stored after all, when the line broke before the answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM stations_metervalue WHERE received_at = %s AND connector_id = %s)",
            [_stamps.text(reading.received_at), reading.connector_id],
        )
        return bool(cursor.fetchone()[0])


_NULL = "\\N"


class Stamps:
    """Times as text, the part down to the second made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def text(self, epoch: float) -> str:
        second = int(epoch)
        if second != self._second:
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
            self._second = second
        return f"{self._prefix}.{int((epoch - second) * 1e6):06d}+00"


_stamps = Stamps()


def _copy_line(r: Reading) -> str:
    at = r.at.isoformat()
    device_at = at if r.device_at is r.at else r.device_at.isoformat() if r.device_at else _NULL
    return (
        f"{r.connector_id}\t{_or_null(r.session_id)}\t{at}\t{device_at}\t{_stamps.text(r.received_at)}\t{r.clock:d}\t"
        f"{_or_null(r.register_wh)}\t{_or_null(r.power_w)}\t{_or_null(r.soc)}\t{copy_text(r.samples)}\n"
    )


def copy_text(json: str) -> str:
    """Valid JSON as COPY wants it. The only control characters it can hold are between its tokens."""
    if "\\" in json or "\n" in json or "\t" in json or "\r" in json:
        return json.translate(_ESCAPES)
    return json


def _or_null(number: int | None) -> str:
    return _NULL if number is None else str(number)


def _live_statement(lives: Sequence[Live]) -> str:
    """Numbers and times of our own making only, so plain text is safe and cheapest."""
    rows = ",".join(
        f"({v.session_id},{v.energy_wh},{v.register_wh},{_or_sql_null(v.power_w)},{_or_sql_null(v.soc)},"
        f"'{v.at.isoformat()}','{v.received_at.isoformat()}',"
        f"{_quoted_time(v.stop_due_at)})"
        for v in lives
    )
    return (
        "UPDATE stations_sessionlive AS l SET energy_wh = v.energy, register_wh = v.register,"  # noqa: S608
        " power_w = v.power::int, soc = v.soc::smallint, at = v.at::timestamptz,"
        " received_at = v.received::timestamptz, stop_due_at = v.due::timestamptz"
        f" FROM (VALUES {rows}) AS v(session, energy, register, power, soc, at, received, due)"
        " WHERE l.session_id = v.session"
    )


def _or_sql_null(number: int | None) -> str:
    return "NULL" if number is None else str(number)


def _quoted_time(at: datetime | None) -> str:
    return "NULL" if at is None else f"'{at.isoformat()}'"
