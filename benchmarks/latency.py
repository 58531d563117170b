"""How long a charger waits: 500 committed MeterValues a second; Heartbeats beside slow queries."""

import statistics
import time

from benchmarks import processes, world
from benchmarks.generator import FIRMWARE, HEARTBEAT, METER_VALUES, CannotMeasure, Generator
from benchmarks.options import Options
from benchmarks.report import Part, Row

READINGS_A_SECOND, READING_CHARGERS = 500, 200
HEARTBEATS_A_SECOND, BEATING_CHARGERS, SLOW_CHARGERS = 300, 50, 4
SLOW_SECONDS = 0.1
GOAL_MS = 10.0

# Every firmware notice of a charger writes a fact; here that INSERT takes 100 ms.
_SLOW = f"""
CREATE FUNCTION benchmark_slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep({SLOW_SECONDS}); RETURN NEW; END $$;
CREATE TRIGGER benchmark_slow BEFORE INSERT ON core_fact
    FOR EACH ROW WHEN (NEW.kind = 'charger_progress') EXECUTE FUNCTION benchmark_slow();
"""
_NOT_SLOW = (
    "DROP TRIGGER IF EXISTS benchmark_slow ON core_fact; DROP FUNCTION IF EXISTS benchmark_slow"
)


def run(options: Options) -> Part:
    seconds = options.seconds * 2
    readings = [_readings(options, seconds) for _ in range(options.rounds)]
    beats = [_beats(options, seconds) for _ in range(options.rounds)]
    options.say(f"  p99 of each round: readings {_p99s(readings)}, heartbeats {_p99s(beats)}")
    rows = (
        _row(f"{READINGS_A_SECOND} MeterValues/s over {READING_CHARGERS} chargers", readings),
        _row(f"{HEARTBEATS_A_SECOND} Heartbeats/s while 4 others hold 100 ms queries", beats),
    )
    return Part("latency", rows)


def _readings(options: Options, seconds: float) -> tuple[float, float]:
    world.rewind()
    with (
        processes.sockets(options.folder) as server,
        Generator(options.folder, server, READING_CHARGERS) as chargers,
    ):
        found = chargers.load(
            METER_VALUES, warm=options.warm, seconds=seconds, rate=READINGS_A_SECOND
        )
    return found.p50, found.p99


def _beats(options: Options, seconds: float) -> tuple[float, float]:
    world.execute(_SLOW)
    try:
        with (
            processes.sockets(options.folder) as server,
            Generator(options.folder, server, BEATING_CHARGERS) as beating,
            Generator(options.folder, server, SLOW_CHARGERS, BEATING_CHARGERS) as slow,
        ):
            slow.start_load(FIRMWARE, warm=0.2, seconds=options.warm + seconds)
            time.sleep(0.2)
            found = beating.load(
                HEARTBEAT, warm=options.warm, seconds=seconds, rate=HEARTBEATS_A_SECOND
            )
            held = slow.finish_load()
    finally:
        world.execute(_NOT_SLOW)
    if not held.p50 >= SLOW_SECONDS * 1000:
        raise CannotMeasure(f"The queries that should take 100 ms took {held.p50:.0f} ms.")
    return found.p50, found.p99


def _p99s(found: list[tuple[float, float]]) -> str:
    return ", ".join(f"{p99:.1f}" for _, p99 in found)


def _row(what: str, found: list[tuple[float, float]]) -> Row:
    p50, p99 = (statistics.median(times) for times in zip(*found, strict=True))
    return Row(
        f"{what}: p99", f"< {GOAL_MS:.0f} ms", f"{p99:.1f} ms (p50 {p50:.2f} ms)", p99 < GOAL_MS
    )
