"""Group commit: whatever came while the last commit ran is committed together, then answered.

No timer: with little load a group is one message and takes a millisecond; with much load groups
grow by themselves (docs/benchmarks.md). A group that PostgreSQL refuses is redone one by one, so
only the bad row's charger hears of it. While the database is away writes wait up to
``PATIENCE_SECONDS``; then everybody waiting is told ``DatabaseAway``.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar, cast

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")
T = TypeVar("T")


class DatabaseAway(Exception):
    """The database has not answered for too long; nothing that waited was acknowledged."""


class GroupWriter(Generic[Item, Result]):
    """Writes items in groups on one thread with one connection, in order.

    ``write`` commits and returns one result per item. It may be run again after a broken
    connection, so either that does no harm, or ``happened`` can tell whether a group whose
    COMMIT got no answer was stored after all.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Item]], Sequence[Result]],
        happened: Callable[[Sequence[Item]], bool] = lambda items: False,
    ) -> None:
        self._write = write
        self._happened = happened
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self.groups = 0
        self.items = 0

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queue an item; the future ends when it is committed, or with what went wrong."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append((item, future))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._start)
        return future

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _start(self) -> None:
        group, self._waiting = self._waiting, []
        self.groups += 1
        self.items += len(group)
        self._thread.submit(self._run, group)

    def _run(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        outcomes = self._outcomes([item for item, _ in group])
        self._loop.call_soon_threadsafe(self._settle, group, outcomes)

    def _outcomes(self, items: list[Item]) -> Sequence[Any]:
        """One result or exception per item."""
        try:
            return self._stored(items)
        except DatabaseAway as away:
            return [away] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
            log.warning(
                "group refused, redone one by one",
                extra={"items": len(items), "why": str(error)[:300]},
            )
            return [self._alone(item) for item in items]

    def _alone(self, item: Item) -> Any:
        try:
            return self._stored([item])[0]
        except Exception as error:
            return error

    def _stored(self, items: list[Item]) -> Sequence[Result]:
        broken = False

        def once() -> Sequence[Result]:
            nonlocal broken
            if broken and self._happened(items):
                return cast("Sequence[Result]", [None] * len(items))
            try:
                return self._write(items)
            except (OperationalError, InterfaceError):
                broken = True
                raise

        return patiently(once)

    def _settle(
        self, group: list[tuple[Item, asyncio.Future[Result]]], outcomes: Sequence[Any]
    ) -> None:
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue  # the socket is gone and nobody waits any more
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._waiting:
            self._start()
        else:
            self._busy = False


def patiently(work: Callable[[], T]) -> T:
    """Run ``work``, again while the database is away or chose us in a deadlock, for a while."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() > give_up_at:
                raise DatabaseAway(str(error)[:200]) from error
            time.sleep(RETRY_SECONDS)


class Pool:
    """A few threads for the ORM, each with its lasting connection."""

    def __init__(self, size: int = 6) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="orm")
        self._loop = asyncio.get_running_loop()

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run a service that may be run again (all of ours are) and wait for its commit."""
        return await self._loop.run_in_executor(
            self._threads, lambda: patiently(lambda: work(*args))
        )

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
