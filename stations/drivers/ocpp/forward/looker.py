"""Looking for new frames: one query for all chargers whose links have nothing to do."""

import asyncio
import logging
from datetime import datetime

from stations.drivers.ocpp.forward import feed
from stations.drivers.ocpp.forward.feed import Copied
from stations.drivers.ocpp.writer import DatabaseAway, Pool

log = logging.getLogger(__name__)
EVERY_SECONDS = 0.25  # as often as the log is written


class Looker:
    """Links wait here for what their chargers say next."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[int, tuple[datetime, list[int], asyncio.Future[list[Copied]]]] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """End the present waits: there is something else to do."""
        for _, _, future in self._waiting.values():
            if not future.done():
                future.set_result([])
        self._waiting.clear()

    async def next(
        self, charger_id: int, since: datetime, seen: list[int], seconds: float
    ) -> list[Copied]:
        """Frames of the charger from ``since`` on that are not ``seen``; [] after ``seconds``."""
        future: asyncio.Future[list[Copied]] = asyncio.get_running_loop().create_future()
        self._waiting[charger_id] = (since, seen, future)
        self._wake.set()
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return []
        finally:
            if self._waiting.get(charger_id, (None, None, None))[2] is future:
                del self._waiting[charger_id]

    async def run(self) -> None:
        """Look as long as somebody waits."""
        while True:
            await self._wake.wait()
            if not self._waiting:
                self._wake.clear()
                continue
            wanted = [(c, since, seen) for c, (since, seen, _) in self._waiting.items()]
            try:
                found = await self._pool.run(feed.frames, wanted)
            except DatabaseAway:
                continue
            for charger_id, rows in found.items():
                waiting = self._waiting.pop(charger_id, None)
                if waiting is not None and not waiting[2].done():
                    waiting[2].set_result(rows)
            if not found:
                await asyncio.sleep(EVERY_SECONDS)
