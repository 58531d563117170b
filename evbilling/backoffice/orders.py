"""What a form of an order is, and how what was typed becomes the request of the standard.

The driver checks every payload against the official schema; this only turns text into the types
the schema wants and leaves out what was left empty. The forms themselves: ``order_catalogue``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations import configuring
from stations.drivers.ocpp.redact import without_secrets
from stations.models import Session
from stations.services.passwords import is_password_change
from users.models import Card

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Field:
    """One input. ``name`` is the standard's; with dots it is the way to a field inside another.

    ``kind``: connector, session, card, choice, text, value (may be empty), keys (a list), number,
    moment (a local time), area (many lines), periods and entries (one line each, see below).
    """

    name: str
    label: Text
    kind: str = "text"
    choices: tuple[tuple[str, Text], ...] = ()
    required: bool = True
    most: int = 0
    help: Text = ""
    whole: bool = False  # connector 0 may be chosen: the charger as a whole
    default: str = ""

    @property
    def word(self) -> str:
        """The standard's own word for it: the last step of the way."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Order:
    """One action of OCPP 1.6. ``asks`` is the question before it does harm, see ``question_for``."""

    action: str
    label: Text
    icon: str
    help: Text
    fields: tuple[Field, ...] = ()
    asks: Text = ""


@dataclass(slots=True)
class Filled:
    """A form as somebody left it, with the sentence under the field that is to blame."""

    order: Order
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    question: Text = ""

    def blaming(self, error: DomainError) -> "Filled":
        """The same with the sentence at the field that holds what is to blame."""
        way = error.field
        holder = next(
            (f.name for f in self.order.fields if f"{way}.".startswith(f"{f.name}.")), way
        )
        return replace(self, errors={holder: str(error)})

    @property
    def wants_password(self) -> bool:
        """Somebody tried to change the charger's password here: there is a button for it elsewhere."""
        return is_password_change(self.order.action, self.values)

    @property
    def open(self) -> bool:
        return bool(self.errors or self.question)

    @property
    def inputs(self) -> list[tuple[Field, str, str]]:
        """(field, value, error) for the template."""
        return [
            (f, self.values.get(f.name, f.default), self.errors.get(f.name, ""))
            for f in self.order.fields
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
        _place(found, one.name, _typed(one, text))
    if is_password_change(order.action, found):
        # Typed here, somebody would know it; the button makes one that nobody knows.
        raise DomainError(
            _("The password is changed on the Security tab, on both sides at once."),
            code="password_elsewhere",
            field="key",
        )
    return found


def question_for(order: Order, payload: Mapping[str, Any], *, charging: bool) -> Text:
    """What to ask once before sending: only where it cuts somebody off or cannot be taken back."""
    harmless = (order.action == "Reset" and payload.get("type") != "Hard") or (
        order.action == "ClearChargingProfile" and payload
    )
    if order.asks and not harmless:
        return order.asks
    if charging and order.action in ("Reset", "UnlockConnector"):
        return _("A car is charging here and its charge will end. Go on?")
    return ""


# Orders with the address of a file, which is the key to it.


def masked(action: str, payload: Any) -> Any:
    """The payload or answer as it may be shown: a charger's password is nobody's to read."""
    if not isinstance(payload, dict):
        return payload
    if action == "ChangeConfiguration" and configuring.is_secret(str(payload.get("key"))):
        return {**payload, "value": configuring.STARS}
    return without_secrets(configuring.without_secrets(payload))


def card_label(card: Card) -> str:
    return f"{card.customer} · {card}" if card.customer else str(card)


def session_label(session: Session) -> str:
    who = session.customer or session.id_tag
    return f"{session.connector.connector_id} · {who} · {session.transaction_id}"


def _place(payload: dict[str, Any], way: str, value: Any) -> None:
    """Put a value where the dots of its name lead, making what is on the way."""
    *steps, last = way.split(".")
    for step in steps:
        payload = payload.setdefault(step, {})
    payload[last] = value


def _typed(one: Field, text: str) -> Any:
    match one.kind:
        case "number" | "connector" | "session":
            return _whole_number(one, text)
        case "keys":
            return [key.strip() for key in text.split(",") if key.strip()]
        case "moment":
            return _moment(one, text)
        case "periods":
            return [_period(one, line) for line in text.splitlines() if line.strip()]
        case "entries":
            return [_entry(one, line.split()) for line in text.splitlines() if line.strip()]
    return text


def _whole_number(one: Field, text: str) -> int:
    if not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 10:
        raise DomainError(_("Enter a whole number."), code="not_a_number", field=one.name)
    return int(text)


def _moment(one: Field, text: str) -> str:
    """A local time as typed, in the standard's spelling: with zone, in UTC."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise DomainError(_("Enter a date and time."), code="not_a_time", field=one.name) from None
    moment = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(settings.LOCAL_ZONE))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _period(one: Field, line: str) -> dict[str, Any]:
    """``start limit [phases]``: a ChargingSchedulePeriod (OCPP 1.6 §7.14)."""
    words = line.replace(",", " ").split()
    try:
        start, limit, *phases = words
        period: dict[str, Any] = {"startPeriod": int(start), "limit": float(limit)}
        if phases:
            (period["numberPhases"],) = map(int, phases)
    except ValueError:
        raise DomainError(
            _("Write each line as: seconds limit, or seconds limit phases."),
            code="not_a_period",
            field=one.name,
        ) from None
    return period


def _entry(one: Field, words: list[str]) -> dict[str, Any]:
    """``idTag [status]``: AuthorizationData (OCPP 1.6 §7.2); a leading minus takes the card out."""
    tag, *status = words
    if tag.startswith("-"):
        return {"idTag": tag[1:]}
    if len(status) > 1:
        raise DomainError(
            _("Write each line as: card, or card status."), code="not_an_entry", field=one.name
        )
    return {"idTag": tag, "idTagInfo": {"status": status[0] if status else "Accepted"}}
