"""A charger at the door, then its messages one by one.

A Channels consumer with its own receive loop: the stock one hops through a thread shared by all
sockets of the process with every message, and waits there behind anybody's slow query (perf
research, finding 1). Whatever a frame holds, it never ends the socket by accident.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from channels.consumer import AsyncConsumer

from stations.drivers.ocpp import frames
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.credentials import attempt_of
from stations.drivers.ocpp.frame_log import Logged
from stations.drivers.ocpp.frames import Broken, Frame, Refused
from stations.drivers.ocpp.handlers import ACTIONS
from stations.drivers.ocpp.hub import Hub
from stations.drivers.ocpp.line import Line
from stations.drivers.ocpp.rejected import keep_rejected
from stations.drivers.ocpp.writer import DatabaseAway
from stations.services.links import Attempt, Connected, Turned

log = logging.getLogger(__name__)
SUBPROTOCOL = "ocpp1.6"
COMPLETED = b"x-evbilling-completed"  # set by our own door (evbilling.front_door), never by a peer
MOST_BROKEN = 20  # malformed frames in a row before we hang up
MOST_PER_SECOND = 300  # a flood is slowed to this; an honest charger sends a few a minute
HANG_UP_PROTOCOL, HANG_UP_DATA, HANG_UP_POLICY, HANG_UP_LATER = 1002, 1003, 1008, 1013


class Closed(Exception):
    """The peer has gone."""


class ChargerConsumer(AsyncConsumer):
    """One websocket of one charger."""

    hub: Hub

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        met = await self._at_the_door(scope, send)
        if met is None:
            return
        who, oddities = met
        line = await self.hub.admit(who, send)
        for code in oddities:
            line.notice(code)
        del met, who, oddities  # the line has what it needs, for as long as it lasts
        try:
            await _converse(line, receive)
        except Closed:
            pass
        finally:
            await self.hub.leave(line)

    async def _at_the_door(
        self, scope: dict[str, Any], send: Any
    ) -> tuple[Connected, list[str]] | None:
        """Let a charger in, with what was odd about its handshake; None where it stays out."""
        attempt = attempt_of(scope, self.hub.holder, self.hub.trust)
        if attempt is None or not self.hub.ready:
            await _deny(send, 503 if attempt else 404)
            return None
        offered = SUBPROTOCOL in scope["subprotocols"]
        repaired = any(key == COMPLETED for key, _ in scope["headers"])
        scope["headers"] = []  # thousands of idle sockets: what is no longer needed goes
        scope["extensions"] = {}
        try:
            who = await self.hub.door.submit(attempt)
        except DatabaseAway:
            await _deny(send, 503)
            return None
        if isinstance(who, Turned):
            _log_refusal(attempt, who)
            await _deny(send, 404 if who.reason == "unknown" else 401)
            return None
        if not await _accept(send, who, offered=offered, repaired=repaired):
            await self.hub.exits.submit((who.pk, who.epoch))
            return None
        odd = {"no_subprotocol": not offered, "no_connection_header": repaired}
        return who, [code for code, noticed in odd.items() if noticed]


def _log_refusal(attempt: Attempt, turned: Turned) -> None:
    log.warning(
        "charger refused",
        extra={
            "charger": attempt.charge_point_id,
            "address": attempt.address,
            "reason": turned.reason,
        },
    )


async def _accept(send: Any, who: Connected, *, offered: bool, repaired: bool) -> bool:
    """Finish the handshake. False where it is one that only chargers known for it may make."""
    quirks = who.device.quirks
    if repaired and not quirks.no_connection_header:
        await _deny(send, 400)
        return False
    # OCPP-J 1.6 §3.2: no common subprotocol - finish the handshake without one, then close.
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None})
    if offered or quirks.no_subprotocol:
        return True
    await send({"type": "websocket.close", "code": HANG_UP_PROTOCOL, "reason": "offer ocpp1.6"})
    return False


async def _converse(line: Line, receive: Any) -> None:
    """Take messages in order until the peer goes. Reading pauses while one is being handled, so a
    flood fills the sender's buffers, not ours."""
    broken = 0
    second, count = 0, 0
    while not line.closed:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            raise Closed
        text = event.get("text")
        if text is None:
            await line.close(HANG_UP_DATA, "text frames only")
            return
        line.last_seen = received = time.time()
        broken = 0 if await _take(line, text, received) else broken + 1
        if broken >= MOST_BROKEN:
            await line.close(HANG_UP_POLICY, "too many malformed frames")
            return
        count = count + 1 if int(received) == second else 1
        second = int(received)
        if count > MOST_PER_SECOND:
            await asyncio.sleep(1.0 - received % 1.0)


