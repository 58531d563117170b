"""Servers that a benchmark starts: on 127.0.0.1, pinned to one core, and gone when it is."""

import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from evbilling.supervisor.config import BASE_DIR, free_port
from evbilling.supervisor.process import Process, Spec, always
from evbilling.supervisor.processes import accepts

SERVER_CORE, LOAD_CORE = 0, 1  # what is measured has a core of its own where there are two
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A server that answers chargers at ``path`` followed by their name."""

    name: str
    pid: int
    port: int
    path: str = "/ocpp/1.6/"


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """``websockets`` + uvloop + json, an echo that does nothing else."""
    port = free_port()
    with _running("bare", folder, port, _accepts(port), "-m", "benchmarks.bare", str(port)) as pid:
        yield Server("bare", pid, port)


@contextmanager
def naive(folder: Path) -> Iterator[Server]:
    """The usual way: Channels, the ``ocpp`` package, one bulk_create per message."""
    port = free_port()
    words = ("-m", "benchmarks.naive", str(port))
    with _running("naive", folder, port, _accepts(port), *words) as pid:
        yield Server("naive", pid, port)


@contextmanager
def sockets(folder: Path) -> Iterator[Server]:
    """The product's socket process, as production starts it."""
    port = free_port()
    with _running("sockets", folder, port, _is_ready(port), "manage.py", "sockets") as pid:
        yield Server("sockets", pid, port)


@contextmanager
def deliver(folder: Path) -> Iterator[int]:
    """The product's deliverer; its pid."""
    with _running("deliver", folder, 0, always, "manage.py", "deliver") as pid:
        yield pid


@contextmanager
def web(folder: Path, port: int) -> Iterator[int]:
    """The product's pages and webhooks; its pid."""
    words = ("manage.py", "web")
    with _running("web", folder, 0, _accepts(port), *words, PORT=str(port)) as pid:
        yield pid


@contextmanager
def worker(folder: Path) -> Iterator[int]:
    """Celery's worker as the supervisor starts it; its pid."""
    words = ("-m", "celery", "-A", "evbilling.celery", "worker", "-P", "threads", "-c", "4")
    with _running("worker", folder, 0, always, *words, "--without-mingle", "-l", "warning") as pid:
        yield pid


@contextmanager
def bank(folder: Path, port: int, webhooks: str) -> Iterator[int]:
    """The simulated bank; its pid."""
    words = ("-m", "simulators.bank", "--port", str(port), "--webhook-url", webhooks)
    with _running("bank", folder, 0, _accepts(port), *words) as pid:
        yield pid


@contextmanager
def _running(
    name: str, folder: Path, port: int, ready: Callable[[int], bool], *words: str, **more: str
) -> Iterator[int]:
    # A container's PYTHONDONTWRITEBYTECODE would make each start compile everything anew.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ = {**kept, "PROCESS_NAME": name, "OCPP_PORT": str(port), "BIND": "127.0.0.1"} | more
    spec = Spec(
        name, (sys.executable, *words), environ, BASE_DIR, folder / f"{name}.log", ready=ready
    )
    with Process(spec) as process:
        if port:
            machine.pin(process.pid, SERVER_CORE)
        process.wait_ready(READY_SECONDS)
        yield process.pid


def _accepts(port: int) -> Callable[[int], bool]:
    return lambda pid: accepts("127.0.0.1", port)


def _is_ready(port: int) -> Callable[[int], bool]:
    def ready(pid: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return ready
