"""LISTEN on the running event loop: one connection, messages as dictionaries, always reconnecting."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
import psycopg2
from django.db import connection
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.5


class Listener:
    """Calls ``heard`` with each message of a channel; ``resync`` after every (re)connection.

    A message can only be missed while the connection is down, and then ``resync`` tells.
    """

    def __init__(
        self,
        channel: str,
        heard: Callable[[dict[str, Any]], None],
        resync: Callable[[], None] = lambda: None,
    ) -> None:
        self._channel = channel
        self._heard = heard
        self._resync = resync
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"listen-{self._channel}")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg2.Error, OSError) as error:
                log.warning(
                    "listening interrupted",
                    extra={"channel": self._channel, "why": str(error)[:200]},
                )
            self.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        link = await loop.run_in_executor(None, self._connect)
        broken: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(link.fileno(), self._readable, link, broken)
            self.connected = True
            self._resync()
            self._readable(link, broken)
            await broken
        finally:
            self.connected = False
            loop.remove_reader(link.fileno()) if not link.closed else None
            link.close()

    def _connect(self) -> Any:
        link = psycopg2.connect(**connection.get_connection_params())
        link.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with link.cursor() as cursor:
            cursor.execute(f'LISTEN "{self._channel}"')
        return link

    def _readable(self, link: Any, broken: "asyncio.Future[None]") -> None:
        try:
            link.poll()
        except psycopg2.Error as error:
            if not broken.done():
                broken.set_exception(error)
            return
        notes, link.notifies[:] = list(link.notifies), []
        for note in notes:
            try:
                self._heard(orjson.loads(note.payload))
            except Exception:  # one bad message or handler must not stop the ear
                log.exception("message not handled", extra={"channel": self._channel})
