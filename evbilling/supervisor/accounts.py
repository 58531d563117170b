"""The account that the servers run as: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from evbilling.supervisor.errors import Refused
from evbilling.supervisor.report import Report

NAME = "evbilling"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Every folder on the way down lets this account through."""
        return all(self._may_pass(parent) for parent in (folder, *folder.parents))

    def _may_pass(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & 0o100)
        return bool(found.st_mode & (0o010 if found.st_gid == self.gid else 0o001))

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def server_account(report: Report) -> Account | None:
    """A system account of our own when we are root, made if missing; else nobody but ourselves."""
    if os.geteuid() != 0:
        return None
    account = _find()
    if account is None:
        report.say(f"Creating the system user {NAME}: PostgreSQL does not run as root.")
        _create()
        account = _find()
    if account is None:
        raise Refused(f"The system user {NAME} could not be created; create it and try again.")
    return account


def _find() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(NAME, entry.pw_uid, entry.pw_gid)


def _create() -> None:
    if shutil.which("useradd") is None:
        raise Refused(f"useradd is missing: create a system user named {NAME} and try again.")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command = ["useradd", *options, "--shell", "/usr/sbin/nologin", NAME]
    # It also fails when another supervisor was quicker; what counts is that the user is there.
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
