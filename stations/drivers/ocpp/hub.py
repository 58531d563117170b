"""One process's lines, and what wakes them: orders, newer sockets elsewhere, new allowances.

Everything arrives by ``NOTIFY`` on a channel named like the process's lease; a sweep and a full
reload after every reconnect make sure of what a nudge may have missed.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from core import leases, outbox
from core.listen import Listener
from stations.drivers.ocpp import orders
from stations.drivers.ocpp.frame_log import FrameLog
from stations.drivers.ocpp.handlers import following, presence
from stations.drivers.ocpp.line import Line, Send
from stations.drivers.ocpp.trust import Trust
from stations.drivers.ocpp.writer import DatabaseAway, GroupWriter, Pool
from stations.services import (
    authority,
    commands,
    connectors,
    findings,
    frame_months,
    links,
    readings,
)
from stations.services.connectors import BootReport, StatusReport
from stations.services.links import Attempt, Connected, Turned
from stations.services.readings import Live, Reading

log = logging.getLogger(__name__)
SWEEP_SECONDS = 1.0
SEEN_EVERY_SECONDS = 5.0
NOTICED_EVERY_SECONDS = 5.0
RENEW_EVERY_SECONDS = 4.0

MeterItem = tuple[Sequence[Reading], Live | None]
FactItem = BootReport | StatusReport


class Hub:
    """The state of one socket process."""

    def __init__(self) -> None:
        self.holder = f"sockets_{secrets.token_hex(8)}"
        self.lines: dict[int, Line] = {}
        self.pool = Pool()
        self.frame_log = FrameLog()
        self.trust = Trust()
        self.meter: GroupWriter[MeterItem, None] = GroupWriter(
            "meter", _write_meter, _meter_happened
        )
        self.facts: GroupWriter[FactItem, None] = GroupWriter("facts", _write_facts)
        self.door: GroupWriter[Attempt, Connected | Turned] = GroupWriter("door", links.connect)
        self.exits: GroupWriter[tuple[int, int], None] = GroupWriter("exits", _write_exits)
        self.ends: GroupWriter[commands.Ended, None] = GroupWriter("ends", _write_ends)
        self.in_hand: set[int] = set()  # queued orders that wait here for their line
        self.stale_stations: set[tuple[int, int]] = set()
        # When a charger that has not said who it is will be asked. A timer for each would cost as
        # much as a tenth of its line.
        self.silent: list[tuple[float, Line]] = []
        self._noticing: set[Line] = set()
        self._noticed_new = asyncio.Event()
        self.lease: leases.Held | None = None
        self.database_ok = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listener = Listener(self.holder, self._heard, self._resync)

    async def start(self) -> None:
        """Take the lease before the first charger is let in, then keep it."""
        self.lease = await self.pool.run(leases.take, self.holder, self.holder)
        await self.pool.run(frame_months.keep_ahead)  # after months of standing still, at once
        await self._load_trust()
        self._listener.start()
        for work in (
            self._renew(),
            self._sweep(),
            self._seen(),
            self._nudge_pages(),
            self._keep_noticed(),
        ):
            self.spawn(work)

    async def stop(self) -> None:
        """Give everything back in order: chargers reconnect to whoever comes next."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.stop()
        lost = [(line.pk, line.epoch) for line in self.lines.values()]
        if lost:
            await self.pool.run(links.disconnect, lost)
        if self.lease is not None:
            await self.pool.run(leases.release, self.lease)
        await self.frame_log.close()
        for writer in (self.meter, self.facts, self.door, self.exits, self.ends):
            writer.close()
        self.pool.close()

    @property
    def ready(self) -> bool:
        return self.lease is not None and self.database_ok and self._listener.connected

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside the lines; its failure is logged, never silent."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    # --- lines ---------------------------------------------------------------------------------

    async def admit(self, who: Connected, send: Send) -> Line:
        """Register the newest socket of a charger and close the one before it."""
        line = Line(self, who, send)
        before = self.lines.get(who.pk)
        if before is not None and before.epoch > who.epoch:
            await line.close(1000, "a newer connection took over")
            return line
        self.lines[who.pk] = line
        if before is not None:
            await before.close(1000, "a newer connection took over")
        for running in line.running.values():
            following.watch(line, running)
        presence.expect(line, who.introduced)
        return line

    def look_at(self, line: Line, *, at_once: bool = False) -> None:
        """A line has noticed something that is not kept yet."""
        self._noticing.add(line)
        if at_once:
            self._noticed_new.set()

    async def leave(self, line: Line) -> None:
        """A socket ended. Only the newest one's end says that the charger is away."""
        line.closed = True
        line.fail_pending()
        for running in line.running.values():
            if running.watch is not None:
                running.watch.cancel()
        if self.lines.get(line.pk) is not line:
            return
        del self.lines[line.pk]
        try:
            await self.exits.submit((line.pk, line.epoch))
        except DatabaseAway:
            log.warning("end of a line not written", extra={"charger": line.charge_point_id})

    # --- what wakes us ---------------------------------------------------------------------------

    def _heard(self, message: dict[str, Any]) -> None:
        if "command" in message:
            self.spawn(orders.carry_out(self, message["command"], message["charger"]))
        elif "orders" in message:
            self.spawn(self._take_queued())
        elif "allowance" in message:
            line = self.lines.get(message.get("charger", 0))
            if line is not None:
                self.spawn(following.reload(line))
        elif "trust" in message:
            self.spawn(self._load_trust())
        elif "device" in message:
            line = self.lines.get(message["device"])
            if line is not None:
                self.spawn(following.reload_device(line))
        elif "replaced" in message:
            line = self.lines.get(message["replaced"])
            if line is not None and line.epoch < message["epoch"]:
                self.spawn(line.close(1000, "a newer connection took over"))

    def _resync(self) -> None:
        """Nudges may have been missed: take everything anew."""
        self.spawn(self._load_trust())
        for line in self.lines.values():
            if line.running:
                self.spawn(following.reload(line))

    async def _load_trust(self) -> None:
        """Whose signature under a client certificate counts from now on."""
        try:
            self.trust.take(await self.pool.run(authority.load))
        except DatabaseAway:
            log.warning("trusted authorities not read")  # the next connection of the ear reads them

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._ask_the_silent()
            try:
                await self._take_queued()
            except DatabaseAway:
                self.database_ok = False
                continue
            self.database_ok = True

    def _ask_the_silent(self) -> None:
        now = time.monotonic()
        due = [line for at, line in self.silent if at <= now]
        if due:
            self.silent = [(at, line) for at, line in self.silent if at > now]
            for line in due:
                self.spawn(presence.ask(line))

    async def _take_queued(self) -> None:
        """Look at the queue: many orders may have come at once."""
        waiting = await self.pool.run(commands.queued_for, self.holder)
        await orders.carry_out_all(self, waiting)

    async def _renew(self) -> None:
        """Keep the lease; without it we may not act, so every charger is sent away to reconnect."""
        while True:
            await asyncio.sleep(RENEW_EVERY_SECONDS)
            try:
                held = await self.pool.run(leases.take, self.holder, self.holder)
            except DatabaseAway:
                held = None
            if held is not None:
                self.lease = held
            elif self.lease is None or datetime.now(UTC) > self.lease.give_up_at:
                self.lease = None
                for line in list(self.lines.values()):
                    await line.close(1013, "the database is away; try again")

    async def _seen(self) -> None:
        """Write when chargers were last heard, a few seconds late and all at once."""
        written = time.time()
        while True:
            await asyncio.sleep(SEEN_EVERY_SECONDS)
            since, written = written, time.time()
            heard = [
                (line.pk, datetime.fromtimestamp(line.last_seen, UTC))
                for line in self.lines.values()
                if line.last_seen > since
            ]
            if heard:
                try:
                    await self.pool.run(links.seen, heard)
                except DatabaseAway:
                    log.warning("last-seen times not written", extra={"chargers": len(heard)})

    async def _keep_noticed(self) -> None:
        """Write what lines have noticed: at once where it is new, else every few seconds."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._noticed_new.wait(), NOTICED_EVERY_SECONDS)
            self._noticed_new.clear()
            lines, self._noticing = self._noticing, set()
            found = [noticed for line in lines for noticed in line.take_noticed()]
            if found:
                try:
                    await self.pool.run(findings.write, found)
                except DatabaseAway:
                    log.warning("findings not written", extra={"findings": len(found)})

    async def _nudge_pages(self) -> None:
        """New readings nudge live pages at most once a second and station."""
        while True:
            await asyncio.sleep(1.0)
            if not self.stale_stations:
                continue
            stations, self.stale_stations = self.stale_stations, set()
            try:
                await self.pool.run(_notify_readings, stations)
            except DatabaseAway:
                log.warning("pages not nudged", extra={"stations": len(stations)})

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())


def _write_meter(items: Sequence[MeterItem]) -> Sequence[None]:
    rows = [reading for found, _ in items for reading in found]
    lives = [live for _, live in items if live is not None]
    readings.write(rows, lives)
    return [None] * len(items)


def _meter_happened(items: Sequence[MeterItem]) -> bool:
    return readings.is_stored(items[0][0][0])


def _write_facts(items: Sequence[FactItem]) -> Sequence[None]:
    with transaction.atomic():
        connectors.record_boots([item for item in items if isinstance(item, BootReport)])
        connectors.record_statuses([item for item in items if isinstance(item, StatusReport)])
    return [None] * len(items)


def _write_exits(items: Sequence[tuple[int, int]]) -> Sequence[None]:
    links.disconnect(items)
    return [None] * len(items)


def _write_ends(items: Sequence[commands.Ended]) -> Sequence[None]:
    commands.finish_many(items)
    return [None] * len(items)


def _notify_readings(stations: set[tuple[int, int]]) -> None:
    outbox.notify(
        outbox.CHANNEL,
        *({"kind": "readings", "company": company, "station": pk} for company, pk in stations),
    )
