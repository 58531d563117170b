"""Who waits for the outcome of an order: one ear and one reader per process, however many wait.

``NOTIFY commands`` makes it quick; a look at the table every second makes it sure.
"""

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from django.db import DatabaseError, InterfaceError, connection, connections

from core.listen import Listener
from stations.models.command import OPEN
from stations.services.commands import DONE_CHANNEL

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
MOST_EARLY = 256  # ends that nobody here waits for, or not yet: those of other processes too


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an order ended, and the charger's raw answer where there is one."""

    status: str
    response: Any


class Hub:
    """Belongs to one event loop and ends with it."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Future[Outcome]]] = {}
        self._look_at: set[int] = set()
        self._early: deque[int] = deque(maxlen=MOST_EARLY)
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._ear = Listener(DONE_CHANNEL, self._heard, self._look_at_all)
        self._ear.start()
        self._task = asyncio.create_task(self._work(), name="hub")

    async def outcome(self, command_id: int, timeout_s: float) -> Outcome | None:
        """The end of an order; None when it has not ended in time."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(command_id, set()).add(future)
        if command_id in self._early:
            self._look_at.add(command_id)  # it ended before we began to wait
        self._wake.set()  # from now on there is somebody to look every second for
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            others = self._waiting[command_id]
            others.discard(future)
            if not others:
                del self._waiting[command_id]

    def _heard(self, message: dict[str, Any]) -> None:
        if message["id"] in self._waiting:
            self._look(message["id"])
        else:
            self._early.append(message["id"])

    def _look(self, command_id: int) -> None:
        self._look_at.add(command_id)
        self._wake.set()

    def _look_at_all(self) -> None:
        """Messages may have been missed."""
        self._look_at.update(self._waiting)
        self._wake.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                wanted = await self._next()
                try:
                    ended = await loop.run_in_executor(self._thread, _ended, wanted)
                except (DatabaseError, InterfaceError) as error:
                    log.warning("outcomes not read", extra={"why": str(error)[:200]})
                    continue  # the next look, within a second, tries again
                for command_id, outcome in ended.items():
                    self._tell(command_id, outcome)
        finally:
            self._ear.stop()
            self._thread.submit(connections.close_all)  # the thread's own, not the caller's
            self._thread.shutdown(wait=True)

    async def _next(self) -> list[int]:
        """What to look at: orders that were spoken of at once, every second all that are waited for."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if self._waiting else None):
                    await self._wake.wait()
            wanted = self._look_at if self._wake.is_set() else set(self._waiting)
            self._wake.clear()
            self._look_at = set()
            if wanted := wanted & self._waiting.keys():
                return sorted(wanted)

    def _tell(self, command_id: int, outcome: Outcome) -> None:
        for future in self._waiting.get(command_id, ()):
            if not future.done():
                future.set_result(outcome)


def _ended(command_ids: list[int]) -> dict[int, Outcome]:
    """Those of the orders that have ended. Runs on the hub's thread, whose connection stays open."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, status, response::text FROM stations_command"
                " WHERE id = ANY(%s) AND status <> ALL(%s)",
                [command_ids, list(OPEN)],
            )
            found = cursor.fetchall()
    except (DatabaseError, InterfaceError):
        connection.close()
        raise
    return {pk: Outcome(status, orjson.loads(text or "null")) for pk, status, text in found}


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def current() -> Hub:
    """The hub of the running loop, made when first asked for."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub()
    return found
