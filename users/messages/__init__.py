"""Telling people things. A row first, in the transaction that made it true; senders take it from there."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from users.messages import texts
from users.models import Channel, Company, Customer, LineLink, Message, MessageStatus


def tell(customer: Customer, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
    """Tell a customer once, in their language; False where ``key`` has been told before.

    ``payload`` is plain JSON: amounts as decimal strings, energy in Wh, times in ISO 8601; each
    kind's words (``users.messages.texts.KINDS``) say which. By LINE where the account is linked and
    may be written to; else the row waits for nobody: it is shown in the product only.
    """
    link = _line_of(customer)
    return _write(
        customer.company_id,
        customer,
        customer.language,
        (Channel.LINE, link.line_user_id) if link else None,
        (kind, key, payload),
    )


def tell_line(
    company: Company,
    line_user_id: str,
    language: str,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
) -> bool:
    """Tell somebody without an account who asked for it by a tap of their own."""
    to = (Channel.LINE, line_user_id) if settings.LINE_CHANNEL_ACCESS_TOKEN else None
    return _write(company.pk, None, language, to, (kind, key, payload))


def _line_of(customer: Customer) -> LineLink | None:
    if not settings.LINE_CHANNEL_ACCESS_TOKEN:
        return None
    return LineLink.objects.filter(customer=customer, friend=True).first()


def _write(
    company_id: int,
    customer: Customer | None,
    language: str,
    to: tuple[Channel, str] | None,
    what: tuple[str, str, Mapping[str, Any]],
) -> bool:
    kind, key, payload = what
    texts.check(kind)
    if Message.objects.filter(key=key).exists():
        return False
    now = timezone.now()
    row = Message(
        company_id=company_id,
        customer=customer,
        key=key,
        kind=kind,
        language=language,
        payload=dict(payload),
        channel=to[0] if to else "",
        address=to[1] if to else "",
        status=MessageStatus.QUEUED if to else MessageStatus.NO_CHANNEL,
        due=now if to else None,
        valid_until=now + texts.KINDS[kind].lasts if to else None,
    )
    # Two deliverers may hold the same fact at once: the unique key decides, neither fails.
    Message.objects.bulk_create([row], ignore_conflicts=True)
    return True
