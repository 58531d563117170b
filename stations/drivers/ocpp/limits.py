"""A charge stops by itself at what it may draw: never short of it, hardly beyond (features A8).

The register decides: a stop is sent when a reading has reached the allowance. Between the
charger's own samples we ask for one (TriggerMessage) whenever the allowance could be reached
before the next sample, at the plug's full power. Above 22 kW power is lowered for the last half
kWh where the charger takes profiles. A charger that cannot be asked is stopped by its last power,
a little late rather than early. The expected moment is kept in the database with each reading
(``SessionLive.stop_due_at``), so it survives the death of this process.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from stations import profiles
from stations.drivers.ocpp.line import CallRefused, NoAnswer
from stations.models import CaseKind, Charger, Session
from stations.profiles import Limit, Way
from stations.services import commands
from stations.services.cases import open_case

if TYPE_CHECKING:
    from stations.drivers.ocpp.line import Line, Running

log = logging.getLogger(__name__)
ASK_AGAIN_S = 1.0  # the least time between two requests for a reading
ANSWER_S = 5.0  # how long a requested reading may take
SAMPLE_SLACK_S = 3.0  # samples come this much later than their interval says
STOP_AGAIN_S = 20.0
STOPS_BEFORE_CASE = 5
EASE_FROM_W = 22_000
EASE_TO_W = 20_000
EASE_LAST_WH = 500
BLIND_MARGIN = 0.01


def expected_stop(running: "Running") -> datetime | None:
    """When the allowance will be reached at the power of the newest reading; None if not foreseeable."""
    moments = [running.allowance_until] if running.allowance_until else []
    if running.allowance_wh is not None and running.power_w and running.power_w > 0:
        remaining = max(running.allowance_wh - running.register.energy_wh, 0)
        moments.append(running.at + timedelta(hours=remaining / running.power_w))
    return min(moments, default=None)


class Watch:
    """Keeps one running charge within its allowance. One timer; every reading sets it anew."""

    __slots__ = ("due_at", "eased", "line", "running", "stops", "timer")

    def __init__(self, line: "Line", running: "Running") -> None:
        self.line = line
        self.running = running
        self.timer: asyncio.TimerHandle | None = None
        self.due_at = 0.0
        self.eased = False
        self.stops = 0

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def look(self) -> None:
        """A reading or a new allowance has come: stop now, or work out when to look again."""
        if self.stops:
            return  # already stopping; its own timer sees to it
        running = self.running
        now = datetime.now(UTC)
        if running.allowance_until is not None and now >= running.allowance_until:
            self._go(self._stop())
            return
        wait = self._until(running.allowance_until, now)
        if running.allowance_wh is not None:
            remaining = running.allowance_wh - running.register.energy_wh
            if remaining <= 0:
                self._go(self._stop())
                return
            self._maybe_ease(remaining)
            wait = min(wait, self._next_check(remaining, now))
        self._arm(wait)

    def _maybe_ease(self, remaining: int) -> None:
        fast = (self.running.power_w or 0) > EASE_FROM_W
        if remaining <= EASE_LAST_WH and fast and not self.eased and not self.line.no_profile:
            self.eased = True
            self._go(self._ease())

    def _next_check(self, remaining: int, now: datetime) -> float:
        """Seconds until we need a reading that the charger may not send by itself."""
        running = self.running
        top_w = self._power_at_most()
        age = (now - running.at).total_seconds()
        goal = remaining - EASE_LAST_WH if self._will_ease(remaining) else remaining
        earliest = goal * 3600 / top_w - age
        next_sample = running.sample_gap_s + SAMPLE_SLACK_S - age
        if earliest > next_sample > 0:
            return next_sample + SAMPLE_SLACK_S  # the sample will set us anew long before
        return max(earliest, ASK_AGAIN_S)

    def _power_at_most(self) -> int:
        """The power it may rise to before the next reading: the plug's full power from standstill,
        twice the present one in a steady charge (a car in its taper does not jump back up)."""
        power = self.running.power_w or 0
        full = max(self.running.max_power_w, power, 1)
        return min(full, max(2 * power, power + 4_000)) if power else full

    def _will_ease(self, remaining: int) -> bool:
        fast = (self.running.power_w or 0) > EASE_FROM_W
        return fast and not self.eased and not self.line.no_profile and remaining > EASE_LAST_WH

    @staticmethod
    def _until(moment: datetime | None, now: datetime) -> float:
        return float("inf") if moment is None else max((moment - now).total_seconds(), 0.0)

    def _arm(self, seconds: float) -> None:
        """Look again in ``seconds``. A timer that runs out earlier stays: making one anew for each
        reading would cost more than all the rest of the watch."""
        if seconds == float("inf"):
            self.cancel()
            return
        loop = asyncio.get_running_loop()
        self.due_at = loop.time() + seconds
        if self.timer is None or self.timer.when() > self.due_at:
            self.cancel()
            self.timer = loop.call_at(self.due_at, self._due)

    def _due(self) -> None:
        self.timer = None
        loop = asyncio.get_running_loop()
        if loop.time() < self.due_at:
            self.timer = loop.call_at(self.due_at, self._due)
        else:
            self._go(self._check())

    def _go(self, work: Any) -> None:
        self.cancel()
        self.line.hub.spawn(work)

    async def _check(self) -> None:
        """Ask for a reading; the reading itself, coming in, looks again."""
        if self.line.closed:
            return
        until = self.running.allowance_until
        if until is not None and datetime.now(UTC) >= until:
            await self._stop()
            return
        self._arm(ANSWER_S)  # should the reading fail to come, ask again
        if self.line.no_trigger or not await self._ask():
            await self._blind()

    async def _ask(self) -> bool:
        payload = {"requestedMessage": "MeterValues", "connectorId": self.running.number}
        try:
            answer = await self.line.call("TriggerMessage", payload, ANSWER_S)
        except CallRefused:
            self.line.no_trigger = True
            return False
        except NoAnswer:
            return True  # slow, not unable; the timer asks again
        if answer.get("status") == "NotImplemented":
            self.line.no_trigger = True
        return answer.get("status") == "Accepted"

    async def _blind(self) -> None:
        """No reading to be had: go by the last power, past the allowance by a margin."""
        running = self.running
        if running.allowance_wh is None or not running.power_w:
            self._arm(running.sample_gap_s)
            return
        remaining = running.allowance_wh - running.register.energy_wh
        margin = max(20, int(running.allowance_wh * BLIND_MARGIN / 2))
        age = (datetime.now(UTC) - running.at).total_seconds()
        wait = (remaining + margin) * 3600 / running.power_w - age
        if wait <= 0:
            await self._stop()
        else:
            self._arm(wait)

    async def _ease(self) -> None:
        """Lower the power for the last half kWh, so that the stop is exact."""
        quirks = self.running.quirks
        # A model that may restart on a profile is not tried for the sake of a few Wh.
        self.line.no_profile = quirks.profile_gap_s > 0
        for way in () if self.line.no_profile else profiles.ways_for_charge(quirks):
            try:
                if await self._eased(way):
                    break
            except NoAnswer:
                log.info("no answer to an easing", extra={"charger": self.line.charge_point_id})
                break
        else:
            self.line.no_profile = True
        if not self.stops:
            self._arm(ASK_AGAIN_S)

    async def _eased(self, way: Way) -> bool:
        """Whether the charger takes the lower power said in this way."""
        running = self.running
        payload = profiles.request(
            way,
            Limit(watts=EASE_TO_W, phases=3),
            connector=running.number,
            now=datetime.now(UTC),
            transaction_id=running.transaction_id,
        )
        try:
            answer = await self.line.call("SetChargingProfile", payload, ANSWER_S)
        except CallRefused:
            return False
        return answer.get("status") == "Accepted"

    async def _stop(self) -> None:
        """Tell the charger to stop, again until it does; then call a person."""
        self.stops += 1
        hub = self.line.hub
        if self.stops > STOPS_BEFORE_CASE:
            await hub.pool.run(_call_a_person, self.running.pk, self.line.pk)
            return
        await hub.pool.run(_order_stop, self.running.pk, self.line.pk, self.stops)
        if self.line.running.get(self.running.pk) is self.running and not self.line.closed:
            self.timer = asyncio.get_running_loop().call_later(
                STOP_AGAIN_S, lambda: hub.spawn(self._stop())
            )


def _order_stop(session_id: int, charger_id: int, attempt: int) -> None:
    session = Session.objects.get(pk=session_id)
    if session.status != "active":
        return
    commands.request(
        Charger.objects.get(pk=charger_id),
        "RemoteStopTransaction",
        {"transactionId": session.transaction_id},
        by="limit",
        session=session,
    )
    log.info("limit reached", extra={"session": session_id, "attempt": attempt})


def _call_a_person(session_id: int, charger_id: int) -> None:
    with transaction.atomic():
        session = Session.objects.get(pk=session_id)
        charger = Charger.objects.select_related("station").get(pk=charger_id)
        open_case(
            CaseKind.STOP_IGNORED,
            charger,
            key=str(session_id),
            session=session,
            tried=STOPS_BEFORE_CASE,
        )
