"""Charge points that charge without end and never forget what the server acknowledged.

Each sends one message at a time and sends it again, word for word, on the next connection until it
is answered: what a charge point must do with transaction messages (OCPP 1.6 §4.1.7).
"""

import asyncio
import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.factories import CHARGER_PASSWORD
from tests.wire import basic

READINGS_PER_CHARGE = 50
STEP_WH = 100
PAUSE_S = 0.0005  # nearly always something is between its commit and its answer


class TirelessPoint:
    """One charge point. ``acknowledged`` are (action, payload, answer) in order."""

    def __init__(self, url: str, identity: str, id_tag: str, sent: Callable[[str], None]) -> None:
        self.url, self.identity, self.id_tag, self.sent = url, identity, id_tag, sent
        self.acknowledged: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.register = 1_000
        self.finish = False
        self.sent_again = 0
        self._numbers = itertools.count(1)
        self._socket: Any = None

    async def run(self) -> None:
        """Charge after charge until told to finish; the last one is ended properly."""
        try:
            while not self.finish:
                await self._one_charge()
        finally:
            await self._hang_up()

    async def _one_charge(self) -> None:
        start = {
            "connectorId": 1,
            "idTag": self.id_tag,
            "meterStart": self.register,
            "timestamp": now(),
        }
        transaction = (await self._tell("StartTransaction", start))["transactionId"]
        for _ in range(READINGS_PER_CHARGE):
            self.register += STEP_WH
            await self._tell("MeterValues", self._reading(transaction))
        stop = {"transactionId": transaction, "meterStop": self.register, "timestamp": now()}
        await self._tell("StopTransaction", stop)

    def _reading(self, transaction: int) -> dict[str, Any]:
        sample = {"timestamp": now(), "sampledValue": [{"value": str(self.register)}]}
        return {"connectorId": 1, "transactionId": transaction, "meterValue": [sample]}

    async def _tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send until answered. A CALLERROR would be a fault of the server: nothing here is wrong."""
        message_id = f"{self.identity}-{next(self._numbers)}"
        text = json.dumps([2, message_id, action, payload])
        while True:
            with suppress(OSError, TimeoutError, WebSocketException, EOFError):
                answer = await asyncio.wait_for(self._exchange(action, text, message_id), 10)
                self.acknowledged.append((action, payload, answer))
                await asyncio.sleep(PAUSE_S)
                return answer
            self.sent_again += 1
            await self._hang_up()
            await asyncio.sleep(0.05)

    async def _hang_up(self) -> None:
        if self._socket is not None:
            socket, self._socket = self._socket, None
            socket.transport.abort()
            await socket.wait_closed()

    async def _exchange(self, action: str, text: str, message_id: str) -> dict[str, Any]:
        if self._socket is None:
            self._socket = await connect(
                self.url + self.identity,
                subprotocols=[Subprotocol("ocpp1.6")],
                additional_headers=basic(self.identity, CHARGER_PASSWORD),
                compression=None,
                ping_interval=None,
                open_timeout=5,
            )
        await self._socket.send(text)
        self.sent(action)
        while True:
            frame = json.loads(await self._socket.recv())
            if frame[0] == 3 and frame[1] == message_id:
                return dict(frame[2])
            assert frame[0] != 4, f"{text} was answered with {frame}"


class Site:
    """Tireless points in a thread of their own, and a way to wait for a certain message to go out."""

    def __init__(self, url: str, cards: dict[str, str]) -> None:
        self._signals: dict[str, threading.Event] = defaultdict(threading.Event)
        self.points = [TirelessPoint(url, point, tag, self._sent) for point, tag in cards.items()]
        self._thread = threading.Thread(target=self._run, name="site", daemon=True)
        self.error: BaseException | None = None

    def __enter__(self) -> "Site":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.finish()

    def wait_sent(self, action: str, timeout: float = 30.0) -> None:
        """Return right after the next such message has left a charge point."""
        signal = self._signals[action]
        signal.clear()
        assert signal.wait(timeout), f"no {action} was sent within {timeout} s"

    def progress(self) -> int:
        return sum(len(point.acknowledged) for point in self.points)

    def finish(self, timeout: float = 60.0) -> None:
        for point in self.points:
            point.finish = True
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "a charge point could not finish its charge"
        if self.error is not None:
            raise self.error

    def _sent(self, action: str) -> None:
        self._signals[action].set()

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self.error = error

    async def _all(self) -> None:
        await asyncio.gather(*(point.run() for point in self.points))


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
