"""What a charge point has to say and cannot say yet, in the order in which it will."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.clock import TimeSource
from simulators.faults import WireFaults
from simulators.journal import Payload

HOLD_S = 10.0  # simulated seconds a message that is to come out of order waits for another one


@dataclass(slots=True, eq=False)
class Request:
    """A CALL of ours, from its making to its end.

    ``kept``: it must arrive, however long it takes. ``early``: it may go before the boot is
    accepted. ``order``: when it was made, 0 for what goes before all others. ``fill`` completes
    the payload just before it is sent. ``done`` hears the end: a ``result``, or a ``reason``.
    """

    number: int
    action: str
    payload: Payload
    order: int
    done: Callable[["Request"], None] | None = None
    kept: bool = False
    early: bool = False
    fill: Callable[[Payload], None] | None = None
    message_id: str = ""
    failures: int = 0
    not_before: float = 0.0
    sent_at: float = 0.0
    result: Payload | None = None
    reason: str = ""


class Outbox:
    """Two queues, one of messages that must arrive and one of those worth sending only now.

    OCPP 1.6 §3.7: a message about a transaction that waits for its next attempt holds up the
    other messages about transactions, and nothing else.
    """

    def __init__(self, clock: TimeSource, faults: WireFaults, ready: Callable[[], None]) -> None:
        self._clock = clock
        self._faults = faults
        self._ready = ready
        self._calls: deque[Request] = deque()
        self._kept: deque[Request] = deque()
        self._held: Request | None = None

    def __len__(self) -> int:
        return len(self._calls) + len(self._kept) + (self._held is not None)

    def put(self, request: Request) -> None:
        """Queue a new message, or hold it back until another one has overtaken it."""
        if self._faults.disorder_next and not request.early:
            self._faults.disorder_next = False
            self._held = request
            self._clock.call_later(HOLD_S, lambda: self._release(request))
            return
        self._queue(request)
        if self._held is not None:
            self._release(self._held)

    def put_back(self, request: Request) -> None:
        """A message that must arrive has not: it is the first of its kind again."""
        self._kept.appendleft(request)

    def take(self, registered: bool) -> Request | None:
        """The message that may go now, removed; before the boot is accepted only early ones."""
        if not registered:
            request = next((r for r in self._calls if r.early), None)
        else:
            heads = [queue[0] for queue in (self._calls, self._kept) if queue]
            now = self._clock.seconds()
            free = (head for head in heads if head.not_before <= now)
            request = min(free, key=lambda r: r.order, default=None)
        if request is not None:
            (self._kept if request.kept else self._calls).remove(request)
        return request

    def drop_calls(self) -> list[Request]:
        """Give up what was worth sending only on the link that is gone."""
        dropped = list(self._calls)
        self._calls.clear()
        return dropped

    def _queue(self, request: Request) -> None:
        queue = self._kept if request.kept else self._calls
        if request.order:
            queue.append(request)
        else:
            queue.appendleft(request)

    def _release(self, request: Request) -> None:
        """Queue what was held back: another message has gone before it, or none came in time."""
        if self._held is request:
            self._held = None
            # Behind everything that waits in either queue.
            request.order = max((r.order for r in (*self._calls, *self._kept)), default=0) + 1
            self._queue(request)
            self._ready()
