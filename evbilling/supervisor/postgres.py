"""The embedded PostgreSQL: its data folder, its settings, its database; and an external one."""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from evbilling.supervisor import binaries
from evbilling.supervisor.accounts import Account
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.home import Home
from evbilling.supervisor.process import Spec

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NAME = "evbilling"  # of the database and of its owner
INITDB = (
    "--locale=C.UTF-8",
    "--encoding=UTF8",
    "--auth=trust",
    "--no-instructions",
    f"--username={NAME}",
)
OURS = "evbilling.conf"

# For a machine of 2 cores and 2 GB; what an owner writes below the include line wins.
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "768MB",
    "jit": "off",
    "random_page_cost": "1.1",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_checkpoints": "off",
    "log_line_prefix": "'%m [%p] %a '",
}
# Tests run without fsync: a killed server loses nothing by it, only a machine without power does.
THROWAWAY_SETTINGS = {
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum_naptime": "1h",
}


class Postgres:
    """PostgreSQL on ``DATA_DIR/pg``, reached by a private socket only."""

    def __init__(
        self, home: Home, account: Account | None, *, throwaway: bool = False, fsync: bool = True
    ) -> None:
        self.home = home
        self.account = account
        self.throwaway = throwaway
        self.fsync = fsync
        self.data = home.postgres_data
        self.programs = binaries.postgres_programs(home.path / "bin", account)

    def prepare(self, sockets: Path) -> None:
        """A data folder of our version, with our settings and nothing else changed."""
        self._check_data()
        if not self.data.exists():
            self._create_data()
        settings = {
            **SETTINGS,
            **(THROWAWAY_SETTINGS if self.throwaway else {}),
            "fsync": "on" if self.fsync else "off",
            "unix_socket_directories": _quoted(str(sockets)),
        }
        ours = self.data / OURS
        ours.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        ours.chmod(0o644)

    def spec(self) -> Spec:
        return Spec(
            name="postgres",
            command=(str(self.programs / "postgres"), "-D", str(self.data)),
            environ=self._environ(),
            log=self.home.log("postgres"),
            account=self.account,
            ready=self._is_ready,
            stop_signal=signal.SIGINT,
            overdue_signal=signal.SIGQUIT,
            death_signal=signal.SIGINT,
        )

    def _is_ready(self, pid: int) -> bool:
        """As pg_ctl finds out; the pid tells this run's file from the one of a killed server."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _check_data(self) -> None:
        try:
            major = (self.data / "PG_VERSION").read_text().strip()
            owner = self.data.stat().st_uid
        except FileNotFoundError:
            return
        except OSError as error:
            raise Refused(f"{self.data} cannot be read: {error.strerror}.") from error
        if major != str(binaries.POSTGRES_MAJOR):
            raise Refused(self._other_major(major))
        if owner != (wanted := self.account.uid if self.account else os.geteuid()):
            raise Refused(
                f"{self.data} belongs to {_user(owner)}, but PostgreSQL would run as"
                f" {_user(wanted)}: run as the former, or type:"
                f" chown -R {_user(wanted)} {shlex.quote(str(self.data))}"
            )

    def _other_major(self, major: str) -> str:
        data, old = shlex.quote(str(self.data)), shlex.quote(f"{self.data}{major}")
        return (
            f"{self.data} was written by PostgreSQL {major}, this release runs PostgreSQL"
            f" {binaries.POSTGRES_MAJOR}, and nothing was changed: make a dump with the release"
            f" that wrote it, then type: mv {data} {old}"
        )

    def _create_data(self) -> None:
        # In a folder that gets its name last: a crash in between leaves nothing to start from.
        new = self.home.server_folder("pg.new", self.account)
        shutil.rmtree(new)
        new = self.home.server_folder("pg.new", self.account)
        account = self.account
        options = (*INITDB, *(["--no-sync"] if self.throwaway else []))
        done = subprocess.run(
            [str(self.programs / "initdb"), "-D", str(new), *options],
            cwd="/",
            env=self._environ(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise Refused(f"PostgreSQL's initdb failed: {done.stderr.strip()}")
        with (new / "postgresql.conf").open("a") as conf:
            conf.write(f"\ninclude_if_exists = '{OURS}'\n# Your own settings below win.\n")
        new.rename(self.data)

    @staticmethod
    def _environ() -> dict[str, str]:
        # Without the mark: the guard has to stop it gently, not kill it.
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def url(sockets: Path) -> str:
    return f"postgres://{NAME}@{quote(str(sockets), safe='')}/{NAME}"


def create_database(sockets: Path) -> None:
    """Make our database where a new server does not have it yet."""
    import psycopg2

    server = psycopg2.connect(host=str(sockets), user=NAME, dbname="postgres")
    try:
        server.autocommit = True  # CREATE DATABASE refuses to run in a transaction
        with server.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {NAME}")
    finally:
        server.close()


def connect(database_url: str) -> "connection":
    import psycopg2

    return psycopg2.connect(database_url, connect_timeout=5)


def check_external(database_url: str) -> None:
    """Refuse a database that does not answer or that would mangle Thai."""
    import psycopg2

    if not database_url.startswith(("postgres://", "postgresql://")):
        raise Refused("DATABASE_URL must begin with postgres://; only PostgreSQL is supported.")
    try:
        server = connect(database_url)
    except psycopg2.Error as error:
        reason = _first_line(error)
        raise Refused(f"The database of DATABASE_URL does not answer: {reason}.") from None
    encoding = server.get_parameter_status("server_encoding")
    server.close()
    if encoding != "UTF8":
        raise Refused(
            f"The database of DATABASE_URL is encoded in {encoding}; create it with"
            " ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0."
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
