"""Whether the database has every migration already: asking Django takes a second, this does not."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from evbilling.supervisor.config import BASE_DIR
from evbilling.supervisor.postgres import connect

# The lock and the settings stand for the migrations of installed packages.
ALSO = ("uv.lock", "evbilling/settings.py")


def up_to_date(database_url: str, stamp: Path) -> bool:
    """The stamp was made from these files and from what this database says it has applied."""
    return stamp.is_file() and stamp.read_text() == _state(database_url)


def remember(database_url: str, stamp: Path) -> None:
    stamp.write_text(_state(database_url))


def _state(database_url: str) -> str:
    total = hashlib.sha256(repr(_applied(database_url)).encode())
    files = sorted(BASE_DIR.glob("*/migrations/*.py"))
    for path in (*files, *(BASE_DIR / name for name in ALSO)):
        total.update(f"\0{path.relative_to(BASE_DIR)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _applied(database_url: str) -> Sequence[tuple[str, str]]:
    with closing(connect(database_url)) as server, server.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return []
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return list(cursor.fetchall())
