"""Signing in: name and password, a one-time code where the admin has set one up.

Lock-out by name is django-axes'; an address is slowed only after many failures over all names,
for a mall or an office is one address.
"""

import time
from typing import Any

import pyotp
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import DomainError
from users.models import Admin

TOTP_STEP_SECONDS = 30


class LockedOut(DomainError):
    code = "locked_out"
    status = 429
    message = _("Too many wrong passwords. Wait 15 minutes, then try again.")


class WrongPassword(DomainError):
    code = "wrong_password"
    status = 422
    message = _("Name or password is wrong.")


class WrongCode(DomainError):
    code = "wrong_code"
    status = 422
    message = _("This code is wrong or was used already. Take the next one from your app.")


class AdminBackend(BaseBackend):
    """Finds an admin by name without regard to case and takes the same time for an unknown one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Admin | None:
        if not username or not password:
            return None
        admin = Admin.objects.filter(username__iexact=username).first()
        if admin is None:
            make_password(password)
            return None
        return admin if admin.check_password(password) and admin.is_active else None

    def get_user(self, user_id: int) -> Admin | None:
        admin = Admin.objects.select_related("company").filter(pk=user_id).first()
        return admin if admin is not None and admin.is_active else None


def verify_password(request: HttpRequest, username: str, password: str, address: str) -> Admin:
    """The admin behind name and password; ``LockedOut`` or ``WrongPassword`` otherwise, audited."""
    actor = audit.Actor("visitor", name=username[:120], address=address)
    locked = not AxesProxyHandler.is_allowed(request, {"username": username})
    if locked or _failures_from(address) >= settings.SIGN_IN_FAILURES_PER_ADDRESS:
        audit.record(actor, "sign_in", refused=True, new={"reason": "locked_out"})
        raise LockedOut
    admin = authenticate(request, username=username, password=password)
    if not isinstance(admin, Admin):
        audit.record(actor, "sign_in", refused=True, new={"reason": "wrong_password"})
        raise WrongPassword
    return admin


def verify_code(admin: Admin, code: str) -> None:
    """Check a TOTP code (RFC 6238), one step of clock drift either way, each code once."""
    totp = pyotp.TOTP(admin.totp_secret, interval=TOTP_STEP_SECONDS)
    step = int(time.time()) // TOTP_STEP_SECONDS
    with transaction.atomic():
        row = Admin.objects.select_for_update().get(pk=admin.pk)
        for candidate in (step - 1, step, step + 1):
            if candidate > row.totp_last_step and totp.verify(
                code, for_time=candidate * TOTP_STEP_SECONDS
            ):
                Admin.objects.filter(pk=admin.pk).update(totp_last_step=candidate)
                return
    raise WrongCode(field="code")


def _failures_from(address: str) -> int:
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)
    return int(attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0)
