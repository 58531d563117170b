"""Orders to chargers: what is sent, what is refused, and the wait for the answer."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient

from core.models import AuditEntry
from stations.models import Charger, Command, CommandStatus
from stations.services import commands
from tests.api.client import Caller
from tests.factories import a_charger, a_session, a_station, an_admin
from users import tokens
from users.models import Company, Level


def order(charger: Charger, action: str = "Reset") -> str:
    return f"chargers/{charger.charge_point_id}/commands/{action}/"


@pytest.fixture
def charger(company: Company) -> Charger:
    return a_charger(a_station(company))


@pytest.mark.django_db
def test_a_charger_that_is_away_is_offline_at_once(api: Caller, charger: Charger) -> None:
    answer = api.post(order(charger), {"type": "Soft"})
    command = Command.objects.get()
    assert answer.status == 200
    assert answer.json == {"id": command.pk, "status": "offline", "response": {}}
    entry = AuditEntry.objects.get(action="command_charger")
    assert entry.new == {"action": "Reset", "payload": {"type": "Soft"}, "command": command.pk}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "payload", "field"),
    [
        ("Reset", {}, "type"),
        ("Reset", {"type": "Gentle"}, "type"),
        ("Reset", {"type": "Soft", "extra": 1}, "extra"),
        ("UnlockConnector", {"connectorId": "1"}, "connectorId"),
        ("RemoteStartTransaction", {"idTag": "x" * 21}, "idTag"),
        (
            "ReserveNow",
            {"connectorId": 1, "idTag": "A", "reservationId": 1, "expiryDate": "tomorrow"},
            "expiryDate",
        ),
        ("GetDiagnostics", {"location": "the usual place"}, "location"),
    ],
)
def test_a_payload_the_standard_forbids_is_never_sent(
    api: Caller, charger: Charger, action: str, payload: dict[str, Any], field: str
) -> None:
    answer = api.post(order(charger, action), payload)
    assert (answer.status, list(answer["fields"])) == (422, [field])
    assert not Command.objects.exists()
    assert AuditEntry.objects.filter(action="command_charger", refused=True).count() == 1


@pytest.mark.django_db
def test_a_payload_must_be_an_object_and_the_action_one_we_send(
    api: Caller, charger: Charger
) -> None:
    assert api.post(order(charger), ["Soft"])["code"] == "bad_request"
    assert api.post(order(charger, "Heartbeat"), {})["code"] == "unknown_action"
    assert api.post(order(charger, "ClearCache")).status == 200


@pytest.mark.django_db
def test_numbers_of_a_payload_stay_numbers(api: Caller, charger: Charger) -> None:
    period = {"startPeriod": 0, "limit": 16.5}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    body = {"connectorId": 1, "csChargingProfiles": profile}
    assert api.post(order(charger, "SetChargingProfile"), body).status == 200
    assert Command.objects.get().payload == body


@pytest.mark.django_db
def test_a_charger_of_another_protocol_is_not_supported(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), protocol="mqtt")
    answer = api.post(order(charger), {"type": "Soft"})
    assert (answer.status, answer["code"]) == (409, "not_supported")


@pytest.mark.django_db
@pytest.mark.parametrize("timeout", ["0", "121", "x", "1.5"])
def test_patience_has_bounds(api: Caller, charger: Charger, timeout: str) -> None:
    answer = api.post(f"{order(charger)}?timeout={timeout}", {"type": "Soft"})
    assert (answer.status, list(answer["fields"])) == (400, ["timeout"])


@pytest.mark.django_db
def test_the_list_of_orders_shows_no_secret(api: Caller, charger: Charger) -> None:
    secret = {"key": "AuthorizationKey", "value": "0123456789abcdef0123"}
    api.post(order(charger, "ChangeConfiguration"), secret)
    api.post(order(charger), {"type": "Hard"})
    rows = api.get(f"chargers/{charger.charge_point_id}/commands/").rows
    assert [row["action"] for row in rows] == ["Reset", "ChangeConfiguration"]
    assert rows[1]["payload"] == {"key": "AuthorizationKey", "value": "***"}
    assert rows[0]["requested_by"] == str(api.admin)
    assert "0123456789abcdef" not in str(list(AuditEntry.objects.values_list("new", flat=True)))
    path = f"chargers/{charger.charge_point_id}/commands/"
    assert len(api.get(path, action="Reset", status="offline").rows) == 1


@pytest.mark.django_db
def test_a_session_is_stopped_by_its_number(api: Caller, company: Company) -> None:
    session = a_session(a_charger(a_station(company)).connectors.get())
    answer = api.post(f"sessions/{session.pk}/stop/")
    assert answer["status"] == "offline"
    command = Command.objects.get()
    assert (command.action, command.session_id) == ("RemoteStopTransaction", session.pk)
    assert command.payload == {"transactionId": session.transaction_id}


# --- with somebody who answers ------------------------------------------------------------------


@pytest.fixture
def answering() -> Iterator[dict[str, Any]]:
    """A process that holds every line: it claims each order and answers as told."""
    told: dict[str, Any] = {"status": CommandStatus.ACCEPTED, "response": {"status": "Accepted"}}
    running = threading.Event()
    running.set()

    def work() -> None:
        while running.is_set():
            for pk in Command.objects.filter(status="queued").values_list("pk", flat=True):
                if told["status"] is not None and commands.claim(pk, "sockets_test", 1):
                    time.sleep(told.get("after", 0))
                    commands.finish(pk, 1, told["status"], told["response"])
            time.sleep(0.005)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield told
    running.clear()
    thread.join()


def ask(charger: Charger, level: str = Level.OPERATOR, query: str = "") -> tuple[int, Any, float]:
    """(status, body, seconds) of a Reset through the asynchronous handler."""
    token = tokens.create(an_admin(charger.station.company, level))

    async def call() -> tuple[int, Any]:
        response: Any = await AsyncClient().post(
            f"/api/v1/{order(charger)}{query}",
            {"type": "Soft"},
            content_type="application/json",
            headers={"Authorization": f"Token {token}"},
        )
        if not response.streaming:
            return response.status_code, json.loads(response.content)
        parts = [part async for part in response]
        return response.status_code, json.loads(b"".join(parts))

    began = time.monotonic()
    status, body = async_to_sync(call)()
    return status, body, time.monotonic() - began


@pytest.mark.django_db(transaction=True)
def test_the_wait_ends_with_the_chargers_own_answer(answering: dict[str, Any]) -> None:
    charger = a_charger(online=True)
    for outcome, response in (
        (CommandStatus.ACCEPTED, {"status": "Accepted"}),
        (CommandStatus.REJECTED, {"status": "Rejected"}),
        (CommandStatus.ERROR, {"errorCode": "NotSupported", "errorDescription": ""}),
    ):
        answering.update(status=outcome, response=response, after=0.05)
        status, body, seconds = ask(charger)
        command = Command.objects.latest("pk")
        assert (status, body) == (
            200,
            {"id": command.pk, "status": outcome, "response": response},
        )
        assert seconds < 0.9, "the nudge, not the poll, ends the wait"
    # Nobody answers: the patience of the caller ends it.
    answering["status"] = None
    status, body, seconds = ask(charger, query="?timeout=1")
    assert (status, body["status"], body["response"]) == (200, "timeout", {})
    assert 1 <= seconds < 3
