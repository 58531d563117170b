"""``make bench``: measure, print one table of ratios with PASS or MISS, and say on what machine."""

import argparse
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine, report, world
from benchmarks.generator import CannotMeasure
from benchmarks.options import Options

PARTS = (
    "meter_values",
    "latency",
    "idle",
    "storm",
    "commands",
    "fan_out",
    "pricing",
    "outbox",
    "payments",
    "start",
)
DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    machine.raise_open_files()
    folder = Path(tempfile.mkdtemp(prefix="evbilling-bench-"))
    try:
        about, parts = _measure(arguments, folder)
    except CannotMeasure as reason:
        print(f"make bench: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(["", *about, "", report.table(parts)]))
    if arguments.write:
        report.write(DOCS, report.markdown(parts, about))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, rough figures")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part (repeatable)")
    parser.add_argument("--write", action="store_true", help=f"put the result into {DOCS.name}")
    return parser.parse_args()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _measure(arguments: argparse.Namespace, folder: Path) -> tuple[list[str], list[report.Part]]:
    quick = arguments.quick
    options = Options(
        folder=folder,
        rounds=2 if quick else 5,
        warm=0.5 if quick else 1.0,
        seconds=1.5 if quick else 4.0,
        connections=1_000 if quick else 10_000,
        say=lambda line: print(line, file=sys.stderr, flush=True),
        quick=quick,
    )
    before = machine.probe()
    parts = []
    with world.opened():
        world.populate()
        for name in arguments.only or PARTS:
            options.say(name)
            parts.append(import_module(f"benchmarks.{name}").run(options))
        server = world.execute("SELECT current_setting('server_version')")[0][0]
    about = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC{', quick' if quick else ''}",
        *machine.describe(),
        f"PostgreSQL {server}; at the start {before}; at the end {machine.probe()}",
    ]
    return about, parts


if __name__ == "__main__":
    sys.exit(main())
