"""Ten thousand chargers on one process: the storm in which they come, and the memory they keep."""

import time
from dataclasses import dataclass

from benchmarks import machine, processes
from benchmarks.generator import BOOT, HEARTBEAT, CannotMeasure, Generator
from benchmarks.meter_values import Start
from benchmarks.options import Options
from benchmarks.report import Part, Row

SPARE_FILES = 200
SETTLE_SECONDS = 2.0
MEMORY_GOAL, STORM_GOAL = 1.5, 3.0


@dataclass(frozen=True)
class Crowd:
    """``storm_s``: until the last is connected; ``boot_s``: until each has booted and been answered."""

    storm_s: float
    storm_cpu_s: float
    boot_s: float
    bytes_each: float
    bytes_before: int


def run(options: Options) -> Part:
    count, notes = options.connections, []
    room = machine.raise_open_files() - SPARE_FILES
    if room < count:
        notes.append(
            f"only {room} connections: the hard limit of open files is too low (ulimit -Hn)"
        )
        count = room
    bare = _crowd(processes.bare, options, count)
    ours = _crowd(processes.sockets, options, count)
    memory, storm = ours.bytes_each / bare.bytes_each, ours.storm_s / bare.storm_s
    rows = (
        Row(
            f"memory of {count:,} connected chargers, each",
            f"≤ {MEMORY_GOAL} × bare",
            f"{memory:.2f} ×",
            memory <= MEMORY_GOAL,
        ),
        Row(
            f"{count:,} connect in a storm, none refused",
            f"≤ {STORM_GOAL:.0f} × bare",
            f"{storm:.2f} ×",
            storm <= STORM_GOAL,
        ),
    )
    return Part("idle", rows, (*notes, _words("bare", bare), _words("ours", ours)))


def _crowd(start: Start, options: Options, count: int) -> Crowd:
    with start(options.folder) as server:
        time.sleep(SETTLE_SECONDS / 2)
        before, cpu = machine.unique_bytes(server.pid), machine.cpu_seconds(server.pid)
        with Generator(options.folder, server, count) as chargers:
            cpu = machine.cpu_seconds(server.pid) - cpu
            boots = chargers.each(BOOT)
            chargers.each(HEARTBEAT)
            time.sleep(SETTLE_SECONDS)
            after = machine.unique_bytes(server.pid)
            last = chargers.each(HEARTBEAT)
            if last.answered != count:
                raise CannotMeasure(f"{count - last.answered} of {count} connections were lost.")
            storm = chargers.storm.seconds
    return Crowd(storm, cpu, boots.seconds, (after - before) / count, before)


def _words(name: str, found: Crowd) -> str:
    return (
        f"{name} {found.bytes_each / 1024:.1f} KiB each on top of {found.bytes_before / 2**20:.0f} MiB,"
        f" connected in {found.storm_s:.1f} s ({found.storm_cpu_s:.1f} s CPU),"
        f" booted in another {found.boot_s:.1f} s"
    )
