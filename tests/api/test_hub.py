"""Waiting for the end of orders: nobody waits for ever, nobody is told wrong, nothing is missed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evbilling import hub
from evbilling.hub import Hub, Outcome
from stations.models import Command, CommandStatus
from stations.services import commands
from tests.factories import a_charger

pytestmark = pytest.mark.django_db(transaction=True)


def with_hub(work: Callable[[Hub], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await work(hub.current())

    return asyncio.run(run())


def an_order() -> Command:
    command = commands.request(a_charger(online=True), "ClearCache", {}, by="test")
    assert commands.claim(command.pk, "sockets_test", 1)
    return command


def finish(command: Command) -> None:
    commands.finish(command.pk, 1, CommandStatus.ACCEPTED, {"status": "Accepted"})


ACCEPTED = Outcome("accepted", {"status": "Accepted"})


def test_everybody_who_waits_is_told_and_an_end_before_the_wait_is_not_missed() -> None:
    first, second = an_order(), an_order()

    async def work(here: Hub) -> list[Any]:
        while not here._ear.connected:
            await asyncio.sleep(0.01)
        waits = [asyncio.create_task(here.outcome(first.pk, 5)) for _ in range(2)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await asyncio.to_thread(finish, first)
        await asyncio.to_thread(finish, second)
        told = await asyncio.gather(*waits)
        await asyncio.sleep(0.05)
        told.append(await here.outcome(second.pk, 5))
        assert time.monotonic() - began < 0.8, "the nudge, not the poll, tells"
        assert not here._waiting
        return told

    assert with_hub(work) == [ACCEPTED] * 3


def test_what_was_finished_while_nobody_could_hear_is_found_by_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(Hub, "_heard", lambda self, message: None)
    command = an_order()

    async def work(here: Hub) -> Any:
        wait = asyncio.create_task(here.outcome(command.pk, 5))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(finish, command)
        return await wait

    assert with_hub(work) == ACCEPTED


def test_an_order_without_an_end_ends_the_wait_in_time() -> None:
    command = an_order()

    async def work(here: Hub) -> Any:
        return await here.outcome(command.pk, 0.1)

    assert with_hub(work) is None
