"""What every charger can be told. Nothing here waits for the physical world.

Everything beyond the three is an optional protocol of one method. Vendors differ by data
(``stations/devices``), never by code.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from stations.models import Authorisation, Charger, Command, Session


class ChargerDriver(Protocol):
    def start(self, authorisation: Authorisation, *, by: str) -> Command:
        """Ask the charger to start on the authorisation's connector."""
        ...

    def stop(self, session: Session, *, by: str) -> Command:
        """Ask the charger to end the session."""
        ...


class TakesCommands(Protocol):
    def send(
        self, charger: Charger, action: str, payload: Mapping[str, Any], *, by: str
    ) -> Command:
        """Send one of the protocol's own requests, checked against its schema first."""
        ...
