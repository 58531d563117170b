"""The frame log as messages: each half of an exchange as it went over the wire, and its export.

A stored CALL of the charger carries our answer in its own row and becomes two messages here; the
answer to a CALL of ours is a row of its own and gets its action from that CALL.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from core import audit
from stations.drivers.ocpp.redact import redact
from stations.models import Charger, Frame
from stations.selectors import frames as selectors
from stations.selectors import keyset
from stations.selectors.frames import ANSWER_WITHIN, ANSWERS

Message = dict[str, Any]
BATCH = 500  # exchanges read at once: what an export holds in memory, however long it is
JSON_LINES = "application/x-ndjson"


def expand(frames: Sequence[Frame]) -> Iterator[Message]:
    """Each frame as it went over the wire."""
    actions = _actions_of_answers(frames)
    for frame in frames:
        if frame.answer is not None:
            yield _our_answer(frame)
        is_answer = frame.kind in ANSWERS
        yield {
            "at": frame.at,
            "direction": frame.direction,
            "kind": frame.kind,
            "action": actions.get(frame.message_id, "") if is_answer else frame.action,
            "message_id": frame.message_id,
            "payload": frame.payload if frame.kind == Frame.Kind.BROKEN else _json(frame.payload),
            "error": (frame.error or None) if is_answer else None,
        }


def _our_answer(frame: Frame) -> Message:
    """What we said to the frame. A CALLERROR's answer holds its code, description and details."""
    payload = _json(frame.answer or "")
    if frame.error:
        parts = _json(f"[{frame.answer}]") if frame.kind == Frame.Kind.CALL else None
        code, text = (
            (parts[0], parts[1])
            if isinstance(parts, list) and len(parts) > 1
            else (
                frame.error,
                frame.answer,
            )
        )
        payload = {"errorCode": code, "errorDescription": text}
    return {
        "at": frame.at + timedelta(microseconds=frame.answer_after_us or 0),
        "direction": "out",
        "kind": "error" if frame.error else "result",
        "action": frame.action,
        "message_id": frame.message_id,
        "payload": payload,
        "error": frame.error or None,
    }


def _actions_of_answers(frames: Iterable[Frame]) -> dict[str, str]:
    """message id → action of the CALLs of ours that these frames answer, in one query."""
    answers = [f for f in frames if f.kind in ANSWERS]
    if not answers:
        return {}
    calls = Frame.objects.filter(
        charger_id=answers[0].charger_id,
        direction=Frame.Direction.OUT,
        kind=Frame.Kind.CALL,
        message_id__in=[f.message_id for f in answers],
        at__gte=min(f.at for f in answers) - ANSWER_WITHIN,
        at__lte=max(f.at for f in answers),
    )
    return dict(calls.values_list("message_id", "action"))


def of_exchange(exchange: selectors.Exchange) -> Iterator[Message]:
    """A call, then its answer, whoever gave it."""
    frame, reply = exchange.frame, exchange.reply
    is_answer = frame.kind in ANSWERS
    yield _message(frame, "" if is_answer else frame.action)
    if frame.answer is not None:
        yield _our_answer(frame)
    elif reply is not None:
        yield _message(reply, frame.action)


def _message(frame: Frame, action: str) -> Message:
    return {
        "at": frame.at,
        "direction": frame.direction,
        "kind": frame.kind,
        "action": action,
        "message_id": frame.message_id,
        "payload": frame.payload if frame.kind == Frame.Kind.BROKEN else _json(frame.payload),
        "error": (frame.error or None) if frame.kind in ANSWERS else None,
    }


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


# --- export ---------------------------------------------------------------------------------------


def export(
    charger: Charger, found: QuerySet[Frame], *, actor: audit.Actor, filters: str
) -> StreamingHttpResponse:
    """The exchanges of ``found`` as JSON Lines in the order they came, streamed as they are read."""
    first, last = _ends(found)
    name = f"frames_{charger.charge_point_id}_{first:%Y-%m-%d}_{last:%Y-%m-%d}.jsonl"
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
    audit.record(
        actor,
        "export_frames",
        f"charger:{charger.pk}",
        company_id=charger.station.company_id,
        new={"file": safe, "filters": filters[:300]},
    )
    response = StreamingHttpResponse(lines(charger, found), content_type=JSON_LINES)
    response["Content-Disposition"] = f'attachment; filename="{safe}"'
    response["Cache-Control"] = "private, no-store"
    return response


async def lines(charger: Charger, found: QuerySet[Frame]) -> AsyncIterator[bytes]:
    """One message a line. Read in batches by key, so that neither side holds more than one."""
    cursor = keyset.Cursor(keyset.EPOCH, 0, newer=True)
    while True:
        text, cursor, more = await sync_to_async(_batch)(charger, found, cursor)
        if text:
            yield text
        if not more:
            return


def _batch(
    charger: Charger, found: QuerySet[Frame], cursor: keyset.Cursor
) -> tuple[bytes, keyset.Cursor, bool]:
    try:
        rows = keyset.page(found, "at", cursor, BATCH).rows[::-1]
        told = (m for exchange in selectors.exchanges(rows) for m in of_exchange(exchange))
        text = b"".join(_line(charger, message) for message in told)
    finally:
        # The stream may last for minutes in a thread of its own; the connection must not.
        if not connection.in_atomic_block:
            connection.close()
    if not rows:
        return text, cursor, False
    last = rows[-1]
    return text, keyset.Cursor(last.at, last.pk, newer=True), len(rows) == BATCH


def _line(charger: Charger, message: Message) -> bytes:
    """Secrets are stars in the log already, and once more here."""
    told = {"charge_point_id": charger.charge_point_id, **message}
    told["at"] = message["at"].isoformat().replace("+00:00", "Z")
    return redact(orjson.dumps(told).decode()).encode() + b"\n"


def _ends(found: QuerySet[Frame]) -> tuple[Any, Any]:
    first = found.order_by("at", "id").values_list("at", flat=True).first()
    last = found.order_by("-at", "-id").values_list("at", flat=True).first()
    now = timezone.now()
    return first or now, last or now
