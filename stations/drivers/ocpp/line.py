"""One charger's line: its socket, its plugs and running charges, and the calls we make on it."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from stations.clock import LOCAL_SHIFT
from stations.devices import GENERIC, Device, generic
from stations.drivers.ocpp import frames
from stations.drivers.ocpp.frame_log import Logged
from stations.metering import BURST_S, SHORT, SHORT_MOST_WH, SLACK_S, Plug, Register
from stations.services.commands import NO_ANSWER
from stations.services.findings import Noticed
from stations.services.links import Connected, OpenSession

if TYPE_CHECKING:
    from stations.drivers.ocpp.hub import Hub
    from stations.drivers.ocpp.limits import Watch

log = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]


class NoAnswer(Exception):
    """The charger did not answer in time, or its line ended first."""


class CallRefused(Exception):
    """The charger answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Running:
    """A charge as the line sees it: the register followed reading by reading, and what it may draw."""

    __slots__ = (
        "allowance_until",
        "allowance_wh",
        "at",
        "heard_at",
        "max_power_w",
        "most_wh_per_s",
        "number",
        "pk",
        "power_w",
        "quirks",
        "refused",
        "register",
        "sample_gap_s",
        "started_at",
        "transaction_id",
        "watch",
    )

    def __init__(self, row: OpenSession, device: Device | None = None) -> None:
        self.pk = row.pk
        self.transaction_id = row.transaction_id
        self.number = row.number
        self.quirks = (device or generic()).quirks
        self.register = Register(
            row.meter_start,
            row.energy_wh,
            row.register_wh,
            from_zero=self.quirks.counts_from_zero,
        )
        self.started_at = row.started_at or row.at
        self.heard_at = (row.received_at or row.at).timestamp()
        self.most_wh_per_s = Plug(row.most_power_w).most_wh_per_s
        self.power_w = row.power_w
        self.at = row.at
        self.sample_gap_s = 60.0
        self.allowance_wh = row.allowance_wh
        self.allowance_until = row.allowance_until
        self.max_power_w = row.max_power_w
        self.refused = row.refused
        self.watch: Watch | None = None

    def most_wh(self, at: datetime, heard_at: float) -> float:
        """What can have flowed since the last reading (``metering.Plug``): looked at only where a
        register moved in a way that is worth a look."""
        gap = max((at - self.at).total_seconds(), heard_at - self.heard_at, 0.0)
        most = (gap + SLACK_S) * self.most_wh_per_s
        if heard_at - self.heard_at < BURST_S:
            whole = (at - self.started_at).total_seconds() + SLACK_S
            most = max(most, whole * self.most_wh_per_s - self.register.energy_wh)
        if at - self.started_at < SHORT:
            most = max(most, SHORT_MOST_WH - self.register.energy_wh)
        return most


class Turn(asyncio.Lock):
    """Whose call is out. ``free``: taking it now waits for nobody, also for none who was just woken."""

    def __init__(self) -> None:
        super().__init__()
        self._queued = 0

    async def acquire(self) -> Literal[True]:
        self._queued += 1
        try:
            return await super().acquire()
        finally:
            self._queued -= 1

    @property
    def free(self) -> bool:
        return not self.locked() and not self._queued


