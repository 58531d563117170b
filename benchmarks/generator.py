"""Chargers by the hundred: compiles ``wsload.c`` and talks to it."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import machine
from benchmarks.processes import LOAD_CORE, Server

SOURCE = Path(__file__).with_name("wsload.c")
STORM = 1_000  # handshakes in flight
NAME = "BENCH-"
PASSWORD = "0123456789abcdef0123456789abcdef01234567"
FIRST_TRANSACTION = 1_000_001
FIRST_REGISTER = 10_000_000

HEARTBEAT = '[2,"@@ID@@@@","Heartbeat",{}]'
BOOT = (
    '[2,"@@ID@@@@","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"One",'
    '"chargePointSerialNumber":"0001","firmwareVersion":"1.0.0","meterType":"MID"}]'
)
STATUS = (
    '[2,"@@ID@@@@","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available",'
    '"timestamp":"2000-01-01T00:00:00.000Z"}]'
)
FIRMWARE = '[2,"@@ID@@@@","FirmwareStatusNotification",{"status":"Downloading"}]'
_SAMPLES = (
    '{"value":"87654321","context":"Sample.Periodic","format":"Raw",'
    '"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
    '{"value":"7360.5","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    '{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"},'
    '{"value":"230.1","context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N","unit":"V"},'
    '{"value":"54","context":"Sample.Periodic","measurand":"SoC","location":"EV","unit":"Percent"}'
)
# Register, time, transaction and message id are filled in anew for each message.
METER_VALUES = (
    '[2,"@@ID@@@@","MeterValues",{"connectorId":1,"transactionId":1234567,"meterValue":'
    '[{"timestamp":"2000-01-01T00:00:00.000Z","sampledValue":[' + _SAMPLES + "]}]}]"
)


class CannotMeasure(Exception):
    """Why a benchmark cannot be run here, as one sentence."""


@dataclass(frozen=True)
class Storm:
    connected: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class Load:
    """``sent`` and ``answered`` of an order as a whole; ``measured`` and the times (ms) of its
    measured stretch."""

    sent: int
    answered: int
    errors: int
    closed: int
    served: int
    measured: int
    seconds: float
    p50: float
    p90: float
    p99: float
    max: float

    @property
    def per_second(self) -> float:
        return self.measured / self.seconds

    def checked(self) -> "Load":
        """Itself, if every message was answered and nothing else happened."""
        if self.errors or self.closed or self.answered != self.sent or not self.measured:
            raise CannotMeasure(
                f"Of {self.sent} messages {self.answered} were answered;"
                f" {self.errors} errors, {self.closed} connections lost."
            )
        return self


@cache
def compiled(folder: Path) -> Path:
    """The load generator, made by the machine's C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotMeasure("The load generator needs a C compiler (Debian: apt-get install gcc).")
    program = folder / "wsload"
    words = [compiler, "-O2", "-o", str(program), str(SOURCE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"The load generator does not compile here: {done.stderr.strip()}")
    return program


class Generator:
    """``count`` chargers of ``server``, connected in a storm, named from ``first`` on."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        count: int,
        first: int = 0,
        greetings: tuple[str, ...] = (),
    ) -> None:
        """``greetings``: calls that each sends as soon as it is connected; ``greeted`` then holds the
        times of the first one, and in ``seconds`` the whole storm."""
        session = FIRST_TRANSACTION + first
        words = [
            server.port,
            count,
            first,
            server.path + NAME,
            PASSWORD,
            STORM,
            session,
            *greetings,
        ]
        self._popen = subprocess.Popen(
            [str(compiled(folder)), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; it ends with its standard input
        )
        machine.pin(self._popen.pid, LOAD_CORE)
        self.storm = Storm(**self._read())
        if self.storm.failed:
            self.stop()
            raise CannotMeasure(f"{self.storm.failed} of {count} connections were refused.")
        self.greeted = Load(**self._read()).checked() if greetings else None

    def each(self, template: str, window: int = 200) -> Load:
        """Every charger sends one message, ``window`` at a time."""
        self.template(template)
        self._write(f"each {window}\n".encode())
        return Load(**self._read()).checked()

    def load(
        self,
        template: str,
        *,
        warm: float,
        seconds: float,
        rate: int = 0,
        begin: Callable[[], None] = lambda: None,
        end: Callable[[], None] = lambda: None,
    ) -> Load:
        """``rate`` messages a second, or each as soon as the one before is answered. ``begin`` and
        ``end`` are called at the two ends of the measured stretch."""
        self.start_load(template, warm=warm, seconds=seconds, rate=rate)
        self._read()
        begin()
        self._read()
        end()
        return self.finish_load(events=False)

    def start_load(self, template: str, *, warm: float, seconds: float, rate: int = 0) -> None:
        """Begin a load and return at once; ``finish_load`` waits for its end."""
        self.template(template)
        self._write(f"load {warm * 1000:.0f} {seconds * 1000:.0f} {rate}\n".encode())

    def finish_load(self, *, events: bool = True) -> Load:
        if events:
            self._read(), self._read()
        return Load(**self._read()).checked()

    def template(self, text: str) -> None:
        body = text.encode()
        self._write(b"template %d\n" % len(body) + body)
        self._read()

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGKILL)
        self._popen.communicate()

    def _write(self, words: bytes) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(words)
        self._popen.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise CannotMeasure(f"The load generator ended early (code {self._popen.wait()}).")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