async def _take(line: Line, text: str, received: float) -> bool:
    """Handle one frame. False when it was malformed."""
    try:
        frame = frames.parse(text)
    except Broken as problem:
        line.message_id = problem.message_id
        line.notice("bad_json", text=m.text(text, 200))
        mended = frames.mend(text)
        if mended is None:
            await _answer_broken(line, text, received, problem)
            return False
        frame = mended
    if frame.kind == frames.CALL:
        await _answer_call(line, frame, text, received)
    elif frame.kind in (frames.RESULT, frames.ERROR):
        line.take_answer(frame)
    # Any other message type is ignored (OCPP-J 1.6 §4.1.3).
    return True


async def _answer_call(line: Line, frame: Frame, text: str, received: float) -> None:
    """Answer a CALL after what it says is committed; no answer at all when the database is away."""
    line.message_id = message_id = bytes(frame.id)
    error = ""
    try:
        answer = frames.result(message_id, await _handle(line, frame, received))
    except DatabaseAway:
        await line.close(HANG_UP_LATER, "the database is away; send again later")
        return
    except Refused as problem:
        error, answer = problem.code, frames.error(message_id, problem)
    except Exception as problem:
        log.exception("frame failed", extra={"charger": line.charge_point_id})
        error, answer = "InternalError", frames.error(message_id, Refused("InternalError", ""))
        await line.hub.pool.run(keep_rejected, line.pk, message_id.decode(), text, repr(problem))
    if not line.closed:
        await line.send_text(answer)
    line.hub.frame_log.add(
        Logged(
            received,
            line.pk,
            "in",
            "call",
            bytes(frame.first)[1:-1].decode("utf-8", "replace"),
            message_id.decode().strip('"'),
            bytes(frame.second).decode(),
            error,
            answer[len(message_id) + 4 : -1],
            time.time(),
        )
    )


async def _handle(line: Line, frame: Frame, received: float) -> bytes:
    """Decode the payload and let the action's handler do its work."""
    known = ACTIONS.get(bytes(frame.first))
    if known is None:
        if not bytes(frame.first).startswith(b'"'):
            raise Refused("FormationViolation", "the action must be a string")
        raise Refused("NotImplemented", bytes(frame.first)[1:-1].decode("utf-8", "replace"))
    decoder, handler = known
    try:
        payload = decoder.decode(frame.second)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as problem:
        raise frames.violation(problem) from None
    try:
        return await handler(line, payload, datetime.fromtimestamp(received, UTC))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as problem:
        raise frames.violation(problem) from None


async def _answer_broken(line: Line, text: str, received: float, problem: Broken) -> None:
    await line.send_text(frames.error(problem.message_id, problem))
    line.hub.frame_log.add(
        Logged(
            received,
            line.pk,
            "in",
            "broken",
            "",
            "",
            text[:2000],
            problem.code,
            problem.description,
            time.time(),
        )
    )


async def _deny(send: Any, status: int) -> None:
    """Refuse before the upgrade, with the reason as HTTP status."""
    headers = [(b"content-type", b"text/plain")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ocpp"'))
    if status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


class NoSuchPath(AsyncConsumer):
    """A websocket on any other path: 404 instead of a stack trace."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await _deny(send, 404)