class Line:
    """The newest socket of a charger. Calls of ours go out one after the other."""

    __slots__ = (
        "_answer",
        "_lock",
        "_pending_id",
        "_send",
        "booted",
        "charge_point_id",
        "clock_shift",
        "closed",
        "company_id",
        "connected_at",
        "connectors",
        "device",
        "epoch",
        "hub",
        "kilo",
        "last_seen",
        "message_id",
        "no_profile",
        "no_trigger",
        "noticed",
        "orders",
        "pk",
        "running",
        "station_id",
    )

    def __init__(self, hub: "Hub", who: Connected, send: Send) -> None:
        self.hub = hub
        self.pk = who.pk
        self.charge_point_id = who.charge_point_id
        self.station_id = who.station_id
        self.company_id = who.company_id
        self.epoch = who.epoch
        self.connected_at: datetime = who.connected_at
        self.connectors = who.connectors
        self.device = who.device
        self.running: dict[int, Running] = {s.pk: Running(s, who.device) for s in who.sessions}
        self.last_seen = 0.0
        self.closed = False
        self.booted = False
        self.message_id = b""
        self.noticed: dict[str, Noticed] | None = None  # made on first use: most are honest
        self.take_device(who.device)
        self.orders: asyncio.Task[None] | None = None
        self._send = send
        self._lock: Turn | None = None
        self._pending_id = ""
        self._answer: asyncio.Future[bytes] | None = None

    # --- what is known of the model, and what is noticed -------------------------------------------

    def take_device(self, device: Device) -> None:
        """Deal with the charger as this device from the next message on."""
        quirks = device.quirks
        self.device = device
        self.no_trigger = quirks.no_trigger
        self.no_profile = False
        self.kilo = quirks.energy_unit == "kwh_labelled_wh"
        self.clock_shift = LOCAL_SHIFT if quirks.clock == "local" else None
        for running in self.running.values():
            running.quirks = quirks
            running.register.from_zero = quirks.counts_from_zero

    def notice(self, code: str, **evidence: Any) -> None:
        """Count something that is not as the standard says; kept by the hub in a few seconds, the
        first of its kind on this line at once."""
        now = datetime.now(UTC)
        if self.message_id:
            evidence["message_id"] = self.message_id.decode("utf-8", "replace").strip('"')[:60]
        if self.noticed is None:
            self.noticed = {}
        known = self.noticed.get(code)
        if known is None:
            applied = "" if self.device.key == GENERIC else self.device.key
            self.noticed[code] = Noticed(self.pk, code, 1, now, now, evidence, applied)
            self.hub.look_at(self, at_once=True)
            return
        if not known.count:
            known.first_at = now
            self.hub.look_at(self)
        known.count += 1
        known.last_at, known.evidence = now, evidence

    def take_noticed(self) -> list[Noticed]:
        """What was noticed since the last time, counted from nought again."""
        kept = (self.noticed or {}).values()
        found = [msgspec.structs.replace(n) for n in kept if n.count]
        for noticed in kept:
            noticed.count = 0
        return found

    async def send_text(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close the socket with a reason; what is left of the old side ends by itself."""
        if self.closed:
            return
        self.closed = True
        self.fail_pending()
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except Exception:  # the peer may be gone already, which is what we want
            log.debug("close of a dead socket", extra={"charger": self.charge_point_id})

    # --- running charges -----------------------------------------------------------------------

    def session_at(self, number: int) -> Running | None:
        """The charge that runs at a plug; one that was refused only where there is no other."""
        if not self.running:
            return None
        found = [r for r in self.running.values() if r.number == number]
        return next((r for r in found if not r.refused), found[-1] if found else None)

    def session_by_transaction(self, transaction_id: int | None, number: int) -> Running | None:
        """The charge a MeterValues belongs to. 0, -1, none or a foreign id: the one at that plug."""
        if transaction_id is not None and transaction_id > 0:
            for running in self.running.values():
                if running.transaction_id == transaction_id:
                    return running
        return self.session_at(number)

    def set_running(self, rows: list[OpenSession]) -> None:
        """Take over what the database says runs here, keeping the watches of charges that go on."""
        fresh = {row.pk: Running(row, self.device) for row in rows}
        for pk, old in self.running.items():
            if pk in fresh:
                fresh[pk].watch = old.watch
                fresh[pk].sample_gap_s = old.sample_gap_s
            elif old.watch is not None:
                old.watch.cancel()
        self.running = fresh
        for running in fresh.values():
            if running.watch is not None:
                running.watch.running = running

    # --- calls of ours ---------------------------------------------------------------------------

    @property
    def calling(self) -> Turn:
        """Held while a call of ours is out. Made on first use: most lines never need one."""
        if self._lock is None:
            self._lock = Turn()
        return self._lock

    async def call(self, action: str, payload: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a CALL and wait for its answer. ``NoAnswer`` or ``CallRefused`` otherwise."""
        async with self.calling:
            return await self.call_locked(action, payload, timeout_s)

    async def call_locked(
        self, action: str, payload: dict[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        """As ``call``, for a caller that holds ``calling`` already."""
        if self.closed:
            raise NoAnswer("the line has ended")
        message_id = uuid.uuid4().hex
        self._pending_id = message_id
        self._answer = asyncio.get_running_loop().create_future()
        body = msgspec.json.encode(payload)
        self._log("out", "call", action, message_id, body.decode())
        try:
            await self.send_text(frames.call(message_id, action, body))
            raw = await asyncio.wait_for(self._answer, timeout_s)
        except TimeoutError:
            raise NoAnswer(NO_ANSWER) from None
        finally:
            self._answer = None
            self._pending_id = ""
        answer = msgspec.json.decode(raw)
        return answer if isinstance(answer, dict) else {}

    def take_answer(self, frame: frames.Frame) -> None:
        """A CALLRESULT or CALLERROR came. One that answers nothing of ours is logged, never taken."""
        message_id = bytes(frame.id).strip(b'"').decode("utf-8", "replace")
        is_error = frame.kind == frames.ERROR
        code = bytes(frame.first).strip(b'"').decode("utf-8", "replace")[:40] if is_error else ""
        expected = (
            message_id == self._pending_id and self._answer is not None and not self._answer.done()
        )
        payload = bytes(frame.third or b"{}") if is_error else bytes(frame.first or b"{}")
        self._log(
            "in",
            "error" if is_error else "result",
            "" if expected else "unexpected",
            message_id,
            payload.decode("utf-8", "replace"),
            code,
        )
        if not expected or self._answer is None:
            return
        if is_error:
            description = bytes(frame.second).strip(b'"').decode("utf-8", "replace")[:200]
            self._answer.set_exception(CallRefused(code, description))
        else:
            self._answer.set_result(payload)

    def fail_pending(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswer("the line ended before the answer"))

    def _log(
        self, direction: str, kind: str, action: str, message_id: str, payload: str, error: str = ""
    ) -> None:
        self.hub.frame_log.add(
            Logged(time.time(), self.pk, direction, kind, action, message_id, payload, error)
        )
