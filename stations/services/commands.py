"""Orders to chargers: written as rows, claimed by the process that holds the line, answered once.

An order to a charger that is away ends at once in ``offline``; one in the queue too long is never
delivered late by surprise; one without an answer ends in ``timeout``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core import outbox
from stations.models import Charger, Command, CommandStatus, Session

DONE_CHANNEL = "commands"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command in the hands of the process that will send it."""

    pk: int
    charger_id: int
    action: str
    payload: dict[str, Any]
    answer_timeout_s: int


def request(
    charger: Charger,
    action: str,
    payload: Mapping[str, Any],
    *,
    by: str,
    session: Session | None = None,
    key: str | None = None,
    answer_timeout_s: int = 30,
) -> Command:
    """Put an order on its way. With ``key``, asking again gives the same order."""
    now = timezone.now()
    with transaction.atomic():
        holder = holder_of(charger.pk)
        command = Command(
            charger=charger,
            session=session,
            key=key,
            action=action,
            payload=dict(payload),
            requested_by=by[:120],
            created_at=now,
            # Nobody waits for it longer than for an answer; orders to one charger go one by one.
            expires_at=now + timedelta(seconds=answer_timeout_s),
            answer_timeout_s=answer_timeout_s,
        )
        if not holder:
            command.status = CommandStatus.OFFLINE
            command.answered_at = now
        command = _insert(command)
        if command.status == CommandStatus.QUEUED:
            outbox.notify(holder, {"command": command.pk, "charger": charger.pk})
    return command


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
            """
            UPDATE stations_command m SET status = 'sent', epoch = %s, sent_at = clock_timestamp()
              FROM stations_charger c
             WHERE m.id = %s AND m.status = 'queued' AND m.expires_at > clock_timestamp()
               AND c.id = m.charger_id AND c.connection_holder = %s AND c.connection_epoch = %s
            RETURNING m.id, m.charger_id, m.action, m.payload, m.answer_timeout_s
            """,
            [epoch, command_id, holder, epoch],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    payload = row[3] if isinstance(row[3], dict) else orjson.loads(row[3])
    return Claimed(row[0], row[1], row[2], payload, row[4])


def finish(
    command_id: int, epoch: int, status: CommandStatus, response: Any = None, detail: str = ""
) -> bool:
    """Write the outcome of a sent order, once, and wake whoever waits for it."""
    with transaction.atomic():
        changed = Command.objects.filter(
            pk=command_id, status=CommandStatus.SENT, epoch=epoch
        ).update(status=status, answered_at=timezone.now(), response=response, detail=detail[:300])
        if changed:
            _announce([command_id])
    return bool(changed)


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
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE stations_command m SET answered_at = %s, status = 'offline'
              FROM stations_charger c
             WHERE m.charger_id = ANY(%s) AND m.status = 'queued' AND c.id = m.charger_id
               AND c.connection_holder = ''
            RETURNING m.id
            """,
            [timezone.now(), list(charger_ids)],
        )
        _announce([row[0] for row in cursor.fetchall()])


def expire_overdue() -> int:
    """End orders that nobody claimed or answered in time. A sweep; safe to repeat."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE stations_command m SET answered_at = %s,
                   status = CASE WHEN m.status = 'sent' OR c.connection_holder <> ''
                                 THEN 'timeout' ELSE 'offline' END
              FROM stations_charger c
             WHERE c.id = m.charger_id
               AND ((m.status = 'queued' AND m.expires_at < %s)
                OR (m.status = 'sent' AND m.sent_at + (m.answer_timeout_s + 5) * interval '1 second' < %s))
            RETURNING m.id
            """,
            [now, now, now],
        )
        ended = [row[0] for row in cursor.fetchall()]
        _announce(ended)
    return len(ended)


def _insert(command: Command) -> Command:
    """Save, or find the order that already stands under the same key."""
    if command.key is None:
        command.save(force_insert=True)
    else:
        try:
            with transaction.atomic():
                command.save(force_insert=True)
        except IntegrityError:
            return Command.objects.get(key=command.key)
    if command.status == CommandStatus.OFFLINE:
        _announce([command.pk])
    return command


def _announce(ended: list[int]) -> None:
    if not ended:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT m.id, m.action, m.status, c.id, s.id, s.company_id FROM stations_command m
              JOIN stations_charger c ON c.id = m.charger_id
              JOIN stations_station s ON s.id = c.station_id
             WHERE m.id = ANY(%s) ORDER BY m.id
            """,
            [ended],
        )
        rows = cursor.fetchall()
    outbox.publish_many(
        [
            outbox.News(
                "command_finished",
                pk,
                company_id,
                f"charger:{charger_id}",
                {"station": station_id, "charger": charger_id, "action": action, "status": status},
            )
            for pk, action, status, charger_id, station_id, company_id in rows
        ]
    )
    outbox.notify(DONE_CHANNEL, *({"id": row[0], "status": row[2]} for row in rows))
