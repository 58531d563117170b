"""The official SDK against somebody who stands for LINE, over real HTTP."""

import json
from typing import Any

import pytest
from django.utils import timezone

from simulators.line import World
from tests.factories import a_company, a_customer
from tests.line.samples import PAYLOADS, VARIANTS
from users import messages
from users.messages import chat, line, quota, sending
from users.messages.outcome import Result
from users.models import Customer, LineEvent, LineLink, LineQuota, LinkedBy, Message, MessageStatus
from users.services import line_events

pytestmark = [pytest.mark.django_db, pytest.mark.wire]


def a_linked(world: World, name: str = "Anna", **fields: Any) -> Customer:
    user = world.user(name)
    user.friend = True
    customer = a_customer(a_company(), **{"language": "en"} | fields)
    LineLink.objects.create(
        company=customer.company,
        customer=customer,
        line_user_id=user.id,
        linked_by=LinkedBy.LOGIN,
    )
    return customer


def test_every_kind_passes_the_sdk_and_reaches_the_phone(line_world: World) -> None:
    customer = a_linked(line_world)
    kinds = [(kind, payload) for kind, payload in VARIANTS if kind != "document"]
    for n, (kind, payload) in enumerate(kinds):
        messages.tell(customer, kind, f"k{n}", payload)
    assert sending.send_due(100) == len(kinds)
    assert set(Message.objects.values_list("status", "error")) == {(MessageStatus.SENT, "")}
    assert Message.objects.exclude(request_ref="").count() == len(kinds)
    arrived = [row["message"] for row in line_world.delivered]
    assert len(arrived) == len(kinds)
    assert {each["type"] for each in arrived} == {"flex"}
    end = arrived[0]
    assert end["altText"].startswith("Charging finished at ตลาดสุขใจ บางนา: 17.36 kWh, 133.67 baht")
    button = end["contents"]["footer"]["contents"][0]["action"]
    assert button["uri"].startswith("http://127.0.0.1:8000/c/9CTG62EQWT/receipt/")


def test_a_repeat_after_a_lost_answer_is_no_second_message(line_world: World) -> None:
    customer = a_linked(line_world)
    messages.tell(customer, "session_billed", "k", PAYLOADS["session_billed"])
    row = Message.objects.get()
    made = [sending.as_line(row)]
    assert line.push(row.address, made, row.retry_key).result == Result.SENT
    again = line.push(row.address, made, row.retry_key)  # as if the first answer had been lost
    assert (again.result, again.why) == (Result.SENT, "accepted before")
    assert again.ref in line_world.accepted.values()
    sending.send_due()
    row.refresh_from_db()
    assert row.status == MessageStatus.SENT
    assert len(line_world.delivered) == 1


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (500, MessageStatus.QUEUED),
        (429, MessageStatus.QUEUED),
        (401, MessageStatus.QUEUED),
        (0, MessageStatus.QUEUED),
        (400, MessageStatus.FAILED),
    ],
)
def test_what_goes_wrong_at_line_stays_on_the_row(
    line_world: World, status: int, left: MessageStatus
) -> None:
    customer = a_linked(line_world)
    messages.tell(customer, "session_billed", "k", PAYLOADS["session_billed"])
    line_world.failing = [status]
    assert sending.send_due() == 1
    row = Message.objects.get()
    assert (row.status, line_world.delivered) == (left, [])
    assert row.error
    Message.objects.update(due=timezone.now(), status=MessageStatus.QUEUED)
    assert sending.send_due() == 1
    assert len(line_world.delivered) == 1


def test_a_used_up_quota_is_seen_and_read(line_world: World) -> None:
    customer = a_linked(line_world)
    line_world.most, line_world.used = 300, 300
    read = quota.read()
    assert (read.most, read.used, read.error) == (300, 300, "")
    LineQuota.objects.update(used=0)  # we did not know it yet
    messages.tell(customer, "session_billed", "k1", PAYLOADS["session_billed"])
    messages.tell(customer, "session_billed", "k2", PAYLOADS["session_billed"])
    calls = line_world.calls
    sending.send_due()
    assert set(Message.objects.values_list("status", flat=True)) == {MessageStatus.HELD_BACK}
    assert line_world.calls == calls + 1  # the second was not even asked


def test_a_plan_without_limit_and_a_wrong_token_are_told_apart(
    line_world: World, settings: Any
) -> None:
    line_world.most = None
    assert quota.read().most is None
    settings.LINE_CHANNEL_ACCESS_TOKEN = "wrong"
    read = quota.read()
    assert "401" in read.error
    assert read.read_at is not None


def test_a_link_token_comes_with_the_offer_in_the_chat(line_world: World) -> None:
    user = line_world.user("มาลี")
    event = line_world.event("message", user, message={"type": "text", "text": "hi"})
    body = json.dumps({"events": [event]}).encode()
    line_events.take(body)
    assert line_events.handle_due() == 1
    assert LineEvent.objects.get().error == ""
    [row] = line_world.delivered
    assert (row["how"], row["to"]) == ("reply", user.id)
    uri = row["message"]["contents"]["footer"]["contents"][0]["action"]["uri"]
    token = uri.partition("?token=")[2]
    assert uri.startswith(f"http://127.0.0.1:8000{chat.LINK_PATH}?token=")
    assert line_world.link_tokens[token][0] == user.id
    with pytest.raises(line.LineSaidNo, match="404"):
        line.link_token("U" + "0" * 32)
