"""Orders to chargers: written as rows, claimed by the process that holds the line, answered once.

An order to a charger that is away ends at once in ``offline``; one in the queue too long is never
delivered late by surprise; one without an answer ends in ``timeout``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction
from django.utils import timezone

from core import outbox
from core.seal import Unreadable, seal, unseal
from stations.models import Charger, Command, CommandStatus, Session

DONE_CHANNEL = "commands"
FINISHED = "command_finished"
STARS = "***"
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")  # the escape, not a backslash before "u0000"
NO_ANSWER = "no answer in time"  # detail of a timeout on a line that is still there


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command in the hands of the process that will send it."""

    pk: int
    charger_id: int
    action: str
    payload: dict[str, Any]
    answer_timeout_s: int
    readable: bool = True  # False: SECRET_KEY has changed since its secret fields were sealed


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a sent order, as the process that sent it writes it down."""

    pk: int
    epoch: int
    status: CommandStatus
    response: Any = None
    detail: str = ""


def request(
    charger: Charger,
    action: str,
    payload: Mapping[str, Any],
    *,
    by: str,
    session: Session | None = None,
    key: str | None = None,
    answer_timeout_s: int = 30,
    secret: Mapping[str, str] | None = None,
) -> Command:
    """Put an order on its way. With ``key``, asking again gives the same order, and what comes of
    it is told to the handler of the key's first word (``services.outcomes``).

    ``secret``: fields of the payload that are nobody's to read. They are sealed until the order is
    sent and forgotten with its end; everywhere else they are ``***``.
    """
    payload = {**payload, **dict.fromkeys(secret or (), STARS)}
    words = {
        "charger": charger.pk,
        "session": session.pk if session else None,
        "key": key,
        "action": action,
        "payload": orjson.dumps(payload).decode(),
        "sealed": seal(orjson.dumps(dict(secret)).decode()) if secret else "",
        "by": by[:120],
        "timeout": answer_timeout_s,
    }
    if queued := _made(_QUEUE, words):
        return queued
    if key and (known := Command.objects.filter(key=key).first()):
        return known
    return _made(_OFFLINE, words) or Command.objects.get(key=key)


def request_many(
    charger_ids: Sequence[int],
    action: str,
    payload: Mapping[str, Any],
    *,
    by: str,
    answer_timeout_s: int = 30,
) -> tuple[UUID, list[Command]]:
    """The same order to many chargers: their batch and their orders, in the order of the chargers.

    All rows by one statement, one nudge for each process that holds lines of theirs; it takes what
    waits for it in one go. Orders to chargers that are away have ended in ``offline``.
    """
    batch = uuid4()
    wanted = list(dict.fromkeys(charger_ids))
    words: dict[str, Any] = {
        "chargers": wanted,
        "batch": batch,
        "action": action,
        "payload": orjson.dumps(dict(payload)).decode(),
        "by": by[:120],
        "timeout": answer_timeout_s,
        "now": timezone.now(),
    }
    with transaction.atomic():
        made = {c.charger_id: c for c in Command.objects.raw(_QUEUE_MANY, words)}
        away = [c.pk for c in made.values() if c.status == CommandStatus.OFFLINE]
        if away:
            _tell_of(away)
    return batch, [made[pk] for pk in wanted if pk in made]


def _made(statement: str, words: Mapping[str, Any]) -> Command | None:
    more = {"now": timezone.now(), **_telling()}
    return next(iter(Command.objects.raw(statement, {**words, **more})), None)


def _telling() -> dict[str, Any]:
    return {"handlers": list(outbox.handlers_of(FINISHED))}


# Each in one statement: an order is as quick as its round trips to the database are few.
_TELL = f"""
    SELECT core_publish('{FINISHED}', id, company, 'charger:' || charger, data, %(now)s, %(now)s,
               CASE WHEN key IS NULL THEN '{{}}' ELSE %(handlers)s::text[] END,
               data || jsonb_build_object('kind', '{FINISHED}', 'subject', id, 'company', company)),
           pg_notify('{DONE_CHANNEL}', jsonb_build_object('id', id, 'status', status)::text)
      FROM (SELECT *, jsonb_build_object('station', station, 'charger', charger, 'action', action,
                                         'status', status) AS data FROM ended ORDER BY id) x
"""  # noqa: S608 (constants)
_TOLD = "m.id, m.action, m.status, m.key, c.id AS charger, s.id AS station, s.company_id AS company"
# Nobody waits for an order longer than for an answer; orders to one charger go one by one.
_INSERT = """
    INSERT INTO stations_command (charger_id, session_id, key, action, payload, requested_by,
           created_at, expires_at, answer_timeout_s, detail, sealed, status, answered_at)
    SELECT %(charger)s, %(session)s, %(key)s, %(action)s, %(payload)s::jsonb, %(by)s, %(now)s,
           %(now)s + %(timeout)s * interval '1 second', %(timeout)s, '', %(sealed)s,
