"""The command line of the charge point simulator: one charger, or the fleet of a file."""

import argparse
import asyncio
import contextlib
import resource
import signal
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import orjson
import uvloop

from simulators.clock import TimeSource
from simulators.control import Control
from simulators.fleet import Fleet, FleetError, load_fleet, parse_fleet
from simulators.scenario import Site

SAVE_EVERY_S = 60.0
DEMO = Path(__file__).parent / "scenarios" / "demo.json"


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.charger",
        description="OCPP 1.6J charge points that speak only the wire.",
        epilog="The format of a fleet file: python -m pydoc simulators.fleet. "
        "The control endpoint: python -m pydoc simulators.control.",
    )
    parser.add_argument("--url", help="server, e.g. ws://127.0.0.1:9000/ocpp/1.6")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", help="simulate one charger of this id")
    what.add_argument("--fleet", type=Path, metavar="FILE.json", help="simulate all in a file")
    what.add_argument("--demo", action="store_true", help=f"simulate {DEMO.name} of this package")
    one = parser.add_argument_group("one charger")
    one.add_argument("--password", help="for HTTP Basic authentication")
    one.add_argument("--connectors", type=int, default=1)
    one.add_argument("--kind", choices=("AC", "DC"), default="AC")
    one.add_argument("--power", type=float, default=22_000.0, help="W per connector")
    one.add_argument("--vendor", default="evbilling")
    one.add_argument("--model", default="Simulator")
    one.add_argument("--card", action="append", default=[], help="cars come and tap it; repeat")
    one.add_argument("--config", action="append", default=[], metavar="KEY=VALUE")
    how = parser.add_argument_group("how")
    how.add_argument("--speed", type=float, help="simulated seconds per second")
    how.add_argument(
        "--origin",
        type=datetime.fromisoformat,
        help="simulated time at the start, e.g. 2026-11-20T21:55+07:00",
    )
    how.add_argument("--seed", type=int, help="same seed, same cars and times")
    how.add_argument("--chaos", type=float, default=0.0, help="faults per charger and hour")
    how.add_argument("--control-port", type=int, help="HTTP control endpoint on 127.0.0.1")
    how.add_argument("--state", type=Path, help="file that keeps the meters between two runs")
    how.add_argument("--ca", type=Path, help="certificate authority of a wss:// server")
    how.add_argument("--secure-url", default="", help="where security profiles 2 and 3 connect to")
    how.add_argument("--cert", type=Path, help="client certificate (security profile 3)")
    how.add_argument("--key", type=Path, help="its key")
    how.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def fleet_of(options: argparse.Namespace) -> Fleet:
    """The fleet that the options describe. Raises FleetError."""
    if options.id is None:
        fleet = load_fleet(DEMO if options.demo else options.fleet)
    else:
        fleet = _fleet_of_one(options)
    chosen = {name: getattr(options, name) for name in ("url", "seed", "speed")}
    fleet = replace(fleet, **{name: value for name, value in chosen.items() if value is not None})
    if not fleet.url.startswith(("ws://", "wss://")):
        raise FleetError(f"the server's url must begin with ws:// or wss://, not {fleet.url!r}")
    if fleet.speed <= 0:
        raise FleetError(f"the speed must be positive, not {fleet.speed:g}")
    return fleet


def _fleet_of_one(options: argparse.Namespace) -> Fleet:
    pairs = [pair.partition("=") for pair in options.config]
    charger = {
        "id": options.id,
        "password": options.password or "",
        "connectors": options.connectors,
        "kind": options.kind,
        "power_w": options.power,
        "vendor": options.vendor,
        "model": options.model,
        "cards": options.card,
        "configuration": {key: value for key, _, value in pairs},
    }
    document: dict[str, object] = {"chargers": [charger]}
    if options.card:
        document["life"] = {}
    return parse_fleet(document, "command line")


def tls_of(options: argparse.Namespace, fleet: Fleet) -> ssl.SSLContext | None:
    """One TLS context for all chargers, or ``None`` for plain ws://. Raises OSError."""
    if not fleet.url.startswith("wss://"):
        return None
    context = ssl.create_default_context(cafile=options.ca)
    if options.cert is not None:
        context.load_cert_chain(options.cert, options.key)
    return context


def say(sentence: str) -> None:
    """One line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", flush=True)


async def run(options: argparse.Namespace, fleet: Fleet) -> None:
    """Simulate until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    site = Site(
        fleet,
        time=TimeSource(fleet.speed, options.origin),
        tls=tls_of(options, fleet),
        secure_url=options.secure_url,
        root=options.ca.read_text() if options.ca else "",
        say=None if options.quiet else say,
        registers_wh=_saved_registers(options.state),
        chaos_per_hour=options.chaos,
    )
    control = None
    if options.control_port is not None:
        control = Control(site, options.control_port)
        await control.start()
        say(f"control: http://127.0.0.1:{control.port}/state")
    site.start()
    if not options.quiet:
        say(f"{len(fleet.chargers)} chargers call {fleet.url}")
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SAVE_EVERY_S)
        _save_registers(options.state, site)
    if control is not None:
        await control.stop()
    await site.stop()
    _save_registers(options.state, site)


def _saved_registers(path: Path | None) -> dict[str, list[float]]:
    """What the meters showed at the end of the last run; a missing file means new meters."""
    if path is None or not path.exists():
        return {}
    saved = orjson.loads(path.read_bytes())
    return {str(name): [float(wh) for wh in registers] for name, registers in saved.items()}


def _save_registers(path: Path | None, site: Site) -> None:
    if path is None:
        return
    draft = path.with_suffix(".part")
    draft.write_bytes(orjson.dumps(site.registers_wh()))
    draft.replace(path)


def _allow_many_sockets() -> None:
    """Raise the soft limit of open files to the hard one: a socket per charger adds up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 2 when the options or the fleet file are wrong."""
    options = arguments().parse_args(argv)
    try:
        fleet = fleet_of(options)
        _allow_many_sockets()
        uvloop.run(run(options, fleet))
    except (FleetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
