"""The product's own processes, running for real beside the tests.

A stack has a database of its own, cloned from the migrated test database, which tests fill through
the same factories and never empty: each test makes its own company. One per test worker.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dj_database_url
import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

from evbilling.supervisor.config import free_port
from evbilling.supervisor.process import Process
from evbilling.supervisor.servers import Servers

ROOT = Path(__file__).resolve().parents[1]
INSIDE = ROOT / "tests" / "inside"  # its sitecustomize is the first that a process runs


def clone_database() -> str:
    """A new database like the migrated test database; its name."""
    name = f"live_{uuid.uuid4().hex[:10]}"
    template = connection.settings_dict["NAME"]
    if not template.startswith(TEST_DATABASE_PREFIX):
        # pytest-django makes the test database only where a test asks for it by its marker.
        template = connection.creation.create_test_db(
            verbosity=0, autoclobber=True, serialize=False
        )
    connection.close()
    with admin_cursor() as cursor:
        # A thread of an earlier test may have left its connection open: a template must have none.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template]
        )
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def drop_database(name: str) -> None:
    with admin_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def admin_cursor() -> Iterator[Any]:
    link = psycopg2.connect(**{**connection.get_connection_params(), "dbname": "postgres"})
    link.autocommit = True
    try:
        with link.cursor() as cursor:
            yield cursor
    finally:
        link.close()


@contextmanager
def using_database(name: str) -> Iterator[None]:
    """Point this process's own connection at another database for a while."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def url_of(name: str) -> str:
    """DATABASE_URL of a database beside the present one."""
    params = connection.settings_dict
    host = str(params["HOST"]).replace("/", "%2F")
    port = f":{params['PORT']}" if params["PORT"] else ""
    password = f":{params['PASSWORD']}" if params["PASSWORD"] else ""
    return f"postgres://{params['USER']}{password}@{host}{port}/{name}"


class Stack:
    """sockets, deliver and web against one database; more on request."""

    def __init__(self, folder: Path, database: str) -> None:
        self.database = database
        self.book = folder / "illegal_frames.jsonl"
        self.ocpp_port, self.ocpp_tls_port, self.port = free_port(), free_port(), free_port()
        self.environ = {
            "DATABASE_URL": url_of(database),
            "REDIS_URL": settings.REDIS_URL,
            "SECRET_KEY": settings.SECRET_KEY,
            "EVBILLING_TESTING": "1",
            "SMS_BACKEND": "console",
            "OCPP_PORT": str(self.ocpp_port),
            "OCPP_TLS_PORT": str(self.ocpp_tls_port),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PYTHONPATH": f"{INSIDE}:{ROOT}",
            "EVBILLING_WITNESS": str(self.book),
        }
        self.servers = Servers(folder, environ=_inherited() | self.environ)
        self.processes: dict[str, Process] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ocpp_url(self) -> str:
        return f"ws://127.0.0.1:{self.ocpp_port}/ocpp/1.6/"

    @property
    def ocpp_tls_url(self) -> str:
        return f"wss://127.0.0.1:{self.ocpp_tls_port}/ocpp/1.6/"

    def start(self, *names: str) -> "Stack":
        """Start processes that do not run yet, and wait until all answer."""
        if not self.servers.database_url:
            self.servers.start()
        fresh = [name for name in names if name not in self.processes]
        for name in fresh:
            self.processes[name] = self.servers.process(
                name, OCPP_PORT=str(self.ocpp_port), PORT=str(self.port)
            ).start()
        for name in fresh:
            self.processes[name].wait_ready()
        if "sockets" in fresh:  # its port is open a moment before it lets chargers in
            eventually(self._lets_in)
        return self

    def _lets_in(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.ocpp_port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def process_named(self, name: str) -> Process:
        """One of the product's processes, or a server that this stack runs itself."""
        if name in self.processes:
            return self.processes[name]
        return {"postgres": self.servers.postgres, "redis": self.servers.redis}[name]

    def stop(self) -> None:
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()
        self.servers.stop()
        self.check_frames()

    def check_frames(self) -> None:
        """Nothing that was sent since the last look violates the official schemas."""
        if not self.book.exists():
            return
        illegal = [json.loads(line) for line in self.book.read_text().splitlines()]
        self.book.unlink()
        assert not illegal, f"the server sent what OCPP 1.6 forbids: {illegal}"


class OwnServers(Stack):
    """A stack with throwaway PostgreSQL and Redis of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "")
        environ = {k: v for k, v in self.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
        self.servers = Servers(environ=_inherited() | environ)
        self.servers.start()
        self.params = dj_database_url.parse(self.servers.database_url)
        self.database = self.params["NAME"]
        with using(self):
            call_command("migrate", verbosity=0)


@contextmanager
def using(stack: OwnServers) -> Iterator[None]:
    """Point this process's own connection at the servers of a stack."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        {k: stack.params[k] for k in ("NAME", "HOST", "USER", "PASSWORD", "PORT")}
    )
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def _inherited() -> dict[str, str]:
    import os

    return {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}}


def eventually(check: Callable[[], Any], seconds: float = 10.0, every: float = 0.02) -> Any:
    """Wait until ``check`` gives something true, and give it back; fail with its last answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {check} gave {found!r}")
        time.sleep(every)
