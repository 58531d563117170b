"""OCPP-J over one websocket: call and reply, reconnection, and the messages that must arrive.

OCPP 1.6 §3.7 and §4: one CALL is in flight at a time; StartTransaction, StopTransaction and
MeterValues wait in order until the server has taken them, through any loss of the link.
"""

import asyncio
import random
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from simulators.clock import Timer, TimeSource
from simulators.configuration import Configuration
from simulators.faults import WireFaults
from simulators.journal import Acknowledged, Journal, Payload, Received, Refused, Sent
from simulators.outbox import Outbox, Request
from simulators.papers import Dial, Papers
from simulators.wire import CLOSE_TIMEOUT_S, HandshakeRefused, Socket, open_socket

REPLY_TIMEOUT_S = 30.0
NO_REPLY = "no reply in time"
_NEEDED = {
    "Authorize": ("idTagInfo",),
    "BootNotification": ("status", "currentTime", "interval"),
    "DataTransfer": ("status",),
    "Heartbeat": ("currentTime",),
    "StartTransaction": ("transactionId", "idTagInfo"),
}


class CallFailed(Exception):
    """A CALL ended without result; the text says why."""


@dataclass(slots=True)
class Answer:
    """The reply to a server's CALL, and what the charger does once it is on the wire."""

    result: Payload | None = None
    error: tuple[str, str] | None = None
    then: Callable[[], object] | None = None


@dataclass(slots=True, frozen=True)
class Endpoint:
    """Where the server is and who we say we are. Delays in real seconds.

    ``secure_url`` is where security profiles 2 and 3 connect to; ``root`` a certificate (PEM) that the
    charger trusts from the factory.
    """

    url: str
    identity: str
    password: str | None = None
    tls: ssl.SSLContext | None = None
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    reply_timeout_s: float = REPLY_TIMEOUT_S
    secure_url: str = ""
    root: str = ""


