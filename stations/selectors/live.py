"""What charges have drawn up to given moments, from the readings around each: for hours, days, price borders.

Two index look-ups a moment instead of all readings of a charge, so a page of hundreds of running
charges asks little.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from stations.models import Session

LONGEST = timedelta(days=3)  # a charge that began earlier no longer counts for a day


class Drawn(NamedTuple):
    """A charge as far as it has come: ``end`` is its stop, or its newest reading."""

    pk: int
    start: datetime
    end: datetime
    meter_start: int
    wh: int


class Register(NamedTuple):
    """Wh since the start of the charge, as read at ``at``."""

    at: datetime
    wh: int


Moment = tuple[int, datetime]
Around = tuple[Register | None, Register | None]


def drawn_between(
    sessions: QuerySet[Session], windows: Iterable[tuple[datetime, datetime]]
) -> list[Drawn]:
    """Charges that may have drawn something in any of the windows."""
    wanted = Q(pk__in=[])
    for start, end in windows:
        after = Q(stopped_at__gte=start) | Q(stopped_at__isnull=True)
        wanted |= after & Q(started_at__range=(start - LONGEST, end))
    found = sessions.filter(wanted, refusal="").order_by()
    rows = found.values_list(
        "pk",
        "started_at",
        Coalesce("stopped_at", "live__at", "started_at"),
        "meter_start",
        Coalesce("energy_wh", "live__energy_wh", 0),
    )
    return [Drawn(pk, start, max(end, start), meter, wh) for pk, start, end, meter, wh in rows]


def registers_around(moments: Sequence[Moment], starts: dict[int, int]) -> dict[Moment, Around]:
    """The readings just before and just after each moment of a charge. ``starts``: registers at the start."""
    if not moments:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT m.session_id, m.at, b.at, b.register_wh, a.at, a.register_wh
              FROM unnest(%s::bigint[], %s::timestamptz[]) AS m(session_id, at)
              LEFT JOIN LATERAL (
                SELECT at, register_wh FROM stations_metervalue r
                 WHERE r.session_id = m.session_id AND r.at <= m.at AND register_wh IS NOT NULL
                 ORDER BY r.at DESC LIMIT 1) b ON true
              LEFT JOIN LATERAL (
                SELECT at, register_wh FROM stations_metervalue r
                 WHERE r.session_id = m.session_id AND r.at > m.at AND register_wh IS NOT NULL
                 ORDER BY r.at LIMIT 1) a ON true
            """,
            [[pk for pk, _ in moments], [at for _, at in moments]],
        )
        rows = cursor.fetchall()
    return {
        (pk, at): (
            Register(before_at, before - starts[pk]) if before is not None else None,
            Register(after_at, after - starts[pk]) if after is not None else None,
        )
        for pk, at, before_at, before, after_at, after in rows
    }


def energy_between(charges: Sequence[Drawn], borders: Sequence[datetime]) -> list[int]:
    """Wh drawn between each border and the next, over all charges together."""
    inside = [(c.pk, at) for c in charges for at in borders if c.start < at < c.end]
    around = registers_around(inside, {c.pk: c.meter_start for c in charges})
    sums = [0] * max(len(borders) - 1, 0)
    for charge in charges:
        found = (wh_at(charge, at, around.get((charge.pk, at))) for at in borders)
        reached = list(accumulate(found, max))  # a register that was reset must not take back
        for n in range(len(sums)):
            sums[n] += reached[n + 1] - reached[n]
    return sums


def wh_at(charge: Drawn, at: datetime, around: Around | None) -> int:
    """Wh drawn at ``at``: by the readings around it, evenly between them; never falling, never above."""
    if at <= charge.start:
        return 0
    if at >= charge.end:
        return charge.wh
    before, after = around or (None, None)
    first = before or Register(charge.start, 0)
    last = after if after and after.at <= charge.end else Register(charge.end, charge.wh)
    low, high = (min(max(r.wh, 0), charge.wh) for r in (first, last))
    span = (last.at - first.at).total_seconds()
    share = (at - first.at).total_seconds() / span if span > 0 else 0.0
    return low + round(max(high - low, 0) * min(share, 1.0))