"""
_QUEUE = f"""
    WITH line AS (
        SELECT c.connection_holder AS holder
          FROM stations_charger c JOIN core_lease l ON l.name = c.connection_holder
         WHERE c.id = %(charger)s AND c.deleted_at IS NULL AND l.expires_at > %(now)s
    ), made AS (
        {_INSERT} 'queued', NULL FROM line ON CONFLICT (key) DO NOTHING RETURNING *
    ), told AS (
        SELECT pg_notify(line.holder, jsonb_build_object('command', m.id, 'charger', m.charger_id)::text)
          FROM made m, line
    )
    SELECT made.* FROM made, told
"""  # noqa: S608 (constants)
_OFFLINE = f"""
    WITH made AS (
        {_INSERT} 'offline', %(now)s ON CONFLICT (key) DO NOTHING RETURNING *
    ), ended AS (
        SELECT {_TOLD} FROM made m JOIN stations_charger c ON c.id = m.charger_id
          JOIN stations_station s ON s.id = c.station_id
    ), told AS ({_TELL})
    SELECT made.* FROM made, told
"""  # noqa: S608 (constants)


_QUEUE_MANY = """
    WITH line AS (
        SELECT c.id AS charger, l.name AS holder
          FROM stations_charger c
          LEFT JOIN core_lease l ON l.name = c.connection_holder AND l.expires_at > %(now)s
         WHERE c.id = ANY(%(chargers)s) AND c.deleted_at IS NULL
    ), made AS (
        INSERT INTO stations_command (charger_id, batch, action, payload, requested_by, created_at,
               expires_at, answer_timeout_s, detail, sealed, status, answered_at)
        SELECT charger, %(batch)s, %(action)s, %(payload)s::jsonb, %(by)s, %(now)s,
               %(now)s + %(timeout)s * interval '1 second', %(timeout)s, '', '',
               CASE WHEN holder IS NULL THEN 'offline' ELSE 'queued' END,
               CASE WHEN holder IS NULL THEN %(now)s END
          FROM line ORDER BY charger
        RETURNING *
    ), told AS (
        SELECT pg_notify(holder, '{"orders":true}')
          FROM (SELECT DISTINCT holder FROM line WHERE holder IS NOT NULL) h
    )
    SELECT made.* FROM made, (SELECT count(*) FROM told) t
