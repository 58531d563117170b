"""What LINE tells us by webhook: stored first, answered at once, seen to by a task.

Events may come twice, late and in any order (``webhookEventId``, ``isRedelivery``): one row per
event, and what each does may be done again without harm. Replies are free, and sent at most once.
"""

import base64
import hashlib
import hmac
import logging
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.errors import DomainError
from users.messages import chat, line
from users.models import LineEvent
from users.services import line_links

log = logging.getLogger(__name__)
CLAIM = timedelta(seconds=60)
MOST_TRIES = 6
KEEP = timedelta(days=60)
MOST_EVENTS = 200  # in one delivery


class BadSignature(DomainError):
    code = "bad_signature"
    status = 401


class BadEvents(DomainError):
    code = "bad_events"
    status = 400


def check_signature(body: bytes, given: str) -> None:
    """``X-Line-Signature``: base64 of HMAC-SHA256 of the raw body under the channel secret."""
    secret = settings.LINE_CHANNEL_SECRET
    proof = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not secret or not hmac.compare_digest(proof, given.encode("latin-1", "replace")):
        raise BadSignature


def take(body: bytes) -> int:
    """Store the events of one signed delivery; how many there were. Known ones are not stored again."""
    try:
        found = orjson.loads(body)
        events = [_row(each) for each in found["events"][:MOST_EVENTS]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadEvents from error
    LineEvent.objects.bulk_create(events, ignore_conflicts=True)
    return len(events)


def handle_due(most: int = 50) -> int:
    """See to at most ``most`` events that are due; any number of these may run at once."""
    done = 0
    while done < most and (row := _claim()) is not None:
        done += 1
        try:
            _handle(row)
        except Exception as error:  # one event must not hold up the others
            log.exception("LINE event not handled", extra={"event": row.pk, "kind": row.kind})
            given_up = row.attempts >= MOST_TRIES
            LineEvent.objects.filter(pk=row.pk).update(
                error=f"{type(error).__name__}: {error}"[:300],
                due=None if given_up else timezone.now() + timedelta(seconds=2**row.attempts * 5),
            )
            continue
        LineEvent.objects.filter(pk=row.pk).update(
            due=None, handled_at=timezone.now(), error=row.error
        )
    return done


def forget_old() -> int:
    count, _rows = LineEvent.objects.filter(
        received_at__lt=timezone.now() - KEEP, due=None
    ).delete()
    return count


def _row(event: dict[str, Any]) -> LineEvent:
    source = event.get("source") or {}
    return LineEvent(
        event_id=str(event["webhookEventId"])[:64],
        kind=str(event["type"])[:40],
        # In a group it is nobody's own chat.
        line_user_id=str(source.get("userId", ""))[:64] if source.get("type") == "user" else "",
        body=event,
    )


def _claim() -> LineEvent | None:
    now = timezone.now()
    with transaction.atomic():
        row = (
            LineEvent.objects.select_for_update(skip_locked=True)
            .filter(due__lte=now)
            .order_by("due", "pk")
            .first()
        )
        if row is not None:
            row.attempts += 1
            row.due = now + CLAIM
            row.save(update_fields=["attempts", "due"])
    return row


def _handle(row: LineEvent) -> None:
    if not row.line_user_id:
        return
    if row.kind == "follow":
        line_links.befriended(row.line_user_id)
        _reply(row, lambda: chat.greeting(row.line_user_id))
    elif row.kind == "unfollow":
        line_links.blocked(row.line_user_id)
    elif row.kind == "accountLink":
        _account_link(row)
    elif row.kind == "message":
        said = row.body.get("message") or {}
        _reply(row, lambda: chat.help_for(row.line_user_id, str(said.get("text", ""))))


def _account_link(row: LineEvent) -> None:
    result = row.body.get("link") or {}
    if result.get("result") != "ok":
        return
    made = line_links.link_by_nonce(str(result.get("nonce", "")), row.line_user_id)
    if made is not None:
        _reply(row, lambda: chat.linked(made.customer.language))


def _reply(row: LineEvent, make: Any) -> None:
    """Answer where LINE lets us: on the first try only, and not in standby mode."""
    token = str(row.body.get("replyToken") or "")
    if not token or row.attempts > 1 or row.body.get("mode") == "standby":
        return
    try:
        line.reply(token, make())
    except line.LineSaidNo as error:
        row.error = str(error)[:300]
        log.warning("no reply on LINE", extra={"event": row.pk, "why": row.error})
