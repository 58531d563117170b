"""One thread for a request, borrowed and given back, with a database connection that stays open.

Under ASGI Django runs every request on a new thread, which connects to PostgreSQL anew and is
joined by yet another thread, and goes to and fro between it and the event loop for every turn of
the middleware. Here a request borrows a thread, runs middleware and view on it in one go, and gives
it back before the answer is sent: whoever only waits (a charger's answer, a live page, a slow
phone) holds neither thread nor connection. A flood waits in line instead of using up PostgreSQL.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connection, connections
from django.http import FileResponse, HttpRequest, HttpResponseBase

P = ParamSpec("P")
T = TypeVar("T")
App = Callable[[dict[str, Any], Any, Any], Coroutine[Any, Any, None]]
MOST, MOST_IDLE = 32, 8  # threads of one process, each with a connection
CONNECTION_SECONDS = 60


class Loan(Executor):
    """One request's thread, taken when the first call comes. Calls come one after the other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[Any] | None = None
        self._resting = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with _lock:
            self._thread = self._thread or _take()
            if self._thread is None:
                waiting: Future[T] = Future()
                _queue.append((self, waiting, partial(fn, *args, **kwargs)))
                return waiting
        return self._start(self._thread, partial(fn, *args, **kwargs))

    def serve(
        self, thread: ThreadPoolExecutor, waiting: Future[Any], work: Callable[[], Any]
    ) -> None:
        """Its turn in the line has come."""
        self._thread = thread
        self._start(thread, partial(_fulfil, waiting, work))

    def rest(self) -> None:
        """From here on the request mostly waits: it borrows for each call by itself."""
        self._resting = True
        self.give_back()

    def give_back(self) -> None:
        """Somebody else may have it once it is done with what it runs (a caller may have gone away)."""
        thread, last = self._thread, self._last
        self._thread = self._last = None
        if thread is not None and last is not None:
            last.add_done_callback(lambda _done: _free(thread))

    def _start(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        self._last = found = thread.submit(work)
        if self._resting:
            self.give_back()
        return found


_loan: ContextVar[Loan | None] = ContextVar("loan", default=None)
_lock = Lock()
_idle: deque[ThreadPoolExecutor] = deque()
_queue: deque[tuple[Loan, Future[Any], Callable[[], Any]]] = deque()
_made = 0


class Pages(ASGIHandler):
    """Django's handler with middleware and view as one synchronous call."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = await sync_to_async(self.get_response)(request)
        response._handler_class = self.__class__  # type: ignore[attr-defined]
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        rest()
        return response


def lasting(application: App) -> App:
    """``application`` with borrowed threads, and connections kept for a minute of use."""
    connection.settings_dict["CONN_MAX_AGE"] = CONNECTION_SECONDS

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        loan = Loan()
        token = _loan.set(loan)
        try:
            async with ThreadSensitiveContext(executor=loan):
                await application(scope, receive, send)
        finally:
            _loan.reset(token)
            loan.give_back()

    return serve


def rest() -> None:
    """This request mostly waits: from here on it borrows a thread for each call by itself."""
    if (loan := _loan.get()) is not None:
        loan.rest()


def _take() -> ThreadPoolExecutor | None:
    """A thread, or None when all are lent out. Call with the lock."""
    global _made
    if _idle:
        return _idle.pop()  # the one used last: the others' connections may grow old
    if _made >= MOST:
        return None
    _made += 1
    return ThreadPoolExecutor(1, thread_name_prefix="request")


def _free(thread: ThreadPoolExecutor) -> None:
    """The next in line gets it; else it is kept, or ended where enough are idle."""
    global _made
    with _lock:
        while _queue:
            loan, waiting, work = _queue.popleft()
            if waiting.set_running_or_notify_cancel():
                break
        else:
            if len(_idle) < MOST_IDLE:
                _idle.append(thread)
                return
            _made -= 1
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)
            return
    loan.serve(thread, waiting, work)


def _fulfil(waiting: Future[T], work: Callable[[], T]) -> None:
    try:
        found = work()
    except BaseException as error:
        waiting.set_exception(error)
    else:
        waiting.set_result(found)
