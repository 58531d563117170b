"""The frame log of one charger: a CALL and its answer as one exchange, newest first.

A CALL of the charger carries our answer in its own row. The answer to a CALL of ours is a row of
its own, found again by its message id within the time an answer may take.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from stations.models import Charger, Frame
from stations.selectors import keyset

ANSWER_WITHIN = timedelta(minutes=10)
UNEXPECTED = "unexpected"
# A filter may find nothing, so it looks back only so far unless asked for all that is kept.
FILTERED_DAYS, KEPT_DAYS = 7, 90


@dataclass(frozen=True, slots=True)
class FrameFilter:
    """What the chips say. ``direction`` is in, out or ''."""

    action: str = ""
    direction: str = ""
    errors: bool = False
    message_id: str = ""
    all_days: bool = False

    @property
    def narrow(self) -> bool:
        return bool(self.action or self.direction or self.errors or self.message_id)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A CALL with its answer, or a frame that belongs to no call. ``took_us`` is None without answer."""

    frame: Frame
    answer: str | None
    answer_error: str
    took_us: int | None

    @property
    def failed(self) -> bool:
        return bool(self.frame.error or self.answer_error or self.frame.kind == Frame.Kind.BROKEN)

    @property
    def unexpected(self) -> bool:
        return self.frame.action == UNEXPECTED and self.frame.kind != Frame.Kind.CALL


def page(
    charger: Charger, wanted: FrameFilter, cursor: keyset.Cursor | None, size: int = 50
) -> keyset.Page[Frame]:
    """One page of calls, by the index on (charger, time, id)."""
    return keyset.page(_calls(charger, wanted), "at", cursor, size)


def newer_than(charger: Charger, wanted: FrameFilter, after: keyset.Cursor) -> list[Frame]:
    """Calls that came after the newest on the page, newest first: what a live page adds on top."""
    beside = keyset.Cursor(after.at, after.id, newer=True)
    return keyset.page(_calls(charger, wanted), "at", beside, 50).rows


def exchanges(charger: Charger, rows: list[Frame]) -> list[Exchange]:
    """Calls with their answers: one query each for the other halves of calls of ours."""
    ours = [f for f in rows if f.direction == Frame.Direction.OUT and f.kind == Frame.Kind.CALL]
    refusals = [f for f in rows if _is_refusal(f)]
    answers = _answers(charger, ours) if ours else {}
    calls = _calls_of(charger, refusals) if refusals else {}
    found = []
    for row in rows:
        if _is_refusal(row):
            call = calls.get(row.message_id)
            found.append(_exchange(call, row) if call else _exchange(row, None))
        else:
            found.append(_exchange(row, answers.get(row.message_id)))
    return found


def actions(charger: Charger) -> list[str]:
    """Actions that have been spoken lately: what the filter offers."""
    recent = Frame.objects.filter(charger=charger).order_by("-at", "-id").values("action")[:2000]
    names = {row["action"] for row in recent}
    return sorted(names - {"", UNEXPECTED})


def _calls(charger: Charger, wanted: FrameFilter) -> QuerySet[Frame]:
    """Everything but the answers that were expected: those are shown with their call."""
    found = Frame.objects.filter(charger=charger)
    if not wanted.errors:
        found = found.exclude(kind__in=[Frame.Kind.RESULT, Frame.Kind.ERROR], action="")
    if wanted.narrow and not wanted.all_days:
        found = found.filter(at__gte=timezone.now() - timedelta(days=FILTERED_DAYS))
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.direction:
        found = found.filter(direction=wanted.direction)
    if wanted.errors:
        found = found.filter(~Q(error="") | Q(kind=Frame.Kind.BROKEN))
    if wanted.message_id:
        found = found.filter(message_id=wanted.message_id)
    return found


def _answers(charger: Charger, ours: list[Frame]) -> dict[str, Frame]:
    first, last = min(f.at for f in ours), max(f.at for f in ours)
    rows = Frame.objects.filter(
        charger=charger,
        at__range=(first, last + ANSWER_WITHIN),
        kind__in=[Frame.Kind.RESULT, Frame.Kind.ERROR],
        message_id__in=[f.message_id for f in ours],
    )
    return {row.message_id: row for row in rows}


def _is_refusal(row: Frame) -> bool:
    """A CALLERROR of the charger to a call of ours, found by the filter for errors."""
    return row.kind == Frame.Kind.ERROR and row.action == ""


def _calls_of(charger: Charger, refusals: list[Frame]) -> dict[str, Frame]:
    first, last = min(f.at for f in refusals), max(f.at for f in refusals)
    rows = Frame.objects.filter(
        charger=charger,
        at__range=(first - ANSWER_WITHIN, last),
        kind=Frame.Kind.CALL,
        direction=Frame.Direction.OUT,
        message_id__in=[f.message_id for f in refusals],
    )
    return {row.message_id: row for row in rows}


def _exchange(call: Frame, answer: Frame | None) -> Exchange:
    if answer is None:
        return Exchange(call, call.answer, call.error, call.answer_after_us)
    took = answer.at - call.at
    return Exchange(call, answer.payload, answer.error, _microseconds(took))


def _microseconds(length: timedelta) -> int:
    return max(int(length.total_seconds() * 1e6), 0)
