"""One child process: started so that it cannot outlive us, stopped with everything below it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from evbilling.supervisor.accounts import Account
from evbilling.supervisor.errors import Refused

PR_SET_PDEATHSIG = 1
# Looked up before any fork: between fork and exec only the call itself may happen.
_prctl = ctypes.CDLL(None, use_errno=True).prctl

STOP_SECONDS = 5.0


def always(pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Spec:
    """What to run, and how to be rid of it."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    log: Path | None = None  # None: shares our terminal and our process group
    account: Account | None = None
    ready: Callable[[int], bool] = always  # is asked with the pid
    stop_signal: signal.Signals = signal.SIGTERM
    overdue_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL  # the kernel sends it when we die


class Process:
    """A running ``Spec``; start and stop it as often as needed, from the main thread.

    The main thread, because the death signal comes when the *thread* that spawned it ends.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.started_at = 0.0
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int:
        """The pid of the present or last run; 0 before the first."""
        return self._popen.pid if self._popen else 0

    def start(self) -> Self:
        spec, account = self.spec, self.spec.account
        log = None
        try:
            log = _open(spec.log) if spec.log else None
            self._popen = subprocess.Popen(
                spec.command,
                cwd=spec.cwd,
                env=dict(spec.environ),
                stdin=subprocess.DEVNULL if log else None,
                stdout=log,
                stderr=log,
                start_new_session=log is not None,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=_die_with(os.getpid(), spec.death_signal),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(f"{spec.name} cannot be started: {error}.") from error
        finally:
            if log:
                log.close()
        self.started_at = time.monotonic()
        return self

    def poll(self) -> int | None:
        """The exit code (negative: the signal), or None while it runs or before it ever ran."""
        if self._popen is None or self._popen.returncode is not None:
            return self._popen.returncode if self._popen else None
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._popen.pid, how) is not None:
            # Not yet reaped, so its number still names its group and cannot hit anybody else's.
            self._kill_group()
            return self._popen.wait()
        return None

    def running(self) -> bool:
        return self._popen is not None and self.poll() is None

    def wait(self, timeout: float = 10.0) -> int:
        """The exit code, or ``TimeoutError``."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs after {timeout:g} s")
            time.sleep(0.005)
        return code

    def wait_ready(self, timeout: float = 30.0) -> Self:
        """Return once ``spec.ready`` says so; ``Refused`` when it exits or takes too long."""
        deadline = time.monotonic() + timeout
        while not self.spec.ready(self.pid):
            if (code := self.poll()) is not None:
                raise Refused(f"{self.name} {exit_text(code)}{self.last_lines()}")
            if time.monotonic() > deadline:
                raise Refused(f"{self.name} is not ready after {timeout:g} s{self.last_lines()}")
            time.sleep(0.005)
        return self

    def signal(self, number: signal.Signals) -> None:
        if self._popen and self.running():
            self._popen.send_signal(number)

    def kill9(self) -> int:
        """As the kernel's out-of-memory killer would; what it had started dies with it."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def ask_to_stop(self) -> None:
        self.signal(self.spec.stop_signal)

    def force(self) -> None:
        """It had its time: the overdue signal, and SIGKILL if even that does not end it."""
        self.signal(self.spec.overdue_signal)
        try:
            self.wait(STOP_SECONDS)
        except TimeoutError:
            self.kill9()

    def stop(self, timeout: float = STOP_SECONDS) -> int | None:
        """Politely, then by force; the exit code."""
        self.ask_to_stop()
        try:
            return self.wait(timeout) if self._popen else None
        except TimeoutError:
            self.force()
            return self.poll()

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, set below a sentence that ends here; empty when it said nothing."""
        lines = tail(self.spec.log, count) if self.spec.log else []
        return "\n  ".join([":", *lines]) if lines else ""

    def __enter__(self) -> Self:
        return self if self.running() else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _kill_group(self) -> None:
        if self._popen and self.spec.log:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)


def exit_text(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def tail(log: Path, count: int) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def _open(log: Path) -> BinaryIO:
    # Appending, so that rotation may cut the file while the child writes on.
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), "wb", buffering=0)


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        _prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew of our wish
            os._exit(1)

    return prepare
