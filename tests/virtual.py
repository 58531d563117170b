"""An event loop whose time costs nothing: hours of timers run in milliseconds, in order.

``datetime.now`` moves with it, so code that mixes timers and clock times sees one consistent world.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import time_machine

T = TypeVar("T")
START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class _Jump(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to the next timer."""

    def __init__(self, clock: "_Clock") -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.clock.advance(timeout)
        return super().select(0)


class _Clock:
    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.seconds = 0.0

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.traveller.move_to(START + timedelta(seconds=self.seconds))


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        super().__init__(_Jump(clock))

    def time(self) -> float:
        return self._clock.seconds


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` from ``START`` on, in no time."""
    with time_machine.travel(START, tick=False) as traveller:
        loop = VirtualLoop(_Clock(traveller))
        try:
            return loop.run_until_complete(work)
        finally:
            loop.close()
