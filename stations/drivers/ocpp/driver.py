"""The OCPP driver as the rest of the product knows it: orders in, command rows out."""

from collections.abc import Mapping
from typing import Any

from stations.drivers.ocpp import schemas
from stations.models import Authorisation, Charger, Command, Session
from stations.services import commands, passwords
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

    def send(
        self,
        charger: Charger,
        action: str,
        payload: Mapping[str, Any],
        *,
        by: str,
        answer_timeout_s: int = 30,
    ) -> Command:
        """Send any request of the standard; refused with the field's name if it is not valid.
        A password goes the way that cannot lock the charger out."""
        schemas.check_request(action, payload)
        if passwords.is_password_change(action, payload):
            return passwords.send(
                charger, payload["value"], by=by, answer_timeout_s=answer_timeout_s
            )
        return commands.request(charger, action, payload, by=by, answer_timeout_s=answer_timeout_s)
