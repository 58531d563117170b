"""Being known to the server: boot, heartbeat, and the statuses of the connectors."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from simulators.connector import Connector
from simulators.journal import Payload
from simulators.ocpp_link import NO_REPLY, CallFailed
from simulators.outbox import Request

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

BOOT_RETRY_S = 60.0  # when the server refuses a boot without naming an interval


class Presence:
    """Boots when the link comes up, beats, and tells each status once it has changed."""

    def __init__(self, point: "ChargePoint") -> None:
        self._point = point
        self._last_failure = ""
        self._boot: asyncio.Task[None] | None = None
        point.link.on_up = self._link_up
        point.link.on_down = self._link_down
        point.link.on_failure = self._link_failed

    def _link_up(self) -> None:
        self._last_failure = ""
        self._point.papers.connected()
        if self._point.hardware.boot_on_reconnect:
            self._point.link.registered = False
        if self._point.link.registered:
            self._point.say("the link is back")
            self._point.refresh()
            self.plan_heartbeat()
        else:
            self.boot()

    def _link_down(self) -> None:
        if self._boot is not None:
            self._boot.cancel()
        self.plan_heartbeat()
        for connector in self._everything():
            connector.announced = connector.reported
            connector.set_timer("status", None)
        self._point.say("the link is down")

    def _link_failed(self, reason: str) -> None:
        if self._point.papers.failed():
            self._point.say("the new security profile does not work: back to the old one")
        if reason != self._last_failure:
            self._last_failure = reason
            self._point.say(f"cannot connect: {reason}")

    def _everything(self) -> tuple[Connector, ...]:
        return (self._point.main, *self._point.connectors)

    # Boot

    def boot(self) -> None:
        """Send BootNotification now and do what its .conf says."""
        if self._boot is not None:
            self._boot.cancel()
        self._boot = self._point.spawn(self._register())

    async def _register(self) -> None:
        """BootNotification until it is Accepted, at the interval the server names."""
        while (wait_s := await self._boot_once()) > 0:
            await self._point.time.sleep(wait_s)
        if not self._point.link.registered:
            self._point.link.registered = True
            self._point.say("is registered")
            for connector in self._everything():
                connector.announced = None
        self._point.refresh()
        self.plan_heartbeat()
        self._point.link.pump()

    async def _boot_once(self) -> float:
        """Simulated seconds until the next attempt, 0 when the server has accepted."""
        point = self._point
        try:
            result = await point.link.call("BootNotification", self._boot_payload(), early=True)
        except CallFailed as failure:
            point.say(f"BootNotification failed: {failure}")
            return BOOT_RETRY_S
        interval = int(result["interval"])
        if result["status"] == "Accepted":
            if interval > 0:
                point.configuration.preset("HeartbeatInterval", str(interval))
            return 0.0
        point.say(f"BootNotification is {result['status']}")
        point.link.registered = False
        return float(interval) if interval > 0 else BOOT_RETRY_S

    def _boot_payload(self) -> Payload:
        hardware = self._point.hardware
        payload = {
            "chargePointVendor": hardware.vendor,
            "chargePointModel": hardware.model,
            "chargePointSerialNumber": hardware.serial,
            "firmwareVersion": hardware.firmware,
            "meterType": "DC" if hardware.rating.direct else "AC",
        }
        return {name: value for name, value in payload.items() if value}

    # Heartbeat

    def plan_heartbeat(self) -> None:
        """The next beat comes one HeartbeatInterval from now, while there is a link."""
        interval = self._point.configuration.number("HeartbeatInterval")
        beat = None
        if interval > 0 and self._point.link.is_up:
            beat = self._point.time.call_later(interval, self._heartbeat)
        self._point.main.set_timer("heartbeat", beat)

    def _heartbeat(self) -> None:
        # Planned from the reply, so that a slow server is not flooded.
        self._point.link.post("Heartbeat", {}, done=lambda _: self.plan_heartbeat())

    # Statuses

    def report_changes(self) -> None:
        """Tell the server of each new status that has lasted MinimumStatusDuration."""
        for connector in self._everything():
            self._report(connector)

    def _report(self, connector: Connector) -> None:
        state = (connector.status, connector.error_code)
        link = self._point.link
        if state == connector.announced or not (link.registered and link.is_up):
            connector.settling = None
            connector.set_timer("status", None)
            return
        minimum = self._point.configuration.number("MinimumStatusDuration")
        if minimum == 0 or connector.announced is None:
            self.announce(connector)
        elif connector.settling != state:
            connector.settling = state
            announce = partial(self.announce, connector)
            connector.set_timer("status", self._point.time.call_later(minimum, announce))

    def announce(self, connector: Connector, *, early: bool = False) -> None:
        """Send a StatusNotification of what is now."""
        state = (connector.status, connector.error_code)
        if connector.announced is not None and connector.announced != state:
            self._point.say(f"connector {connector.number}: {connector.announced[0]} → {state[0]}")
        connector.announced, connector.settling = state, None
        payload = {
            "connectorId": connector.number,
            "errorCode": connector.error_code,
            "status": connector.status,
            "timestamp": self._point.clock.stamp(),
        }
        done = partial(self._announced, connector, state)
        self._point.link.post("StatusNotification", payload, done=done, early=early)

    def _announced(self, connector: Connector, state: tuple[str, str], request: Request) -> None:
        if request.result is not None:
            connector.reported = state
        elif request.reason == NO_REPLY and connector.announced == state:
            self.announce(connector)