class Link:
    """Keeps the charge point connected and its messages in order.

    ``on_call`` answers the server; ``on_up`` and ``on_down`` tell that the link came and went.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        configuration: Configuration,
        journal: Journal,
        clock: TimeSource,
        faults: WireFaults,
    ) -> None:
        self.endpoint = endpoint
        self.registered = False  # the server has accepted our BootNotification
        self.on_call: Callable[[str, Payload], Answer] = lambda action, payload: Answer()
        self.on_up: Callable[[], None] = lambda: None
        self.on_down: Callable[[], None] = lambda: None
        self.on_failure: Callable[[str], None] = lambda reason: None
        self.dial: Callable[[], Dial] = Papers(endpoint, configuration).dial
        self._configuration = configuration
        self._journal = journal
        self._clock = clock
        self._faults = faults
        self._socket: Socket | None = None
        self._cut = asyncio.Event()
        self._half_open: list[Socket] = []
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._outbox = Outbox(clock, faults, self.pump)
        self._flight: Request | None = None
        self._flight_timer: asyncio.TimerHandle | None = None
        self._retry_timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._prefix = secrets.token_hex(4)

    # Being connected

    @property
    def is_up(self) -> bool:
        """Whether there is a connection to send on."""
        return self._socket is not None and self._socket.is_open

    @property
    def waiting(self) -> int:
        """How many messages the server has not taken yet."""
        return len(self._outbox) + (self._flight is not None)

    def start(self) -> None:
        """Connect, and stay connected until ``stop``."""
        self._task = asyncio.get_running_loop().create_task(self._stay_connected())

    async def stop(self) -> None:
        """Close the connection and forget what waits."""
        socket = self._socket
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for forgotten in self._half_open:
            forgotten.abort()
        closing = [s.closed for s in (socket, *self._half_open) if s is not None]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_TIMEOUT_S + 1)
        for timer in (self._retry_timer, self._flight_timer):
            if timer is not None:
                timer.cancel()

    def drop(self, offline_s: float | None = 0.0, *, politely: bool = False) -> None:
        """Leave for ``offline_s`` real seconds (``None``: until ``resume``), cutting the line.

        ``politely`` closes it, so that what was just sent is not lost in the cut.
        """
        self._allowed.clear()
        if offline_s is not None:
            asyncio.get_running_loop().call_later(offline_s, self._allowed.set)
        if self._socket is not None:
            if politely:
                self._socket.close()
            else:
                self._socket.abort()
            self._lost()

    def resume(self) -> None:
        """Connect again."""
        self._allowed.set()

    def leave_half_open(self) -> None:
        """Forget the line without closing it, and connect anew: the server holds two of us."""
        if self._socket is not None:
            self._socket.freeze()
            self._half_open.append(self._socket)
            self._lost()

    async def _stay_connected(self) -> None:
        delay = self.endpoint.reconnect_min_s
        try:
            while True:
                await self._allowed.wait()
                try:
                    socket = await self._open()
                except (OSError, TimeoutError, HandshakeRefused) as error:
                    self.on_failure(str(error) or "no answer in time")
                else:
                    await self._while_connected(socket)
                    if self.registered:  # else the server lets us in and throws us out again
                        delay = self.endpoint.reconnect_min_s
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(delay * 2, self.endpoint.reconnect_max_s)
        finally:
            if self._socket is not None:
                self._socket.close()
                self._lost()

    async def _open(self) -> Socket:
        dial = self.dial()
        return await open_socket(
            dial.url,
            self.endpoint.identity,
            dial.password,
            ping_s=self._configuration.number("WebSocketPingInterval"),
            tls=dial.tls,
        )

    async def _while_connected(self, socket: Socket) -> None:
        if not self._allowed.is_set():  # told to stay away while the handshake went on
            socket.abort()
            return
        self._cut.clear()
        self._socket = socket
        socket.closed.add_done_callback(lambda _: self._lost(socket))
        socket.listen(self._on_text)
        self.on_up()
        self.pump()
        await self._cut.wait()

    def _lost(self, socket: Socket | None = None) -> None:
        """The link is gone: what must arrive waits for the next one, the rest has failed."""
        if self._socket is None or (socket is not None and socket is not self._socket):
            return
        self._socket = None
        self._cut.set()
        flight, self._flight = self._flight, None
        self._cancel_flight_timer()
        failed = self._outbox.drop_calls()
        if flight is not None and flight.kept:
            self._outbox.put_back(flight)
        elif flight is not None:
            failed.insert(0, flight)
        for request in failed:
            self._fail(request, "the link was lost")
        self.on_down()
        self._journal.changed()

    # Our calls

    def post(
        self,
        action: str,
        payload: Payload,
        *,
        done: Callable[[Request], None] | None = None,
        kept: bool = False,
        early: bool = False,
        urgent: bool = False,
        fill: Callable[[Payload], None] | None = None,
        message_id: str = "",
    ) -> None:
        """Queue a CALL; the fields are those of ``Request``, ``urgent`` ones go before all others.

        Without link it fails at once, unless it is ``kept``.
        """
        number = self._journal.next_number()
        order = 0 if urgent else number
        request = Request(number, action, payload, order, done, kept, early, fill, message_id)
        if not kept and not self.is_up:
            self._fail(request, "no link")
            return
        self._outbox.put(request)
        self.pump()
        self._journal.changed()

    async def call(
        self,
        action: str,
        payload: Payload,
        *,
        kept: bool = False,
        early: bool = False,
        urgent: bool = False,
        message_id: str = "",
    ) -> Payload:
        """Send a CALL (see ``post``) and return its result. Raises CallFailed."""
        future: asyncio.Future[Request] = asyncio.get_running_loop().create_future()

        def done(request: Request) -> None:
            if not future.done():
                future.set_result(request)

        self.post(
            action,
            payload,
            done=done,
            kept=kept,
            early=early,
            urgent=urgent,
            message_id=message_id,
        )
        request = await future
        if request.result is None:
            raise CallFailed(request.reason)
        return request.result

    def pump(self) -> None:
        """Send the next message if the line is free."""
        socket = self._socket
        if self._flight is not None or socket is None or not socket.is_open:
            return
        request = self._outbox.take(self.registered)
        if request is not None:
            self._transmit(socket, request)

    def _transmit(self, socket: Socket, request: Request) -> None:
        if request.fill is not None:
            request.fill(request.payload)
        if not request.message_id or self._faults.renew_message_ids:
            request.message_id = f"{self._prefix}-{self._journal.next_number()}"
        self._flight = request
        request.sent_at = time.time()
        self._journal.sent.append(
            Sent(
                request.number,
                request.action,
                request.message_id,
                request.payload,
                request.sent_at,
            )
        )
        self._flight_timer = asyncio.get_running_loop().call_later(
            self.endpoint.reply_timeout_s, self._no_reply, request
        )
        socket.send(orjson.dumps([2, request.message_id, request.action, request.payload]))

    def _no_reply(self, request: Request) -> None:
        """No reply in time: a kept message is sent again later, and as often as it takes."""
        if self._flight is not request:
            return
        self._land()
        if request.kept:
            self._again_later(request, 1)
        else:
            self._fail(request, NO_REPLY)
        self.pump()

    def _again_later(self, request: Request, times: int) -> None:
        interval = self._configuration.number("TransactionMessageRetryInterval")
        request.not_before = self._clock.seconds() + interval * times
        self._outbox.put_back(request)
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        self._retry_timer = self._clock.call_at(request.not_before, self.pump)

    def _land(self) -> None:
        self._flight = None
        self._cancel_flight_timer()

    def _cancel_flight_timer(self) -> None:
        if self._flight_timer is not None:
            self._flight_timer.cancel()
            self._flight_timer = None

    def _fail(self, request: Request, reason: str) -> None:
        request.reason = reason
        self._journal.refused.append(
            Refused(
                request.number,
                request.action,
                request.message_id,
                request.payload,
                reason,
                time.time(),
            )
        )
        self._finish(request)

    def _finish(self, request: Request) -> None:
        if request.done is not None:
            request.done(request)
        self._journal.changed()

    # What arrives

    def _on_text(self, socket: Socket, text: bytes) -> None:
        if socket is not self._socket:
            return
        match _parsed(text):
            case [2, str(message_id), str(action), dict(payload)]:
                self._answer(socket, message_id, action, payload)
            case [3, message_id, dict(result)] if self._awaits(message_id):
                self._reply(result, "")
            case [4, message_id, code, description, *_] if self._awaits(message_id):
                self._reply(None, f"CALLERROR {code}: {description}")
            case _:
                self._journal.strays.append(text)
                self._journal.changed()

    def _awaits(self, message_id: object) -> bool:
        return self._flight is not None and self._flight.message_id == message_id

    def _reply(self, result: Payload | None, reason: str) -> None:
        request = self._flight
        if request is None:
            return
        if self._faults.loses_reply_to(request.action):
            self._no_reply(request)
            return
        self._land()
        if result is not None:
            reason = flaw(request.action, result)
        if result is None or reason:
            self._refused(request, reason)
        else:
            self._acknowledge(request, result)
        self.pump()

    def _acknowledge(self, request: Request, result: Payload) -> None:
        request.result = result
        self._journal.acknowledged.append(
            Acknowledged(
                request.number,
                request.action,
                request.message_id,
                request.payload,
                result,
                request.sent_at,
                time.time(),
            )
        )
        self._finish(request)

    def _refused(self, request: Request, reason: str) -> None:
        """The server failed to process it: try again, TransactionMessageAttempts times in all."""
        request.failures += 1
        attempts = self._configuration.number("TransactionMessageAttempts")
        if request.kept and request.failures < attempts:
            self._again_later(request, request.failures)
        else:
            self._fail(request, reason)

    def _answer(self, socket: Socket, message_id: str, action: str, payload: Payload) -> None:
        number = self._journal.next_number()
        received = Received(number, action, message_id, payload, None, time.time())
        self._journal.received.append(received)
        delay = self._faults.answer_delay_s(action)
        if delay == 0:
            self._answer_now(socket, received)
        elif delay is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(delay, self._answer_now, socket, received)
        self._journal.changed()

    def _answer_now(self, socket: Socket, received: Received) -> None:
        if socket is not self._socket or not socket.is_open:
            return
        answer = self.on_call(received.action, received.payload)
        received.answer = answer.result
        frame: list[object] = [3, received.message_id, answer.result]
        if answer.error is not None:
            frame = [4, received.message_id, answer.error[0], answer.error[1], {}]
        socket.send(orjson.dumps(frame))
        if answer.then is not None:
            answer.then()


def flaw(action: str, result: Payload) -> str:
    """What a .conf lacks so much that firmware cannot use it; empty when it is good enough."""
    for name in _NEEDED.get(action, ()):
        if name not in result:
            return f"the .conf lacks {name}"
    info = result.get("idTagInfo", {"status": ""})
    return "" if isinstance(info, dict) and "status" in info else "the idTagInfo lacks status"


def _parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
