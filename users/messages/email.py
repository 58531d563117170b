"""E-mail, for documents: a row like every message; the PDF is made when it is sent.

Off (the row waits for nobody) until EMAIL_URL and EMAIL_FROM are set.
"""

import smtplib
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from users.messages.outcome import Outcome, Result
from users.models import Channel, Company, Customer, Message, MessageStatus

PER_DAY = 20  # documents to one address, or for one customer, in a day
MOST_BYTES = 10 * 1024 * 1024


class EmailOff(DomainError):
    code = "email_off"
    status = 409
    message = _("E-mail is not set up here. Ask the station to send it.")


class BadAddress(DomainError):
    code = "bad_email"
    message = _("This is not an e-mail address.")


class TooMany(DomainError):
    code = "too_often"
    status = 429
    message = _("Many documents went out today already. Try again tomorrow.")


def is_on() -> bool:
    return bool(settings.EMAIL_HOST)


def send_document(
    address: str,
    subject: str,
    text: str,
    filename: str,
    pdf: tuple[str, int],
    key: str,
    *,
    company: Company,
    customer: Customer | None = None,
) -> Message:
    """Have a document sent once per ``key``; call it in a transaction.

    ``pdf`` is how the file is made at sending time: the dotted path of a function and the integer it
    gets; it returns bytes. ``EmailOff``, ``BadAddress`` (field ``email``), ``TooMany``: nothing is written.
    """
    if not is_on():
        raise EmailOff
    to = address.strip()
    try:
        validate_email(to)
    except ValidationError:
        raise BadAddress(field="email") from None
    known = Message.objects.filter(key=key).first()
    if known is not None:
        return known
    _limit(to, customer)
    import_string(pdf[0])  # a wrong path is a programming error, said now
    now = timezone.now()
    return Message.objects.create(
        company=company,
        customer=customer,
        key=key,
        kind="document",
        language=(get_language() or "th")[:2],
        channel=Channel.EMAIL,
        address=to,
        payload={"subject": subject, "text": text, "filename": filename, "pdf": list(pdf)},
        due=now,
        valid_until=now + timedelta(hours=12),
    )


def send(row: Message) -> Outcome:
    """Called by the sweep, outside any transaction."""
    if not is_on():
        return Outcome(Result.NEVER, "e-mail is not set up any more")
    path, subject_id = row.payload["pdf"]
    make: Callable[[int], bytes] = import_string(path)
    content = make(subject_id)
    if len(content) > MOST_BYTES:
        return Outcome(Result.NEVER, f"the document has {len(content)} bytes")
    mail = EmailMessage(
        subject=" ".join(row.payload["subject"].split()),
        body=row.payload["text"],
        to=[row.address],
        headers={"Message-ID": f"<{row.retry_key}@{_domain()}>"},
    )
    mail.attach(row.payload["filename"], content, "application/pdf")
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        return Outcome(Result.NEVER, f"the address was refused: {error}"[:500])
    except smtplib.SMTPResponseException as error:
        never = 500 <= error.smtp_code < 600 and error.smtp_code not in (530, 535)
        why = f"the mail server answered {error.smtp_code}"
        return Outcome(Result.NEVER if never else Result.LATER, why)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(Result.LATER, f"the mail server cannot be reached: {type(error).__name__}")
    return Outcome(Result.SENT, ref=str(row.retry_key))


def _limit(to: str, customer: Customer | None) -> None:
    today = Message.objects.filter(
        channel=Channel.EMAIL, created_at__gt=timezone.now() - timedelta(days=1)
    ).exclude(status=MessageStatus.FAILED)
    by_address = today.filter(address__iexact=to)[:PER_DAY]
    if len(by_address) >= PER_DAY:
        raise TooMany
    if customer is not None and today.filter(customer=customer)[:PER_DAY].count() >= PER_DAY:
        raise TooMany


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
