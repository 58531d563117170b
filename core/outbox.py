"""Facts between apps: written with the change, delivered exactly once in effect.

``publish`` inserts the fact and one delivery per handler inside the caller's transaction and lets
PostgreSQL wake the deliverer at commit (``NOTIFY outbox``), so nothing is lost between commit and
enqueue. ``deliver_one`` runs a handler and marks it done in one transaction: a crash at any moment
leaves either both or neither. A fact with ``due`` in the future is a promise to look again then.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from core.models import Delivery, Fact

log = logging.getLogger(__name__)
CHANNEL = "outbox"
NUDGE_KEYS = ("station", "charger", "connector", "session", "status")

_handlers: dict[str, tuple[str, ...]] = {}


def wire(handlers: Mapping[str, Sequence[str]]) -> None:
    """Say which handlers (dotted paths) each kind of fact wakes; called once by the project."""
    _handlers.clear()
    _handlers.update({kind: tuple(paths) for kind, paths in handlers.items()})


def handlers_of(kind: str) -> tuple[str, ...]:
    """The handlers of ``kind``; an unwired kind is a programming error, said at once."""
    return _handlers[kind]


@dataclass(frozen=True, slots=True)
class News:
    """A fact about to be published. ``data`` is plain JSON; ``due`` later than now is a promise."""

    kind: str
    subject_id: int
    company_id: int | None = None
    topic: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    due: datetime | None = None


def publish(
    kind: str,
    subject_id: int,
    *,
    company_id: int | None = None,
    topic: str = "",
    due: datetime | None = None,
    **data: Any,
) -> None:
    """Write one fact in the transaction that makes it true."""
    publish_many([News(kind, subject_id, company_id, topic, data, due)])


def publish_many(news: Sequence[News]) -> None:
    """Write facts in the transaction that makes them true: one statement for all of it."""
    if not news:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("publish inside the transaction that makes the fact true")
    now = timezone.now()
    with connection.cursor() as cursor:
        rows = orjson.dumps([_row(n, now) for n in news]).decode()
        cursor.execute(_PUBLISH, [now, rows])


_PUBLISH = """
    SELECT core_publish(kind, subject, company, topic, data, %s, due, handlers, nudge)
      FROM jsonb_to_recordset(%s::jsonb) AS g(kind text, subject bigint, company bigint, topic text,
           data jsonb, due timestamptz, handlers text[], nudge jsonb)
"""


def _row(n: News, now: datetime) -> dict[str, Any]:
    told = {k: v for k, v in n.data.items() if k in NUDGE_KEYS}
    return {
        "kind": n.kind,
        "subject": n.subject_id,
        "company": n.company_id,
        "topic": n.topic,
        "data": dict(n.data),
        "due": n.due or now,
        "handlers": handlers_of(n.kind),
        "nudge": {"kind": n.kind, "subject": n.subject_id, "company": n.company_id} | told,
    }


def notify(channel: str, *messages: Mapping[str, Any]) -> None:
    """``NOTIFY`` at commit. A payload is a nudge, never the only copy (limit 8,000 bytes)."""
    payloads = [orjson.dumps(message).decode() for message in messages]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, payload) FROM unnest(%s) AS payload", [channel, payloads]
        )


def deliver_one() -> bool:
    """Run the next due delivery. False when nothing is due."""
    delivery: Delivery | None = None
    try:
        with transaction.atomic():
            delivery = (
                Delivery.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("fact")
                .filter(due__lte=timezone.now(), attempts__lt=Delivery.ALARM_AFTER)
                .order_by("due", "id")
                .first()
            )
            if delivery is None:
                return False
            handler: Callable[[Fact], None] = import_string(delivery.handler)
            handler(delivery.fact)
            Delivery.objects.filter(pk=delivery.pk).update(due=None, done_at=timezone.now())
    except (OperationalError, InterfaceError):
        raise  # the database went away or refused: nobody's fault here, the loop tries again
    except Exception as error:
        if delivery is None:
            raise
        _postpone(delivery, error)
    return True


def next_due() -> datetime | None:
    """When the next waiting delivery falls due (an alarming one waits for a person)."""
    return (
        Delivery.objects.filter(due__isnull=False, attempts__lt=Delivery.ALARM_AFTER)
        .order_by("due")
        .values_list("due", flat=True)
        .first()
    )


def retry(delivery: Delivery) -> None:
    """A person asks again for a delivery that has raised the alarm."""
    with transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk, due__isnull=False).update(
            attempts=0, due=timezone.now()
        )
        notify(CHANNEL, {"kind": "retry", "subject": delivery.pk})


def _postpone(delivery: Delivery, error: Exception) -> None:
    attempts = delivery.attempts + 1
    wait = timedelta(seconds=min(2**attempts, 300))
    alarm = attempts >= Delivery.ALARM_AFTER
    log.log(
        logging.ERROR if alarm else logging.WARNING,
        "delivery failed",
        exc_info=error,
        extra={"delivery": delivery.pk, "handler": delivery.handler, "attempts": attempts},
    )
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=attempts,
        due=timezone.now() + wait,
        error=f"{type(error).__name__}: {error}"[:2000],
    )
