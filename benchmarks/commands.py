"""An order from another process to a charger and its answer back, one after the other."""

import json
import select
import statistics
import time
from typing import Any

from benchmarks import processes
from benchmarks.generator import CannotMeasure, Generator
from benchmarks.options import Options
from benchmarks.report import Part, Row

CHARGERS = 200
COMMANDS = 1_000
P50_GOAL_MS, P99_GOAL_MS = 2.0, 10.0
PATIENCE_SECONDS = 10.0


def run(options: Options) -> Part:
    from django.db import connection

    from stations.models import Charger

    count = COMMANDS // 5 if options.quick else COMMANDS
    with (
        processes.sockets(options.folder) as server,
        Generator(options.folder, server, CHARGERS),
    ):
        chargers = list(Charger.objects.exclude(connection_holder="").order_by("pk"))
        ear = _listen(connection.get_connection_params())
        try:
            found = [_one(ear, chargers[n % CHARGERS]) for n in range(-CHARGERS, count)]
        finally:
            ear.close()
    total, to_wire = zip(*found[CHARGERS:], strict=True)  # the first of each charger warm it up
    p50, p99 = _percentiles(total)
    there, there99 = _percentiles(to_wire)
    rows = (
        _row("command from another process and back, 200 chargers: p50", p50, P50_GOAL_MS),
        _row("the same: p99", p99, P99_GOAL_MS),
    )
    note = (
        f"until it is claimed for the wire p50 {there:.2f} ms, p99 {there99:.2f} ms;"
        " the simulated charger's own time (about 0.1 ms) is included"
    )
    return Part("commands", rows, (note,))


def _one(ear: Any, charger: Any) -> tuple[float, float]:
    """Milliseconds from the call of the service to the answer's NOTIFY, and to the claim."""
    from stations.drivers.ocpp.driver import OcppDriver

    before, clock = time.perf_counter(), time.time()
    command = OcppDriver().send(charger, "ClearCache", {}, by="benchmark")
    status = _wait(ear, command.pk)
    took = (time.perf_counter() - before) * 1000
    command.refresh_from_db()
    if status != "accepted" or command.sent_at is None:
        raise CannotMeasure(f"A command to {charger} ended as {status}: {command.detail}")
    return took, (command.sent_at.timestamp() - clock) * 1000


def _listen(words: dict[str, Any]) -> Any:
    import psycopg2

    from stations.services.commands import DONE_CHANNEL

    ear = psycopg2.connect(**words)
    ear.autocommit = True
    with ear.cursor() as cursor:
        cursor.execute(f"LISTEN {DONE_CHANNEL}")
    return ear


def _wait(ear: Any, command_id: int) -> str:
    while select.select([ear], [], [], PATIENCE_SECONDS)[0]:
        ear.poll()
        notes, ear.notifies[:] = list(ear.notifies), []
        for note in notes:
            message = json.loads(note.payload)
            if message["id"] == command_id:
                return str(message["status"])
    raise CannotMeasure("A command was not answered.")


def _percentiles(times: tuple[float, ...]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def _row(what: str, found: float, goal: float) -> Row:
    return Row(what, f"< {goal:.0f} ms", f"{found:.2f} ms", found < goal)
