"""``/live/``: the names of what has changed, as Server-Sent Events. Pages ask for their parts again.

A watcher gets at most one burst of names a second (longer for many plugs, for each name costs a
request), a beat every 15 s, and is cut off within a minute of signing out.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session as WebSession
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from evbilling.backoffice import gate
from evbilling.backoffice.gate import AdminRequest
from evbilling.nudges import Watcher, switchboard
from stations.models import Connector, Station
from users.access import Action
from users.models import Admin

BEAT_SECONDS = 15.0
CHECK_SECONDS = 30.0
BURST_SECONDS = 1.0
PLUGS_PER_SECOND = 200  # a page with more plugs is asked for less often


@dataclass(frozen=True, slots=True)
class Seat:
    """What a stream must know, read once while there is a database at hand."""

    admin_id: int
    company_id: int
    session_key: str
    session_hash: str
    stations: frozenset[int] | None
    pause: float


async def stream(request: HttpRequest) -> HttpResponseBase:
    """A stream of names for whoever is signed in."""
    seat = await sync_to_async(_seat)(request)
    if isinstance(seat, HttpResponse):
        return seat
    response = StreamingHttpResponse(events(seat), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # a proxy must pass each name on at once
    return response


stream.needs = Action.VIEW  # type: ignore[attr-defined]


async def events(seat: Seat) -> AsyncIterator[bytes]:
    """Bursts of names until the page goes away or its admin signs out."""
    watcher = Watcher(seat.company_id, seat.stations)
    board = switchboard()
    board.join(watcher)
    checked = time.monotonic()
    try:
        yield b"retry: 1000\n\n"
        while True:
            try:
                await asyncio.wait_for(watcher.woken.wait(), BEAT_SECONDS)
            except TimeoutError:
                yield b": beat\nevent: beat\ndata:\n\n"
            if watcher.dismissed:
                return
            if time.monotonic() - checked >= CHECK_SECONDS:
                checked = time.monotonic()
                if not await sync_to_async(_still_there)(seat):
                    return
            if names := watcher.take():
                yield b"".join(f"event: {name}\ndata:\n\n".encode() for name in names)
                await asyncio.sleep(seat.pause)
    finally:
        board.leave(watcher)


def _seat(request: HttpRequest) -> Seat | HttpResponse:
    try:
        if not gate.signed_in(request):
            return HttpResponse(status=401)
        return _taken(gate.admit(request, Action.VIEW))
    finally:
        _let_go()


def _taken(request: AdminRequest) -> Seat:
    admin = request.admin
    stations = None
    if not admin.all_stations:
        stations = frozenset(gate.rows(request, Station.objects.all()).values_list("pk", flat=True))
    plugs = gate.rows(request, Connector.objects.filter(charger__deleted_at__isnull=True)).count()
    return Seat(
        admin.pk,
        request.company.pk,
        request.session.session_key or "",
        request.session.get(HASH_SESSION_KEY, ""),
        stations,
        BURST_SECONDS + plugs / PLUGS_PER_SECOND,
    )


def _still_there(seat: Seat) -> bool:
    """Whether nobody has signed out, disabled the admin or changed the password."""
    try:
        sessions = WebSession.objects.filter(pk=seat.session_key, expire_date__gt=timezone.now())
        admin = Admin.objects.filter(pk=seat.admin_id, enabled=True).first()
        if admin is None or not sessions.exists():
            return False
        return constant_time_compare(admin.get_session_auth_hash(), seat.session_hash)
    finally:
        _let_go()


def _let_go() -> None:
    """The stream lives for hours in a thread of its own; a connection to the database must not."""
    if not connection.in_atomic_block:
        connection.close()
