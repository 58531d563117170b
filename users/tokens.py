"""API tokens: shown once, kept as a digest."""

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from users.models import Admin, ApiToken

KEYWORD = b"token"
SEEN_EVERY = timedelta(minutes=1)


def create(admin: Admin, label: str = "") -> str:
    """A new token of the admin's; this return value is the only time it can be read."""
    token = secrets.token_urlsafe(32)
    ApiToken.objects.create(admin=admin, digest=digest(token), label=label)
    return token


def digest(token: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_known(header: str) -> bool:
    """Whether an Authorization header holds a token of ours, before the request is looked at."""
    parts = header.split()
    if len(parts) != 2 or parts[0].lower() != KEYWORD.decode():
        return False
    return ApiToken.objects.filter(digest=digest(parts[1]), revoked_at__isnull=True).exists()


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Token …``"""

    def authenticate(self, request: Request) -> tuple[Admin, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != KEYWORD:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("The Authorization header must be: Token <key>."))
        found = (
            ApiToken.objects.select_related("admin")
            .filter(digest=digest(parts[1].decode("latin-1")), revoked_at__isnull=True)
            .first()
        )
        if found is None or not found.admin.is_active:
            raise AuthenticationFailed(_("This token is not valid."))
        now = timezone.now()
        if found.last_used_at is None or now - found.last_used_at > SEEN_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return found.admin, found

    def authenticate_header(self, request: Request) -> str:
        return "Token"
