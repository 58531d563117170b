"""The frame log's months: one partition each, made before it is needed, dropped whole when old."""

from datetime import datetime

from django.db import connection

MONTHS_AHEAD = 3
DEFAULT = "stations_frame_default"  # takes what has no month; stays nearly empty


def names() -> set[str]:
    """The partitions there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'stations_frame'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def keep_ahead() -> None:
    """Make this month's partition and the next ones; harmless when run again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stations_frame_partitions(%s)", [MONTHS_AHEAD])


def drop_before(oldest: datetime) -> list[str]:
    """Drop the months that lie wholly before ``oldest``; their names."""
    this = oldest.strftime("%Y%m")
    old = [name for name in sorted(names() - {DEFAULT}) if name.rpartition("_")[2] < this]
    with connection.cursor() as cursor:
        for name in old:
            cursor.execute(f'DROP TABLE "{name}"')
        cursor.execute(f"DELETE FROM {DEFAULT} WHERE at < %s", [oldest])  # noqa: S608 (a constant)
    return old
