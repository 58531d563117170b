"""A process beside the supervisor that cleans up when it is gone, however it went.

The kernel's death signals reach children; this one also ends grandchildren and waits for
PostgreSQL to close its files. It knows of the end because its standard input ends.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from evbilling.supervisor import orphans
from evbilling.supervisor.config import BASE_DIR
from evbilling.supervisor.home import Home

LONGEST = 40.0  # PostgreSQL's three deadlines and some


class Guard:
    """Started by the supervisor before anything else, and ended by it last."""

    def __init__(self, home: Home, mark: str, *, temporary: bool) -> None:
        self._home = home
        self._words = [mark, str(home.path), "temporary" if temporary else "kept"]
        self._popen: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it, also again if something ended it."""
        if self._popen and self._popen.poll() is None:
            return
        if self._popen and self._popen.stdin:
            self._popen.stdin.close()
        with self._home.log("guard").open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-S", "-m", "evbilling.supervisor.guard", *self._words],
                cwd=BASE_DIR,
                env={"PATH": os.defpath},  # without the mark: it must not end itself
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self._home.lock],  # the folder stays taken until it has cleaned up
            )

    def release(self) -> None:
        """Let it look once more, and wait for it."""
        if self._popen is None:
            return
        if self._popen.stdin:
            self._popen.stdin.close()
        try:
            self._popen.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def main(mark: str, folder: str, lifetime: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    supervisor = os.getppid()
    os.read(sys.stdin.fileno(), 1)
    orphans.end_marked(mark)
    home = Home(Path(folder))
    orphans.stop_postgres(home.postgres_data)
    if os.getppid() == supervisor:
        return  # it lives and tidies up itself
    home.forget()
    if lifetime == "temporary":
        shutil.rmtree(home.path, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
