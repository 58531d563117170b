"""DATA_DIR: its folders, its lock, its secret, and ``run.json``, which says what runs there."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evbilling.supervisor import orphans, procfs
from evbilling.supervisor.accounts import Account
from evbilling.supervisor.errors import Refused

LONGEST_SOCKET_PATH = 107  # of sun_path, without its closing zero
LONGEST_LOG = 32 * 1024 * 1024
GUARD_SECONDS = 20.0  # what the guard of a killed supervisor may take to clean up
TEMPORARY = Path("/tmp")  # noqa: S108 - short on every machine, unlike TMPDIR; used by mkdtemp only


class Home:
    """One supervisor at a time owns a DATA_DIR."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.facts: dict[str, Any] = {}
        self._lock: int | None = None

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def postgres_data(self) -> Path:
        return self.path / "pg"

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def bound_logs(self) -> None:
        """Empty what has grown too long; what it said is kept once, as ``.log.1``."""
        for log in (self.path / "log").glob("*.log"):
            if log.stat().st_size > LONGEST_LOG:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    @property
    def lock(self) -> int:
        """The descriptor that holds the lock; the guard keeps a copy until it has cleaned up."""
        if self._lock is None:
            raise RuntimeError("claim() first")
        return self._lock

    # --- ownership --------------------------------------------------------------------------

    def claim(self, kind: str, **facts: Any) -> None:
        """Take the folder, clean up after whoever had it, or say who has it now."""
        if self._lock is not None:
            return
        try:
            self._make_folders()
            self._lock = self._locked()
            self._clean_up()
            self.record(
                kind=kind,
                boot=procfs.boot_id(),
                since=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                supervisor=identity(os.getpid()),
                processes={},
                **facts,
            )
        except OSError as error:
            raise Refused(f"DATA_DIR={self.path} cannot be used: {error.strerror}.") from error

    def _clean_up(self) -> None:
        orphans.end_recorded(self.read())
        orphans.stop_postgres(self.postgres_data)
        self.forget()
        for log in (self.path / "log").glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def release(self) -> None:
        """Leave nothing but data behind."""
        if self._lock is not None:
            self.forget()
            os.close(self._lock)
            self._lock = None

    def forget(self) -> None:
        """Remove run.json and what it names; for whoever holds the lock."""
        folder = Path(self.read().get("socket_folder") or "")
        if folder.parent == TEMPORARY and folder.name.startswith("evbilling-"):
            shutil.rmtree(folder, ignore_errors=True)
        self.run_file.unlink(missing_ok=True)

    def read(self) -> dict[str, Any]:
        """What run.json says, true or stale; empty when there is none."""
        try:
            found = json.loads(self.run_file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def running(self) -> dict[str, Any]:
        """What run.json says, if the supervisor that wrote it is alive."""
        found = self.read()
        return found if orphans.is_alive(found, found.get("supervisor")) else {}

    def record(self, **facts: Any) -> None:
        """Add to run.json; readers see the old or the new file, never half of one."""
        self.facts.update(facts)
        new = self.path / "run.json.new"
        # It holds the address of the database, so it is nobody else's to read.
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.facts, file, indent=1)
        new.replace(self.run_file)

    def _locked(self) -> int:
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + GUARD_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                holder = self.running()
            if holder or time.monotonic() > deadline:
                os.close(lock)
                raise Refused(self._taken(holder))
            time.sleep(0.02)

    def _taken(self, holder: dict[str, Any]) -> str:
        if not holder:
            return f"{self.path} is still being cleaned up by a stopped supervisor; try again soon."
        who = f"{holder['kind']}, pid {holder['supervisor']['pid']}, since {holder['since']}"
        where = f" at {holder['web']}" if holder.get("web") else ""
        return f"evbilling already runs{where} with DATA_DIR={self.path} ({who}): stop it first."

    # --- folders ------------------------------------------------------------------------------

    def _make_folders(self) -> None:
        if not self.path.is_dir():
            # As root the servers' account has to pass through; what is in it is closed.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
        for name in ("log", "beat", "demo"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        self._make_secret()

    def _make_secret(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with (
            suppress(FileExistsError),
            open(os.open(self.path / "secret_key", flags, 0o600), "w") as file,
        ):
            file.write(os.urandom(48).hex())

    def server_folder(self, name: str, account: Account | None) -> Path:
        """A folder that only the servers' account may enter."""
        if account and not account.may_enter(self.path):
            raise Refused(
                f"DATA_DIR={self.path} lies where the system user {account.name} may not go;"
                " choose another DATA_DIR."
            )
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if account:
            account.own(folder)
        return folder

    def socket_folder(self, account: Account | None) -> Path:
        """``DATA_DIR/s``, or a short name elsewhere when a socket's path would be too long."""
        longest = self.path / "s" / ".s.PGSQL.5432"
        if len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH:
            return self.server_folder("s", account)
        folder = Path(tempfile.mkdtemp(prefix="evbilling-", dir=TEMPORARY))
        if account:
            account.own(folder)
        self.record(socket_folder=str(folder))
        return folder


def identity(pid: int) -> dict[str, int | None]:
    return {"pid": pid, "start": procfs.start_time(pid)}
