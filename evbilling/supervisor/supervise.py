"""Watches processes: restarts what dies, stops everything in reverse when asked or left alone."""

import os
import select
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from evbilling.supervisor import procfs
from evbilling.supervisor.errors import Refused, Stopped
from evbilling.supervisor.guard import Guard
from evbilling.supervisor.home import identity
from evbilling.supervisor.orphans import MARK
from evbilling.supervisor.process import STOP_SECONDS, Process, Spec, exit_text, tail
from evbilling.supervisor.report import Report
from evbilling.supervisor.servers import Servers

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
HEALTHY_SECONDS = 30.0
IDLE_SECONDS = 0.25  # how late the death of our parent may be noticed
WAITING_SECONDS = 0.05
LOG_SECONDS = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Watched:
    process: Process
    stage: int
    delay: float = FIRST_DELAY
    restart_at: float | None = None


class Supervisor:
    """One thread, one loop; ``with`` it claims the DATA_DIR and leaves nothing running there."""

    def __init__(self, servers: Servers, report: Report, kind: str, **facts: Any) -> None:
        self.servers = servers
        self.report = report
        self.kind = kind
        self.facts = facts
        self.mark = uuid.uuid4().hex
        self.deaf_to_interrupt = False  # where a command shares our terminal and hears it itself
        self.watched: list[Watched] = []
        self._asked_at: list[float] = []
        self._raising = False
        self._logs_at = 0.0
        self._parent = os.getppid()
        self._parent_heeds, _ = procfs.interrupt_handling(self._parent)
        self._guard = Guard(servers.home, self.mark, temporary=servers.temporary)

    # --- life -----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        home = self.servers.home
        home.claim(self.kind, **self.facts)
        self.report.log = home.log("supervisor")
        self._listen()
        self._guard.keep()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start_servers(self) -> None:
        with self.interruptible():
            self.servers.start()
        for process in self.servers.processes:
            self.watched.append(Watched(process, stage=-1))
            self.report.note(f"{process.name} started", process=process.name, pid=process.pid)

    @property
    def environ(self) -> dict[str, str]:
        """For processes that use the servers and die with us."""
        return {**self.servers.environ, MARK: self.mark}

    # --- processes --------------------------------------------------------------------------------

    def start(self, process: Process, stage: int = 0) -> None:
        """Start it and keep it running."""
        watched = Watched(process, stage)
        self.watched.append(watched)
        self._start(watched)

    def begin(self, spec: Spec) -> Process:
        """Start a command that ends by itself."""
        process = Process(spec).start()
        self.report.note(f"{spec.name} started", process=spec.name, pid=process.pid)
        return process

    def finish(self, process: Process, timeout: float = 600.0) -> int:
        """Wait for such a command while the others are kept running; its exit code."""
        try:
            self.wait(lambda: not process.running(), timeout, lambda: f"{process.name} runs on.")
        finally:
            process.stop()
        return process.poll() or 0

    def must(self, process: Process) -> None:
        """``finish``, and refuse to go on when it fails."""
        if code := self.finish(process):
            raise Refused(f"{process.name} {exit_text(code)}{process.last_lines()}")

    # --- the loop ---------------------------------------------------------------------------------

    def wait(
        self, condition: Callable[[], bool], timeout: float, complaint: Callable[[], str]
    ) -> None:
        """Keep everything running until the condition holds; refuse with the complaint if late."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise Refused(f"After {timeout:g} s {complaint()}")
            self._turn(WAITING_SECONDS)

    def forever(self) -> NoReturn:
        while True:
            self._turn(IDLE_SECONDS)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Here a signal ends even a blocking call, as ``Stopped``."""
        self._raising = True
        try:
            self._check_asked()
            yield
        finally:
            self._raising = False

    def _turn(self, seconds: float) -> None:
        self._sleep(seconds)
        self._check_asked()
        now = time.monotonic()
        for watched in self.watched:
            self._look_after(watched, now)
        with suppress(OSError):  # a full disk must not end what runs
            self._guard.keep()
            if now - self._logs_at > LOG_SECONDS:
                self._logs_at = now
                self.servers.home.bound_logs()

    def _check_asked(self) -> None:
        if self._asked_at:
            raise Stopped
        if os.getppid() != self._parent:
            self.report.say("The process that started this is gone: stopping.")
            raise Stopped
        # make passes SIGTERM on, but of an interrupt it only takes note and waits for us (from a
        # terminal both get it). It shows: its handler first resets itself, the signal held back.
        if self._parent_heeds and procfs.interrupt_handling(self._parent) == (False, True):
            raise Stopped

    def _look_after(self, watched: Watched, now: float) -> None:
        process = watched.process
        if watched.restart_at is not None:
            if now >= watched.restart_at:
                self._start(watched)
        elif (code := process.poll()) is not None:
            if now - process.started_at > HEALTHY_SECONDS:
                watched.delay = FIRST_DELAY
            last = "".join(tail(process.spec.log, 1)) if process.spec.log else ""
            self._schedule(watched, exit_text(code), code=code, last=last)

    def _schedule(self, watched: Watched, what: str, **facts: str | int) -> None:
        name, delay = watched.process.name, watched.delay
        watched.restart_at = time.monotonic() + delay
        watched.delay = min(delay * 2, LONGEST_DELAY)
        line = f"{name} {what}; starting it again in {delay:g} s"
        if last := facts.get("last"):
            line += f" (its last line: {str(last)[:200]})"
        self.report.say(line, process=name, restart_in=delay, **facts)

    def _start(self, watched: Watched) -> None:
        process, watched.restart_at = watched.process, None
        try:
            process.start()
        except Refused as refusal:
            self._schedule(watched, f"did not start: {refusal}")
            return
        self.report.note(f"{process.name} started", process=process.name, pid=process.pid)
        with suppress(OSError):
            self.servers.home.record(
                processes={each.process.name: identity(each.process.pid) for each in self.watched}
            )

    # --- stopping ---------------------------------------------------------------------------------

    def stop(self) -> None:
        """Later stages first, servers last, the guard to make sure; a second signal hurries."""
        deadline = time.monotonic() + STOP_SECONDS
        asked_before = len(self._asked_at)
        for stage in sorted({each.stage for each in self.watched if each.stage >= 0}, reverse=True):
            group = [each.process for each in self.watched if each.stage == stage]
            for process in group:
                process.ask_to_stop()
            while [process for process in group if process.running()]:
                if time.monotonic() > deadline or len(self._asked_at) > asked_before:
                    break
                self._sleep(WAITING_SECONDS)
            for process in group:
                if process.running():
                    self.report.say(f"{process.name} did not stop in time: ending it.")
                    process.force()
        self.servers.stop_processes()
        self._guard.release()
        self.report.note("stopped")
        self.servers.stop()
        self._unlisten()

    # --- signals ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        # A handler must exist for the wake-up to work: a child's end then ends our sleep.
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)

    def _unlisten(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        for end in self._pipe:
            os.close(end)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.deaf_to_interrupt:
            return
        # make passes SIGTERM on to its child, so one request may come twice in a moment.
        if not self._asked_at or time.monotonic() - self._asked_at[-1] > 1.0:
            self._asked_at.append(time.monotonic())
        if self._raising:
            raise Stopped

    def _sleep(self, seconds: float) -> None:
        if select.select([self._pipe[0]], [], [], seconds)[0]:
            os.read(self._pipe[0], 4096)
