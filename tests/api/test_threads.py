"""Requests borrow lasting threads; a request that waits holds none."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from evbilling import threads


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    monkeypatch.setattr(threads, "_idle", type(threads._idle)())
    monkeypatch.setattr(threads, "_made", 0)


def in_order(*steps: Any) -> list[Any]:
    """Run the steps of one event loop and say what each gave."""

    async def run() -> list[Any]:
        return [await step() for step in steps]

    return asyncio.run(run())


def test_the_next_request_gets_the_thread_of_the_one_before_and_its_connection_stays() -> None:
    seen: list[int] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        for _ in range(2):
            seen.append(await sync_to_async(threading.get_ident)())

    serve = threads.lasting(application)
    assert connection.settings_dict["CONN_MAX_AGE"] == threads.CONNECTION_SECONDS

    async def once() -> None:
        await serve({}, None, None)
        await asyncio.sleep(0.01)

    in_order(once, once)
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()


def test_a_stream_holds_no_thread_and_borrows_for_each_call() -> None:
    seen: list[tuple[str, int]] = []

    async def parts(go_on: asyncio.Event, waiting: asyncio.Event) -> AsyncIterator[bytes]:
        waiting.set()
        await go_on.wait()
        seen.append(("after", await sync_to_async(threading.get_ident)()))
        assert threads._idle, "given back after the call"
        yield b"x"

    class OnePage(threads.Pages):
        def get_response(self, request: Any) -> HttpResponseBase:
            seen.append((request.path, threading.get_ident()))
            if request.path == "/other":
                return HttpResponse()
            return StreamingHttpResponse(parts(request.scope["go on"], request.scope["waiting"]))

    serve = threads.lasting(OnePage())

    async def both() -> None:
        go_on, waiting = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(request(serve, "/stream", go_on, waiting))
        await waiting.wait()
        await request(serve, "/other", go_on, waiting)
        go_on.set()
        assert b"".join(await first) == b"x"

    in_order(both)
    used = dict(seen)
    assert used["/stream"] == used["/other"] == used["after"]


async def request(
    serve: threads.App, path: str, go_on: asyncio.Event, waiting: asyncio.Event
) -> list[bytes]:
    """The parts of the answer's body."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "go on": go_on,
        "waiting": waiting,
    }
    asked = iter([{"type": "http.request", "body": b""}])
    gone = asyncio.Event()
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        found = next(asked, None)
        if found is None:
            await gone.wait()
        return found or {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if "body" in message:
            sent.append(message["body"])

    await serve(scope, receive, send)
    return sent


def test_two_requests_at_once_never_share_a_thread() -> None:
    meet = threading.Barrier(2, timeout=5)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await sync_to_async(meet.wait)()

    serve = threads.lasting(application)

    async def both() -> None:
        await asyncio.gather(serve({}, None, None), serve({}, None, None))

    in_order(both)


def test_a_request_given_up_while_it_works_returns_its_thread_only_when_done() -> None:
    started, finish = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        finish.wait(5)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await sync_to_async(work)()

    serve = threads.lasting(application)

    async def given_up() -> None:
        loan = threads.Loan()
        done = loan.submit(work)
        await asyncio.to_thread(started.wait, 5)
        loan.give_back()
        assert not threads._idle
        finish.set()
        await asyncio.wrap_future(done)
        await asyncio.sleep(0.05)
        assert len(threads._idle) == 1
        await serve({}, None, None)

    in_order(given_up)


def test_only_a_few_idle_threads_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST_IDLE", 1)
    loans = [threads.Loan(), threads.Loan()]
    for loan in loans:
        loan.submit(threading.get_ident).result()
        loan.give_back()
    assert len(threads._idle) == 1


def test_a_flood_waits_in_line_and_nobody_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST", 2)
    busy, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        threading.Event().wait(0.005)
        with lock:
            busy -= 1

    done = 0

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        nonlocal done
        await sync_to_async(work)()
        await sync_to_async(work)()
        done += 1

    serve = threads.lasting(application)

    async def many() -> None:
        calls = [asyncio.create_task(serve({}, None, None)) for _ in range(20)]
        await asyncio.sleep(0.001)
        calls[10].cancel()  # somebody in the line goes away
        await asyncio.gather(*calls, return_exceptions=True)

    in_order(many)
    assert (done, most) == (19, 2)
    assert not threads._queue


def test_what_goes_wrong_in_the_line_is_told_to_whoever_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "MOST", 1)
    first, second = threads.Loan(), threads.Loan()
    go_on = threading.Event()
    first.submit(go_on.wait)
    waiting = second.submit(int, "no number")
    go_on.set()
    first.give_back()
    with pytest.raises(ValueError, match="no number"):
        waiting.result(5)
