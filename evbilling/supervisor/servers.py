"""PostgreSQL and Redis for as long as a ``with`` block lasts; external ones where named."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from signal import SIGQUIT
from types import TracebackType
from typing import Any, Self

from evbilling.supervisor import binaries, postgres, redis_server
from evbilling.supervisor.accounts import server_account
from evbilling.supervisor.config import Config, free_port, value
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.home import Home, identity
from evbilling.supervisor.process import Process
from evbilling.supervisor.processes import PRODUCT, Site, Table, row
from evbilling.supervisor.report import Report

SERVER_STOP_SECONDS = 10.0
RECOVERY_SECONDS = 300.0  # PostgreSQL may have much to replay after a crash


class Servers:
    """The two servers the product needs, below one DATA_DIR.

    ``DATABASE_URL`` and ``REDIS_URL`` of ``environ`` are used where given. Without ``data_dir``
    everything lies in a temporary folder that goes away with the servers. Start from the main
    thread (see ``Process``).
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        throwaway: bool = False,
        fsync: bool = False,
        report: Report | None = None,
    ) -> None:
        self.given = os.environ if environ is None else environ
        self.temporary = data_dir is None
        self.throwaway = throwaway or self.temporary
        self.fsync = fsync or not self.throwaway
        self.home = Home(data_dir or _temporary_folder())
        self.report = report or Report(sys.stderr)
        self.processes: list[Process] = []
        self.database_url = ""
        self.redis_url = ""

    @property
    def postgres(self) -> Process:
        return self._named("postgres")

    @property
    def redis(self) -> Process:
        return self._named("redis")

    @property
    def environ(self) -> dict[str, str]:
        """What a process that uses these servers needs, on top of what was given."""
        # A container's PYTHONDONTWRITEBYTECODE would make each start compile everything anew.
        kept = {k: v for k, v in self.given.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {
            **kept,
            "DATA_DIR": str(self.home.path),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, kind: str = "servers") -> Self:
        """Both, answering, with our database; or ``Refused`` with nothing left running."""
        self.home.claim(kind)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop_processes(self) -> None:
        for process in reversed(self.processes):
            process.ask_to_stop()
        for process in reversed(self.processes):
            process.stop(SERVER_STOP_SECONDS)

    def stop(self) -> None:
        """Both, and leave nothing but data behind."""
        self.stop_processes()
        self.processes.clear()
        self.home.release()
        if self.temporary:
            shutil.rmtree(self.home.path, ignore_errors=True)

    def process(self, name: str, table: Table = PRODUCT, **environ: str) -> Process:
        """A process of the table, not started; on free ports unless PORT, OCPP_PORT are given."""
        ports = {name: str(free_port()) for name in ("PORT", "OCPP_PORT") if name not in environ}
        everything = {**self.environ, **ports, **environ}
        config = Config.read(everything, bind="127.0.0.1")
        return Site(self.home, config, everything).process(row(name, table))

    def record(self, **facts: Any) -> None:
        """Who runs, for run.json."""
        self.home.record(processes={p.name: identity(p.pid) for p in self.processes}, **facts)

    def _start(self) -> None:
        self.database_url = value(self.given, "DATABASE_URL") or ""
        self.redis_url = value(self.given, "REDIS_URL") or ""
        if self.database_url:
            postgres.check_external(self.database_url)
        if self.redis_url:
            redis_server.check_external(self.redis_url)
        if not (self.database_url and self.redis_url):
            self._start_own()
        self.record(
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis_url,
            versions={
                "python": sys.version.split()[0],
                "postgres": str(binaries.POSTGRES_MAJOR),
                "pgserver": binaries.postgres_version(),
            },
        )

    def _start_own(self) -> None:
        account = server_account(self.report)
        sockets = self.home.socket_folder(account)
        if not self.redis_url:
            # First, so that it comes up while a new data folder is made.
            self._launch(Process(redis_server.spec(self.home, account, sockets)))
            self.redis_url = redis_server.url(sockets)
        if not self.database_url:
            server = postgres.Postgres(
                self.home, account, throwaway=self.throwaway, fsync=self.fsync
            )
            server.prepare(sockets)
            spec = server.spec()
            if self.temporary:
                # Its data is thrown away: no need to wait until the last of it is on the disk.
                spec = replace(spec, stop_signal=SIGQUIT, death_signal=SIGQUIT)
            self._launch(Process(spec)).wait_ready(RECOVERY_SECONDS)
            postgres.create_database(sockets)
            self.database_url = postgres.url(sockets)
        for process in self.processes:
            process.wait_ready()

    def _launch(self, process: Process) -> Process:
        self.processes.append(process.start())
        self.record()
        return process

    def _named(self, name: str) -> Process:
        for process in self.processes:
            if process.name == name:
                return process
        raise Refused(f"{name} was not started here: an external one is used.")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="evbilling-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # the servers' account has to pass through
    return folder
