"""A card's number goes from the browser to the gateway's vault. Our server sees a token, nothing else.

The gateway's script and the frame of its vault are let in on this one page only; every other page
keeps the strict policy of ``evbilling.middleware``.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import Payment
from billing.services import gateways
from core.errors import DomainError
from evbilling.middleware import CONTENT_SECURITY_POLICY

_TOKEN = re.compile(r"tokn_[A-Za-z0-9_]{1,80}\Z")
_LONG_NUMBER = re.compile(r"(?:\d[ \-]?){12,18}\d")


class NoToken(DomainError):
    """What came is no token; a card's number is neither kept nor written down."""

    code = "no_token"
    message = _("The card could not be read. Enter it again; its number stays with the gateway.")


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the page needs: the gateway's script and the entity's public key."""

    script: str
    vault: str
    key: str


def form(payment: Payment) -> CardForm:
    return CardForm(
        settings.OMISE_SCRIPT_URL, settings.OMISE_VAULT_URL, gateways.public_key(payment.tax_entity)
    )


def policy() -> str:
    """The policy of the page with the card's fields."""
    script, vault = _origin(settings.OMISE_SCRIPT_URL), _origin(settings.OMISE_VAULT_URL)
    return (
        CONTENT_SECURITY_POLICY.replace("script-src 'self'", f"script-src 'self' {script}").replace(
            "connect-src 'self'", f"connect-src 'self' {vault}"
        )
        + f"; frame-src {script} {vault}"
    )


def token_of(request: HttpRequest) -> str:
    """The token that the gateway gave the browser. ``NoToken`` for anything else."""
    token = request.POST.get("token", "")
    others = [v for name, v in request.POST.items() if name not in ("csrfmiddlewaretoken", "token")]
    if not _TOKEN.match(token) or any(looks_like_a_card(str(text)) for text in (token, *others)):
        raise NoToken
    return token


def looks_like_a_card(text: str) -> bool:
    """13 to 19 digits whose check digit fits (Luhn)."""
    for found in _LONG_NUMBER.finditer(text):
        digits = [int(d) for d in found[0] if d.isdecimal()][::-1]
        doubled = [d if n % 2 == 0 else d * 2 - 9 * (d > 4) for n, d in enumerate(digits)]
        if sum(doubled) % 10 == 0:
            return True
    return False


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
