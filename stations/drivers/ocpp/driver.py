"""The OCPP driver as the rest of the product knows it: orders in, command rows out."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from stations.drivers.ocpp import schemas
from stations.models import Authorisation, Charger, Command, Connector, PowerLimit, Session
from stations.services import commands, limits
from stations.services.authorisations import command_key


class OcppDriver:
    """Implements ``drivers.base.ChargerDriver`` and ``TakesCommands``."""

    def start(self, authorisation: Authorisation, *, by: str) -> Command:
        connector = authorisation.connector
        return commands.request(
            connector.charger,
            "RemoteStartTransaction",
            {"idTag": authorisation.id_tag, "connectorId": connector.connector_id},
            by=by,
            key=command_key(authorisation),
        )

    def stop(self, session: Session, *, by: str) -> Command:
        return commands.request(
            session.charger,
            "RemoteStopTransaction",
            {"transactionId": session.transaction_id},
            by=by,
            session=session,
        )

    def limit(
        self,
        connector: Connector,
        *,
        amps: Decimal | None = None,
        watts: int | None = None,
        until: datetime | None = None,
        reason: str = "",
    ) -> PowerLimit:
        return limits.wish(connector, amps=amps, watts=watts, until=until, reason=reason)

    def send(
        self,
        charger: Charger,
        action: str,
        payload: Mapping[str, Any],
        *,
        by: str,
        answer_timeout_s: int = 30,
    ) -> Command:
        """Send any request of the standard; refused with the field's name if it is not valid."""
        schemas.check_request(action, payload)
        return commands.request(charger, action, payload, by=by, answer_timeout_s=answer_timeout_s)
