"""Whose call is out on a line."""

import asyncio

import pytest

from stations.drivers.ocpp.line import Turn

pytestmark = pytest.mark.pure


def test_a_turn_is_not_free_while_somebody_who_was_woken_has_not_yet_run() -> None:
    async def story() -> list[bool]:
        turn = Turn()
        seen = [turn.free]
        await turn.acquire()
        waiting = asyncio.ensure_future(turn.acquire())
        await asyncio.sleep(0)
        turn.release()  # the lock is open, but it is the other's
        seen += [turn.locked(), turn.free]
        await waiting
        turn.release()
        return [*seen, turn.free]

    assert asyncio.run(story()) == [True, False, False, True]
