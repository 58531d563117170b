"""The forwarding process: one at a time does the work, others stand by to take over."""

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core import leases, outbox
from core.listen import Listener
from stations.drivers.ocpp.forward import feed
from stations.drivers.ocpp.forward.feed import Target
from stations.drivers.ocpp.forward.link import Link
from stations.drivers.ocpp.forward.looker import Looker
from stations.drivers.ocpp.writer import DatabaseAway, Pool
from stations.models import ForwardState
from stations.selectors.forwards import FORWARD_LEASE as LEASE
from stations.services.forwarding import CHANNEL

log = logging.getLogger(__name__)
TERM = timedelta(seconds=6)  # how long after a kill another may begin
RENEW_SECONDS = 1.5
RELOAD_SECONDS = 2.0
HEARD = ("charger_online", "charger_offline")


@dataclass(slots=True)
class Running:
    link: Link
    task: asyncio.Task[None]
    target: Target


class Runner:
    """All links of this process."""

    def __init__(self) -> None:
        self._holder = f"forward_{secrets.token_hex(6)}"
        self._pool = Pool(4)
        self._looker = Looker(self._pool)
        self._links: dict[int, Running] = {}
        self._chargers: set[int] = set()
        self._changed = asyncio.Event()
        self._lease: leases.Held | None = None
        self._ears = (
            Listener(CHANNEL, lambda message: self._changed.set(), self._changed.set),
            Listener(outbox.CHANNEL, self._heard),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``."""
        for ear in self._ears:
            ear.start()
        jobs = [asyncio.create_task(work) for work in (self._keep(), self._renew(), self._look())]
        ending = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*jobs, ending], return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            for job in (*jobs, ending):
                job.cancel()
            await asyncio.gather(*jobs, ending, return_exceptions=True)
            await self._drop_all()
            for ear in self._ears:
                ear.stop()
            if self._lease is not None:
                with suppress(DatabaseAway):
                    await self._pool.run(leases.release, self._lease)
            self._pool.close()

    def _heard(self, message: dict[str, Any]) -> None:
        if message.get("kind") in HEARD and message.get("charger") in self._chargers:
            self._changed.set()

    async def _look(self) -> None:
        await self._looker.run()

    async def _renew(self) -> None:
        """Two processes that both forward would tell everything twice."""
        while True:
            try:
                held = await self._pool.run(leases.take, LEASE, self._holder, TERM)
            except DatabaseAway:
                held = None
            if held is not None:
                fresh, self._lease = self._lease is None, held
                if fresh:
                    self._changed.set()
            elif self._lease is not None and datetime.now(UTC) > self._lease.give_up_at:
                self._lease = None
                await self._drop_all()
            await asyncio.sleep(RENEW_SECONDS)

    async def _keep(self) -> None:
        """Keep the links as the table says."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RELOAD_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            if self._lease is None:
                continue
            try:
                await self._match(await self._pool.run(feed.targets))
            except DatabaseAway:
                log.warning("forwards not read: the database is away")

    async def _match(self, targets: list[Target]) -> None:
        self._chargers = {t.charger_id for t in targets}
        wanted = {t.pk: t for t in targets}
        for pk, running in list(self._links.items()):
            target = wanted.get(pk)
            if running.task.done():
                self._ended(running)
                del self._links[pk]
            elif target is None or target.changed_at != running.target.changed_at:
                await self._drop(self._links.pop(pk))
        for pk, target in wanted.items():
            known = self._links.get(pk)
            if known is None:
                await self._begin(target)
            else:
                self._see(known, target)

    def _see(self, running: Running, target: Target) -> None:
        if target.asked_at != running.target.asked_at:
            running.link.dial_now()
        running.target = target
        running.link.see(target)

    async def _begin(self, target: Target) -> None:
        """A forward that is off is dialled only where somebody has just asked for it."""
        unanswered = target.asked_at is not None and (
            target.tried_at is None or target.tried_at < target.asked_at
        )
        if not target.enabled and not unanswered:
            if target.state != ForwardState.OFF:  # its link had the last word
                await self._pool.run(feed.note_state, target.pk, ForwardState.OFF)
            return
        link = Link(target, self._pool, self._looker, once=not target.enabled)
        self._links[target.pk] = Running(link, asyncio.create_task(link.live()), target)

    def _ended(self, running: Running) -> None:
        """By itself: one try that is over, or a mistake of ours, which is logged and begun anew."""
        if not running.task.cancelled() and (error := running.task.exception()) is not None:
            log.error("a forward failed", exc_info=error, extra={"forward": running.target.pk})

    async def _drop(self, running: Running) -> None:
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)

    async def _drop_all(self) -> None:
        links, self._links = self._links, {}
        for running in links.values():
            running.task.cancel()
        await asyncio.gather(*(r.task for r in links.values()), return_exceptions=True)


async def forward(stop: asyncio.Event) -> None:
    """Forward until ``stop``."""
    await Runner().run(stop)
