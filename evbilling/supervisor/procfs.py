"""What /proc knows: who runs, since when, and who holds a port."""

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT

PROC = Path("/proc")
LISTENING = "0A"


def start_time(pid: int) -> int | None:
    """Ticks since boot: with the pid, the name of a process that no later one can have."""
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The command's name may hold spaces and brackets; the fields start after the last one.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in b"ZX" else int(fields[19])


def interrupt_handling(pid: int) -> tuple[bool, bool]:
    """Whether it has a handler for SIGINT, and whether SIGINT is held back at the moment."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return False, False
    fields = dict(line.split(":", 1) for line in lines)
    bit = 1 << (SIGINT - 1)
    return bool(int(fields["SigCgt"], 16) & bit), bool(int(fields["SigBlk"], 16) & bit)


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def command_line(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    text = words.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return text if len(text) <= 100 else f"{text[:99]}…"


def pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir(PROC) if entry.isdecimal())


def with_variable(name: str, value: str) -> list[int]:
    """Processes started with this variable: all descendants, whatever group they moved to."""
    needle = f"\0{name}={value}\0".encode()
    found = []
    for pid in pids():
        try:
            environ = (PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if needle in b"\0" + environ and start_time(pid) is not None:
            found.append(pid)
    return found


def listener(port: int) -> int | None:
    """The process that listens on the TCP port, as far as we may see it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return next((pid for pid in pids() if sockets and _holds(pid, sockets)), None)


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (PROC / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _holds(pid: int, sockets: set[str]) -> bool:
    folder = PROC / str(pid) / "fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if os.readlink(folder / descriptor) in sockets:
                return True
        except OSError:
            continue
    return False
