"""An OCPP 1.6J charge point with a believable car: ``python -m simulators.charger --help``.

async with ChargePoint(Endpoint("ws://127.0.0.1:9000/ocpp/1.6", "SJ-01", "secret")) as cp:
    cp.plug(1)
    await cp.tap("04A1B2C3", 1)
    await cp.wait_status(1, "Charging")
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from simulators.car import Car
from simulators.cards import Cards
from simulators.clock import DeviceClock, TimeSource
from simulators.commands import answer
from simulators.configuration import Configuration
from simulators.connector import NO_ERROR, Connector, Rating, Session
from simulators.faults import Faults
from simulators.journal import Acknowledged, Journal, Payload, Received, Sent, first
from simulators.maintenance import Maintenance
from simulators.ocpp_link import Endpoint, Link
from simulators.papers import Papers
from simulators.presence import Presence
from simulators.profiles import Profiles
from simulators.sessions import Sessions
from simulators.smart_charging import limit_for

RESET_PATIENCE_S = 5.0  # real seconds a soft reset waits for its StopTransactions


@dataclass(slots=True, frozen=True)
class Hardware:
    """What stands on the pavement. ``rating`` is per connector; registers start at Wh given.

    ``stop_ramp_s``: from the order to stop to the open contactor. ``reboot_s``: real seconds.
    ``boot_on_reconnect``: some firmware sends BootNotification after every loss of the link.
    """

    connectors: int = 1
    rating: Rating = field(default_factory=Rating)
    vendor: str = "evbilling"
    model: str = "Simulator"
    serial: str = ""
    firmware: str = "1.0.0"
    registers_wh: tuple[float, ...] = ()
    stop_ramp_s: float = 1.0
    reboot_s: float = 2.0
    boot_on_reconnect: bool = False


class ChargePoint:
    """One charger, its connectors and its link to the server.

    ``keep`` bounds the journal (``None``: everything is kept, as tests need it). Timeouts of the
    ``wait_…`` methods are real seconds. ``say`` gets one sentence per thing worth telling.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        hardware: Hardware | None = None,
        *,
        configuration: Mapping[str, str] | None = None,
        time: TimeSource | None = None,
        keep: int | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.identity = endpoint.identity
        self.hardware = hardware or Hardware()
        self.time = time or TimeSource()
        self.clock = DeviceClock(self.time)
        self.configuration = Configuration(configuration)
        self.configuration.preset("NumberOfConnectors", str(self.hardware.connectors))
        self.journal = Journal(keep)
        self.faults = Faults(self)
        self.cards = Cards(self.configuration)
        self.profiles = Profiles()
        self.sessions = Sessions(self)
        self.maintenance: Maintenance = Maintenance(self)
        self.main = self._make_connector(0)
        self.connectors = [self._make_connector(n) for n in range(1, self.hardware.connectors + 1)]
        self.link: Link = Link(
            endpoint, self.configuration, self.journal, self.time, self.faults.switches
        )
        self.link.on_call = partial(answer, self)
        self.papers = Papers(endpoint, self.configuration)
        self.link.dial = self.papers.dial
        self.presence: Presence = Presence(self)
        self._say = say
        self._tasks: set[asyncio.Task[Any]] = set()

    def _make_connector(self, number: int) -> Connector:
        rating, registers = self.hardware.rating, self.hardware.registers_wh
        if number == 0:
            whole = Rating(rating.direct, rating.power_w * self.hardware.connectors, rating.phases)
            return Connector(0, whole, self.time)
        start_wh = registers[number - 1] if number <= len(registers) else 0.0
        return Connector(number, rating, self.time, start_wh)

    # Life

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def start(self) -> None:
        """Switch on: connect, boot, report."""
        self.link.start()
        self.sessions.plan_aligned()

    async def stop(self, end_sessions_within_s: float = 0.0) -> None:
        """Switch off. With time given, running sessions first end as at a loss of power."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if end_sessions_within_s > 0 and any(c.session for c in self.connectors):
            self._end_all("PowerLoss", ramp=False)
            try:
                await self.wait_idle(end_sessions_within_s)
            except TimeoutError:
                self.say("the server did not take the last messages in time")
        for connector in (self.main, *self.connectors):
            connector.cancel_timers()
        self._say = None
        await self.link.stop()

    def say(self, sentence: str) -> None:
        """Tell whoever listens."""
        if self._say is not None:
            self._say(f"{self.identity}: {sentence}")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something in the background until the charger is switched off."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._work_done)
        return task

    def _work_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": f"{self.identity} failed", "exception": error, "task": task}
            )

    # What people and cars do

    def connector(self, number: int) -> Connector:
        """Connector 1…n. Raises LookupError."""
        for connector in self.connectors:
            if connector.number == number:
                return connector
        raise LookupError(f"{self.identity} has no connector {number}")

    def plug(self, number: int, car: Car | None = None) -> Car:
        """Put the cable of connector ``number`` into a car (a usual one) and return that car."""
        car = car or Car()
        self.sessions.plug(self.connector(number), car)
        return car

    def unplug(self, number: int) -> None:
        """Pull the cable out; without one nothing happens."""
        self.sessions.unplug(self.connector(number))

    async def tap(self, id_tag: str, number: int) -> str:
        """Hold a card to the reader; returns its idTagInfo status, or ``Stopped``."""
        return await self.sessions.tap(self.connector(number), id_tag)

    def pause_car(self, number: int, paused: bool = True) -> None:
        """The car itself stops drawing (SuspendedEV), or goes on."""
        connector = self.connector(number)
        connector.meter.settle()
        if connector.car is not None:
            connector.car.paused = paused
        self.refresh()

    def stop_session(self, number: int, reason: str = "Local") -> None:
        """End the session of a connector with one of OCPP's reasons."""
        self.sessions.stop(self.connector(number), reason)
        self.refresh()

    def fault(self, number: int, error_code: str) -> None:
        """Break a connector (0: the charge point alone) or mend it with ``NoError``."""
        connector = self.main if number == 0 else self.connector(number)
        connector.error_code = error_code
        if error_code != NO_ERROR:
            self.sessions.stop(connector, "Other", ramp=False)
        self.refresh()

    def finish(self, number: int, car: Car | None = None) -> None:
        """Leave a car plugged in whose session ended before this simulation began."""
        connector = self.connector(number)
        connector.car = car or Car(soc=1.0)
        connector.finishing = True
        self.refresh()

    def power_cycle(self, off_s: float = 0.0) -> None:
        """Lose mains power for ``off_s`` real seconds; the Stops follow after the boot."""
        self.link.drop(off_s)
        self._reboot("PowerLoss")

    async def reset(self, kind: str) -> None:
        """Restart as Reset asks: ``Soft`` says its Stops first, ``Hard`` after the boot."""
        if kind == "Soft":
            self._end_all("SoftReset", ramp=True)
            try:
                await self.wait_idle(RESET_PATIENCE_S)
            except TimeoutError:
                self.say("a soft reset does not wait any longer for the server")
        self.link.drop(self.hardware.reboot_s, politely=True)
        self._reboot("SoftReset" if kind == "Soft" else "HardReset")

    def _end_all(self, reason: str, *, ramp: bool) -> None:
        for connector in self.connectors:
            self.sessions.stop(connector, reason, ramp=ramp)

    def _reboot(self, reason: str) -> None:
        """All goes dark: what was volatile is lost, what must arrive waits in flash memory."""
        self.say(f"reboots ({reason})")
        self.link.registered = False
        self._end_all(reason, ramp=False)
        for connector in self.connectors:
            connector.authorisation = None
            connector.set_timer("cable", None)
            if self.faults.reset_registers_on_reboot:
                connector.meter.reset()
        profile = self.papers.profile
        self.configuration.reboot()
        self.papers.rebooted(profile)
        self.refresh()

    def configuration_changed(self, name: str) -> None:
        """Let a changed key take effect at once."""
        if name == "HeartbeatInterval":
            self.presence.plan_heartbeat()
        elif name == "ClockAlignedDataInterval":
            self.sessions.plan_aligned()
        elif name == "AuthorizationKey":
            self.link.drop(politely=True)
        elif name == "MeterValueSampleInterval":
            for connector in self.connectors:
                if connector.session is not None:
                    self.sessions.plan_sample(connector, connector.session, self.time.seconds())

    async def data_transfer(self, vendor_id: str, message_id: str = "", data: str = "") -> Payload:
        """Send a DataTransfer and return its result. Raises CallFailed."""
        payload = {"vendorId": vendor_id, "messageId": message_id, "data": data}
        return await self.link.call("DataTransfer", {k: v for k, v in payload.items() if v})

    def report_event(self, kind: str, tech_info: str = "") -> None:
        """Send a SecurityEventNotification; it waits for the server like a charge's messages."""
        payload = {"type": kind, "timestamp": self.clock.stamp(), "techInfo": tech_info}
        sent = {name: value for name, value in payload.items() if value}
        self.link.post("SecurityEventNotification", sent, kept=True)

    def refresh(self) -> None:
        """Bring power, timers and reported statuses in line with the facts of this moment."""
        now = self.time.seconds()
        for connector in self.connectors:
            connector.offer(limit_for(self, connector, now))
            # The least step keeps time moving; the car itself stops drawing at the exact point.
            full_s = max(connector.seconds_to_full(), 0.001)
            timer = self.time.call_later(full_s, self.refresh) if full_s < math.inf else None
            connector.set_timer("full", timer)
        starts = [c.session.started_at for c in self.connectors if c.session is not None]
        edge = self.profiles.next_edge(now, starts)
        self.main.set_timer(
            "profile", self.time.call_at(edge, self.refresh) if edge < math.inf else None
        )
        self.presence.report_changes()
        self.journal.changed()

    # What tests look at and wait for

    @property
    def acknowledged(self) -> list[Acknowledged]:
        """Every request for which a CALLRESULT arrived: what the server promised to know."""
        return list(self.journal.acknowledged)

    @property
    def sent(self) -> list[Sent]:
        """Every CALL put on the wire, repeats included."""
        return list(self.journal.sent)

    @property
    def received(self) -> list[Received]:
        """Every CALL of the server, with our answer."""
        return list(self.journal.received)

    async def wait_registered(self, timeout: float | None = 10.0) -> None:
        """Until the boot is accepted."""
        await self.journal.until(
            lambda: True if self.link.registered and self.link.is_up else None,
            timeout,
            lambda: f"{self.identity} was not registered in {timeout} s",
        )

    async def wait_idle(self, timeout: float | None = 10.0) -> None:
        """Until sessions have ended as ordered and every message has been taken by the server."""
        await self.journal.until(
            lambda: None if self.link.waiting or self._is_stopping() else True,
            timeout,
            lambda: f"{self.identity} still had {self.link.waiting} messages after {timeout} s",
        )

    def _is_stopping(self) -> bool:
        return any(c.session is not None and c.session.stop_reason for c in self.connectors)

    async def wait_for(
        self,
        action: str,
        predicate: Callable[[Acknowledged], bool] | None = None,
        timeout: float | None = 10.0,
        after: int = 0,
    ) -> Acknowledged:
        """The first acknowledged ``action`` that fits, also a past one made since ``after``."""
        return await self.journal.until(
            lambda: first(self.journal.acknowledged, action, predicate, after),
            timeout,
            lambda: f"{self.identity}: no such {action} was acknowledged in {timeout} s",
        )

    async def wait_for_command(
        self,
        action: str,
        predicate: Callable[[Received], bool] | None = None,
        timeout: float | None = 10.0,
        after: int = 0,
    ) -> Received:
        """The same for CALLs of the server."""
        return await self.journal.until(
            lambda: first(self.journal.received, action, predicate, after),
            timeout,
            lambda: f"{self.identity}: the server sent no such {action} in {timeout} s",
        )

    async def wait_status(
        self, number: int, status: str, timeout: float | None = 10.0, *, reported: bool = True
    ) -> None:
        """Until the server has acknowledged this status (or, not ``reported``, until it is so)."""
        connector = self.main if number == 0 else self.connector(number)

        def probe() -> bool | None:
            told = connector.reported[0] if connector.reported is not None else ""
            return True if (told if reported else connector.status) == status else None

        await self.journal.until(
            probe,
            timeout,
            lambda: f"{self.identity}/{number} is {connector.status}, not {status}, in {timeout} s",
        )

    async def wait_session_end(self, number: int, timeout: float | None = 10.0) -> Session:
        """The session now on a connector, or its last one, once the Stop is acknowledged."""
        connector = self.connector(number)
        session = connector.session

        def probe() -> Session | None:
            found = session or connector.last_session
            return found if found is not None and found.acknowledged else None

        return await self.journal.until(
            probe, timeout, lambda: f"{self.identity}/{number}: no session ended in {timeout} s"
        )


if __name__ == "__main__":
    from simulators.cli import main

    raise SystemExit(main())
