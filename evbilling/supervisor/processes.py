"""The table of the product's own processes, and of the commands run before them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from evbilling.supervisor.config import BASE_DIR, Config, free_port
from evbilling.supervisor.home import Home
from evbilling.supervisor.process import Process, Spec

CELERY = "{python} -m celery -A evbilling.celery"
LEAN = "--without-mingle --without-gossip"
QUIET = "-l warning"
SIMULATOR = (
    "{python} -m simulators.charger --fleet {data_dir}/demo/fleet.json"
    " --state {data_dir}/demo/meters.json --url {ocpp_url}"
    " --secure-url {ocpp_tls_url} --control-port {control_port}"
)
BANK = (
    "{python} -m simulators.bank --port {bank_port} --state {data_dir}/demo/bank.json"
    " --webhook-url {web_url}/webhooks/omise/ --scb-webhook-url {web_url}/webhooks/scb/"
)
# The keys that the simulated bank knows: see ``simulators.bank.app``. They open nothing else.
BANK_KEYS = {
    "OMISE_PUBLIC_KEY": "pkey_test_demo0000000000000000",
    "OMISE_SECRET_KEY": "skey_test_demo0000000000000000",
    "OMISE_WEBHOOK_SECRET": "ZXZiaWxsaW5nLWRlbW8td2ViaG9vay1zZWNyZXQ=",
}


@dataclass(frozen=True)
class Row:
    """One process. Stage n+1 starts when every port of stage n answers; all stop in reverse."""

    name: str
    command: str  # words between spaces; see ``Site.spec`` for what is filled in
    stage: int = 0
    port: Literal["PORT", "OCPP_PORT"] | None = None
    demo_only: bool = False


@dataclass(frozen=True)
class Table:
    processes: tuple[Row, ...]
    migrate: str
    seed: str  # writes DATA_DIR/demo/fleet.json, which the simulator reads
    create_owner: str


# Chargers come first: they are what must not wait.
PRODUCT = Table(
    processes=(
        Row("sockets", "{python} manage.py sockets", 0, "OCPP_PORT"),
        Row("web", "{python} manage.py web", 1, "PORT"),
        Row("simulator", SIMULATOR, 1, demo_only=True),
        Row("bank", BANK, 1, demo_only=True),
        Row("deliver", "{python} manage.py deliver", 1),
        Row("forward", "{python} manage.py forward", 2),
        Row("worker", f"{CELERY} worker -P threads -c 4 {LEAN} {QUIET}", 2),
        Row("beat", f"{CELERY} beat -s {{data_dir}}/beat/schedule {QUIET}", 2),
    ),
    migrate="{python} manage.py migrate --noinput --skip-checks -v 0",
    seed="{python} manage.py seed_demo",
    create_owner="{python} manage.py create_admin --level owner",
)


@dataclass(frozen=True)
class Site:
    """Where a command of the table runs."""

    home: Home
    config: Config
    environ: Mapping[str, str]
    control_port: int = field(default_factory=free_port)  # of the demo's simulator
    bank_port: int = field(default_factory=free_port)  # of the demo's bank

    def spec(self, name: str, command: str, *more: str) -> Spec:
        words = {
            "python": sys.executable,
            "data_dir": str(self.home.path),
            "ocpp_url": self.config.ocpp_url,
            "ocpp_tls_url": self.config.ocpp_tls_url,
            "control_port": str(self.control_port),
            "bank_port": str(self.bank_port),
            "web_url": self.config.web_url,
        }
        ours = {"PROCESS_NAME": name, "DEMO_CONTROL_PORT": str(self.control_port)}
        return Spec(
            name=name,
            command=(*(word.format_map(words) for word in command.split()), *more),
            environ={**self.bank_environ(), **self.environ, **self.config.environ(), **ours},
            cwd=BASE_DIR,
            log=self.home.log(name),
        )

    def bank_environ(self) -> dict[str, str]:
        """In the demo the gateway is the simulated bank, unless a real (test) account is given."""
        given = any(name.startswith("OMISE_") and self.environ[name] for name in self.environ)
        if not self.environ.get("DEMO") or given:
            return {}
        url = f"http://127.0.0.1:{self.bank_port}"
        urls = {"OMISE_API_URL": url, "OMISE_VAULT_URL": url, "OMISE_SCRIPT_URL": f"{url}/omise.js"}
        return {**BANK_KEYS, **urls, "DEMO_BANK_URL": url}

    def process(self, row: Row) -> Process:
        spec = self.spec(row.name, row.command)
        if row.port is None:
            return Process(spec)
        config = self.config
        port = config.port if row.port == "PORT" else config.ocpp_port
        host = config.host.strip("[]")
        return Process(replace(spec, ready=lambda pid: accepts(host, port)))


def accepts(host: str, port: int) -> bool:
    """Somebody takes connections there."""
    import socket

    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def row(name: str, table: Table = PRODUCT) -> Row:
    return next(each for each in table.processes if each.name == name)
