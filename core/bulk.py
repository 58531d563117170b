"""Many rows changed by one statement: ``UPDATE … FROM unnest(…)``, rows locked in key order."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def update_rows(
    table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]
) -> None:
    """Set ``columns`` (name, PostgreSQL type) of ``table``; the first column is the key.

    ``rows`` are distinct by key. Names are ours, never input. Locking in key order keeps two
    batches from deadlocking.
    """
    if not rows:
        return
    key = columns[0][0]
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    sets = ", ".join(f"{name} = v.{name}" for name, _ in columns[1:])
    values = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {table} WHERE {key} = ANY(%s) ORDER BY {key} FOR NO KEY UPDATE",  # noqa: S608
            [values[0]],
        )
        cursor.execute(
            f"UPDATE {table} AS t SET {sets} FROM unnest({arrays}) AS v({names}) WHERE t.{key} = v.{key}",  # noqa: S608
            values,
        )
