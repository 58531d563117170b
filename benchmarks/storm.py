"""The power comes back: 5,000 chargers dial at once, each says that it has booted and how its plug is.

Basic auth is checked for every one of them, with the deliverer at work beside it.
"""

from benchmarks import machine, processes, world
from benchmarks.generator import BOOT, HEARTBEAT, STATUS, CannotMeasure, Generator
from benchmarks.options import Options
from benchmarks.report import Part, Row

CHARGERS = 5_000
P99_GOAL_S, MEMORY_GOAL_MIB = 5.0, 200.0
SPARE_FILES = 200


def run(options: Options) -> Part:
    if machine.raise_open_files() - SPARE_FILES < CHARGERS:
        raise CannotMeasure("5,000 connections need more open files (ulimit -Hn).")
    with processes.sockets(options.folder) as server, processes.deliver(options.folder):
        before, locked = machine.unique_bytes(server.pid), _deadlocks()
        cpu = machine.cpu_seconds(server.pid)
        greetings = (BOOT, STATUS, HEARTBEAT)
        with Generator(options.folder, server, CHARGERS, greetings=greetings) as chargers:
            boots = chargers.greeted
            cpu = machine.cpu_seconds(server.pid) - cpu
            grown = (machine.unique_bytes(server.pid) - before) / 2**20
            if boots is None or boots.measured != CHARGERS:
                raise CannotMeasure("Not every charger booted.")
            served = chargers.each(HEARTBEAT).answered
        locked = _deadlocks() - locked
    rows = (
        Row(
            f"{CHARGERS:,} chargers reconnect at once: p99 of the boot’s answer",
            f"≤ {P99_GOAL_S:.0f} s",
            f"{boots.p99 / 1000:.2f} s",
            boots.p99 / 1000 <= P99_GOAL_S,
        ),
        Row(
            "the same: all are back and served", f"{CHARGERS:,}", f"{served:,}", served == CHARGERS
        ),
        Row("the same: deadlocks in PostgreSQL", "0", str(locked), locked == 0),
        Row(
            "the same: memory of the process grows by",
            f"≤ {MEMORY_GOAL_MIB:.0f} MiB",
            f"{grown:.0f} MiB",
            grown <= MEMORY_GOAL_MIB,
        ),
    )
    note = (
        f"p50 {boots.p50 / 1000:.2f} s, slowest {boots.max / 1000:.2f} s; all were connected and boot, status"
        f" and heartbeat of all answered {boots.seconds:.1f} s after the power came back,"
        f" {cpu:.1f} s of it the process's CPU"
    )
    return Part("storm", rows, (note,))


def _deadlocks() -> int:
    found = world.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(found[0][0])
