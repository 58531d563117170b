"""Orders to a charger from its page: checked, asked about, sent, on record, told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.models import AuditEntry
from evbilling.backoffice.orders import ORDERS
from stations.drivers.ocpp import schemas
from stations.models import Charger, Command, CommandStatus
from stations.services import commands
from tests.factories import (
    a_card,
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db

# What each form sends when it is filled in as a person would, and the request that becomes of it.
FILLED: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    (
        "RemoteStartTransaction",
        {"connectorId": "1", "idTag": "TAG1"},
        {"connectorId": 1, "idTag": "TAG1"},
    ),
    ("RemoteStartTransaction", {"connectorId": "", "idTag": "TAG1"}, {"idTag": "TAG1"}),
    ("UnlockConnector", {"connectorId": "1"}, {"connectorId": 1}),
    ("Reset", {"type": "Soft"}, {"type": "Soft"}),
    (
        "ChangeAvailability",
        {"connectorId": "0", "type": "Inoperative"},
        {"connectorId": 0, "type": "Inoperative"},
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": ""},
        {"requestedMessage": "MeterValues"},
    ),
    ("GetConfiguration", {"key": ""}, {}),
    ("GetConfiguration", {"key": "A, B ,"}, {"key": ["A", "B"]}),
    (
        "ChangeConfiguration",
        {"key": "HeartbeatInterval", "value": "60"},
        {"key": "HeartbeatInterval", "value": "60"},
    ),
    ("ChangeConfiguration", {"key": "Welcome", "value": ""}, {"key": "Welcome", "value": ""}),
    ("ClearCache", {}, {}),
    (
        "DataTransfer",
        {"vendorId": "th.co", "messageId": "", "data": "x"},
        {"vendorId": "th.co", "data": "x"},
    ),
]


def an_online_charger(**fields: Any) -> Charger:
    return a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True, **fields)


def post(charger: Charger, level: str, headers: dict[str, str], **posted: str) -> Any:
    client = signed_in(an_admin(charger.station.company, level, name="Pranee"))
    return client.post("/chargers/SJ-01/command/", posted, headers=headers)


def send(charger: Charger, **posted: str) -> Any:
    """What a button of the page does for an operator."""
    return post(charger, Level.OPERATOR, HTMX, **posted)


def test_every_order_of_the_core_profile_has_a_form() -> None:
    offered = {order.action for order in ORDERS}
    assert offered == set(schemas.OUTWARD) - {"SetChargingProfile"}


@pytest.mark.parametrize(("action", "typed", "payload"), FILLED)
def test_a_filled_form_becomes_the_request_of_the_standard(
    action: str, typed: dict[str, str], payload: dict[str, Any]
) -> None:
    charger = an_online_charger()
    response = send(charger, action=action, **typed)
    assert response.status_code == 200
    command = Command.objects.get()
    assert (command.action, command.payload) == (action, payload)
    assert (command.status, command.requested_by) == (CommandStatus.QUEUED, "Pranee")
    entry = AuditEntry.objects.get(action="command_charger")
    assert entry.new == {"action": action, "payload": payload, "command": command.pk}
    assert "Waiting to be sent" in text_of(response)
    assert "every 1s" in text_of(response)  # the page looks until there is an outcome


@pytest.mark.parametrize(
    ("action", "typed", "sentence"),
    [
        ("RemoteStartTransaction", {"connectorId": "1", "idTag": ""}, "Fill this in."),
        ("RemoteStartTransaction", {"idTag": "X" * 21}, "idTag is too long."),
        ("UnlockConnector", {"connectorId": "one"}, "Enter a whole number."),
        ("UnlockConnector", {"connectorId": ""}, "Fill this in."),
        ("Reset", {"type": "Gentle"}, "type has a value the standard does not know."),
        ("ChangeConfiguration", {"key": "K" * 51, "value": "1"}, "key is too long."),
        ("RemoteStopTransaction", {"transactionId": "9" * 20}, "Enter a whole number."),
    ],
)
def test_what_the_standard_forbids_is_said_at_its_field_and_never_sent(
    action: str, typed: dict[str, str], sentence: str
) -> None:
    response = send(an_online_charger(), action=action, **typed)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not Command.objects.exists()
    assert not AuditEntry.objects.filter(action="command_charger").exists()


def test_the_password_is_not_changed_here_nor_shown_again() -> None:
    response = send(
        an_online_charger(),
        action="ChangeConfiguration",
        key="AuthorizationKey",
        value="s3cret-s3cret",
    )
    assert response.status_code == 422
    assert "on both sides at once" in text_of(response)
    assert "/chargers/SJ-01/security/#password" in text_of(response)
    assert "s3cret" not in text_of(response)
    assert not Command.objects.exists()


def test_an_unknown_order_is_refused() -> None:
    response = send(an_online_charger(), action="Explode")
    assert response.status_code == 422
    assert "Choose one of the orders." in text_of(response)


def test_stopping_somebodys_charge_asks_once() -> None:
    charger = an_online_charger()
    session = a_session(charger.connectors.get(), customer=a_customer(charger.station.company))
    number = str(session.transaction_id)
    asked = send(charger, action="RemoteStopTransaction", transactionId=number)
    assert asked.status_code == 422
    assert "Stop it?" in text_of(asked)
    assert not Command.objects.exists()
    done = send(charger, action="RemoteStopTransaction", transactionId=number, sure="1")
    assert done.status_code == 200
    command = Command.objects.get()
    assert command.session == session
    assert command.payload == {"transactionId": session.transaction_id}


def test_a_hard_reset_asks_and_a_soft_one_only_where_a_car_is_charging() -> None:
    charger = an_online_charger()
    assert "hard reset cuts" in text_of(send(charger, action="Reset", type="Hard"))
    assert send(charger, action="Reset", type="Soft").status_code == 200
    a_session(charger.connectors.get())
    again = send(charger, action="Reset", type="Soft")
    assert "its charge will end" in text_of(again)
    assert Command.objects.count() == 1


def test_an_offline_charger_gets_no_order() -> None:
    charger = a_charger(a_station(a_company()), charge_point_id="SJ-01")
    response = send(charger, action="ClearCache")
    assert response.status_code == 409
    assert "Nothing was sent" in text_of(response)
    assert not Command.objects.exists()


def test_a_viewer_gives_no_order_and_sees_no_form() -> None:
    charger = an_online_charger()
    assert post(charger, Level.VIEWER, HTMX, action="ClearCache").status_code == 403
    page = text_of(
        signed_in(an_admin(charger.station.company, Level.VIEWER)).get("/chargers/SJ-01/")
    )
    assert "not give orders" in page
    assert 'name="action"' not in page


def test_without_script_the_browser_is_sent_back_to_the_page() -> None:
    response = post(an_online_charger(), Level.OPERATOR, {}, action="ClearCache")
    assert response["Location"] == "/chargers/SJ-01/"
    charger = Charger.objects.get()
    back = post(charger, Level.OPERATOR, {}, action="GetConfiguration", back="communication")
    assert back["Location"] == "/chargers/SJ-01/communication/"


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (CommandStatus.ACCEPTED, {"status": "Accepted"}, "Accepted"),
        (CommandStatus.REJECTED, {"status": "UnlockFailed"}, "Rejected"),
        (CommandStatus.TIMEOUT, None, "No answer in time"),
        (CommandStatus.ERROR, {"errorCode": "NotImplemented"}, "Error"),
    ],
)
def test_the_outcome_is_told_with_the_answer_the_time_and_who(
    status: CommandStatus, answer: Any, words: str
) -> None:
    charger = an_online_charger()
    command = commands.request(charger, "UnlockConnector", {"connectorId": 1}, by="Pranee")
    sent = timezone.now() - timedelta(minutes=1)
    Command.objects.filter(pk=command.pk).update(
        status=status, sent_at=sent, answered_at=sent + timedelta(seconds=1.4), response=answer
    )
    client = signed_in(an_admin(charger.station.company))
    page = text_of(client.get("/chargers/SJ-01/?part=commands"))
    assert words in page
    assert "answered in 1.4 s" in page
    assert "Pranee" in page
    assert "every 1s" not in page
    if answer:
        assert next(iter(answer.values())) in page


def test_a_fresh_outcome_is_read_out_once() -> None:
    charger = an_online_charger()
    command = commands.request(charger, "ClearCache", {}, by="Pranee")
    now = timezone.now()
    Command.objects.filter(pk=command.pk).update(status="accepted", sent_at=now, answered_at=now)
    client = signed_in(an_admin(charger.station.company))
    assert 'data-say-now="Forget known cards: Accepted"' in text_of(
        client.get("/chargers/SJ-01/?part=commands")
    )


def test_cards_of_the_company_are_offered_and_nobody_elses() -> None:
    charger = an_online_charger()
    a_card(a_customer(charger.station.company, name="Allan"), "MINE0001")
    a_card(a_customer(a_company(), name="Stranger"), "THEIRS01")
    page = text_of(signed_in(an_admin(charger.station.company)).get("/chargers/SJ-01/"))
    assert 'value="MINE0001"' in page
    assert "THEIRS01" not in page


def test_a_link_opens_a_form_filled_in() -> None:
    charger = an_online_charger()
    url = "/chargers/SJ-01/?order=ChangeConfiguration&key=HeartbeatInterval"
    page = text_of(signed_in(an_admin(charger.station.company)).get(url))
    assert 'value="HeartbeatInterval"' in page
    assert "<details open>" in page
