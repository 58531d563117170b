"""Nudges: which parts of open pages are stale. One LISTEN for the process, fanned out in memory.

A nudge is a name and nothing else: what changed is read again by whoever may see it. So a lost or
repeated nudge does no harm, and a stream holds nothing worth stealing.
"""

import asyncio
import signal
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from core.listen import Listener
from core.outbox import CHANNEL

REFRESH = "refresh"  # everything may have changed: at every (re)connection
ANY = "any"
MOST_NAMES = 300  # more than that waiting and the whole page is asked for again


@dataclass(eq=False)
class Watcher:
    """One open page: what its admin may see, and the names that wait for it."""

    company_id: int
    stations: frozenset[int] | None = None  # None: all of the company
    waiting: set[str] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    dismissed: bool = False

    def wants(self, message: dict[str, Any]) -> bool:
        if message.get("company") != self.company_id:
            return False
        return self.stations is None or message.get("station") in self.stations

    def tell(self, names: set[str]) -> None:
        self.waiting |= names
        if len(self.waiting) > MOST_NAMES:
            self.waiting = {REFRESH}
        self.woken.set()

    def take(self) -> list[str]:
        names, self.waiting = sorted(self.waiting), set()
        self.woken.clear()
        return [REFRESH] if REFRESH in names else names


def names_of(message: dict[str, Any]) -> set[str]:
    """What a fact's notification touches: its kind, its things, and pages as a whole."""
    found = {ANY, str(message.get("kind", ""))}
    for thing in ("station", "charger", "connector", "session"):
        if isinstance(message.get(thing), int):
            found.add(f"{thing}-{message[thing]}")
    return found - {""}


class Switchboard:
    """All watchers of this process. It listens while anybody watches."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.listener: Listener | None = None

    def join(self, watcher: Watcher) -> None:
        self.watchers.add(watcher)
        if self.listener is None:
            self.listener = Listener(CHANNEL, self.heard, self.resync)
            self.listener.start()
        elif self.listener.connected:
            watcher.tell({REFRESH})  # else it follows from ``resync``

    def leave(self, watcher: Watcher) -> None:
        self.watchers.discard(watcher)
        if not self.watchers and self.listener is not None:
            self.listener.stop()
            self.listener = None

    def heard(self, message: dict[str, Any]) -> None:
        names = names_of(message)
        for watcher in self.watchers:
            if watcher.wants(message):
                watcher.tell(names)

    def resync(self) -> None:
        for watcher in self.watchers:
            watcher.tell({REFRESH})

    def hang_up(self) -> None:
        """The process stops: open streams must not hold it up."""
        for watcher in self.watchers:
            watcher.dismissed = True
            watcher.woken.set()


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The one of the running event loop: a process has one loop, tests have many."""
    return _boards.setdefault(asyncio.get_running_loop(), Switchboard())


def hang_up_on_signals() -> None:
    """Before the server acts on a signal to stop, let the streams end by themselves."""
    board, loop = switchboard(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def stop(signum: int, frame: Any, then: Any = before) -> None:
            loop.call_soon_threadsafe(board.hang_up)
            then(signum, frame)

        signal.signal(number, stop)
