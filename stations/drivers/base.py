"""What every charger can be told. Nothing here waits for the physical world.

Everything beyond these is an optional protocol of one method. Vendors differ by data
(``stations/devices``), never by code.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from stations.models import Authorisation, Charger, Command, Connector, PowerLimit, Session


class ChargerDriver(Protocol):
    def start(self, authorisation: Authorisation, *, by: str, key: str = "") -> Command:
        """Ask the charger to start on the authorisation's connector; ``key`` names the order."""
        ...

    def stop(self, session: Session, *, by: str) -> Command:
        """Ask the charger to end the session."""
        ...

    def limit(
        self,
        connector: Connector,
        *,
        amps: Decimal | None = None,
        watts: int | None = None,
        until: datetime | None = None,
        reason: str = "",
    ) -> PowerLimit:
        """Tell the charger what the connector may draw, in A per phase or in W; neither: anything."""
        ...


class TakesCommands(Protocol):
    def send(
        self, charger: Charger, action: str, payload: Mapping[str, Any], *, by: str
    ) -> Command:
        """Send one of the protocol's own requests, checked against its schema first."""
        ...