"""


def _tell_of(command_ids: Sequence[int]) -> None:
    """Publish that these orders, which are written already, have ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH ended AS (
                SELECT {_TOLD} FROM stations_command m JOIN stations_charger c ON c.id = m.charger_id
                  JOIN stations_station s ON s.id = c.station_id
                 WHERE m.id = ANY(%(commands)s)
            ) {_TELL}
            """,  # noqa: S608 (constants)
            {"now": timezone.now(), "commands": list(command_ids), **_telling()},
        )


def _end(change: str, which: str, **words: Any) -> int:
    """Give orders their end and tell of it; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH ended AS (
                UPDATE stations_command m SET answered_at = %(now)s, sealed = '', {change}
                  FROM stations_charger c JOIN stations_station s ON s.id = c.station_id
                 WHERE c.id = m.charger_id AND {which}
                RETURNING {_TOLD}
            ) {_TELL}
            """,  # noqa: S608 (constants)
            {"now": timezone.now(), **_telling(), **words},
        )
        return int(cursor.rowcount)


def holder_of(charger_id: int) -> str:
    """The lease name of the living process that holds the charger's line, or ''."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.connection_holder
              FROM stations_charger c JOIN core_lease l ON l.name = c.connection_holder
             WHERE c.id = %s AND c.deleted_at IS NULL AND l.expires_at > %s
            """,
            [charger_id, timezone.now()],
        )
        row = cursor.fetchone()
    return row[0] if row else ""


def claim(command_id: int, holder: str, epoch: int) -> Claimed | None:
    """Take a queued order for sending; None when it is gone, late, or the line has a newer socket."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE stations_command m SET status = 'sent', epoch = %s, sent_at = clock_timestamp()
              FROM stations_charger c
             WHERE m.id = %s AND m.status = 'queued' AND m.expires_at > clock_timestamp()
               AND c.id = m.charger_id AND c.connection_holder = %s AND c.connection_epoch = %s
            RETURNING {_CLAIMED}
            """,  # noqa: S608 (constants)
            [epoch, command_id, holder, epoch],
        )
        row = cursor.fetchone()
    return None if row is None else _claimed(row)


def claim_many(orders: Sequence[tuple[int, int]], holder: str) -> list[Claimed]:
    """Take queued orders, each given with the epoch of its line; those that can be had, in order."""
    with connection.cursor() as cursor:
        # Materialized: joined by epoch first, which is 1 for most lines, all would meet all.
        cursor.execute(
            f"""
            WITH wanted AS MATERIALIZED (
                SELECT q.id, q.charger_id, v.epoch
                  FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, epoch)
                  JOIN stations_command q ON q.id = v.id
            ), mine AS MATERIALIZED (
                SELECT w.id, w.epoch FROM wanted w JOIN stations_charger c ON c.id = w.charger_id
                 WHERE c.connection_holder = %s AND c.connection_epoch = w.epoch
            )
            UPDATE stations_command m
               SET status = 'sent', epoch = w.epoch, sent_at = clock_timestamp()
              FROM mine w
             WHERE m.id = w.id AND m.status = 'queued' AND m.expires_at > clock_timestamp()
            RETURNING {_CLAIMED}
            """,  # noqa: S608 (constants)
            [[pk for pk, _ in orders], [epoch for _, epoch in orders], holder],
        )
        rows = cursor.fetchall()
    return [_claimed(row) for row in sorted(rows, key=lambda row: row[0])]


_CLAIMED = "m.id, m.charger_id, m.action, m.payload, m.answer_timeout_s, m.sealed"


def _claimed(row: tuple[Any, ...]) -> Claimed:
    payload = row[3] if isinstance(row[3], dict) else orjson.loads(row[3])
    sealed, readable = row[5], True
    try:
        payload.update(orjson.loads(unseal(sealed)) if sealed else {})
    except Unreadable:
        readable = False
    return Claimed(row[0], row[1], row[2], payload, row[4], readable)


def finish(
    command_id: int, epoch: int, status: CommandStatus, response: Any = None, detail: str = ""
) -> bool:
    """Write the outcome of a sent order, once, and wake whoever waits for it."""
    return bool(
        _end(
            "status = %(status)s, response = %(response)s::jsonb, detail = %(detail)s",
            "m.id = %(command)s AND m.status = 'sent' AND m.epoch = %(epoch)s",
            command=command_id,
            epoch=epoch,
            status=status,
            response=None if response is None else _storable(response),
            detail=detail[:300],
        )
    )


def finish_many(ends: Sequence[Ended]) -> None:
    """Write the outcomes of many sent orders by one statement; each once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH ended AS (
                UPDATE stations_command m SET answered_at = %(now)s, sealed = '', status = v.status,
                       response = v.response, detail = v.detail
                  FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(statuses)s::text[],
                              %(responses)s::jsonb[], %(details)s::text[])
                       AS v(id, epoch, status, response, detail),
                       stations_charger c JOIN stations_station s ON s.id = c.station_id
                 WHERE m.id = v.id AND m.epoch = v.epoch AND m.status = 'sent'
                   AND c.id = m.charger_id
                RETURNING {_TOLD}
            ) {_TELL}
            """,  # noqa: S608 (constants)
            {
                "now": timezone.now(),
                "ids": [e.pk for e in ends],
                "epochs": [e.epoch for e in ends],
                "statuses": [str(e.status) for e in ends],
                "responses": [None if e.response is None else _storable(e.response) for e in ends],
                "details": [e.detail[:300] for e in ends],
                **_telling(),
            },
        )


def _storable(response: Any) -> str:
    """The answer as JSON without NUL: PostgreSQL takes none."""
    return _NUL.sub(rb"\1", orjson.dumps(response)).decode()


def queued_for(holder: str) -> list[tuple[int, int]]:
    """(command, charger) waiting for this process: the sweep behind the nudge."""
    rows = Command.objects.filter(
        status=CommandStatus.QUEUED,
        expires_at__gt=timezone.now(),
        charger__connection_holder=holder,
    )
    return list(rows.order_by("pk").values_list("pk", "charger_id"))


def drop_for(charger_ids: Sequence[int]) -> None:
    """The lines of these chargers have ended: what still waited for them was never seen by them."""
    _end(
        "status = 'offline'",
        "m.charger_id = ANY(%(chargers)s) AND m.status = 'queued' AND c.connection_holder = ''",
        chargers=list(charger_ids),
    )


def expire_overdue() -> int:
    """End orders that nobody claimed or answered in time. A sweep; safe to repeat."""
    return _end(
        """status = CASE WHEN m.status = 'sent' OR c.connection_holder <> ''
                         THEN 'timeout' ELSE 'offline' END""",
        """((m.status = 'queued' AND m.expires_at < %(now)s)
         OR (m.status = 'sent'
             AND m.sent_at + (m.answer_timeout_s + 5) * interval '1 second' < %(now)s))""",
    )
