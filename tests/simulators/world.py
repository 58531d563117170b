"""How a wire test of the simulator is told: a server, chargers that hurry, nothing left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from simulators.charger import ChargePoint, Hardware
from simulators.clock import TimeSource
from simulators.connector import Rating
from simulators.ocpp_link import Endpoint
from tests.simulators.server import CentralSystem, central_system

DC_60 = Rating(direct=True, power_w=60_000.0)
AC_22 = Rating(direct=False, power_w=22_080.0)  # 32 A on three phases


def story(tell: Callable[[CentralSystem], Awaitable[None]]) -> Callable[[], None]:
    """Make a test of ``tell``: every frame must be legal and no task may fail unseen."""

    async def perform() -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
        async with asyncio.timeout(20), central_system() as server:
            await tell(server)
        assert failures == []

    def test() -> None:
        asyncio.run(perform())

    test.__name__ = tell.__name__
    test.__doc__ = tell.__doc__
    test.__module__ = tell.__module__
    return test


def charger(
    server: CentralSystem,
    name: str = "CP1",
    *,
    rating: Rating = DC_60,
    connectors: int = 1,
    speed: float = 60.0,
    origin: datetime | None = None,
    configuration: Mapping[str, str] | None = None,
    password: str | None = None,
    reply_timeout_s: float = 5.0,
    hardware: Hardware | None = None,
) -> ChargePoint:
    """A charge point that reconnects and reboots within milliseconds."""
    hardware = hardware or Hardware(
        connectors=connectors, rating=rating, reboot_s=0.01, stop_ramp_s=1.0
    )
    return ChargePoint(
        Endpoint(
            server.url,
            name,
            password,
            reconnect_min_s=0.01,
            reconnect_max_s=0.05,
            reply_timeout_s=reply_timeout_s,
        ),
        hardware,
        configuration={"TransactionMessageRetryInterval": "0", **(configuration or {})},
        time=TimeSource(speed, origin),
    )


def value(payload: Mapping[str, Any], measurand: str, phase: str = "") -> float:
    """One sampled value of a MeterValues request."""
    for entry in payload["meterValue"][0]["sampledValue"]:
        if entry["measurand"] == measurand and entry.get("phase", "") == phase:
            return float(entry["value"])
    raise LookupError(f"{measurand} {phase} is not in {payload}")
