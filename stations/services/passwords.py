"""Charger passwords: digests, and a change that cannot lock a charger out.

A new password is accepted from the moment it is sent, beside the old one; the old one goes when the
charger has connected with a new one. So a lost answer, a charger that says yes and does nothing, or
one that restarts half way are all let in.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from stations import configuring
from stations.models import Charger, Command, CommandStatus
from stations.services import commands

AUTHORIZATION_KEY = "AuthorizationKey"
ACTION = "ChangeConfiguration"
WORD = "password"
LEAST_BYTES, MOST_BYTES = 16, 20  # whitepaper §4.2: AuthorizationKey, sent as text of at most 40
MOST_TEXT = 40
MOST_UNSURE = 8
# Never seen by the charger, or refused by it in so many words: the new password is nobody's.
NOT_TAKEN = (CommandStatus.REJECTED, CommandStatus.OFFLINE)


class BadAuthorizationKey(DomainError):
    code = "bad_password"
    message = _("A charger’s password has 16 to 40 characters, or 32 to 40 hexadecimal digits.")


class TooManyUnsure(Conflict):
    code = "password_unsure"
    message = _(
        "The charger has not connected with any of the last passwords yet. Restart it, then try again."
    )


def digest(charge_point_id: str, password: str) -> str:
    """HMAC-SHA256 under the server key. A slow hash would cost a storm of 5,000 21 CPU-minutes;
    the password is random and long instead (perf research). Bytes that are no text are allowed."""
    key = f"charger-password:{settings.SECRET_KEY}".encode()
    said = f"{charge_point_id.upper()}\0{password}".encode("utf-8", "surrogateescape")
    return hmac.new(key, said, hashlib.sha256).hexdigest()


def digests(charge_point_id: str, presented: str) -> list[str]:
    """Under which digests a presented password may be known: as it is and, where it can be a
    decoded AuthorizationKey of 16 to 20 bytes, as the hexadecimal text that we sent."""
    found = [digest(charge_point_id, presented)]
    raw = presented.encode("utf-8", "surrogateescape")
    if LEAST_BYTES <= len(raw) <= MOST_BYTES:
        text = raw.hex()
        found += [digest(charge_point_id, text), digest(charge_point_id, text.upper())]
    return found


def new_password() -> str:
    """160 random bits in 40 hexadecimal digits: the longest AuthorizationKey there is."""
    return secrets.token_hex(MOST_BYTES)


def set_password(charger: Charger, password: str) -> None:
    """Known on both sides from now on (typed into the charger); no other is accepted any more."""
    charger.password_hmac = digest(charger.charge_point_id, password)
    charger.next_password_hmacs = []
    charger.password_changed_at = timezone.now()
    Charger.objects.filter(pk=charger.pk).update(
        password_hmac=charger.password_hmac,
        next_password_hmacs=[],
        password_changed_at=charger.password_changed_at,
    )


def is_password_change(action: str, payload: Any) -> bool:
    """Whether this request of the standard carries a charger's password."""
    key = payload.get("key") if isinstance(payload, dict) else None
    return action == ACTION and str(key).casefold() == AUTHORIZATION_KEY.casefold()


def refuse_for_many(action: str, payload: Mapping[str, Any]) -> None:
    """One order for many chargers carries no password: each has its own, and ours has to know it."""
    if action == ACTION and configuring.is_secret(str(payload.get("key", ""))):
        raise DomainError(
            _("The password is changed where the charger is set up, on both sides at once."),
            code="password_elsewhere",
            field="key",
        )


def renew(charger: Charger, *, actor: audit.Actor) -> Command:
    """Send a new random password. ``charger_offline`` where nothing reaches it."""
    if not commands.holder_of(charger.pk):
        raise Conflict(
            _("The charger is offline, so no password reaches it. Nothing was changed."),
            code="charger_offline",
        )
    with transaction.atomic():
        command = send(charger, new_password(), by=actor.name)
        audit.record(
            actor,
            "change_password",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={"password": "***", "command": command.pk},
        )
    return command


def send(charger: Charger, password: str, *, by: str, answer_timeout_s: int = 30) -> Command:
    """Send this password; it is accepted beside the old one at once. ``BadAuthorizationKey``."""
    check(password)
    with transaction.atomic():
        row = Charger.objects.select_for_update(of=("self",)).get(pk=charger.pk)
        made = digest(row.charge_point_id, password)
        known = [d for d in row.next_password_hmacs if d != made]
        if len(known) >= MOST_UNSURE:
            raise TooManyUnsure
        Charger.objects.filter(pk=row.pk).update(next_password_hmacs=[*known, made])
        return commands.request(
            charger,
            ACTION,
            {"key": AUTHORIZATION_KEY},
            by=by,
            key=f"{WORD}:{made}:{secrets.token_hex(4)}",
            answer_timeout_s=answer_timeout_s,
            secret={"value": password},
        )


def check(password: object) -> None:
    """Raise ``BadAuthorizationKey`` for what the standard does not allow (whitepaper §4.2)."""
    readable = (
        isinstance(password, str)
        and password.isascii()
        and password.isprintable()
        and LEAST_BYTES <= len(password) <= MOST_TEXT
    )
    if not readable:
        raise BadAuthorizationKey(field="value")


def on_outcome(command: Command) -> None:
    """Forget a new password that the charger cannot have taken; keep every other."""
    made = (command.key or "").split(":")[1]
    never_sent = command.sent_at is None
    if not never_sent and command.status not in NOT_TAKEN:
        return
    row = Charger.all_objects.select_for_update(of=("self",)).get(pk=command.charger_id)
    left = [d for d in row.next_password_hmacs if d != made]
    Charger.all_objects.filter(pk=row.pk).update(next_password_hmacs=left)
