"""What ``python -m evbilling.supervisor`` does: demo, run, and exec of one command."""

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from evbilling.supervisor import migrations, readiness
from evbilling.supervisor.config import Config, data_dir
from evbilling.supervisor.errors import Stopped
from evbilling.supervisor.owner import first_owner
from evbilling.supervisor.process import Process, Spec
from evbilling.supervisor.processes import PRODUCT, Row, Site, Table
from evbilling.supervisor.report import Report
from evbilling.supervisor.servers import Servers
from evbilling.supervisor.supervise import Supervisor

READY_SECONDS = 120.0
BIND = {"demo": "127.0.0.1", "run": "0.0.0.0"}  # noqa: S104 - run is there to be reached


def serve(
    kind: Literal["demo", "run"], environ: Mapping[str, str] = os.environ, table: Table = PRODUCT
) -> int:
    """Everything, in the foreground, until a signal comes or our parent is gone."""
    report = Report()
    config = Config.read(environ, bind=BIND[kind])
    servers = Servers(data_dir(environ), environ=environ, report=report)
    web = {"web": config.web_url, "ocpp": config.ocpp_url, **config.environ()}
    try:
        with Supervisor(servers, report, kind, **web) as supervisor:
            config.check_ports()
            supervisor.start_servers()
            site = Site(servers.home, config, {**supervisor.environ, "DEMO": _flag(kind)})
            Launch(supervisor, site, table).run(demo=kind == "demo")
            supervisor.forever()
    except Stopped:
        report.say("Stopped.")
    return 0


class Launch:
    """The order in which the product comes up."""

    def __init__(self, supervisor: Supervisor, site: Site, table: Table) -> None:
        self.supervisor = supervisor
        self.site = site
        self.table = table

    def run(self, *, demo: bool) -> None:
        self._migrate()
        seeding = None
        if demo:
            seeding = self.supervisor.begin(self.site.spec("seed", self.table.seed))
        else:
            first_owner(self.supervisor, self.site, self.table)
        self._start_processes(seeding)
        config = self.site.config
        self._wait_ready(f"{config.ocpp_http_url}/readyz")
        self._wait_ready(f"{config.web_url}/readyz")
        logins = self._wait_for_a_charge() if demo else []
        self.supervisor.report.say(f"READY web={config.web_url} ocpp={config.ocpp_url}")
        for line in logins:
            self.supervisor.report.say(line)

    def _migrate(self) -> None:
        url, stamp = self.supervisor.servers.database_url, self.site.home.path / "migrated"
        if not migrations.up_to_date(url, stamp):
            self.supervisor.report.say("Bringing the database up to date.")
            spec = self.site.spec("migrate", self.table.migrate)
            self.supervisor.must(self.supervisor.begin(spec))
            migrations.remember(url, stamp)

    def _start_processes(self, seeding: Process | None) -> None:
        rows = [each for each in self.table.processes if seeding or not each.demo_only]
        # What needs the seeded data comes last in its stage.
        rows.sort(key=lambda each: (each.stage, each.demo_only))
        for stage, members in itertools.groupby(rows, key=lambda each: each.stage):
            started = [self._start(each, stage, seeding) for each in members]
            for process in started:
                self._wait_port(process)

    def _start(self, row: Row, stage: int, seeding: Process | None) -> Process:
        if seeding and row.demo_only:
            self.supervisor.must(seeding)
        process = self.site.process(row)
        self.supervisor.start(process, stage)
        return process

    def _wait_port(self, process: Process) -> None:
        self.supervisor.wait(
            lambda: process.running() and process.spec.ready(process.pid),
            READY_SECONDS,
            lambda: f"{process.name} takes no connections{process.last_lines()}",
        )

    def _wait_ready(self, url: str) -> None:
        self.supervisor.wait(
            lambda: not readiness.complaint(url), READY_SECONDS, lambda: readiness.complaint(url)
        )

    def _wait_for_a_charge(self) -> list[str]:
        url = f"{self.site.config.web_url}/demo/ready"
        found: dict[str, list[str]] = {}

        def under_way() -> bool:
            found.update(readiness.get_json(url))
            return "logins" in found

        self.supervisor.wait(under_way, READY_SECONDS, lambda: "no charge is under way")
        return [str(line) for line in found["logins"]]


def execute(
    command: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    *,
    throwaway: bool = False,
    fsync: bool = False,
) -> int:
    """One command beside the servers; they are started for it unless they run already."""
    report = Report(sys.stderr)
    home = data_dir(environ)
    servers = Servers(None if throwaway else home, environ=environ, fsync=fsync, report=report)
    running = servers.home.running()
    if "DATABASE_URL" in running:
        urls = {name: str(running[name]) for name in ("DATABASE_URL", "REDIS_URL")}
        os.execvpe(command[0], list(command), {**environ, **urls})  # noqa: S606
    with Supervisor(servers, report, "exec") as supervisor:
        supervisor.deaf_to_interrupt = _shares_terminal()
        supervisor.start_servers()
        spec = Spec(command[0], tuple(command), supervisor.environ, cwd=Path.cwd())
        try:
            code = supervisor.finish(supervisor.begin(spec), timeout=float("inf"))
        except Stopped:
            return 130
    return code if code >= 0 else 128 - code


def _shares_terminal() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _flag(kind: str) -> str:
    return "1" if kind == "demo" else ""
