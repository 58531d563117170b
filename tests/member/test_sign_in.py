"""Signing in by phone number, as a browser meets it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from core.models import AuditEntry
from evbilling.member.notice import VERSION
from tests.customer.phones import Seen
from tests.factories import a_company, a_customer
from tests.member.phones import MemberPhone, Outbox
from users.models import Customer, MemberSession, NoticeAcceptance, OneTimeCode
from users.services import customers, members

pytestmark = pytest.mark.django_db
KNOWN = "+66812345678"


def a_phone(outbox: Outbox, **company: Any) -> MemberPhone:
    return MemberPhone(a_company(**company), outbox)


@pytest.mark.parametrize(
    "written",
    [
        "0812345678",
        "081-234-5678",
        "๐๘๑ ๒๓๔ ๕๖๗๘",
        "66812345678",
        "+66 (0)81 234 5678",
        "0066812345678",
    ],
)
def test_a_number_is_the_same_in_every_form(outbox: Outbox, written: str) -> None:
    phone = a_phone(outbox)
    member = a_customer(phone.company, phone=KNOWN)
    phone.sign_in(written)
    assert phone.get().status_code == 200
    assert MemberSession.objects.get().customer == member


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("02 123 4567", "this line cannot receive messages"),
        ("12345", "not a telephone number"),
        ("", "not a telephone number"),
        ("+1 202 555 0123", "Thai mobile numbers only"),
    ],
)
def test_what_gets_no_message_gets_a_sentence(outbox: Outbox, written: str, sentence: str) -> None:
    answer = a_phone(outbox).ask(written)
    assert answer.status_code == 422
    assert sentence in Seen(answer)
    assert (outbox, OneTimeCode.objects.count()) == ([], 0)


def test_a_new_number_is_a_member_only_after_the_code_and_the_notice(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    phone.ask(KNOWN)
    assert not Customer.objects.exists()
    answer = phone.say(outbox.code)
    assert answer["Location"].startswith(f"{phone.home}notice")
    assert not Customer.objects.exists()
    assert phone.get()["Location"].startswith("/me/sign-in")  # not signed in yet
    shown = phone.see("notice")
    assert "What we keep about you" in shown
    assert "make my account" in shown
    phone.accept()
    member = Customer.objects.get()
    assert (member.company, member.phone, member.level) == (phone.company, KNOWN, "member")
    kept = NoticeAcceptance.objects.get()
    assert (kept.customer, kept.version, kept.language) == (member, VERSION, "en")
    assert "at least 90 days" in kept.text
    assert member.marketing_since is None
    assert phone.get().status_code == 200
    assert phone.accept().status_code == 303  # once more changes nothing
    assert NoticeAcceptance.objects.count() == Customer.objects.count() == 1


def test_a_code_that_was_said_makes_one_account_at_one_company_only(outbox: Outbox) -> None:
    phone, other = a_phone(outbox), a_company()
    phone.ask(KNOWN)
    phone.say(outbox.code)
    answer = phone.client.post(f"/me/{other.slug}/notice")
    assert answer["Location"].startswith("/me/sign-in")
    assert not Customer.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        phone.accept()
    assert not Customer.objects.exists()


def test_the_answer_tells_nobody_whether_a_number_is_known(outbox: Outbox) -> None:
    """With registration closed: the pages differ in nothing but the letters and the number."""
    company = a_company(self_registration=False)
    a_customer(company, phone=KNOWN)
    pages = []
    for n, number in enumerate((KNOWN, "+66823456789")):
        phone = MemberPhone(company, outbox, address=f"10.0.0.{n}")
        asked = phone.ask(number)
        page = phone.client.get(asked["Location"])
        wrong = phone.say("000000")
        pages.append([asked.status_code, asked["Location"], plain(page), plain(wrong)])
    assert pages[0] == pages[1]
    assert [number for number, _text in outbox] == [KNOWN]


def plain(answer: Any) -> tuple[int, str]:
    """A page without what must differ: letters, number, moments, tokens."""
    html = re.sub(r'class="ref">\w{4}|value="\w{64}"|08\d \d{3} \d{4}', "", answer.content.decode())
    html = re.sub(r'data-(now|until)="\d+"|\d:\d\d<|name="csrf[^>]+>', "", html)
    return answer.status_code, html


def test_where_the_office_enters_members_a_stranger_never_becomes_one(outbox: Outbox) -> None:
    phone = a_phone(outbox, self_registration=False)
    assert phone.ask(KNOWN).status_code == 303
    assert outbox == []
    row = OneTimeCode.objects.get()
    from users.services import codes

    assert phone.say(codes.digits(row)).status_code == 422
    assert phone.accept()["Location"].startswith("/me/sign-in")
    assert not Customer.objects.exists()


def test_a_closed_account_says_so_to_its_own_phone_only(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    member = a_customer(phone.company, phone=KNOWN, enabled=False)
    phone.ask(KNOWN)
    answer = phone.say(outbox.code)
    assert answer.status_code == 403
    assert "This account is closed" in Seen(answer)
    assert not MemberSession.objects.exists()
    customers.delete(member, actor=members._self(member))
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        phone.ask(KNOWN)
        assert phone.say(outbox.code).status_code == 403
    assert Customer.all_objects.count() == 1


def test_the_number_goes_back_to_the_page_it_came_from_and_nowhere_else(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    a_customer(phone.company, phone=KNOWN)
    assert phone.sign_in(KNOWN, to="/c/ABCD2345")["Location"] == "/c/ABCD2345"
    for evil in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/c/\\evil",
        "/api/",
    ):
        with time_machine.travel(timezone.now() + timedelta(minutes=5)):
            OneTimeCode.objects.all().delete()
            answer = phone.sign_in(KNOWN, to=evil)
        assert answer["Location"] == phone.home


def test_asking_again_within_a_minute_shows_the_code_page_once_more(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    assert phone.ask(KNOWN).status_code == phone.ask(KNOWN).status_code == 303
    assert len(outbox) == 1
    again = phone.client.post(f"/me/sign-in/again?at={phone.company.slug}")
    assert (again.status_code, len(outbox)) == (303, 1)
    stranger = MemberPhone(phone.company, outbox, address="10.9.9.9").ask(KNOWN)
    assert stranger.status_code == 429
    assert "in 60 seconds" in Seen(stranger) or "in 59 seconds" in Seen(stranger)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        phone.client.post(f"/me/sign-in/again?at={phone.company.slug}")
        assert len(outbox) == 2
        assert phone.say(outbox.code).status_code == 303


def test_a_message_that_fails_is_said_and_can_be_asked_for_again(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    outbox.failing = "provider_down"
    page = phone.client.get(phone.ask(KNOWN)["Location"])
    assert "The SMS did not go out" in Seen(page)
    outbox.failing = ""
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        phone.client.post(f"/me/sign-in/again?at={phone.company.slug}")
        assert phone.say(outbox.code).status_code == 303


def test_a_queue_that_is_away_loses_no_code(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kombu.exceptions import OperationalError

    from evbilling import tasks

    def away(*args: Any, **more: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.send_code, "apply_async", away)
    phone = a_phone(outbox)
    assert phone.ask(KNOWN).status_code == 303
    tasks.send_due_codes()
    assert phone.say(outbox.code).status_code == 303


def test_the_cookie_is_random_hidden_from_scripts_and_kept_as_a_digest(outbox: Outbox) -> None:
    phone = a_phone(outbox)
    a_customer(phone.company, phone=KNOWN)
    phone.sign_in(KNOWN)
    cookie = phone.client.cookies["member"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert len(cookie.value) == 43
    assert cookie.value not in str(MemberSession.objects.values_list().get())
    before = cookie.value
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        phone.sign_in(KNOWN)
    assert phone.client.cookies["member"].value != before  # a new one at each sign-in
    assert len(members.phones_of(Customer.objects.get())) == 1
    assert AuditEntry.objects.filter(action="member_sign_in").count() == 2


def test_ninety_days_without_use_sign_a_phone_out_and_each_use_begins_them_anew(
    outbox: Outbox,
) -> None:
    phone = a_phone(outbox)
    a_customer(phone.company, phone=KNOWN)
    phone.sign_in(KNOWN)
    now = timezone.now()
    for days in (60, 140):
        with time_machine.travel(now + timedelta(days=days)):
            assert phone.get().status_code == 200
    with time_machine.travel(now + timedelta(days=231)):
        assert phone.get().status_code == 302


def test_a_person_of_two_companies_chooses_and_each_is_told_its_own(outbox: Outbox) -> None:
    phone, other = a_phone(outbox), a_company(name="Other Charge")
    for company in (phone.company, other):
        a_customer(company, phone=KNOWN)
    phone.client.post("/me/sign-in", {"phone": KNOWN})
    answer = phone.client.post("/me/sign-in/code", {"code": outbox.code})
    assert answer["Location"] == "/me/"
    assert "Other Charge" in Seen(phone.client.get("/me/"))
    assert phone.client.get(f"/me/{other.slug}/")["Location"].startswith(f"/me/{other.slug}/notice")
    phone.client.post(f"/me/{other.slug}/notice")
    assert phone.client.get(f"/me/{other.slug}/").status_code == 200
    assert phone.get()["Location"].startswith(f"{phone.home}notice")


def test_a_stranger_gets_nowhere_in_the_area(outbox: Outbox, client: Any) -> None:
    """Every page of the area, made from the URLconf: a new one cannot be forgotten."""
    from evbilling.member.urls import urlpatterns

    company = a_company()
    open_to_all = {"me-choose", "me-sign-in", "me-code", "me-again", "me-sign-out", "me-notice"}
    seen = 0
    for pattern in urlpatterns:
        if pattern.name in open_to_all:
            continue
        seen += 1
        assert getattr(pattern.callback, "of_member", False), pattern.name
        values = {"slug": company.slug, "pk": 1, "reference": "X", "code": "X"}
        path = pattern.pattern._route  # type: ignore[union-attr]
        for name, value in values.items():
            path = re.sub(rf"<\w+:{name}>", str(value), path)
        for method in ("get", "post"):
            answer = getattr(client, method)(f"/me/{path}")
            away = answer.status_code == 302 and answer["Location"].startswith("/me/sign-in?at=")
            assert away or answer.status_code == 405, (method, path, answer.status_code)
    assert seen > 15
    assert client.get("/me/no-such-company/").status_code == 404
