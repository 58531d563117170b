"""One process at a time asks the outside about one thing: no charge, capture or refund is sent twice."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

PATIENCE_MS = 5_000


@contextmanager
def alone(what: str, pk: int) -> Iterator[bool]:
    """Whether this process has the thing to itself while the block runs; a crash gives it back.

    Where another process is at it, it is waited for: its answer may be older than what woke us.
    """
    name = f"{what}:{pk}"
    if not _take(name):
        yield False
        return
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _take(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if cursor.fetchone()[0]:
            return True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    except OperationalError:
        return False
    return True
