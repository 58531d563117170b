"""The frame log, written behind the replies.

Up to a second of frames may be lost in a crash; facts never are, they have rows of their own. While
the database is away the log keeps the newest frames and counts what it had to let go.
"""

import asyncio
import io
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import msgspec
from django.db import DatabaseError, connection, transaction

from stations.drivers.ocpp.redact import redact
from stations.services.readings import Stamps, copy_text

log = logging.getLogger(__name__)
EVERY_SECONDS = 0.25
MOST_WAITING = 50_000
MOST_TEXT = 16_000
_COPY = (
    "COPY stations_frame (at, charger_id, direction, kind, action, message_id, payload, error, answer,"
    " answer_after_us) FROM STDIN"
)
# What these say holds no secrets, and they are nearly everything that is said.
HARMLESS = frozenset(
    {"MeterValues", "Heartbeat", "StatusNotification", "Authorize", "StartTransaction"}
)
NULL = "\\N"
_stamps = Stamps()
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": "\\\\u0000"})


class Logged(msgspec.Struct, frozen=True, gc=False):
    """One frame as seen. ``at`` and ``answered_at`` are ``time.time()``."""

    at: float
    charger_id: int
    direction: str
    kind: str
    action: str
    message_id: str
    payload: str
    error: str = ""
    answer: str | None = None
    answered_at: float = 0.0


class FrameLog:
    """Collects frames and copies them to the table every quarter second."""

    def __init__(self) -> None:
        self._waiting: deque[Logged] = deque(maxlen=MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frames")
        self._task = asyncio.create_task(self._pump(), name="frame-log")
        self.dropped = 0

    def add(self, frame: Logged) -> None:
        if len(self._waiting) == MOST_WAITING:
            self.dropped += 1
        self._waiting.append(frame)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()
        self._thread.shutdown(wait=True)

    async def _pump(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        if not self._waiting:
            return
        frames = list(self._waiting)
        self._waiting.clear()
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._thread, _store, frames):
            self._waiting.extendleft(reversed(frames[: MOST_WAITING - len(self._waiting)]))


def _store(frames: list[Logged]) -> bool:
    """False when the database is away and the frames should be kept."""
    text = "".join(map(_copy_line, frames))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.cursor.copy_expert(_COPY, io.StringIO(text), size=len(text) + 1)
        return True
    except DatabaseError as error:
        connection.close()
        log.warning("frame log not written", extra={"frames": len(frames), "why": str(error)[:200]})
        return False


def _copy_line(f: Logged) -> str:
    payload, answer = f.payload[:MOST_TEXT], f.answer
    if f.action not in HARMLESS:
        payload, answer = redact(payload), answer and redact(answer)
    if f.kind != "broken":
        payload = copy_text(payload)
    else:
        payload = payload.encode("utf-8", "replace").decode().translate(_ESCAPES)
    after = int((f.answered_at - f.at) * 1e6) if f.answered_at else NULL
    return (
        f"{_stamps.text(f.at)}\t{f.charger_id}\t{f.direction}\t{f.kind}\t{_word(f.action, 50)}\t"
        f"{_word(f.message_id, 60)}\t{payload}\t{f.error}\t"
        f"{NULL if answer is None else copy_text(answer)}\t{after}\n"
    )


def _word(text: str, most: int) -> str:
    """An action or message id as sent: anything may stand in it."""
    if text.isalnum() and len(text) <= most:
        return text
    return text.encode("utf-8", "replace").decode()[:most].translate(_ESCAPES)
