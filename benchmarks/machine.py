"""The machine under the figures: who it is, how fast it is just now, and what a process used."""

import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "django",
    "uvicorn",
    "websockets",
    "uvloop",
    "channels",
    "ocpp",
    "msgspec",
    "psycopg2-binary",
)
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Probe:
    """Two fixed pieces of work, so that a slow minute or a slow disk is seen beside the figures."""

    cpu_ms: float  # a fixed loop of Python
    sync_us: float  # 8 kB written and flushed to the disk

    def __str__(self) -> str:
        return f"CPU probe {self.cpu_ms:.1f} ms, fdatasync {self.sync_us:.0f} µs"


def probe() -> Probe:
    return Probe(_median(map(_cpu_loop, range(9))) * 1e3, _sync_seconds() * 1e6)


def _cpu_loop(_: int) -> float:
    frame = '[2,"19223201","MeterValues",{"connectorId":1,"meterValue":[{"value":"7360.5"}]}]'
    before = time.thread_time()
    total = 0
    for number in range(2_000):
        total += len(json.dumps(json.loads(frame))) + number % 7
    return time.thread_time() - before


def _sync_seconds() -> float:
    with tempfile.NamedTemporaryFile() as file:
        return _median(_flush(file.fileno()) for _ in range(100))


def _flush(fd: int) -> float:
    before = time.perf_counter()
    os.pwrite(fd, b"x" * 8192, 0)
    os.fdatasync(fd)
    return time.perf_counter() - before


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def describe() -> list[str]:
    """Processor, kernel and versions, a line each."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"{os.cpu_count()} cores ({_cpu_model()}), {_memory_gb():.0f} GB,"
        f" {platform.system()} {platform.release()}",
        f"CPython {platform.python_version()}, {versions}",
    ]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def raise_open_files() -> int:
    """As many open files as we may have, for us and what we start; how many that is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def postgres_cpu_seconds(application: str = "postgres") -> float:
    """CPU of all PostgreSQL processes of this machine that we may look at (their children only)."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if (folder / "comm").read_text().strip() == application:
                    total += cpu_seconds(int(folder.name))
            except OSError:
                continue
    return total


def unique_bytes(pid: int) -> int:
    """Memory that only this process has (USS)."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1]) * 1024
    return total


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where there are two or more."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[core % len(cores)]})
