"""The stream of names: who hears what, how often, and until when."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.http import StreamingHttpResponse

from core import outbox
from evbilling import nudges
from evbilling.backoffice import live
from evbilling.backoffice.live import Seat
from evbilling.nudges import REFRESH, Switchboard, Watcher, names_of
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.pages.people import a_visitor, signed_in
from users.models import Level

MESSAGE = {"kind": "connector_changed", "subject": 9, "company": 1, "station": 5, "connector": 9}


class Deaf:
    """A listener without a database."""

    def __init__(self, channel: str, heard: Any, resync: Any) -> None:
        self.channel, self.resync, self.connected, self.stopped = channel, resync, False, False

    def start(self) -> None:
        self.connected = True
        self.resync()

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Switchboard:
    monkeypatch.setattr(nudges, "Listener", Deaf)
    return Switchboard()


@pytest.mark.pure
def test_a_fact_names_its_kind_and_its_things_and_nothing_else() -> None:
    assert names_of(MESSAGE | {"status": "Charging", "charger": "7; DROP"}) == {
        "any",
        "connector_changed",
        "station-5",
        "connector-9",
    }


@pytest.mark.pure
def test_only_ones_own_company_and_stations_are_heard(board: Switchboard) -> None:
    owner, stranger = Watcher(1), Watcher(2)
    limited, elsewhere = Watcher(1, frozenset({5})), Watcher(1, frozenset({6}))
    watchers = (owner, stranger, limited, elsewhere)
    for watcher in watchers:
        board.join(watcher)
        watcher.take()
    board.heard(MESSAGE)
    board.heard({"kind": "wallet_changed", "company": 1})  # of no station: not for limited admins
    board.heard({"kind": "retry", "subject": 3})
    assert [len(w.waiting) for w in watchers] == [5, 0, 4, 0]


@pytest.mark.pure
def test_everybody_is_told_to_look_again_at_every_connection(board: Switchboard) -> None:
    first, second = Watcher(1), Watcher(1)
    board.join(first)
    assert first.take() == [REFRESH]
    board.join(second)
    assert second.take() == [REFRESH]
    assert first.take() == []
    board.resync()
    assert first.take() == [REFRESH]


@pytest.mark.pure
def test_one_listener_serves_all_and_rests_when_nobody_watches(board: Switchboard) -> None:
    first, second = Watcher(1), Watcher(2)
    board.join(first)
    listener: Any = board.listener
    board.join(second)
    assert [board.listener] == [listener]
    board.leave(first)
    assert not listener.stopped
    board.leave(second)
    assert listener.stopped
    assert board.listener is None


@pytest.mark.pure
def test_names_that_wait_are_counted_once_and_a_flood_becomes_one_refresh() -> None:
    watcher = Watcher(1)
    for _ in range(1_000):
        watcher.tell({"station-1"})
    assert watcher.take() == ["station-1"]
    for n in range(10_000):
        watcher.tell({f"connector-{n}"})
    assert len(watcher.waiting) <= nudges.MOST_NAMES + 1
    watcher.tell({REFRESH})
    assert watcher.take() == [REFRESH]


async def _first(stream: AsyncIterator[bytes], wanted: bytes, most: int = 20) -> list[bytes]:
    """Chunks up to the one that holds ``wanted``."""
    found: list[bytes] = []
    async with asyncio.timeout(10):
        async for chunk in stream:
            found.append(chunk)
            if wanted in chunk or len(found) == most:
                break
    return found


def _seat(**fields: Any) -> Seat:
    return replace(Seat(1, 1, "key", "hash", None, 0.0), **fields)


@pytest.mark.pure
def test_a_stream_beats_while_nothing_happens_and_says_names_without_data(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(live, "switchboard", lambda: board)

    async def run() -> list[bytes]:
        stream = live.events(_seat())
        chunks = await _first(stream, b"beat")
        board.heard(MESSAGE)
        chunks += await _first(stream, b"station-5")
        await stream.aclose()  # type: ignore[attr-defined]
        return chunks

    chunks = asyncio.run(run())
    assert b"event: refresh\ndata:\n\n" in chunks
    assert b": beat\nevent: beat\ndata:\n\n" in chunks
    assert chunks[-1] == (
        b"event: any\ndata:\n\nevent: connector-9\ndata:\n\n"
        b"event: connector_changed\ndata:\n\nevent: station-5\ndata:\n\n"
    )
    assert board.watchers == set()


@pytest.mark.pure
def test_a_stream_pauses_after_each_burst(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "switchboard", lambda: board)

    async def run() -> tuple[list[bytes], float]:
        loop = asyncio.get_running_loop()
        stream = live.events(_seat(pause=0.2))
        await _first(stream, b"refresh")
        started = loop.time()
        for _ in range(100):
            board.heard(MESSAGE)
        chunks = await _first(stream, b"station-5")
        return chunks, loop.time() - started

    chunks, waited = asyncio.run(run())
    assert len(chunks) == 1
    assert waited >= 0.19


@pytest.mark.pure
def test_streams_end_by_themselves_when_the_process_stops(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "switchboard", lambda: board)

    async def run() -> None:
        stream = live.events(_seat())
        await _first(stream, b"refresh")
        board.hang_up()
        async with asyncio.timeout(5):
            assert [chunk async for chunk in stream] == []

    asyncio.run(run())


@pytest.mark.django_db
def test_a_stranger_gets_no_stream() -> None:
    assert a_visitor().get("/live/").status_code == 401


@pytest.mark.django_db
def test_a_stream_is_never_cached_nor_held_back() -> None:
    response = signed_in(an_admin()).get("/live/")
    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Accel-Buffering"] == "no"


@pytest.mark.django_db
def test_an_admin_of_some_stations_is_seated_at_these_and_a_large_site_is_told_less_often(
    rf: Any,
) -> None:
    company = a_company()
    mine, _other = a_station(company), a_station(company)
    a_charger(mine, connectors=4)
    admin = an_admin(company, Level.OPERATOR, all_stations=False)
    mine.limited_admins.add(admin)
    request = rf.get("/live/")
    request.user, request.session = admin, signed_in(admin).session
    seat = live._seat(request)
    assert isinstance(seat, Seat)
    assert seat.stations == frozenset({mine.pk})
    assert seat.pause == pytest.approx(1 + 4 / live.PLUGS_PER_SECOND)


@pytest.mark.django_db
def test_a_stream_knows_when_its_admin_has_gone() -> None:
    admin = an_admin()
    client = signed_in(admin)
    seat = _seat(
        admin_id=admin.pk,
        session_key=client.session.session_key,
        session_hash=admin.get_session_auth_hash(),
    )
    assert live._still_there(seat)
    assert not live._still_there(replace(seat, session_hash="of the old password"))
    admin.enabled = False
    admin.save()
    assert not live._still_there(seat)
    admin.enabled = True
    admin.save()
    client.post("/signout/")
    assert not live._still_there(seat)


@pytest.mark.django_db
def test_a_committed_fact_reaches_the_stream_and_signing_out_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through PostgreSQL's own NOTIFY, on a connection beside the test's transaction."""
    there = [True]
    monkeypatch.setattr(live, "_still_there", lambda seat: there[0])
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.05)

    def commit(message: dict[str, Any]) -> None:
        beside = psycopg2.connect(**connection.get_connection_params())
        beside.autocommit = True
        with beside.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [outbox.CHANNEL, json.dumps(message)])
        beside.close()

    async def run() -> list[bytes]:
        stream = live.events(_seat())
        await _first(stream, b"refresh", most=200)
        commit(MESSAGE)
        chunks = await _first(stream, b"station-5", most=200)
        there[0] = False
        async with asyncio.timeout(10):
            return chunks + [chunk async for chunk in stream]

    assert b"event: station-5\ndata:\n\n" in b"".join(asyncio.run(run()))
