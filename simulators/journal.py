"""What one charge point said and heard, and a way to await any of it without polling."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

Payload = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Sent:
    """One CALL put on the wire; a repeat is another one. Times are real Unix seconds."""

    number: int
    action: str
    message_id: str
    payload: Payload
    at: float


@dataclass(slots=True, frozen=True)
class Acknowledged:
    """A CALL for which the CALLRESULT arrived: what the server has promised to know."""

    number: int
    action: str
    message_id: str
    payload: Payload
    result: Payload
    sent_at: float
    answered_at: float


@dataclass(slots=True, frozen=True)
class Refused:
    """A CALL that ended without result: CALLERROR, no reply in time, or the link was lost."""

    number: int
    action: str
    message_id: str
    payload: Payload
    reason: str
    at: float


@dataclass(slots=True)
class Received:
    """A CALL of the server and what was answered (``None``: nothing yet, or a CALLERROR)."""

    number: int
    action: str
    message_id: str
    payload: Payload
    answer: Payload | None
    at: float


Entry = TypeVar("Entry", Acknowledged, Received)


def first(
    entries: Iterable[Entry], action: str, predicate: Callable[[Entry], bool] | None, after: int
) -> Entry | None:
    """The first entry of ``action`` numbered above ``after`` that fits."""
    for entry in entries:
        if entry.action == action and entry.number > after and (not predicate or predicate(entry)):
            return entry
    return None


class Journal:
    """Lists in order of time; ``keep`` bounds each, ``None`` keeps everything.

    ``strays`` are frames nobody waits for: late or foreign replies, and what is no OCPP-J at all.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.sent: deque[Sent] = deque(maxlen=keep)
        self.acknowledged: deque[Acknowledged] = deque(maxlen=keep)
        self.refused: deque[Refused] = deque(maxlen=keep)
        self.received: deque[Received] = deque(maxlen=keep)
        self.strays: deque[bytes] = deque(maxlen=keep)
        self._number = 0
        self._watches: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    def next_number(self) -> int:
        """A number for a new entry; all entries of a charge point count in one row."""
        self._number += 1
        return self._number

    def mark(self) -> int:
        """This point in the row: give it as ``after`` to look only at what comes later."""
        return self._number

    def changed(self) -> None:
        """Something happened: ask every waiter's probe again."""
        for probe, future in self._watches:
            if not future.done() and (found := probe()) is not None:
                future.set_result(found)

    async def until(
        self, probe: Callable[[], T | None], timeout: float | None, what: Callable[[], str]
    ) -> T:
        """The first value other than ``None`` that ``probe`` gives; asked at every change.

        Raises TimeoutError with ``what()`` after ``timeout`` real seconds.
        """
        found = probe()
        if found is not None:
            return found
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        watch = (probe, future)
        self._watches.append(watch)
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise TimeoutError(what()) from None
        finally:
            self._watches.remove(watch)
