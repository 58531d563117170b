"""What was noticed of chargers, kept in one row per charger and kind: how often, when, where to look."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson
from django.db import connection
from django.utils import timezone


class Noticed(msgspec.Struct, gc=False):
    """Some occurrences of one kind at one charger. ``evidence`` is that of the newest."""

    charger_id: int
    code: str
    count: int
    first_at: datetime
    last_at: datetime
    evidence: dict[str, Any]
    applied: str = ""


def write(noticed: Sequence[Noticed]) -> None:
    """Add occurrences to what is known: one statement, rows in key order so that none deadlock.

    Run again after a broken connection it may count a few twice: a count, not a fact of money.
    """
    if not noticed:
        return
    rows = sorted(noticed, key=lambda n: (n.charger_id, n.code))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO stations_finding AS f (charger_id, code, count, first_at, last_at, evidence, applied)
            SELECT c.id, v.code, v.n, v.first_at, v.last_at, v.evidence::jsonb, v.applied
              FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[],
                          %s::text[], %s::text[]) WITH ORDINALITY
                   AS v(charger, code, n, first_at, last_at, evidence, applied, place)
              JOIN stations_charger c ON c.id = v.charger ORDER BY v.place
            ON CONFLICT (charger_id, code) DO UPDATE
               SET count = f.count + excluded.count, evidence = excluded.evidence,
                   applied = excluded.applied, last_at = greatest(f.last_at, excluded.last_at)
            """,
            [
                [r.charger_id for r in rows],
                [r.code for r in rows],
                [r.count for r in rows],
                [r.first_at for r in rows],
                [r.last_at for r in rows],
                [orjson.dumps(r.evidence).decode() for r in rows],
                [r.applied[:40] for r in rows],
            ],
        )


def note(
    charger_id: int, codes: Sequence[str], evidence: Mapping[str, Any], applied: str = ""
) -> None:
    """Something noticed by a service, written in its transaction."""
    now = timezone.now()
    write(
        [
            Noticed(charger_id, code, 1, now, now, dict(evidence), applied)
            for code in dict.fromkeys(codes)
        ]
    )
