"""Sending what is due: claimed in a transaction, called outside of it, the outcome written after.

A worker that dies in between leaves the row due again after ``CLAIM``; LINE's retry key makes the
repeat harmless. Whatever LINE or a mail server does, nothing but the row changes.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation

from core.errors import Conflict
from users.messages import flex, line, quota, texts
from users.messages.outcome import Outcome, Result
from users.models import Channel, Message, MessageStatus

log = logging.getLogger(__name__)
LONGEST_S = 30
CLAIM = timedelta(seconds=90)  # longer than a sender may take
MOST_TRIES = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=30)
LANGUAGES = ("th", "en")


class NotFailed(Conflict):
    code = "message_not_failed"


def send_due(most: int = 20) -> int:
    """Send at most ``most`` due messages; how many were tried. Any number of these may run at once.

    Three that did not go out end it: the sender is away, the rest can wait for the next turn.
    """
    tried, unlucky, until = 0, 0, time.monotonic() + LONGEST_S
    while tried < most and unlucky < 3 and time.monotonic() < until:
        if (row := claim()) is None:
            break
        tried += 1
        outcome = _send(row)
        unlucky += outcome.result == Result.LATER
        settle(row, outcome)
    return tried


def claim(now: datetime | None = None) -> Message | None:
    """The next due message, ours for ``CLAIM``."""
    now = now or timezone.now()
    with transaction.atomic():
        row = (
            Message.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("company")
            .filter(due__lte=now)
            .order_by("due", "pk")
            .first()
        )
        if row is None:
            return None
        row.attempts += 1
        row.due = now + CLAIM
        row.save(update_fields=["attempts", "due"])
    return row


def settle(row: Message, outcome: Outcome, now: datetime | None = None) -> None:
    """Write what became of the try."""
    now = now or timezone.now()
    row.error = outcome.why[:500] if outcome.result != Result.SENT else ""
    if outcome.result == Result.SENT:
        row.status, row.sent_at, row.due = MessageStatus.SENT, now, None
        row.request_ref = outcome.ref[:80]
    elif outcome.result == Result.QUOTA and not texts.KINDS[row.kind].important:
        row.status, row.due = MessageStatus.HELD_BACK, None
    else:
        _again_or_give_up(row, outcome, now)
    row.save(update_fields=["status", "sent_at", "due", "error", "request_ref"])


def try_again(row: Message) -> None:
    """An admin asks for it: all chances back, and as long a life as at first."""
    lasts = texts.KINDS[row.kind].lasts
    now = timezone.now()
    changed = Message.objects.filter(
        Q(status=MessageStatus.FAILED) | Q(status=MessageStatus.HELD_BACK), pk=row.pk
    ).update(status=MessageStatus.QUEUED, due=now, attempts=0, error="", valid_until=now + lasts)
    if not changed:
        raise NotFailed


def wait_after(attempts: int) -> timedelta:
    """15 s, 30 s, 1 min … at most half an hour."""
    return min(FIRST_WAIT * 2 ** max(attempts - 1, 0), LONGEST_WAIT)


def _again_or_give_up(row: Message, outcome: Outcome, now: datetime) -> None:
    again = now + wait_after(row.attempts)
    too_late = row.valid_until is not None and again > row.valid_until
    if outcome.result == Result.NEVER or row.attempts >= MOST_TRIES or too_late:
        row.status, row.due = MessageStatus.FAILED, None
        log.warning(
            "message not delivered",
            extra={"message": row.pk, "kind": row.kind, "why": outcome.why[:200]},
        )
        return
    row.due = again


def _send(row: Message) -> Outcome:
    if row.valid_until is not None and row.valid_until < timezone.now():
        return Outcome(Result.NEVER, "too late to be of use")
    sender = SENDERS.get(row.channel)
    if sender is None:
        return Outcome(Result.NEVER, f"no sender for {row.channel!r}")
    try:
        return sender(row)
    except Exception as error:  # a message that cannot be made must not hold up the others
        log.exception("message not sent", extra={"message": row.pk, "kind": row.kind})
        return Outcome(Result.LATER, f"{type(error).__name__}: {error}")


def _by_line(row: Message) -> Outcome:
    if not settings.LINE_CHANNEL_ACCESS_TOKEN:
        return Outcome(Result.NEVER, "LINE is not set up any more")
    if quota.keeps_back(important=texts.KINDS[row.kind].important):
        return Outcome(Result.QUOTA, "this month’s quota of LINE is nearly used up")
    outcome = line.push(row.address, [as_line(row)], row.retry_key)
    if outcome.result == Result.QUOTA:
        quota.used_up()
    return outcome


def as_line(row: Message) -> dict[str, object]:
    """The row as LINE gets it."""
    language = row.language if row.language in LANGUAGES else "th"
    with translation.override(language):
        sender = (language == "th" and row.company.name_th) or row.company.name
        return flex.message(texts.KINDS[row.kind].words(row.payload), settings.PUBLIC_URL, sender)


def _by_email(row: Message) -> Outcome:
    from users.messages import email  # it needs this module's neighbours only when it sends

    return email.send(row)


SENDERS: dict[str, Callable[[Message], Outcome]] = {
    Channel.LINE: _by_line,
    Channel.EMAIL: _by_email,
}
