"""One-time codes by SMS: asked for, sent, said, each within limits that hold for everybody alike.

A code is the keyed HMAC of its row's random id, cut to 6 digits (RFC 4226 §5.3 does the same with
a counter): it is stored nowhere, so no table, backup, queue or log can lose it. A number that
nobody has is treated like any other, limits and all; only no message goes out.
"""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import phonenumbers
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError
from users.messages import sms
from users.messages.texts import code_text
from users.models import CodePurpose, CodeState, Company, Customer, OneTimeCode

log = logging.getLogger(__name__)
DIGITS = 6
LASTS = timedelta(minutes=5)
TRIES = 5
AGAIN_AFTER = timedelta(seconds=60)
PROOF_LASTS = timedelta(minutes=15)  # how long a said code lets its phone go on
PER_PHONE = ((timedelta(hours=1), 5), (timedelta(days=1), 10))
# A mall or a phone company's gate is one address: room for many people, not for a flood.
PER_ADDRESS = ((timedelta(minutes=10), 20), (timedelta(days=1), 150))
SENDING_LASTS = timedelta(seconds=30)  # longer, and whoever sent it has died on the way
REFERENCE = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I, no O


class TooSoon(DomainError):
    code = "too_soon"
    status = 429
    message = _("A code was sent a moment ago. You can ask for another in %(seconds)s seconds.")


class TooManyCodes(DomainError):
    code = "too_many_codes"
    status = 429
    message = _("Too many codes were asked for. Try again later, or use your card.")


class NoMessagesNow(DomainError):
    """The day's ceiling is reached, or no way to send messages is set up."""

    code = "no_sms"
    status = 503
    message = _("We cannot send codes right now. Use your card, or try again later.")


class NotOurCountry(DomainError):
    code = "foreign_number"
    message = _("We send codes to Thai mobile numbers only.")


class WrongCode(DomainError):
    code = "wrong_code"
    message = _("This code is not right. You have %(left)s more tries.")


