"""From a row to a message: the channel, the tries, giving up, the quota; never a second message."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone

from tests.factories import a_company, a_customer
from tests.line.samples import BILLED, PAYLOADS
from users import messages
from users.messages import email, line, quota, sending
from users.messages.outcome import Outcome, Result
from users.models import (
    Channel,
    Customer,
    LineLink,
    LineQuota,
    LinkedBy,
    Message,
    MessageStatus,
)

pytestmark = pytest.mark.django_db
USER = "U" + "a" * 32


def a_linked_customer(**fields: Any) -> Customer:
    customer = a_customer(a_company(), language="en")
    values: dict[str, Any] = {"line_user_id": USER, "linked_by": LinkedBy.LOGIN} | fields
    LineLink.objects.create(company=customer.company, customer=customer, **values)
    return customer


def a_message(kind: str = "session_billed", key: str = "k1") -> Message:
    assert messages.tell(a_linked_customer(), kind, key, PAYLOADS[kind])
    return Message.objects.get(key=key)


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch, line_on: Any) -> list[Any]:
    """What would be pushed."""
    sent: list[Any] = []

    def push(*args: Any) -> Outcome:
        sent.append(args)
        return Outcome(Result.SENT)

    monkeypatch.setattr(line, "push", push)
    return sent


def failing(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    monkeypatch.setattr(line, "push", lambda *args: outcome)


def test_line_is_the_channel_where_it_is_linked_and_may_be_written_to(line_on: Any) -> None:
    row = a_message()
    assert (row.channel, row.address, row.status) == (Channel.LINE, USER, MessageStatus.QUEUED)
    assert row.valid_until is not None


@pytest.mark.parametrize("case", ["not a friend", "not linked", "not set up"])
def test_otherwise_the_message_is_shown_in_the_product_only(line_on: Any, case: str) -> None:
    customer = a_linked_customer(friend=case != "not a friend")
    if case == "not linked":
        LineLink.objects.all().delete()
    if case == "not set up":
        line_on.LINE_CHANNEL_ACCESS_TOKEN = ""
    assert messages.tell(customer, "session_billed", "k1", BILLED)
    row = Message.objects.get()
    assert (row.status, row.due, row.channel) == (MessageStatus.NO_CHANNEL, None, "")


def test_a_guest_is_told_by_the_account_they_gave(line_on: Any) -> None:
    company = a_company()
    assert messages.tell_line(company, USER, "th", "charger_fault", "g1", BILLED)
    assert not messages.tell_line(company, USER, "th", "charger_fault", "g1", BILLED)
    row = Message.objects.get()
    assert (row.customer, row.address, row.company) == (None, USER, company)


def test_a_row_is_sent_once_with_a_key_of_its_own(pushes: list[Any]) -> None:
    row = a_message()
    assert sending.send_due() == 1
    assert sending.send_due() == 0
    row.refresh_from_db()
    assert (row.status, row.due, row.attempts) == (MessageStatus.SENT, None, 1)
    assert row.sent_at is not None
    [(to, made, retry_key)] = pushes
    assert (to, retry_key) == (USER, row.retry_key)
    assert made[0]["altText"].startswith("Charging finished at ตลาดสุขใจ บางนา: 17.36 kWh")
    assert row.retry_key != a_key("other")


def a_key(key: str) -> Any:
    return Message(key=key).retry_key


def test_nothing_is_sent_before_the_fact_is_committed(pushes: list[Any]) -> None:
    with transaction.atomic():
        a_message()
        transaction.set_rollback(True)
    assert sending.send_due() == 0
    assert pushes == []


def test_a_claimed_row_is_nobody_elses_until_the_claim_ends(line_on: Any) -> None:
    a_message()
    now = timezone.now()
    assert sending.claim(now) is not None
    assert sending.claim(now) is None
    again = sending.claim(now + sending.CLAIM + timedelta(seconds=1))
    assert again is not None
    assert again.attempts == 2


def test_what_line_refuses_for_now_is_tried_later_and_then_given_up(
    line_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = a_message()
    failing(monkeypatch, Outcome(Result.LATER, "LINE answered 500"))
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _each in range(sending.MOST_TRIES):
            assert sending.send_due() == 1
            row.refresh_from_db()
            if row.due is None:
                break
            waits.append((row.due - timezone.now()).total_seconds())
            clock.move_to(row.due)
    assert waits == [15, 30, 60, 120, 240, 480, 960]
    assert (row.status, row.due, row.error) == (MessageStatus.FAILED, None, "LINE answered 500")


def test_old_news_is_not_told(line_on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = a_message("nearly_full")
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=False):
        assert sending.send_due() == 1
    row.refresh_from_db()
    assert (row.status, row.error) == (MessageStatus.FAILED, "too late to be of use")


def test_a_user_that_does_not_exist_is_given_up_at_once(
    line_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = a_message()
    failing(monkeypatch, Outcome(Result.NEVER, "LINE answered 400"))
    sending.send_due()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (MessageStatus.FAILED, 1)
    sending.try_again(row)
    row.refresh_from_db()
    assert (row.status, row.attempts) == (MessageStatus.QUEUED, 0)
    with pytest.raises(sending.NotFailed):
        sending.try_again(row)


def test_a_message_that_cannot_be_made_does_not_hold_up_the_others(pushes: list[Any]) -> None:
    customer = a_linked_customer()
    messages.tell(customer, "session_billed", "broken", {"energy": "?"})
    messages.tell(customer, "session_billed", "good", BILLED)
    assert sending.send_due() == 2
    assert Message.objects.get(key="good").status == MessageStatus.SENT
    broken = Message.objects.get(key="broken")
    assert broken.status == MessageStatus.QUEUED
    assert "InvalidOperation" in broken.error


def test_three_that_do_not_go_out_end_the_turn(
    line_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = a_linked_customer()
    for n in range(5):
        messages.tell(customer, "session_billed", f"k{n}", BILLED)
    failing(monkeypatch, Outcome(Result.LATER, "away"))
    assert sending.send_due() == 3


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (409, "The retry key is already accepted", Result.SENT),
        (429, "You have reached your monthly limit.", Result.QUOTA),
        (429, "The API rate limit has been exceeded. Try again later.", Result.LATER),
        (500, "", Result.LATER),
        (401, "Authentication failed.", Result.LATER),
        (400, "The property, 'to', is invalid", Result.NEVER),
    ],
)
def test_an_error_answer_means_what_line_says_it_means(
    status: int, body: str, expected: Result
) -> None:
    assert line.refused(status, body).result == expected


def test_near_the_end_of_the_quota_only_what_matters_is_sent(pushes: list[Any]) -> None:
    LineQuota.objects.create(pk=1, most=300, used=285, read_at=timezone.now())
    customer = a_linked_customer()
    messages.tell(customer, "session_billed", "bill", BILLED)
    messages.tell(customer, "grace_ending", "grace", PAYLOADS["grace_ending"])
    sending.send_due()
    assert Message.objects.get(key="bill").status == MessageStatus.HELD_BACK
    assert Message.objects.get(key="grace").status == MessageStatus.SENT


def test_what_we_sent_since_line_counted_counts_too_and_last_month_does_not(line_on: Any) -> None:
    counted = LineQuota.objects.create(pk=1, most=300, used=10, read_at=timezone.now())
    row = a_message()
    Message.objects.filter(pk=row.pk).update(
        status=MessageStatus.SENT, sent_at=timezone.now() + timedelta(seconds=1)
    )
    assert quota.used_now(counted) == 11
    counted.read_at = quota.month_start(timezone.now()) - timedelta(hours=1)
    assert quota.used_now(counted) == 1


def test_a_quota_that_line_says_is_used_up_is_believed_at_once(
    line_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    LineQuota.objects.create(pk=1, most=300, used=100, read_at=timezone.now())
    row = a_message()
    failing(monkeypatch, Outcome(Result.QUOTA, "monthly limit"))
    sending.send_due()
    row.refresh_from_db()
    assert row.status == MessageStatus.HELD_BACK
    assert quota.keeps_back(important=False)
    assert not quota.keeps_back(important=True)


# --- e-mail ----------------------------------------------------------------------------------------


def a_pdf(number: int) -> bytes:
    return b"%PDF-1.7 " + str(number).encode()


PDF = (f"{__name__}.a_pdf", 7)
WORDS = ("Tax invoice TI-1", "Your tax invoice is attached.", "TI-1.pdf")


@pytest.fixture
def mail_on(settings: Any) -> None:
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail.example", "bills@example.co.th"


def test_a_document_goes_out_by_e_mail_once(mail_on: None) -> None:
    company = a_company()
    for _each in range(2):
        email.send_document("a@example.com", *WORDS, PDF, "doc:7", company=company)
    assert sending.send_due() == 1
    [sent] = mail.outbox
    assert (sent.to, sent.subject, sent.from_email) == (
        ["a@example.com"],
        WORDS[0],
        "bills@example.co.th",
    )
    assert sent.attachments == [("TI-1.pdf", b"%PDF-1.7 7", "application/pdf")]
    assert Message.objects.get().status == MessageStatus.SENT


def test_a_subject_cannot_smuggle_in_another_header(mail_on: None) -> None:
    email.send_document(
        "a@example.com", "x\r\nBcc: b@example.com", "t", "f.pdf", PDF, "k", company=a_company()
    )
    assert sending.send_due() == 1
    assert mail.outbox[0].subject == "x Bcc: b@example.com"


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "a@example.com, b@example.com", "a b@c.de"]
)
def test_what_is_no_address_is_refused_and_nothing_is_written(mail_on: None, address: str) -> None:
    with pytest.raises(email.BadAddress):
        email.send_document(address, *WORDS, PDF, "k", company=a_company())
    assert not Message.objects.exists()


def test_without_a_mail_server_it_is_said_at_once(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    with pytest.raises(email.EmailOff):
        email.send_document("a@example.com", *WORDS, PDF, "k", company=a_company())


def test_one_address_gets_twenty_documents_a_day(mail_on: None) -> None:
    company = a_company()
    for n in range(email.PER_DAY):
        email.send_document("a@example.com", *WORDS, PDF, f"k{n}", company=company)
    with pytest.raises(email.TooMany):
        email.send_document("A@EXAMPLE.com", *WORDS, PDF, "one more", company=company)
    email.send_document("b@example.com", *WORDS, PDF, "another", company=company)


def test_a_mail_server_that_is_away_is_tried_later(
    mail_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", away)
    row = email.send_document("a@example.com", *WORDS, PDF, "k", company=a_company())
    sending.send_due()
    row.refresh_from_db()
    assert row.status == MessageStatus.QUEUED
    assert "cannot be reached" in row.error
