"""Pages of a long list by key, not by number: the millionth row costs as little as the first.

A page is asked for by the key of the row beside it, so it stays the same page while new rows come.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row that a page lies beside: older than it, or ``newer``."""

    at: datetime
    id: int
    newer: bool = False

    def __str__(self) -> str:
        return f"{'n' if self.newer else 'o'}{(self.at - EPOCH) // MICROSECOND}-{self.id}"


def parse(text: str) -> Cursor | None:
    """The cursor in a URL; None, the first page, for whatever is not one."""
    direction, (at, _, key) = text[:1], text[1:].partition("-")
    if direction not in ("n", "o"):
        return None
    try:
        return Cursor(EPOCH + int(at) * MICROSECOND, int(key), direction == "n")
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Newest first. ``older`` and ``newer`` are cursors for the URL, '' where there is no such page."""

    rows: list[M]
    older: str = ""
    newer: str = ""


def page(queryset: QuerySet[M], by: str, cursor: Cursor | None, size: int = 50) -> Page[M]:
    """One page of ``queryset`` by (``by``, id), newest first. The index on both does the work."""
    upwards = cursor is not None and cursor.newer
    wanted = beside(queryset, by, cursor)
    ordered = wanted.order_by(by, "id") if upwards else wanted.order_by(f"-{by}", "-id")
    return made(list(ordered[: size + 1]), by, cursor, size)


def made(rows: list[M], by: str, cursor: Cursor | None, size: int) -> Page[M]:
    """The page of ``size`` + 1 rows that were read in the order of ``cursor``."""
    upwards = cursor is not None and cursor.newer
    more = len(rows) > size
    rows = rows[:size]
    if upwards:
        rows.reverse()
    if not rows:
        return Page([])
    older = upwards or more
    newer = cursor is not None and (not upwards or more)
    return Page(
        rows,
        str(_key(rows[-1], by)) if older else "",
        str(_key(rows[0], by, newer=True)) if newer else "",
    )


def beside(queryset: QuerySet[M], by: str, cursor: Cursor | None) -> QuerySet[M]:
    """The rows on the cursor's side of its row."""
    if cursor is None:
        return queryset
    way = "gt" if cursor.newer else "lt"
    # The first condition is what the index can use; the second settles rows of the same moment.
    return queryset.filter(**{f"{by}__{way}e": cursor.at}).filter(
        Q(**{f"{by}__{way}": cursor.at}) | Q(**{f"id__{way}": cursor.id})
    )


def _key(row: Any, by: str, *, newer: bool = False) -> Cursor:
    return Cursor(getattr(row, by), row.pk, newer)
