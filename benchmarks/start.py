"""``make run`` on a machine where it ran before: how long until a charger has its first answer."""

import json
import os
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generator import BOOT, NAME, PASSWORD, CannotMeasure
from benchmarks.options import Options
from benchmarks.report import Part, Row
from evbilling.supervisor.config import BASE_DIR, free_port
from evbilling.supervisor.process import Process, Spec

GOAL_SECONDS = 5.0
PATIENCE_SECONDS = 180.0
CHARGER = f"{NAME}00000"
_ADD_CHARGER = "import django; django.setup(); from benchmarks import world; world.populate(1)"


def run(options: Options) -> Part:
    data = options.folder / "start"
    data.mkdir(exist_ok=True)
    for folder in (options.folder, data):
        folder.chmod(0o711)  # as root, the servers' own account has to pass through
    cold, _ = _once(data, prepare=True)
    warm, ready = _once(data, prepare=False)
    what = "make run, warm: until a charger's first answer"
    row = Row(what, f"< {GOAL_SECONDS:.0f} s", f"{warm:.1f} s", warm < GOAL_SECONDS)
    notes = (f"the very first start took {cold:.1f} s to its READY line, a warm one {ready:.1f} s",)
    return Part("start", (row,), notes)


def _once(data: Path, *, prepare: bool) -> tuple[float, float]:
    """Seconds to the first answer (where the charger is known) and to the READY line."""
    environ = _environ(data)
    log = data / "supervisor.out"
    log.unlink(missing_ok=True)
    begin = time.perf_counter()
    with _supervisor(environ, log) as supervisor:
        answered = 0.0 if prepare else _first_answer(environ["OCPP_PORT"]) - begin
        give_up = begin + PATIENCE_SECONDS
        while not log.exists() or "READY" not in log.read_text():
            if not supervisor.running() or time.perf_counter() > give_up:
                raise CannotMeasure(f"The product did not start{supervisor.last_lines()}")
            time.sleep(0.02)
        ready = time.perf_counter() - begin
        if prepare:
            words = (sys.executable, "-c", _ADD_CHARGER)
            environ["DJANGO_SETTINGS_MODULE"] = "evbilling.settings"
            add = Process(Spec("add", words, environ, BASE_DIR, data / "add.out")).start()
            if add.wait(60.0):
                raise CannotMeasure(f"No charger could be added{add.last_lines()}")
    return (ready if prepare else answered), ready


def _environ(data: Path) -> dict[str, str]:
    given = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PYTHONDONTWRITEBYTECODE")
    return {
        **{name: value for name, value in os.environ.items() if name not in given},
        "DATA_DIR": str(data),
        "PORT": str(free_port()),
        "OCPP_PORT": str(free_port()),
        "BIND": "127.0.0.1",
        "COMPANY_NAME": "Start",
        "OWNER_USERNAME": "owner",
        "OWNER_PASSWORD": "a long enough password",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def _supervisor(environ: dict[str, str], log: Path) -> Iterator[Process]:
    words = (sys.executable, "-m", "evbilling.supervisor", "run")
    stop = signal.SIGTERM
    process = Process(Spec("supervisor", words, environ, BASE_DIR, log, stop_signal=stop)).start()
    try:
        yield process
    finally:
        process.stop(60.0)


def _first_answer(port: str) -> float:
    """The moment at which a charger that tries and tries has booted."""
    from websockets.exceptions import InvalidHandshake
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    credentials = b64encode(f"{CHARGER}:{PASSWORD}".encode()).decode()
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        try:
            with connect(
                f"ws://127.0.0.1:{port}/ocpp/1.6/{CHARGER}",
                subprotocols=[Subprotocol("ocpp1.6")],
                additional_headers={"Authorization": f"Basic {credentials}"},
            ) as socket:
                socket.send(BOOT)
                answer = json.loads(socket.recv(timeout=10))
                if answer[2]["status"] == "Accepted":
                    return time.perf_counter()
        except (OSError, InvalidHandshake):
            time.sleep(0.02)
    raise CannotMeasure("The product never answered a charger.")
