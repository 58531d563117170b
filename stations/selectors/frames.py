"""The frame log: a CALL and its answer as one exchange, newest first.

A CALL of the charger carries our answer in its own row. The answer to a CALL of ours is a row of
its own, found again by its message id within the time an answer may take.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from stations.models import Charger, Frame, Session
from stations.selectors import keyset

ANSWER_WITHIN = timedelta(minutes=10)
UNEXPECTED = "unexpected"
# A filter may find nothing, so it looks back only so far unless asked for all that is kept.
FILTERED_DAYS, KEPT_DAYS = 7, 90
AROUND_SESSION = timedelta(minutes=2)
NAMED_AFTER = timedelta(days=3)  # how long after its end a charge may still be named
ANSWERS = (Frame.Kind.RESULT, Frame.Kind.ERROR)


@dataclass(frozen=True, slots=True)
class FrameFilter:
    """What the chips say. ``direction`` is in, out or ''. ``text`` is sought in call and answer,
    or is a message id. ``since`` and ``until`` take the place of the days a filter looks back."""

    action: str = ""
    direction: str = ""
    errors: bool = False
    message_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    session: Session | None = None
    all_days: bool = False

    @property
    def narrow(self) -> bool:
        return bool(
            self.action
            or self.direction
            or self.errors
            or self.message_id
            or self.text
            or self.since
            or self.until
            or self.session
        )

    @property
    def looks_back(self) -> bool:
        """Whether only some days are searched, because nothing says which."""
        return self.narrow and not (self.all_days or self.since or self.session)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A CALL with its answer, or a frame that belongs to no call. ``took_us`` is None without answer.

    ``reply`` is the answer's own frame, where it has one: the charger's to a call of ours.
    """

    frame: Frame
    answer: str | None
    answer_error: str
    took_us: int | None
    reply: Frame | None = None

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
    return keyset.page(calls(charger, wanted), "at", cursor, size)


def newer_than(charger: Charger, wanted: FrameFilter, after: keyset.Cursor) -> list[Frame]:
    """Calls that came after the newest on the page, newest first: what a live page adds on top."""
    beside = keyset.Cursor(after.at, after.id, newer=True)
    return keyset.page(calls(charger, wanted), "at", beside, 50).rows


def story(
    session: Session, cursor: keyset.Cursor | None, size: int = 200
) -> tuple[list[Frame], str, str]:
    """The frames of one charge in the order they came, and cursors to what is before and after."""
    wanted = FrameFilter(session=session)
    start = keyset.Cursor(keyset.EPOCH, 0, newer=True)
    found = keyset.page(calls(session.charger, wanted), "at", cursor or start, size)
    rows = found.rows[::-1]
    # The first page begins before everything.
    before = found.older if cursor is not None else ""
    return rows, before, found.newer


def of_chargers(
    chargers: Sequence[int], wanted: FrameFilter, cursor: keyset.Cursor | None, size: int = 50
) -> keyset.Page[Frame]:
    """One page of many chargers' calls; ``wanted`` says since when (``searchable``).

    What nearly every frame fits, and failures, are found by the indexes of each charger. What few
    fit is sought in the time itself (BRIN): an index on the time would cost every frame, and one
    look at each charger's own pages costs more than reading the days once.
    """
    if _sought(wanted):
        found = Frame.objects.filter(charger_id__in=list(chargers))
        return keyset.page(_narrowed(found, wanted), "at", cursor, size)
    each = _narrowed(Frame.objects.filter(charger_id=RawSQL("c.id", [])), wanted)
    upwards = cursor is not None and cursor.newer
    order = "" if upwards else " DESC"
    ordered = keyset.beside(each, "at", cursor).order_by(
        *(("at", "id") if upwards else ("-at", "-id"))
    )
    sql, params = ordered[: size + 1].query.sql_with_params()
    rows = list(
        Frame.objects.raw(
            f"SELECT f.* FROM unnest(%s::bigint[]) AS c(id), LATERAL ({sql}) AS f"  # noqa: S608
            f" ORDER BY f.at{order}, f.id{order} LIMIT {size + 1}",
            [list(chargers), *params],
        )
    )
    return keyset.made(rows, "at", cursor, size)


def searchable(wanted: FrameFilter) -> tuple[FrameFilter, bool]:
    """The filter with a time to begin: the last day, or as chosen. True where what was chosen is
    more than is read in one go."""
    end = wanted.until or timezone.now()
    since = wanted.since or end - timedelta(days=1)
    oldest = end - timedelta(days=FILTERED_DAYS)
    cut = _sought(wanted) and since < oldest
    return replace(wanted, since=max(since, oldest) if cut else since), cut


def _sought(wanted: FrameFilter) -> bool:
    return bool(wanted.text or wanted.action or wanted.message_id or wanted.direction)


