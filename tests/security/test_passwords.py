"""A charger's password is changed and never locks it out, whatever the charger answers."""

import re
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from core.audit import SYSTEM
from core.models import AuditEntry
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Command, Frame, Knock
from stations.services import passwords
from tests.factories import CHARGER_PASSWORD, a_charger, an_admin
from tests.stack import Stack, eventually
from tests.wire import Point
from users import tokens

pytestmark = pytest.mark.wire
GIVEN = "a1b2c3d4e5f60718293a4b5c6d7e8f9001020304"


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger()


def enters(live: Stack, charger: Charger, password: str) -> bool:
    try:
        with Point(live.ocpp_url, charger, password) as point:
            return bool(point.boot()["status"] == "Accepted")
    except InvalidStatus:
        return False


def changed(point: Point, charger: Charger, answer: Any) -> tuple[Command, str]:
    """Press the button; the charger answers so. The order and the password it was sent."""
    point.answers["ChangeConfiguration"] = answer
    command = passwords.renew(charger, actor=SYSTEM)
    sent = point.expect("ChangeConfiguration")
    assert sent["key"] == "AuthorizationKey"
    return command, sent["value"]


def waits(charger: Charger, n: int) -> bool:
    charger.refresh_from_db()
    return len(charger.next_password_hmacs) == n


def test_both_are_good_until_the_new_one_was_used_then_the_old_one_goes(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        command, new = changed(point, charger, {"status": "Accepted"})
        assert re.fullmatch("[0-9a-f]{40}", new)
        eventually(lambda: Command.objects.filter(pk=command.pk, status="accepted").exists())
    assert enters(live, charger, CHARGER_PASSWORD)
    assert enters(live, charger, new)
    assert not enters(live, charger, CHARGER_PASSWORD)
    assert enters(live, charger, new)
    assert Knock.objects.get(charger=charger).reason == "wrong_password"


def test_a_charger_may_use_the_bytes_that_the_text_stands_for(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        _command, new = changed(point, charger, {"status": "Accepted"})
    raw = bytes.fromhex(new).decode("utf-8", "surrogateescape")

    assert enters(live, charger, raw)
    charger.refresh_from_db()
    assert charger.next_password_hmacs == []
    assert charger.password_hmac == passwords.digest(charger.charge_point_id, new)
    assert enters(live, charger, new)  # and the text of it as well


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_a_refused_password_is_nobodys(live: Stack, charger: Charger, status: str) -> None:
    with Point(live.ocpp_url, charger) as point:
        _command, new = changed(point, charger, {"status": status})
        eventually(lambda: waits(charger, 0))
    assert not enters(live, charger, new)
    assert enters(live, charger, CHARGER_PASSWORD)


def test_a_lost_answer_leaves_both_good(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        command, new = changed(point, charger, None)
    eventually(lambda: Command.objects.filter(pk=command.pk, status="timeout").exists())
    assert waits(charger, 1)
    assert enters(live, charger, CHARGER_PASSWORD)
    assert enters(live, charger, new)
    assert not enters(live, charger, CHARGER_PASSWORD)


def test_two_lost_answers_leave_all_three_good(live: Stack, charger: Charger) -> None:
    new = []
    for _ in range(2):
        with Point(live.ocpp_url, charger) as point:
            new.append(changed(point, charger, None)[1])
    assert waits(charger, 2)
    assert enters(live, charger, CHARGER_PASSWORD)
    assert enters(live, charger, new[0])
    assert not enters(live, charger, new[1])


def test_the_plain_order_of_the_api_goes_the_same_way_and_is_stored_nowhere(
    live_web: Stack, charger: Charger
) -> None:
    key = tokens.create(an_admin(charger.station.company))
    path = f"{live_web.url}/api/v1/chargers/{charger.charge_point_id}/commands/ChangeConfiguration/"
    headers = {"Authorization": f"Token {key}", "Accept-Language": "en"}
    with Point(live_web.ocpp_url, charger) as point:
        bad = httpx.post(path, json={"key": "authorizationKEY", "value": "short"}, headers=headers)
        assert (bad.status_code, list(bad.json()["fields"])) == (422, ["value"])
        assert not Command.objects.filter(charger=charger).exists()
        body = {"key": "authorizationKEY", "value": GIVEN}
        command = OcppDriver().send(charger, "ChangeConfiguration", body, by="test")
        assert point.expect("ChangeConfiguration")["value"] == GIVEN
        eventually(lambda: Command.objects.filter(pk=command.pk, status="accepted").exists())
    assert enters(live_web, charger, GIVEN)
    assert not enters(live_web, charger, CHARGER_PASSWORD)
    command.refresh_from_db()
    assert (command.payload["value"], command.sealed) == ("***", "")
    frames = eventually(
        lambda: list(Frame.objects.filter(charger_id=charger.pk, action="ChangeConfiguration"))
    )
    told = [f.payload for f in frames] + [str(e.new) for e in AuditEntry.objects.all()]
    assert not [text for text in told if GIVEN in text]


def test_a_charger_that_tells_its_password_is_not_written_down(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        key = {"key": "AuthorizationKey", "readonly": False, "value": GIVEN}
        point.answers["GetConfiguration"] = {"configurationKey": [key]}
        command = OcppDriver().send(charger, "GetConfiguration", {}, by="test")
        point.expect("GetConfiguration")
        eventually(lambda: Command.objects.filter(pk=command.pk, status="accepted").exists())
    command.refresh_from_db()
    assert command.response == {"configurationKey": [key | {"value": "***"}]}


def test_an_order_that_never_left_gives_no_password(live: Stack, charger: Charger) -> None:
    passwords.send(charger, GIVEN, by="test")  # the charger is away
    eventually(lambda: waits(charger, 0))
    assert not enters(live, charger, GIVEN)
