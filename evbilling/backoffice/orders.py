"""Orders to a charger as forms: the standard's words with help, and what a form's answer becomes.

The driver checks every payload against the official schema; this only turns text into the types
the schema wants and leaves out what was left empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations.drivers.ocpp.redact import redact
from stations.models import Session
from users.models import Card

STARS = "***"
SECRET_KEY_NAME = "authorizationkey"  # noqa: S105 (the name of a key, not a key)
Text = str | Promise


@dataclass(frozen=True, slots=True)
class Field:
    """One input. ``name`` is the standard's. ``kind``: connector, session, card, choice, text, keys."""

    name: str
    label: Text
    kind: str = "text"
    choices: tuple[tuple[str, Text], ...] = ()
    required: bool = True
    most: int = 0
    help: Text = ""
    whole: bool = False  # connector 0 may be chosen: the charger as a whole


@dataclass(frozen=True, slots=True)
class Order:
    """One action of OCPP 1.6. ``asks`` is the question before it does harm, see ``question_for``."""

    action: str
    label: Text
    icon: str
    help: Text
    fields: tuple[Field, ...] = ()
    asks: Text = ""


CONNECTOR = Field("connectorId", _("Connector"), "connector")
WHOLE = Field("connectorId", _("Connector"), "connector", whole=True)

ORDERS: tuple[Order, ...] = (
    Order(
        "RemoteStartTransaction",
        _("Start a charge"),
        "player-play",
        _("Starts as if this card were tapped; its holder pays."),
        (
            Field("connectorId", _("Connector"), "connector", required=False),
            Field(
                "idTag",
                _("Card"),
                "card",
                most=20,
                help=_("Choose a card, or type an id of at most 20 characters."),
            ),
        ),
    ),
    Order(
        "RemoteStopTransaction",
        _("Stop a charge"),
        "square",
        _("Ends a running charge. What was drawn is billed."),
        (Field("transactionId", _("Charge"), "session"),),
        asks=_("Somebody's charge will end now. Stop it?"),
    ),
    Order(
        "UnlockConnector",
        _("Unlock the connector"),
        "lock-open",
        _("Frees a cable that is stuck. A running charge ends first."),
        (CONNECTOR,),
    ),
    Order(
        "Reset",
        _("Restart the charger"),
        "refresh",
        _("Soft: ends charges properly, then restarts. Hard: at once, like pulling the plug."),
        (
            Field(
                "type",
                _("How"),
                "choice",
                (("Soft", _("Soft")), ("Hard", _("Hard"))),
            ),
        ),
        asks=_("A hard reset cuts every running charge off at once. Do it?"),
    ),
    Order(
        "ChangeAvailability",
        _("Open or close"),
        "toggle-left",
        _("Closed, the charger itself refuses new charges; a running one goes on to its end."),
        (
            WHOLE,
            Field(
                "type",
                _("Availability"),
                "choice",
                (("Operative", _("Open (Operative)")), ("Inoperative", _("Closed (Inoperative)"))),
            ),
        ),
    ),
    Order(
        "TriggerMessage",
        _("Ask for a message"),
        "message-2",
        _("The charger sends the chosen message again."),
        (
            Field(
                "requestedMessage",
                _("Message"),
                "choice",
                tuple(
                    (word, word)
                    for word in (
                        "StatusNotification",
                        "MeterValues",
                        "Heartbeat",
                        "BootNotification",
                        "FirmwareStatusNotification",
                        "DiagnosticsStatusNotification",
                    )
                ),
            ),
            Field("connectorId", _("Connector"), "connector", required=False),
        ),
    ),
    Order(
        "GetConfiguration",
        _("Read the settings"),
        "list-details",
        _("All keys, or only those named. They are shown on the Communication tab."),
        (
            Field(
                "key",
                _("Keys"),
                "keys",
                required=False,
                help=_("Separated by commas; empty reads all."),
            ),
        ),
    ),
    Order(
        "ChangeConfiguration",
        _("Change a setting"),
        "settings",
        _("One key of the charger. Some take effect only after a restart."),
        (
            Field("key", _("Key"), most=50),
            Field("value", _("Value"), "value", most=500),
        ),
    ),
    Order(
        "ClearCache",
        _("Forget known cards"),
        "trash",
        _("Empties the charger's own list of cards it has seen."),
    ),
    Order(
        "DataTransfer",
        _("Vendor message"),
        "device-mobile",
        _("A message of the maker's own, as its manual says."),
        (
            Field("vendorId", _("Vendor id"), most=255),
            Field("messageId", _("Message id"), most=50, required=False),
            Field("data", _("Data"), required=False),
        ),
    ),
)
BY_ACTION = {order.action: order for order in ORDERS}
NUMBERS = ("connectorId", "transactionId")