def exchanges(rows: list[Frame]) -> list[Exchange]:
    """Calls with their answers: one query each for the other halves of calls of ours."""
    ours = [f for f in rows if f.direction == Frame.Direction.OUT and f.kind == Frame.Kind.CALL]
    answered = [f for f in rows if _is_answer(f)]
    answers = _answers(ours) if ours else {}
    asked = _calls_of(answered) if answered else {}
    found: dict[int, Exchange] = {}
    for row in rows:
        key = (row.charger_id, row.message_id)
        call = asked.get(key) if _is_answer(row) else None
        if call is not None:
            found.setdefault(call.pk, _exchange(call, row))
        else:
            found.setdefault(row.pk, _exchange(row, answers.get(key)))
    return list(found.values())


def actions(chargers: Sequence[int]) -> list[str]:
    """Actions that have been spoken lately: what the filter offers."""
    if len(chargers) == 1:
        recent = Frame.objects.filter(charger=chargers[0]).order_by("-at", "-id")
        names = {row["action"] for row in recent.values("action")[:2000]}
        return sorted(names - {"", UNEXPECTED})
    return []


def calls(charger: Charger, wanted: FrameFilter) -> QuerySet[Frame]:
    """Everything but the answers that were expected: those are shown with their call."""
    return _narrowed(Frame.objects.filter(charger=charger), wanted)


def _since(wanted: FrameFilter) -> datetime | None:
    if wanted.since is not None:
        return wanted.since
    if wanted.session is not None:
        return _begins(wanted.session)
    return timezone.now() - timedelta(days=FILTERED_DAYS) if wanted.looks_back else None


def _narrowed(found: QuerySet[Frame], wanted: FrameFilter) -> QuerySet[Frame]:
    if not (wanted.errors or wanted.text):
        found = found.exclude(kind__in=ANSWERS, action="")
    if (since := _since(wanted)) is not None:
        found = found.filter(at__gte=since)
    if wanted.until is not None:
        found = found.filter(at__lt=wanted.until)
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.direction:
        found = found.filter(direction=wanted.direction)
    if wanted.errors:
        found = found.filter(~Q(error="") | Q(kind=Frame.Kind.BROKEN))
    if wanted.message_id:
        found = found.filter(message_id=wanted.message_id)
    if wanted.text:
        found = found.filter(_says(wanted.text))
    return found.filter(_of_session(wanted.session)) if wanted.session is not None else found


def _says(text: str) -> Q:
    return Q(message_id=text) | Q(payload__icontains=text) | Q(answer__icontains=text)


def _begins(session: Session) -> datetime:
    """A charge begun offline is told of later than it began."""
    return min(session.started_at, session.started_received_at) - AROUND_SESSION


def _of_session(session: Session) -> Q:
    """What was said around a charge and is not plainly another plug's, and all that names it."""
    ended = session.stopped_received_at or session.stopped_at
    last = (ended or timezone.now()) + AROUND_SESSION
    number, plug = session.transaction_id, session.connector.connector_id
    others = Q(payload__regex=rf'"connectorId"\s*:\s*(?!({plug}|0)\M)[0-9]') | Q(
        payload__regex=rf'"transactionId"\s*:\s*(?!{number}\M)[1-9]'
    )
    names = Q(payload__regex=rf'"transactionId"\s*:\s*{number}\M') | Q(
        answer__regex=rf'"transactionId"\s*:\s*{number}\M'
    )
    around = Q(at__lt=last) & ~others & ~Q(action="Heartbeat")
    return Q(at__lt=last + NAMED_AFTER) & (around | names)


def _answers(ours: list[Frame]) -> dict[tuple[int, str], Frame]:
    first, last = min(f.at for f in ours), max(f.at for f in ours)
    rows = Frame.objects.filter(
        charger_id__in={f.charger_id for f in ours},
        at__range=(first, last + ANSWER_WITHIN),
        kind__in=ANSWERS,
        message_id__in=[f.message_id for f in ours],
    )
    return {(row.charger_id, row.message_id): row for row in rows}


def _is_answer(row: Frame) -> bool:
    """The charger's answer to a call of ours, found by the filter for errors or for text."""
    return row.kind in ANSWERS and row.action == ""


def _calls_of(answers: list[Frame]) -> dict[tuple[int, str], Frame]:
    first, last = min(f.at for f in answers), max(f.at for f in answers)
    rows = Frame.objects.filter(
        charger_id__in={f.charger_id for f in answers},
        at__range=(first - ANSWER_WITHIN, last),
        kind=Frame.Kind.CALL,
        direction=Frame.Direction.OUT,
        message_id__in=[f.message_id for f in answers],
    )
    return {(row.charger_id, row.message_id): row for row in rows}


def _exchange(call: Frame, answer: Frame | None) -> Exchange:
    if answer is None:
        return Exchange(call, call.answer, call.error, call.answer_after_us)
    took = answer.at - call.at
    return Exchange(call, answer.payload, answer.error, _microseconds(took), answer)


def _microseconds(length: timedelta) -> int:
    return max(int(length.total_seconds() * 1e6), 0)
