"""Ends what a killed supervisor left behind, and nothing else."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from evbilling.supervisor import procfs

MARK = "EVBILLING_SUPERVISOR"  # in the environment of every process below one supervisor
FAST_SECONDS = 10.0
LAST_SECONDS = 5.0


def is_alive(facts: dict[str, Any], process: dict[str, int] | None) -> bool:
    """The recorded process itself, not one that got its number later or after a reboot."""
    if not process or facts.get("boot") != procfs.boot_id():
        return False
    start = procfs.start_time(process["pid"])
    return start is not None and start == process["start"]


def end_recorded(facts: dict[str, Any]) -> None:
    """Kill the recorded processes that still run; PostgreSQL has a way of its own."""
    for name, process in facts.get("processes", {}).items():
        if name != "postgres" and is_alive(facts, process):
            kill(process["pid"])


def end_marked(mark: str) -> None:
    """Kill every process that carries the mark, also those that are born meanwhile."""

    def none_left() -> bool:
        left = procfs.with_variable(MARK, mark)
        for pid in left:
            kill(pid)
        return not left

    wait_until(none_left, LAST_SECONDS)


def stop_postgres(data: Path) -> None:
    """Bring down a PostgreSQL that still runs on ``data``: fast, then at once, then by force."""
    for number, seconds in (
        (signal.SIGINT, FAST_SECONDS),
        (signal.SIGQUIT, LAST_SECONDS),
        (signal.SIGKILL, LAST_SECONDS),
    ):
        if (pid := postmaster(data)) is not None:
            kill(pid, number)
            wait_until(lambda: postmaster(data) is None, seconds)
    # Its workers end by themselves, a moment later; a new server must not start before.
    wait_until(lambda: not in_folder(data), LAST_SECONDS)


def postmaster(data: Path) -> int | None:
    """The live server process of this data folder, whoever started it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid in in_folder(data, [pid]) else None


def in_folder(data: Path, among: Iterable[int] | None = None) -> list[int]:
    """Processes at work in ``data``; every process of a PostgreSQL is, and hardly anybody else."""
    found = []
    for pid in procfs.pids() if among is None else among:
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(data) and _is_postgres(pid):
                found.append(pid)
    return found


def _is_postgres(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
