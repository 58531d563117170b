"""One charger's line to its second central system: calls out one by one, calls in answered.

What is sent is decided in ``copies``; this opens the line, keeps it, and carries messages.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from stations.drivers.ocpp import frames
from stations.drivers.ocpp.forward import asked, feed
from stations.drivers.ocpp.forward.copies import Copies
from stations.drivers.ocpp.forward.dial import NotReached, dial
from stations.drivers.ocpp.forward.feed import Target
from stations.drivers.ocpp.forward.looker import Looker
from stations.drivers.ocpp.line import CallRefused, NoAnswer
from stations.drivers.ocpp.writer import DatabaseAway, Pool
from stations.models import ForwardState

log = logging.getLogger(__name__)
T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
MOST_BROKEN = 20
MOST_ASKED = 4  # calls of that side that are being answered at once
LEAST_HEARTBEAT, LONGEST_HEARTBEAT = 1, 86_400
SHORTEST_BOOT_RETRY = 10.0
OFFLINE_GRACE = 3.0  # a charger that comes back at once is not worth a new line


class Finished(Exception):
    """Nothing more to do on this line: the charger is away and everything has been told."""


class Again(Exception):
    """Somebody wants to see it dialled anew."""


class Link:
    """Lives as long as the forward's settings stay as they are."""

    def __init__(self, target: Target, pool: Pool, looker: Looker, *, once: bool = False) -> None:
        self.target = target
        self.looker = looker
        self.once = once  # only to see whether it can be reached
        self.wishes = dict(target.wishes)
        self.heartbeat_s = 300.0
        self.cursor_at = target.cursor_at
        self.counted = {"sent": 0, "answered": 0, "dropped": 0}
        self._pool = pool
        self._line: ClientConnection | None = None
        self._calling = asyncio.Lock()
        self._pending = ""
        self._answer: asyncio.Future[Any] | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._again: list[tuple[str, int | None]] = []
        self._now = asyncio.Event()
        self._wanted = asyncio.Event()
        self._offline_since: float | None = None
        self._heard_anything = False
        self.last_call = 0.0
        self.see(target)

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Database work, waiting while the database is away: nothing here is in a hurry."""
        while True:
            try:
                return await self._pool.run(lambda: work(*args, **more))
            except DatabaseAway:
                log.warning("forward waits for the database", extra={"forward": self.target.pk})

    # --- told from outside -----------------------------------------------------------------------

    def see(self, target: Target) -> None:
        """What the table says now; the settings are as they were."""
        self.target = target
        if target.online or target.owes or self.once:
            self._offline_since = None
            self._wanted.set()
        else:
            self._wanted.clear()
            self._offline_since = self._offline_since or asyncio.get_running_loop().time()

    def dial_now(self) -> None:
        """Somebody asked: a line that stands is dialled anew, so that the answer is a fresh one."""
        self._now.set()

    # --- the line's life -------------------------------------------------------------------------

    async def live(self) -> None:
        """Dial, speak, and dial again, until cancelled. With ``once``, one try."""
        failures = 0
        while True:
            await self._until_wanted()
            self._now.clear()
            try:
                await self._speak()
            except Finished:
                failures = 0
                await self._note(ForwardState.WAITING)
                continue
            except Again:
                continue
            except NotReached as problem:
                failures = 0 if self._heard_anything else failures + 1
                await self._note(ForwardState.FAILED, last_error=str(problem))
            except Exception:
                log.exception("a forward failed", extra={"forward": self.target.pk})
                failures += 1
                await self._note(ForwardState.FAILED, last_error="internal")
            if self.once:
                return
            pause = min(FIRST_PAUSE * 2 ** max(failures - 1, 0), LONGEST_PAUSE)
            await self._rest(pause * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)

    async def _until_wanted(self) -> None:
        if not self._wanted.is_set() and not self._now.is_set():
            await self._note(ForwardState.WAITING)
            waits = [asyncio.ensure_future(e.wait()) for e in (self._wanted, self._now)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._now.wait()
        except TimeoutError:
            return

    async def _speak(self) -> None:
        """One connection from dialling to its end, which is ``NotReached`` or ``Finished``."""
        self._heard_anything = False
        await self._note(ForwardState.CONNECTING, tried_at=datetime.now(UTC))
        self._line = await dial(self.target)
        listening = asyncio.create_task(self._listen(self._line), name="forward-listen")
        talking = asyncio.create_task(self._talk(), name="forward-talk")
        stopping = asyncio.create_task(self._now.wait())
        try:
            done, _ = await asyncio.wait(
                {listening, talking, stopping}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await self._hang_up({listening, talking, stopping, *self._asked})
        for task in (talking, listening):
            if task in done and (error := task.exception()) is not None:
                raise _ended(error)
        if self.once:
            return
        raise Again if stopping in done else NotReached("closed")

    async def _hang_up(self, tasks: set[asyncio.Task[Any]]) -> None:
        if self._line is not None:
            await self._line.close()
            self._line = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self.once:
            await self.save()

    async def save(self) -> None:
        """How far the copies have got, for whoever dials next."""
        counted, self.counted = self.counted, dict.fromkeys(self.counted, 0)
        await self.run(feed.progress, self.target.pk, self.cursor_at, counted)

    async def _talk(self) -> None:
        stored = await self.run(feed.stored, self.target.charger_id)
        while not await self._boot(stored.boot):
            await asyncio.sleep(max(min(self.heartbeat_s, LONGEST_PAUSE), SHORTEST_BOOT_RETRY))
        if self.once:
            return
        copies = Copies(self)
        await copies.begin(stored.statuses)
        while True:
            await copies.next()
            await self._repeat()
            if self._is_over():
                raise Finished

    def _is_over(self) -> bool:
        since = self._offline_since
        return since is not None and asyncio.get_running_loop().time() - since > OFFLINE_GRACE

    async def _boot(self, boot: dict[str, Any]) -> bool:
        """Say who we are, as the charger said it. Whether that side lets us in."""
        answer = await self.call("BootNotification", boot)
        return await self.booted(answer)

    async def booted(self, answer: dict[str, Any]) -> bool:
        """Take what that side answers to a BootNotification."""
        interval, status = answer.get("interval"), str(answer.get("status", ""))[:40]
        if isinstance(interval, int) and interval > 0:
            self.heartbeat_s = min(max(interval, LEAST_HEARTBEAT), LONGEST_HEARTBEAT)
        if (wish := self.wishes.get("HeartbeatInterval", "")).isdecimal() and int(wish) > 0:
            self.heartbeat_s = min(max(int(wish), LEAST_HEARTBEAT), LONGEST_HEARTBEAT)
        shown = {k: v for k, v in answer.items() if isinstance(v, str | int) and len(str(v)) < 60}
        if status == "Accepted":
            await self._note(
                ForwardState.CONNECTED,
                boot_answer=shown,
                connected_at=datetime.now(UTC),
                last_error="",
            )
            return True
        await self._note(
            ForwardState.FAILED, boot_answer=shown, last_error=f"boot {status}".strip()
        )
        if self.once:
            raise NotReached("boot", status)
        return False

    async def _note(self, state: ForwardState, **columns: Any) -> None:
        if self.once and state in (ForwardState.WAITING, ForwardState.CONNECTED):
            state = ForwardState.OFF
        await self.run(feed.note_state, self.target.pk, state, **columns)

    # --- calls out -------------------------------------------------------------------------------

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """One CALL under an id of our own. ``CallRefused``, ``NoAnswer``, or the line's end."""
        async with self._calling:
            line = self._line
            if line is None:
                raise NotReached("closed")
            loop = asyncio.get_running_loop()
            self._pending = uuid.uuid4().hex
            self._answer = loop.create_future()
            text = frames.call(self._pending, action, msgspec.json.encode(payload))
            self.counted["sent"] += 1
            self.last_call = loop.time()
            try:
                await line.send(text)
                answer = await asyncio.wait_for(self._answer, settings.OCPP_CALL_TIMEOUT_SECONDS)
            except TimeoutError:
                raise NoAnswer(action) from None
            except ConnectionClosed as error:
                raise _ended(error) from None
            finally:
                self._pending, self._answer = "", None
            self._heard_anything = True
            self.counted["answered"] += 1
            return answer if isinstance(answer, dict) else {}

    # --- what comes in ---------------------------------------------------------------------------

    async def _listen(self, line: ClientConnection) -> None:
        """Take messages until the line ends. Nonsense is answered, and enough of it ends the line."""
        broken = 0
        while True:
            text = await line.recv()
            try:
                if not isinstance(text, str):
                    raise frames.Broken("text frames only")
                await self._take(line, frames.parse(text))
                broken = 0
            except frames.Broken as problem:
                broken += 1
                if broken >= MOST_BROKEN:
                    raise NotReached("nonsense", problem.description[:120]) from None
                await line.send(frames.error(problem.message_id, problem))

    async def _take(self, line: ClientConnection, frame: frames.Frame) -> None:
        if frame.kind == frames.CALL:
            if len(self._asked) >= MOST_ASKED:
                busy = frames.Refused("GenericError", "one after the other, please")
                await line.send(frames.error(bytes(frame.id), busy))
                return
            task = asyncio.create_task(self._reply(line, frame))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            return
        waiting = self._answer
        message_id = bytes(frame.id).strip(b'"').decode("utf-8", "replace")
        if waiting is None or waiting.done() or message_id != self._pending:
            return  # late, or foreign: never taken for another
        if frame.kind == frames.RESULT:
            waiting.set_result(_json(frame.first))
        elif frame.kind == frames.ERROR:
            code, text = str(_json(frame.first))[:40], str(_json(frame.second))[:200]
            waiting.set_exception(CallRefused(code, text))

    async def _reply(self, line: ClientConnection, frame: frames.Frame) -> None:
        message_id = bytes(frame.id)
        try:
            action, payload = _json(frame.first), _json(frame.second)
            if not isinstance(action, str) or not isinstance(payload, dict):
                raise frames.Refused("FormationViolation", "an action and an object, please")
            found = await asked.answer(self, action, payload)
            text = frames.result(message_id, msgspec.json.encode(found))
        except frames.Refused as problem:
            text = frames.error(message_id, problem)
        except Exception:
            log.exception("forward: a call failed", extra={"forward": self.target.pk})
            text = frames.error(message_id, frames.Refused("InternalError", ""))
        try:
            await line.send(text)
        except ConnectionClosed:
            return

    # --- what that side wishes -------------------------------------------------------------------

    async def wish(self, name: str, value: str) -> None:
        """How often that side wants to hear, kept for the next line too."""
        self.wishes[name] = value
        if name == "HeartbeatInterval" and int(value) > 0:
            self.heartbeat_s = min(max(int(value), LEAST_HEARTBEAT), LONGEST_HEARTBEAT)
        await self.run(feed.note, self.target.pk, wishes=self.wishes)

    def say_again(self, action: str, connector: int | None) -> None:
        """After the answer to a TriggerMessage, what it asked for."""
        if len(self._again) < MOST_ASKED:
            self._again.append((action, connector))
        self.looker.wake()

    async def _repeat(self) -> None:
        again, self._again = self._again, []
        for action, connector in again:
            stored = await self.run(feed.stored, self.target.charger_id)
            if action == "BootNotification":
                await self.booted(await self.call(action, stored.boot))
            elif action == "Heartbeat":
                await self.call(action, {})
            for status in stored.statuses if action == "StatusNotification" else ():
                if connector is None or connector == status["connectorId"]:
                    await self.call(action, status)


def _json(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _ended(error: BaseException) -> BaseException:
    """How a line ended, in a word."""
    if isinstance(error, ConnectionClosed):
        code = error.rcvd.code if error.rcvd else 1006
        return NotReached("closed", str(code))
    if isinstance(error, NoAnswer):
        return NotReached("no_answer", str(error))
    if isinstance(error, CallRefused):
        return NotReached("refused_call", error.code)
    if isinstance(error, OSError):
        return NotReached("closed", str(error)[:100])
    return error
