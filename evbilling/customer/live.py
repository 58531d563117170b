"""Nudges for one plug's page: the plug has changed, or its station has been read. Names, nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from evbilling.customer import guard, views
from evbilling.nudges import REFRESH, Watcher, switchboard
from stations.models import Connector

CHANGE = "change"  # fetch the page's part now
READINGS = "readings"  # some plug of the station has been read: no hurry
BEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.5  # changes come in flocks: a start is a status, a session and an order
MOST_STREAMS = 5_000  # of one process; beyond it pages ask every 15 s


@dataclass(eq=False)
class PlugWatcher(Watcher):
    """A phone at a plug: hears of the plug, of its charger as a whole, and of the station's readings."""

    station_id: int = 0
    charger_id: int = 0
    connector_id: int = 0

    def wants(self, message: dict[str, Any]) -> bool:
        plug = message.get("connector")
        if plug is not None:
            return bool(plug == self.connector_id)
        if message.get("kind") == READINGS:
            return bool(message.get("station") == self.station_id)
        return bool(message.get("charger") == self.charger_id)

    def tell(self, names: set[str]) -> None:
        """What happened is nobody's business here; that something did is enough."""
        super().tell(names & {REFRESH, READINGS} or {CHANGE})


async def stream(request: HttpRequest, code: str) -> HttpResponseBase:
    """Event names for whoever has the plug's code; what changed is fetched, by whoever may see it."""
    watcher = await sync_to_async(_admit)(request, code)
    if isinstance(watcher, HttpResponse):
        return watcher
    if len(switchboard().watchers) >= MOST_STREAMS:
        return HttpResponse(status=503)
    response = StreamingHttpResponse(events(watcher), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # a proxy must pass each name on at once
    return response


async def events(watcher: Watcher) -> AsyncIterator[bytes]:
    """Names until the phone goes away."""
    board = switchboard()
    board.join(watcher)
    try:
        yield b"retry: 2000\n\n"
        while True:
            try:
                await asyncio.wait_for(watcher.woken.wait(), BEAT_SECONDS)
            except TimeoutError:
                yield b": beat\n\n"
            if watcher.dismissed:
                return
            if names := watcher.take():
                yield b"".join(f"event: {name}\ndata:\n\n".encode() for name in names)
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        board.leave(watcher)


def _admit(request: HttpRequest, code: str) -> PlugWatcher | HttpResponse:
    try:
        connector = views.connector_of(request, code)
        if connector is None:
            return HttpResponse(status=404)
        guard.limit_reads(connector, guard.visitor_of(request))
        return watcher_of(connector)
    except guard.TooOften as error:
        return HttpResponse(status=error.status)
    finally:
        # The stream lives for hours; the connection of its first second must not.
        close_old_connections()


def watcher_of(connector: Connector) -> PlugWatcher:
    station = connector.charger.station
    return PlugWatcher(
        company_id=station.company_id,
        station_id=station.pk,
        charger_id=connector.charger_id,
        connector_id=connector.pk,
    )
