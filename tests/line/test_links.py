"""Whose LINE account is whose: linking, leaving, guests, and what LINE's webhook changes."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from core.audit import SYSTEM
from core.models import AuditEntry, Fact
from simulators.line import World, signature
from tests.factories import a_company, a_customer
from tests.line.conftest import CHANNEL
from users.messages import line
from users.models import (
    Customer,
    LineEvent,
    LineGuest,
    LineLink,
    LineNonce,
    LinkedBy,
)
from users.services import line_events, line_links

pytestmark = pytest.mark.django_db
SOMCHAI, ANNA = "U" + "a" * 32, "U" + "b" * 32
WORLD = World(CHANNEL)
USER = WORLD.user("สมชาย")


def link(customer: Customer, user: str = SOMCHAI, **fields: Any) -> LineLink:
    values: dict[str, Any] = {"friend": True, "by": LinkedBy.LOGIN, "actor": SYSTEM} | fields
    return line_links.link(customer, user, **values)


def test_an_account_belongs_to_one_member_of_a_company_and_to_others_elsewhere() -> None:
    company = a_company()
    first, second, elsewhere = a_customer(company), a_customer(company), a_customer(a_company())
    link(first)
    link(elsewhere)
    link(second)  # its owner has proved both: it moves
    assert set(LineLink.objects.values_list("customer", flat=True)) == {second.pk, elsewhere.pk}


def test_linking_again_changes_the_account_and_is_on_record() -> None:
    customer = a_customer(a_company())
    link(customer)
    link(customer, ANNA, friend=False)
    row = LineLink.objects.get()
    assert (row.line_user_id, row.friend) == (ANNA, False)
    assert line_links.unlink(customer, SYSTEM)
    assert not line_links.unlink(customer, SYSTEM)
    assert not LineLink.objects.exists()
    acts = AuditEntry.objects.filter(subject=f"customer:{customer.pk}")
    assert list(acts.order_by("pk").values_list("action", flat=True)) == [
        "link_line",
        "link_line",
        "unlink_line",
    ]
    assert ANNA not in json.dumps(list(acts.values("old", "new", "actor_name")))


def test_a_guest_is_told_once_they_may_be_written_to() -> None:
    company = a_company()
    guest = line_links.follow_charge(company.pk, "session:1", ANNA, language="en", friend=False)
    assert not Fact.objects.filter(kind="line_guest_ready").exists()
    for _each in range(2):
        line_links.befriended(ANNA)
    guest.refresh_from_db()
    assert guest.friend
    assert Fact.objects.filter(kind="line_guest_ready", subject_id=guest.pk).count() == 1


def test_five_phones_may_follow_a_charge() -> None:
    company = a_company()
    for n in range(line_links.MOST_GUESTS):
        line_links.follow_charge(company.pk, "session:1", f"U{n:032d}", language="en", friend=True)
    with pytest.raises(line_links.TooManyGuests):
        line_links.follow_charge(company.pk, "session:1", ANNA, language="en", friend=True)
    line_links.follow_charge(company.pk, "session:1", f"U{0:032d}", language="th", friend=True)


def test_who_blocks_us_is_forgotten() -> None:
    company = a_company()
    link(a_customer(company))
    line_links.follow_charge(company.pk, "session:1", SOMCHAI, language="en", friend=True)
    line_links.blocked(SOMCHAI)
    assert not LineLink.objects.exists()
    assert not LineGuest.objects.exists()


def test_a_nonce_links_once_and_not_after_its_time() -> None:
    customer = a_customer(a_company())
    nonce = line_links.offer_nonce(customer)
    assert len(nonce) >= 43  # 256 bit in base64
    assert line_links.link_by_nonce("another", SOMCHAI) is None
    made = line_links.link_by_nonce(nonce, SOMCHAI)
    assert made is not None
    assert (made.customer, made.linked_by) == (customer, LinkedBy.ACCOUNT_LINK)
    assert line_links.link_by_nonce(nonce, ANNA) is None
    late = line_links.offer_nonce(customer)
    with time_machine.travel(timezone.now() + timedelta(minutes=21), tick=False):
        assert line_links.link_by_nonce(late, ANNA) is None


def test_guests_are_forgotten_after_their_time() -> None:
    company = a_company()
    line_links.follow_charge(company.pk, "session:1", ANNA, language="en", friend=True)
    assert line_links.forget_before(timezone.now() - timedelta(days=1)) == 0
    assert line_links.forget_before(timezone.now() + timedelta(days=1)) == 1


# --- the webhook -----------------------------------------------------------------------------------


def posted(body: bytes, sign: str | None = None) -> int:
    given = signature(CHANNEL.secret, body) if sign is None else sign
    headers = {"X-Line-Signature": given}
    answer = Client().post(
        "/webhooks/line/", body, content_type="application/json", headers=headers
    )
    return answer.status_code


def delivery(*events: dict[str, Any]) -> bytes:
    return json.dumps({"destination": "U0", "events": events}, ensure_ascii=False).encode()


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch, line_on: Any) -> list[Any]:
    said: list[Any] = []
    monkeypatch.setattr(line, "reply", lambda token, messages: said.append(messages))
    monkeypatch.setattr(line, "link_token", lambda user: "link-token-of-the-test")
    return said


def test_a_signed_event_is_stored_and_answered_at_once(line_on: Any) -> None:
    assert posted(delivery(WORLD.event("follow", USER))) == 200
    row = LineEvent.objects.get()
    assert (row.kind, row.line_user_id, row.handled_at) == ("follow", USER.id, None)
    assert posted(delivery()) == 200  # LINE's own test of the address


@pytest.mark.parametrize("sign", ["", "x", "AAAA", "ä"])
def test_without_a_good_signature_nothing_is_stored(line_on: Any, sign: str) -> None:
    assert posted(delivery(WORLD.event("follow", USER)), sign) == 401
    body = delivery(WORLD.event("follow", USER))
    assert posted(body + b" ", signature(CHANNEL.secret, body)) == 401
    assert not LineEvent.objects.exists()


def test_what_is_too_long_or_no_events_or_not_for_us_is_refused(line_on: Any) -> None:
    assert posted(b"x" * 300_000) == 413
    for body in (b"{}", b"[]", b"nothing", b'{"events": [{"type": "follow"}]}', b'{"events": 1}'):
        assert posted(body) == 400, body
    assert Client().get("/webhooks/line/").status_code == 405
    line_on.LINE_CHANNEL_SECRET = ""
    assert posted(delivery(), "") == 503


def test_an_event_that_is_sent_again_is_handled_once(replies: list[Any]) -> None:
    event = WORLD.event("follow", USER)
    again = {**event, "deliveryContext": {"isRedelivery": True}}
    assert posted(delivery(event, again)) == 200
    assert line_events.handle_due() == 1
    assert posted(delivery(again)) == 200
    assert line_events.handle_due() == 0
    assert len(replies) == 1


def test_a_follower_is_offered_the_link_and_the_linked_are_greeted(replies: list[Any]) -> None:
    posted(delivery(WORLD.event("follow", USER)))
    line_events.handle_due()
    [[offer]] = replies
    assert "/me/line/link?token=link-token-of-the-test" in json.dumps(offer)
    link(a_customer(a_company(), language="en"), USER.id)
    posted(delivery(WORLD.event("follow", USER)))
    line_events.handle_due()
    assert replies[1][0]["text"].startswith("From now on you get messages")


def test_following_makes_a_linked_account_one_we_may_write_to(replies: list[Any]) -> None:
    link(a_customer(a_company()), USER.id, friend=False)
    posted(delivery(WORLD.event("follow", USER)))
    line_events.handle_due()
    assert LineLink.objects.get().friend


def test_blocking_unlinks(replies: list[Any]) -> None:
    link(a_customer(a_company()), USER.id)
    posted(delivery(WORLD.event("unfollow", USER)))
    line_events.handle_due()
    assert not LineLink.objects.exists()
    assert replies == []


def test_what_somebody_writes_is_answered_with_short_help(replies: list[Any]) -> None:
    link(a_customer(a_company(), language="en"), USER.id)
    posted(delivery(WORLD.event("message", USER, message={"type": "text", "text": "hello"})))
    line_events.handle_due()
    assert replies[0][0]["text"].startswith("This account only sends messages")


def test_the_account_link_needs_a_nonce_of_ours_and_an_ok(replies: list[Any]) -> None:
    customer = a_customer(a_company())
    nonce = line_links.offer_nonce(customer)
    failed = WORLD.event("accountLink", USER, link={"result": "failed", "nonce": nonce})
    forged = WORLD.event("accountLink", USER, link={"result": "ok", "nonce": "x" * 43})
    posted(delivery(failed, forged))
    assert line_events.handle_due() == 2
    assert not LineLink.objects.exists()
    posted(delivery(WORLD.event("accountLink", USER, link={"result": "ok", "nonce": nonce})))
    line_events.handle_due()
    assert LineLink.objects.get().customer == customer
    assert LineNonce.objects.get().used_at is not None


def test_a_group_and_an_unknown_event_change_nothing(replies: list[Any]) -> None:
    group = WORLD.event("message", USER, message={"type": "text", "text": "hi"})
    group["source"] = {"type": "group", "groupId": "C1", "userId": USER.id}
    posted(delivery(group, WORLD.event("somethingNew", USER)))
    assert line_events.handle_due() == 2
    assert replies == []


def test_a_reply_that_line_refuses_does_not_undo_what_the_event_said(
    line_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: Any) -> None:
        raise line.LineSaidNo("LINE answered 400")

    monkeypatch.setattr(line, "reply", refused)
    link(a_customer(a_company()), USER.id, friend=False)
    posted(delivery(WORLD.event("follow", USER)))
    line_events.handle_due()
    row = LineEvent.objects.get()
    assert (row.due, row.error) == (None, "LINE answered 400")
    assert LineLink.objects.get().friend


def test_an_event_that_fails_is_tried_again_and_does_not_hold_up_others(
    replies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(user: str) -> None:
        raise OSError("database away")

    monkeypatch.setattr(line_links, "blocked", broken)
    posted(delivery(WORLD.event("unfollow", USER), WORLD.event("follow", USER)))
    assert line_events.handle_due() == 2
    row = LineEvent.objects.get(kind="unfollow")
    assert row.due is not None
    assert "database away" in row.error
    assert LineEvent.objects.get(kind="follow").handled_at is not None
