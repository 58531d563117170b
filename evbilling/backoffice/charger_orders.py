"""Sending a charger orders from its page, and what came of the last ones."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.errors import Conflict, DomainError
from evbilling.backoffice.gate import AdminRequest, actor, rows
from evbilling.backoffice.order_catalogue import BY_ACTION, GROUPS
from evbilling.backoffice.orders import (
    Filled,
    Order,
    Text,
    card_label,
    masked,
    payload_of,
    question_for,
    session_label,
)
from evbilling.backoffice.timeline import COMMAND_STATES, command_word
from evbilling.states import State
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Command, Session, SessionStatus
from stations.models.command import OPEN
from stations.selectors import chargers
from stations.selectors.chargers import online_of
from stations.services.measuring import device_of
from stations.services.passwords import is_password_change
from users.models import Card as RfidCard

LONGEST = 10_000  # characters of one field: a chain of certificates
SAID_FOR = timedelta(seconds=5)  # how long after its end an order's outcome is read out


@dataclass(frozen=True, slots=True)
class Told:
    """An order that was given, as the page shows it."""

    row: Command
    label: str
    icon: str
    state: State
    summary: str
    request: str
    answer: str

    @property
    def took(self) -> timedelta | None:
        if self.row.sent_at is None or self.row.answered_at is None:
            return None
        return self.row.answered_at - self.row.sent_at


def forms(request: AdminRequest, charger: Charger, filled: Filled | None = None) -> dict[str, Any]:
    """One form for each action; ``filled`` is the one somebody has just tried."""
    running = _running(charger)
    return {
        "order_groups": [_group(title, orders, filled, charger) for title, orders in GROUPS],
        "connectors": list(charger.connectors.filter(connector_id__gt=0).order_by("connector_id")),
        "running": [(str(s.transaction_id), session_label(s)) for s in running],
        "rfid_cards": [
            (card.id_tag, card_label(card))
            for card in chargers.cards(
                rows(request, RfidCard.objects.filter(company_id=charger.station.company_id))
            )
        ],
    }


def _group(
    title: Text, orders: tuple[Order, ...], filled: Filled | None, charger: Charger
) -> tuple[Text, list[Filled], bool]:
    """A group's title, its forms, and whether it is open: the first, or where somebody is at work."""
    forms = [
        filled if filled and filled.order is order else Filled(order)
        for order in orders
        if not (order.action == "ChangeAvailability" and _breaks(charger))
    ]
    return title, forms, filled in forms if filled else orders is GROUPS[0][1]


def begun(request: AdminRequest) -> Filled | None:
    """The form that a link opens and fills in (?order=ChangeConfiguration&key=…)."""
    order = BY_ACTION.get(request.GET.get("order", ""))
    if order is None:
        return None
    given = {f.name: request.GET[f.name][:500] for f in order.fields if f.name in request.GET}
    return Filled(order, given)


def last(charger: Charger) -> dict[str, Any]:
    """The last orders with their outcome; ``waiting`` while one has none yet."""
    found = [_told(row) for row in chargers.commands(charger)]
    waiting = any(told.row.status in OPEN for told in found)
    newest = found[0] if found else None
    said = ""
    if newest and newest.row.answered_at and timezone.now() - newest.row.answered_at < SAID_FOR:
        said = f"{newest.label}: {newest.state.word}"
    return {"commands": found, "waiting": waiting, "said": said}


def send(request: AdminRequest, charger: Charger) -> Filled | None:
    """Give the order that the form says. None when it is on its way; else the form to show again."""
    order = BY_ACTION.get(request.POST.get("action", ""))
    if order is None:
        raise DomainError(_("Choose one of the orders."), code="unknown_action")
    if order.action == "ChangeAvailability" and _breaks(charger):
        raise DomainError(
            _("This model breaks when told so. Close it for service with the switch instead."),
            code="not_for_this_model",
        )
    if not online_of(charger):
        raise Conflict(
            _("The charger is offline, so no order reaches it. Nothing was sent."),
            code="charger_offline",
        )
    values = {f.name: request.POST.get(f.name, "")[:LONGEST] for f in order.fields}
    try:
        payload = payload_of(order, values)
        charging = bool(_running(charger))
        question = question_for(order, payload, charging=charging)
        if question and request.POST.get("sure") != "1":
            return Filled(order, values, question=question)
        _give(request, charger, order, payload)
    except DomainError as error:
        if is_password_change(order.action, values):
            values["value"] = ""
        return Filled(order, values).blaming(error)
    return None


def _breaks(charger: Charger) -> bool:
    """Whether its model is known to go wrong on ChangeAvailability (quirk 20)."""
    return device_of(charger).quirks.skip_change_availability


def _give(request: AdminRequest, charger: Charger, order: Order, payload: dict[str, Any]) -> None:
    """Put the order on its way and on record, both or neither."""
    who = actor(request)
    with transaction.atomic():
        session = _session_to_stop(charger, order, payload)
        if session is not None:
            made = OcppDriver().stop(session, by=who.name)
        else:
            made = OcppDriver().send(charger, order.action, payload, by=who.name)
        audit.record(
            who,
            "command_charger",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={
                "action": order.action,
                "payload": masked(order.action, payload),
                "command": made.pk,
            },
        )


def _session_to_stop(charger: Charger, order: Order, payload: dict[str, Any]) -> Session | None:
    if order.action != "RemoteStopTransaction":
        return None
    return next(
        (s for s in _running(charger) if s.transaction_id == payload["transactionId"]), None
    )


def _running(charger: Charger) -> list[Session]:
    found = Session.objects.filter(charger=charger, status=SessionStatus.ACTIVE)
    return list(found.select_related("connector", "customer", "charger").order_by("connector_id"))


def _told(row: Command) -> Told:
    order = BY_ACTION.get(row.action)
    css, icon = COMMAND_STATES[row.status]
    word = command_word(row.status)
    payload = masked(row.action, row.payload)
    answer = masked(row.action, row.response)
    return Told(
        row,
        str(order.label) if order else row.action,
        order.icon if order else "adjustments",
        State(css, icon, word, word),
        _summary(row, payload, answer),
        pretty(payload),
        pretty(answer) if answer is not None else row.detail,
    )


def _summary(row: Command, payload: dict[str, Any], answer: Any) -> str:
    """The order's words in short, then the charger's."""
    words = [f"{value}" for key, value in payload.items() if key != "chargingProfile"]
    said = answer.get("status") or answer.get("errorCode") if isinstance(answer, dict) else ""
    text = f"{row.action} {' '.join(words)}".strip()
    return f"{text} → {said}" if said else text


def pretty(value: Any) -> str:
    """JSON to read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
