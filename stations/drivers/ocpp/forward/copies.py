"""Which of a charger's messages that side gets, in which words, and what is let go.

Starts and stops are told however long that side was away, in order and once; a status that has
changed meanwhile is told as it is now; readings are thinned once they are old; a Heartbeat is
between that side and us.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from stations.drivers.ocpp.forward import feed
from stations.drivers.ocpp.forward.feed import LOOK_BACK, Copied, Missing, Sent
from stations.drivers.ocpp.handlers.presence import STATUS_ALIASES
from stations.drivers.ocpp.line import CallRefused, NoAnswer

if TYPE_CHECKING:
    from stations.drivers.ocpp.forward.link import Link

Payload = dict[str, Any]
OLD = timedelta(minutes=15)  # of readings this old one in a quarter of an hour is kept
SWEEP_SECONDS = 5.0
SAVE_SECONDS = 1.0
AGAIN_SECONDS = 1.0
MOST_SEEN = 2_000
INSISTED = frozenset({"StartTransaction", "StopTransaction"})
# Told while they are news; an old one helps nobody.
PASSING = frozenset(
    {
        "Authorize",
        "DataTransfer",
        "FirmwareStatusNotification",
        "DiagnosticsStatusNotification",
        "SecurityEventNotification",
        "LogStatusNotification",
        "SignedFirmwareStatusNotification",
    }
)


class Copies:
    """The copies of one charger over one connection."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        # What comes late to the log is looked for too, but never across a restart: it would repeat.
        self._since = link.cursor_at + timedelta(microseconds=1)
        self._first = self._since
        self._seen: deque[tuple[datetime, int]] = deque(maxlen=MOST_SEEN)
        self._known: dict[int, Sent | None] = {}
        self._told_at: dict[int, datetime] = {}  # connector → its last reading that was told
        self._statuses_at = datetime.now(UTC)
        self._stands: dict[int, tuple[str, str]] = {}  # connector → status and error as told
        now = asyncio.get_running_loop().time()
        self._saved, self._swept = now, now - SWEEP_SECONDS

    async def begin(self, statuses: list[Payload]) -> None:
        """How every connector stands now. Older status frames say nothing any more."""
        self._statuses_at = datetime.now(UTC)
        await self._tell_statuses(statuses)

    async def _tell_statuses(self, statuses: list[Payload]) -> None:
        for status in statuses:
            stands = (status["status"], status["errorCode"])
            if self._stands.get(status["connectorId"]) != stands:
                self._stands[status["connectorId"]] = stands
                await self._tell("StatusNotification", status)

    async def next(self) -> None:
        """Tell what has come, or wait a moment for it."""
        loop = asyncio.get_running_loop()
        silent = loop.time() - self._link.last_call
        patience = min(max(self._link.heartbeat_s - silent, 0.0), SAVE_SECONDS)
        ids = [pk for at, pk in self._seen if at >= self._since]
        found = await self._link.looker.next(
            self._link.target.charger_id, self._since, ids, patience
        )
        for frame in found:
            try:
                await self._copy(frame)
            except NoAnswer:
                # Said once more on the next line, it would stand in the way of all that follows.
                if frame.action not in INSISTED:
                    self._move_on(frame)
                raise
            self._move_on(frame)
            if loop.time() - self._saved >= SAVE_SECONDS:
                await self._save()
        if not found:
            await self._while_quiet()
        elif loop.time() - self._saved >= SAVE_SECONDS:
            await self._save()

    async def _while_quiet(self) -> None:
        charger_id = self._link.target.charger_id
        loop = asyncio.get_running_loop()
        if loop.time() - self._swept >= SWEEP_SECONDS:
            self._swept = loop.time()
            for lost in await self._link.run(feed.missing, self._link.target):
                await self._tell_lost(lost)
            await self._tell_statuses(await self._link.run(feed.settled_statuses, charger_id))
        if loop.time() - self._link.last_call >= self._link.heartbeat_s:
            await self._tell("Heartbeat", {})
        if loop.time() - self._saved >= SAVE_SECONDS and any(self._link.counted.values()):
            await self._save()

    def _move_on(self, frame: Copied) -> None:
        self._seen.append((frame.at, frame.id))
        self._link.cursor_at = max(self._link.cursor_at, frame.at)
        self._since = max(self._link.cursor_at - LOOK_BACK, self._first)

    async def _save(self) -> None:
        self._saved = asyncio.get_running_loop().time()
        await self._link.save()

    def _drop(self) -> None:
        self._link.counted["dropped"] += 1

    # --- one message -------------------------------------------------------------------------------

    async def _copy(self, frame: Copied) -> None:
        if frame.action == "Heartbeat":
            return
        payload = _object(frame.payload)
        if payload is None:  # cut where the log cuts; a start or stop is told from its charge
            if frame.action not in INSISTED:
                self._drop()
            return
        tell = _TELL.get(frame.action)
        if tell is not None:
            await tell(self, frame, payload)
        elif frame.action in PASSING and datetime.now(UTC) - frame.at < OLD:
            await self._tell(frame.action, payload)
        else:
            self._drop()

    async def _tell(self, action: str, payload: Payload) -> Payload | None:
        """Send; what that side refuses or leaves unanswered is let go."""
        try:
            return await self._link.call(action, payload)
        except CallRefused:
            self._drop()
        except NoAnswer:
            self._drop()
            raise  # a side that does not answer is dialled anew
        return None

    async def _boot(self, frame: Copied, payload: Payload) -> None:
        answer = await self._tell("BootNotification", payload)
        if answer is not None:
            await self._link.booted(answer)

    async def _status(self, frame: Copied, payload: Payload) -> None:
        if frame.at > self._statuses_at:
            number, status = payload.get("connectorId"), payload.get("status")
            if isinstance(number, int):
                error = str(payload.get("errorCode"))
                self._stands[number] = (STATUS_ALIASES.get(str(status), str(status)), error)
            await self._tell("StatusNotification", payload)

    async def _meter(self, frame: Copied, payload: Payload) -> None:
        if not self._is_due(frame, payload):
            return
        number = payload.pop("transactionId", None)
        sent = await self._charge(number) if isinstance(number, int) and number > 0 else None
        if sent is not None and sent.known_there:
            payload["transactionId"] = sent.their_id
        await self._tell("MeterValues", payload)

    def _is_due(self, frame: Copied, payload: Payload) -> bool:
        """That side's own pace, and a slow one for what is history."""
        connector = payload.get("connectorId")
        connector = connector if isinstance(connector, int) else -1
        last = self._told_at.get(connector)
        wish = self._link.wishes.get("MeterValueSampleInterval", "")
        pace = timedelta(seconds=int(wish)) if wish.isdecimal() else timedelta(0)
        old = datetime.now(UTC) - frame.at > OLD
        due = last is None or frame.at - last >= max(pace * 0.9, OLD if old else pace * 0)
        if due or (not old and '"Transaction.' in frame.payload):
            self._told_at[connector] = frame.at
            return True
        if old:
            self._drop()
        return False

    async def _start(self, frame: Copied, payload: Payload) -> None:
        number = _object(frame.answer or "")
        ours = number.get("transactionId") if number else None
        if not isinstance(ours, int):
            self._drop()  # we refused it ourselves: the charger will say it again
            return
        await self._tell_start(ours, payload)

    async def _tell_start(self, ours: int, payload: Payload) -> None:
        link = self._link
        sent = await link.run(feed.charge, link.target, ours, begin=True)
        self._known[ours] = sent
        while sent is not None and not (sent.started or sent.gave_up):
            answer = await self._insist("StartTransaction", payload, sent)
            theirs = answer.get("transactionId") if answer is not None else None
            if isinstance(theirs, int) and abs(theirs) < 2**31:
                await link.run(feed.started, sent, theirs)
                sent.their_id, sent.started = theirs, True
                await self._save()
            elif answer is not None:  # an answer without a number is none
                sent.gave_up = await link.run(feed.failed, sent)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _stop(self, frame: Copied, payload: Payload) -> None:
        number = payload.get("transactionId")
        if isinstance(number, int) and number > 0:
            await self._tell_stop(number, payload)
        # 0 and -1 are chargers that lost their number: the charge itself says how it ended.

    async def _tell_stop(self, ours: int, payload: Payload) -> None:
        link = self._link
        sent = await self._charge(ours)
        if sent is None or not sent.known_there:
            self._drop()
            return
        while not (sent.stopped or sent.gave_up):
            told = await self._insist(
                "StopTransaction", {**payload, "transactionId": sent.their_id}, sent
            )
            if told is not None:
                await link.run(feed.stopped, sent)
                sent.stopped = True
                await self._save()

    async def _insist(self, action: str, payload: Payload, sent: Sent) -> Payload | None:
        """Send a message of a charge. None where it was refused and may be tried again."""
        try:
            return await self._link.call(action, payload)
        except CallRefused:
            sent.gave_up = await self._link.run(feed.failed, sent)
        except NoAnswer:
            sent.gave_up = await self._link.run(feed.failed, sent)
            raise
        if sent.gave_up:
            self._drop()
        else:
            await asyncio.sleep(AGAIN_SECONDS)
        return None

    async def _tell_lost(self, lost: Missing) -> None:
        if lost.action == "StartTransaction":
            await self._tell_start(lost.transaction_id, lost.payload)
        else:
            self._known.pop(lost.transaction_id, None)
            await self._tell_stop(lost.transaction_id, lost.payload)

    async def _charge(self, ours: int) -> Sent | None:
        if ours not in self._known:
            self._known[ours] = await self._link.run(feed.charge, self._link.target, ours)
        return self._known[ours]


_TELL: dict[str, Callable[[Copies, Copied, Payload], Awaitable[None]]] = {
    "BootNotification": Copies._boot,
    "StatusNotification": Copies._status,
    "MeterValues": Copies._meter,
    "StartTransaction": Copies._start,
    "StopTransaction": Copies._stop,
}


def _object(text: str) -> Payload | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
