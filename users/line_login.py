"""LINE Login v2.1 (OpenID Connect) with PKCE: who is this? Called by a view, outside any transaction.

Only LINE's own word is believed: the id token is verified by LINE itself, with our channel and the
nonce of this very login (developers.line.biz, LINE Login v2.1 reference).
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

ISSUER = "https://access.line.me"
TIMEOUT_S = 8.0


class LoginFailed(DomainError):
    """Nothing was linked."""

    code = "line_login"
    status = 502
    message = _("LINE did not say who you are. Nothing was linked. Try again.")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What this browser must bring back: ``state``; what only we and LINE compare: the others."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """``friend``: the official account may write to them."""

    line_user_id: str
    friend: bool


def is_on() -> bool:
    return bool(settings.LINE_LOGIN_CHANNEL_ID)


def new_ticket() -> Ticket:
    return Ticket(*(secrets.token_urlsafe(32) for _each in range(3)))


def authorize_url(ticket: Ticket, redirect_uri: str, language: str) -> str:
    """Where the person is sent; LINE offers to add the official account as a friend."""
    digest = hashlib.sha256(ticket.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": settings.LINE_LOGIN_CHANNEL_ID,
        "redirect_uri": redirect_uri,
        "state": ticket.state,
        "scope": "openid profile",
        "nonce": ticket.nonce,
        "bot_prompt": "aggressive",
        "ui_locales": "th-TH" if language == "th" else "en-US",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{settings.LINE_ACCESS_URL}/oauth2/v2.1/authorize?{urlencode(asked)}"


def who(code: str, ticket: Ticket, redirect_uri: str) -> Person:
    """Exchange the code, have the id token verified, ask for the friendship. Raises ``LoginFailed``."""
    try:
        with httpx.Client(base_url=settings.LINE_API_URL, timeout=TIMEOUT_S) as client:
            tokens = _post(
                client,
                "/oauth2/v2.1/token",
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": redirect_uri,
                    "client_id": settings.LINE_LOGIN_CHANNEL_ID,
                    "client_secret": settings.LINE_LOGIN_CHANNEL_SECRET,
                    "code_verifier": ticket.verifier,
                },
            )
            claims = _post(
                client,
                "/oauth2/v2.1/verify",
                {
                    "id_token": str(tokens.get("id_token", "")),
                    "client_id": settings.LINE_LOGIN_CHANNEL_ID,
                    "nonce": ticket.nonce,
                },
            )
            return Person(_subject(claims, ticket), _friend(client, tokens))
    except (httpx.HTTPError, ValueError) as error:
        raise LoginFailed(
            _("LINE does not answer now. Nothing was linked. Try again in a minute."),
            code="line_away",
        ) from error


def _post(client: httpx.Client, path: str, form: dict[str, str]) -> dict[str, Any]:
    answer = client.post(path, data=form)
    if answer.status_code >= 500:
        raise httpx.HTTPStatusError("LINE is away", request=answer.request, response=answer)
    found = answer.json()
    if answer.status_code != 200 or not isinstance(found, dict):
        raise LoginFailed
    return found


def _subject(claims: dict[str, Any], ticket: Ticket) -> str:
    """The user id, where every claim is as it must be."""
    subject = claims.get("sub")
    ours = (
        claims.get("iss") == ISSUER
        and claims.get("aud") == settings.LINE_LOGIN_CHANNEL_ID
        and claims.get("nonce") == ticket.nonce
    )
    if not ours or not isinstance(subject, str) or not 10 <= len(subject) <= 64:
        raise LoginFailed
    return subject


def _friend(client: httpx.Client, tokens: dict[str, Any]) -> bool:
    bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
    answer = client.get("/friendship/v1/status", headers=bearer)
    return answer.status_code == 200 and answer.json().get("friendFlag") is True