@dataclass(slots=True)
class Filled:
    """A form as somebody left it, with the sentence under the field that is to blame."""

    order: Order
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    question: Text = ""

    @property
    def open(self) -> bool:
        return bool(self.errors or self.question)

    @property
    def inputs(self) -> list[tuple[Field, str, str]]:
        """(field, value, error) for the template."""
        return [
            (f, self.values.get(f.name, ""), self.errors.get(f.name, "")) for f in self.order.fields
        ]

    @property
    def other_error(self) -> str:
        """What is wrong with no field of the form in particular."""
        names = {f.name for f in self.order.fields}
        return next((text for name, text in self.errors.items() if name not in names), "")


def payload_of(order: Order, posted: Mapping[str, str]) -> dict[str, Any]:
    """The request as the standard spells it, from what was typed."""
    found: dict[str, Any] = {}
    for one in order.fields:
        text = posted.get(one.name, "").strip()
        if not text and one.kind != "value":
            if one.required:
                raise DomainError(_("Fill this in."), code="required", field=one.name)
            continue
        found[one.name] = _typed(one, text)
    if order.action == "ChangeConfiguration" and is_secret(found):
        # Changed on one side only, the charger would be locked out of its own server.
        raise DomainError(
            _("The password is changed where the charger is set up, on both sides at once."),
            code="password_elsewhere",
            field="key",
        )
    return found


def question_for(order: Order, payload: Mapping[str, Any], *, charging: bool) -> Text:
    """What to ask once before sending: only where it cuts somebody off."""
    if order.action == "RemoteStopTransaction":
        return order.asks
    if order.action == "Reset" and payload.get("type") == "Hard":
        return order.asks
    if charging and order.action in ("Reset", "UnlockConnector"):
        return _("A car is charging here and its charge will end. Go on?")
    return ""


# Orders with the address of a file, which is the key to it.
WITH_ADDRESS = ("UpdateFirmware", "SignedUpdateFirmware", "GetDiagnostics", "GetLog")


def masked(action: str, payload: Any) -> Any:
    """The payload or answer as it may be shown: a charger's password is nobody's to read."""
    if not isinstance(payload, dict):
        return payload
    if action in WITH_ADDRESS:
        return orjson.loads(redact(orjson.dumps(payload).decode()))
    if action == "ChangeConfiguration" and is_secret(payload):
        return {**payload, "value": STARS}
    if action == "GetConfiguration" and isinstance(payload.get("configurationKey"), list):
        rows = [
            {**row, "value": STARS} if is_secret(row) and "value" in row else row
            for row in payload["configurationKey"]
            if isinstance(row, dict)
        ]
        return {**payload, "configurationKey": rows}
    return payload


def card_label(card: Card) -> str:
    return f"{card.customer} · {card}" if card.customer else str(card)


def session_label(session: Session) -> str:
    who = session.customer or session.id_tag
    return f"{session.connector.connector_id} · {who} · {session.transaction_id}"


def _typed(one: Field, text: str) -> Any:
    if one.name in NUMBERS:
        if not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 10:
            raise DomainError(_("Enter a whole number."), code="not_a_number", field=one.name)
        return int(text)
    if one.kind == "keys":
        return [key.strip() for key in text.split(",") if key.strip()]
    return text


def is_secret(row: Mapping[str, Any]) -> bool:
    """Whether a configuration key holds the charger's password."""
    return str(row.get("key", "")).lower() == SECRET_KEY_NAME
