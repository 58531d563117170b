"""MeterValues that are committed before they are answered, against bare and naive, in one run."""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, processes, world
from benchmarks.generator import METER_VALUES, CannotMeasure, Generator, Load
from benchmarks.naive import CREATE, TABLE
from benchmarks.options import Options
from benchmarks.processes import Server
from benchmarks.report import Part, Row

CONNECTIONS = 200
SAMPLES = 5
FRAMES_WITHIN_SECONDS = 3.0
CPU_GOAL, WALL_GOAL, NAIVE_GOAL = 0.6, 0.5, 15.0

Start = Callable[[Path], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Run:
    """One server under load: CPU-µs of it and of its database connections per message."""

    load: Load
    cpu_us: float
    database_us: float


def run(options: Options) -> Part:
    world.execute(CREATE)
    rounds: list[dict[str, Run]] = []
    for number in range(options.rounds):
        kinds = list(_KINDS)
        order = kinds[number % 3 :] + kinds[: number % 3]
        rounds.append({kind: _round(kind, options) for kind in order})
        options.say(_one_line(number, rounds[-1]))
    return _judge(rounds)


def _round(kind: str, options: Options) -> Run:
    world.rewind()
    if kind == "naive":
        world.execute(f"TRUNCATE {TABLE}")
    start, check = _KINDS[kind]
    with (
        start(options.folder) as server,
        Generator(options.folder, server, CONNECTIONS) as chargers,
    ):
        cpu: list[float] = []
        database: list[dict[int, float]] = []

        def look() -> None:
            cpu.append(machine.cpu_seconds(server.pid))
            database.append(world.connections_cpu())

        load = chargers.load(
            METER_VALUES, warm=options.warm, seconds=options.seconds, begin=look, end=look
        )
        check(load.answered)
    used = sum(after - database[0].get(pid, after) for pid, after in database[1].items())
    return Run(load, (cpu[1] - cpu[0]) / load.measured * 1e6, used / load.measured * 1e6)


def _nothing(acknowledged: int) -> None:
    pass


def _all_kept(acknowledged: int) -> None:
    """Every acknowledged reading is in the database, moved its charge on, and its frame is logged."""
    rows, energy = world.execute(
        "SELECT (SELECT count(*) FROM stations_metervalue WHERE session_id IS NOT NULL),"
        " (SELECT sum(energy_wh) FROM stations_sessionlive)"
    )[0]
    if rows != acknowledged or energy != acknowledged:
        raise CannotMeasure(
            f"{acknowledged} messages were acknowledged, but {rows} readings and {energy} Wh stored."
        )
    give_up = time.monotonic() + FRAMES_WITHIN_SECONDS
    while (logged := _frames()) != acknowledged:
        if time.monotonic() > give_up:
            raise CannotMeasure(f"{acknowledged} messages were acknowledged, {logged} logged.")
        time.sleep(0.05)


def _frames() -> int:
    found = world.execute("SELECT count(*) FROM stations_frame WHERE action = 'MeterValues'")
    return int(found[0][0])


def _naive_kept(acknowledged: int) -> None:
    rows = world.execute(f"SELECT count(*) FROM {TABLE}")[0][0]  # noqa: S608
    if rows != acknowledged * SAMPLES:
        raise CannotMeasure(f"naive: {acknowledged} messages acknowledged, {rows} values stored.")


_KINDS: dict[str, tuple[Start, Callable[[int], None]]] = {
    "bare": (processes.bare, _nothing),
    "ours": (processes.sockets, _all_kept),
    "naive": (processes.naive, _naive_kept),
}


def _one_line(number: int, found: dict[str, Run]) -> str:
    each = (
        f"{kind} {run.load.per_second:,.0f}/s {run.cpu_us:.0f} µs" for kind, run in found.items()
    )
    return f"  round {number + 1}: " + ", ".join(each)


def _judge(rounds: list[dict[str, Run]]) -> Part:
    def median(figure: Callable[[dict[str, Run]], float]) -> float:
        return statistics.median(figure(each) for each in rounds)

    cpu = median(lambda r: r["bare"].cpu_us / r["ours"].cpu_us)
    wall = median(lambda r: r["ours"].load.per_second / r["bare"].load.per_second)
    more = median(lambda r: r["ours"].load.per_second / r["naive"].load.per_second)
    less = median(lambda r: r["naive"].cpu_us / r["ours"].cpu_us)

    def absolute(kind: str) -> str:
        rate = median(lambda r: r[kind].load.per_second)
        own, database = median(lambda r: r[kind].cpu_us), median(lambda r: r[kind].database_us)
        p50, p99 = median(lambda r: r[kind].load.p50), median(lambda r: r[kind].load.p99)
        beside = f" + {database:.0f} µs in PostgreSQL" if database else ""
        return f"{kind} {rate:,.0f}/s, {own:.0f} µs CPU{beside}, p50 {p50:.1f} ms, p99 {p99:.1f} ms"

    rows = (
        Row(
            "MeterValues × 200, committed: CPU per message against bare",
            f"≥ {CPU_GOAL} ×",
            f"{cpu:.2f} ×",
            cpu >= CPU_GOAL,
        ),
        Row("the same by wall clock", f"≥ {WALL_GOAL} ×", f"{wall:.2f} ×", wall >= WALL_GOAL),
        Row(
            "the same against the usual way",
            f"≥ {NAIVE_GOAL:.0f} ×",
            f"{more:.1f} × (CPU {less:.1f} ×)",
            more >= NAIVE_GOAL,
        ),
    )
    return Part("meter_values", rows, tuple(absolute(kind) for kind in _KINDS))
