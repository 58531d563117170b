"""What goes to the provider and what its answers mean; the two back ends for trying out."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from evbilling import sms_settings
from users.messages import sms
from users.messages.sms import SmsFailed, ThaiBulkSms

pytestmark = pytest.mark.pure
TAKEN = {
    "remaining_credit": 99,
    "phone_number_list": [{"number": "66812345678", "message_id": "4KPNGE", "used_credit": 1}],
    "bad_phone_number_list": [],
}
BAD = {"phone_number_list": [], "bad_phone_number_list": [{"number": "66", "message": "bad"}]}


def sent(answer: httpx.Response | Exception) -> tuple[list[httpx.Request], Any]:
    """What was asked, and what came of it."""
    asked: list[httpx.Request] = []

    def provider(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sender = ThaiBulkSms("key", "secret", "EVCHARGE", transport=httpx.MockTransport(provider))
    try:
        return asked, sender.send("+66812345678", "รหัส 123456")
    except SmsFailed as error:
        return asked, error.code


def test_a_message_is_one_post_with_basic_auth_and_three_fields() -> None:
    (request,), found = sent(httpx.Response(201, json=TAKEN))
    assert found == "4KPNGE"
    assert str(request.url) == "https://api-v2.thaibulksms.com/sms"
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"key:secret").decode()
    form = parse_qs(request.content.decode())
    assert form == {"msisdn": ["66812345678"], "message": ["รหัส 123456"], "sender": ["EVCHARGE"]}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(401, json={"error": {"code": 101, "name": "ERROR_AUTH"}}), "bad_key"),
        (httpx.Response(402, json={}), "no_credit"),
        (httpx.Response(429), "too_fast"),
        (httpx.Response(400, json={"error": {"name": "ERROR_SENDER"}}), "error_sender"),
        (httpx.Response(400, text="no JSON"), "refused"),
        (httpx.Response(503), "provider_down"),
        (httpx.Response(201, json=BAD), "bad_number"),
        (httpx.Response(201, json={}), "unclear"),
        (httpx.Response(200, json=[1]), "unclear"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.ConnectError("away"), "away"),
    ],
)
def test_each_answer_that_is_no_yes_has_a_word(answer: Any, code: str) -> None:
    asked, found = sent(answer)
    assert found == code
    assert len(asked) == 1  # a text message is not sent twice by guessing


def test_the_file_keeps_what_was_sent_for_its_owner_only(tmp_path: Path, settings: Any) -> None:
    settings.SMS_BACKEND, settings.SMS_DIR = "file", tmp_path / "sms"
    sms.sender().send("+66812345678", "one")
    sms.sender().send("+66812345678", "two")
    lines = (tmp_path / "sms" / "66812345678.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"]
    assert (tmp_path / "sms").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("given", "complaints"),
    [
        ({}, 0),
        ({"SMS_BACKEND": "console"}, 0),
        ({"SMS_BACKEND": "pigeon"}, 1),
        ({"SMS_BACKEND": "thaibulksms"}, 3),
        ({"SMS_BACKEND": "thaibulksms", "SMS_KEY": "k", "SMS_SECRET": "s"}, 1),
        ({"SMS_BACKEND": "thaibulksms", "SMS_KEY": "k", "SMS_SECRET": "s", "SMS_SENDER": "x"}, 0),
        ({"SMS_KEY": "k"}, 1),
    ],
)
def test_half_a_provider_refuses_to_start(given: dict[str, str], complaints: int) -> None:
    assert len(sms_settings.complaints(given)) == complaints


def test_every_back_end_that_may_be_chosen_exists() -> None:
    assert set(sms_settings.BACKENDS) <= set(sms.BACKENDS)
