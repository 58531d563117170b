"""Secrets that we must be able to read again (keys, passwords on their way), sealed at rest.

Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from SECRET_KEY. Whoever has only the
database has none of them; a new SECRET_KEY makes them unreadable, so callers treat
``Unreadable`` as "not there".
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """Sealed under another SECRET_KEY, or not by us."""


@cache
def _fernet(secret: str) -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"evbilling sealed secrets").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def seal(text: str) -> str:
    """``text`` unreadable for whoever has only the database. Sealing twice gives two different seals."""
    return _fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed, or ``Unreadable``."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(sealed.encode()).decode()
    except (InvalidToken, ValueError):
        raise Unreadable from None