class CodeOver(Conflict):
    """Expired, used up, used, or asked for on another phone."""

    code = "code_over"
    message = _("This code is no longer valid. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks for a code and for what. ``flow``: the random cookie of the phone that asks."""

    phone: str  # E.164
    flow: str
    purpose: CodePurpose = CodePurpose.SIGN_IN
    company: Company | None = None
    customer: Customer | None = None
    silent: bool = False
    address: str | None = None
    language: str = "th"


def digest(token: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def ask(wish: Wish) -> OneTimeCode:
    """A new code for this phone; the one before it is over. The message goes out after commit.

    ``TooSoon``, ``TooManyCodes``, ``NoMessagesNow``, ``NotOurCountry``.
    """
    _check_country(wish.phone)
    if not settings.SMS_BACKEND:
        raise NoMessagesNow
    now = timezone.now()
    with transaction.atomic():
        _one_by_one()
        _check_limits(wish, now)
        mine = OneTimeCode.objects.filter(flow=digest(wish.flow), purpose=wish.purpose)
        mine.filter(used_at__isnull=True, ended_at__isnull=True).update(ended_at=now)
        return OneTimeCode.objects.create(
            flow=digest(wish.flow),
            company=wish.company,
            customer=wish.customer,
            purpose=wish.purpose,
            phone=wish.phone,
            reference="".join(secrets.choice(REFERENCE) for _each in range(4)),
            address=wish.address,
            language=wish.language,
            created_at=now,
            expires_at=now + LASTS,
            state=CodeState.SILENT if wish.silent else CodeState.DUE,
            state_at=now,
        )


def say(flow: str, purpose: CodePurpose, said: str) -> OneTimeCode:
    """The row whose code was said, once. ``WrongCode``, ``CodeOver``; each wrong try counts."""
    problem: DomainError | None = None
    with transaction.atomic():
        row = (
            OneTimeCode.objects.select_for_update(of=("self",))
            .filter(flow=digest(flow), purpose=purpose)
            .order_by("-created_at")
            .first()
        )
        now = timezone.now()
        if row is None or not is_open(row, now):
            raise CodeOver(field="code")
        typed = "".join(str(int(c)) for c in said if c.isdecimal())
        right = hmac.compare_digest(typed, digits(row)) and row.state != CodeState.SILENT
        if right:
            row.used_at = now
        else:
            row.tries += 1
            row.ended_at = now if row.tries >= TRIES else None
            problem = _wrong(row)
        row.save(update_fields=["used_at", "tries", "ended_at"])
    if problem is not None:  # outside the transaction: the record of the try must stay
        raise problem
    return row


def newest(flow: str, purpose: CodePurpose) -> OneTimeCode | None:
    """The code that this phone asked for last."""
    if not flow:
        return None
    mine = OneTimeCode.objects.select_related("company", "customer")
    return mine.filter(flow=digest(flow), purpose=purpose).order_by("-created_at").first()


def proven(flow: str, purpose: CodePurpose) -> OneTimeCode | None:
    """The code that was said on this phone a little while ago and has not been made use of yet."""
    row = newest(flow, purpose)
    fresh = row is not None and row.used_at is not None and row.ended_at is None
    return (
        row
        if row and fresh and timezone.now() - (row.used_at or row.created_at) < PROOF_LASTS
        else None
    )


def spend(row: OneTimeCode) -> None:
    """What it proved has been made use of."""
    OneTimeCode.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=timezone.now())


def is_open(row: OneTimeCode, now: datetime) -> bool:
    """Whether it can still be said."""
    return row.used_at is None and row.ended_at is None and row.expires_at > now


def digits(row: OneTimeCode) -> str:
    """The code itself. Shown to nobody but the phone it is sent to (and in the demo)."""
    made = salted_hmac("users.one_time_code", f"{row.pk}|{row.phone}", algorithm="sha256").digest()
    return f"{int.from_bytes(made) % 10**DIGITS:0{DIGITS}d}"


def send(pk: UUID | str) -> None:
    """Send the message of a code that is due, once however often this is called."""
    now = timezone.now()
    due = OneTimeCode.objects.filter(pk=pk, state=CodeState.DUE)
    if not due.update(state=CodeState.SENDING, state_at=now):
        return
    row = OneTimeCode.objects.get(pk=pk)
    if not is_open(row, now):
        _told(row, CodeState.FAILED, "too_late")
        return
    try:
        sms.sender().send(row.phone, code_text(row, digits(row)))
    except sms.SmsFailed as error:
        log.warning("sms not sent", extra={"reason": error.code, "reference": row.reference})
        _told(row, CodeState.FAILED, error.code)
    else:
        _told(row, CodeState.SENT)


def send_due() -> int:
    """Messages that nobody has sent in time: the sweep beside the task. Gives how many."""
    now = timezone.now()
    lost = OneTimeCode.objects.filter(state=CodeState.SENDING, state_at__lt=now - SENDING_LASTS)
    lost.update(state=CodeState.FAILED, failure="lost", state_at=now)
    due = OneTimeCode.objects.filter(state=CodeState.DUE).values_list("pk", flat=True)
    found = list(due[:100])
    for pk in found:
        send(pk)
    return len(found)


def failed(row: OneTimeCode) -> bool:
    """Whether the phone is told that no message went out: where none was meant to go, the same
    as everybody hears at the moment."""
    if row.state != CodeState.SILENT:
        return row.state == CodeState.FAILED
    told = OneTimeCode.objects.filter(
        state__in=[CodeState.SENT, CodeState.FAILED], state_at__gt=timezone.now() - LASTS
    )
    return told.order_by("-state_at").values_list("state", flat=True).first() == CodeState.FAILED


def used_today() -> int:
    """Codes of the last 24 hours, for the ceiling and for /metrics."""
    since = timezone.now() - timedelta(days=1)
    return OneTimeCode.objects.filter(created_at__gt=since).count()


def forget_before(limit: datetime) -> int:
    """Delete codes older than ``limit``."""
    return OneTimeCode.objects.filter(created_at__lt=limit).delete()[0]


def _told(row: OneTimeCode, state: CodeState, failure: str = "") -> None:
    OneTimeCode.objects.filter(pk=row.pk).update(
        state=state, failure=failure[:80], state_at=timezone.now()
    )


def _wrong(row: OneTimeCode) -> DomainError:
    left = TRIES - row.tries
    if left:
        return WrongCode(field="code", left=left)
    return CodeOver(_("Five tries were wrong. Ask for a new code."), field="code")


def _check_country(phone: str) -> None:
    region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    if region not in settings.SMS_COUNTRIES:
        raise NotOurCountry(field="phone")


def _one_by_one() -> None:
    """Limits are counted in rows; two requests at once must see each other's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('one-time codes'))")


def _check_limits(wish: Wish, now: datetime) -> None:
    rows = OneTimeCode.objects.all()
    before = rows.filter(phone=wish.phone).order_by("-created_at").first()
    if before is not None and now - before.created_at < AGAIN_AFTER:
        left = AGAIN_AFTER - (now - before.created_at)
        raise TooSoon(seconds=int(left.total_seconds()) + 1)
    full = _full(rows.filter(phone=wish.phone), PER_PHONE, now)
    if wish.address is not None:
        full = full or _full(rows.filter(address=wish.address), PER_ADDRESS, now)
    if full:
        raise TooManyCodes
    if used_today() >= settings.SMS_PER_DAY:
        log.error("the day's ceiling of one-time codes is reached: nobody can sign in by phone")
        raise NoMessagesNow


def _full(
    rows: QuerySet[OneTimeCode], limits: tuple[tuple[timedelta, int], ...], now: datetime
) -> bool:
    return any(rows.filter(created_at__gt=now - span).count() >= most for span, most in limits)
