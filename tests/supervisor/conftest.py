"""A supervisor with dummy processes, its DATA_DIR, and what may be left of it: nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from evbilling.supervisor import procfs
from evbilling.supervisor.config import BASE_DIR, free_port
from evbilling.supervisor.servers import Servers

PATIENCE = 20.0
OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "OCPP_PORT", "BIND", "TLS_CERT", "TLS_KEY")


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.01)
    return found


def bare_environ() -> dict[str, str]:
    """Ours without what would name servers, folders or ports."""
    return {name: value for name, value in os.environ.items() if name not in OURS}


def environ(data_dir: Path, **more: str) -> dict[str, str]:
    ports = {"PORT": str(free_port()), "OCPP_PORT": str(free_port())}
    return {**bare_environ(), **ports, "DATA_DIR": str(data_dir), **more}


def sql(url: str, statement: str, *values: object) -> object:
    """The first value of the first row, if there is one; committed."""
    with closing(psycopg2.connect(url)) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(statement, values)
            found = cursor.fetchone() if cursor.description else None
            return found[0] if found else None


def left_in(data_dir: Path) -> list[str]:
    """Command lines of processes that were started for this DATA_DIR."""
    needle = f"DATA_DIR={data_dir}".encode()
    found = []
    for pid in procfs.pids():
        try:
            started_with = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        line = " ".join(words)
        if words[0] and (needle in started_with or str(data_dir) in line):
            found.append(f"{pid} {line}")
    return found


def nothing_left(data_dir: Path) -> None:
    until(lambda: not left_in(data_dir), f"nothing left running in {data_dir}")


class Supervised:
    """A supervisor in a process of its own, or below ``parent``, which is to run $COMMAND."""

    def __init__(self, given: dict[str, str], *words: str, parent: tuple[str, ...] = ()) -> None:
        self.data_dir = Path(given["DATA_DIR"])
        self.environ = given
        command = [sys.executable, "-m", "tests.supervisor.table", *(words or ("demo",))]
        self.popen = subprocess.Popen(
            parent or command,
            cwd=BASE_DIR,
            env={**given, "COMMAND": " ".join(command)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def lines_to(self, beginning: str) -> list[str]:
        """Its output up to and with the line that begins so."""
        assert self.popen.stdout
        found = []
        for line in self.popen.stdout:
            found.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return found
        raise AssertionError(f"ended without {beginning!r}: {found}")

    def run_json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        return found

    def pid_of(self, name: str) -> int:
        return int(self.run_json()["processes"][name]["pid"])

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.popen.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Exit code and the rest of the output."""
        assert self.popen.stdout
        # Not communicate(): it knows nothing of lines already read ahead by lines_to().
        with self.popen.stdout as stdout:
            output = stdout.read()
        return self.popen.wait(PATIENCE), output


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real servers for what does not care whose they are."""
    with Servers(environ=bare_environ()) as started:
        yield started


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """One that other accounts may pass, as those of pytest may not."""
    folder = Path(tempfile.mkdtemp(prefix="evbilling-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def passable() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """One DATA_DIR for the tests with servers of their own: initdb takes most of a second."""
    with temporary_folder() as folder:
        # Made as a throwaway one, so that it need not be forced to the disk and trimmed again.
        with Servers(folder / "data", environ=bare_environ(), throwaway=True):
            pass
        yield folder / "data"


@pytest.fixture
def external(servers: Servers, tmp_path: Path) -> dict[str, str]:
    """An environment whose supervisor starts no servers of its own."""
    urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    return environ(tmp_path / "data", **urls)


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(given: dict[str, str], *words: str, parent: tuple[str, ...] = ()) -> Supervised:
        started.append(Supervised(given, *words, parent=parent))
        return started[-1]

    yield start
    for each in started:
        if each.popen.poll() is None:
            each.popen.kill()
        if each.popen.stdout and not each.popen.stdout.closed:
            each.wait()
        nothing_left(each.data_dir)
