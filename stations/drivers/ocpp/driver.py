"""The OCPP driver as the rest of the product knows it: orders in, command rows out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from stations import configuring
from stations.drivers.ocpp import schemas
from stations.models import Authorisation, Charger, Command, Connector, PowerLimit, Session
from stations.services import commands, configuration, limits, local_lists, passwords
from stations.services.authorisations import command_key


class OcppDriver:
    """Implements ``drivers.base.ChargerDriver`` and ``TakesCommands``."""

    def start(self, authorisation: Authorisation, *, by: str, key: str = "") -> Command:
        connector = authorisation.connector
        return commands.request(
            connector.charger,
            "RemoteStartTransaction",
            {"idTag": authorisation.id_tag, "connectorId": connector.connector_id},
            by=by,
            key=key or command_key(authorisation),
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
        """Send any request of the standard; refused with the field's name if it is not valid.
        A password goes the way that cannot lock the charger out."""
        schemas.check_request(action, payload)
        if passwords.is_password_change(action, payload):
            return passwords.send(
                charger, payload["value"], by=by, answer_timeout_s=answer_timeout_s
            )
        if action == "SendLocalList":
            local_lists.forget([charger.pk])
        secret = None
        if action == "ChangeConfiguration" and configuring.is_secret(payload["key"]):
            secret = {"value": payload["value"]}  # a password of the maker's own
        return commands.request(
            charger,
            action,
            payload,
            by=by,
            key=configuration.key_for(action),
            answer_timeout_s=answer_timeout_s,
            secret=secret,
        )

    def send_many(
        self,
        charger_ids: Sequence[int],
        action: str,
        payload: Mapping[str, Any],
        *,
        by: str,
        answer_timeout_s: int = 30,
    ) -> tuple[UUID, list[Command]]:
        """The same request to many chargers: their batch and the orders. Call in a transaction."""
        schemas.check_request(action, payload)
        passwords.refuse_for_many(action, payload)
        if action == "SendLocalList":
            local_lists.forget(charger_ids)
        return commands.request_many(
            charger_ids, action, payload, by=by, answer_timeout_s=answer_timeout_s
        )
