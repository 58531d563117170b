"""Secrets leave frames before anybody stores them."""

import re
from typing import Any

import orjson

from stations.configuring import SECRET_ENDINGS, STARS

# Keys that hold a password, in ChangeConfiguration (key then value, or the other way round) and in
# the answer to GetConfiguration; passwords inside URLs; private keys.
_NAMES = rf'[^"\\]*(?:{"|".join(SECRET_ENDINGS)})'
_KEY_VALUE = re.compile(
    rf'("key"\s*:\s*"{_NAMES}"[^{{}}]*?"value"\s*:\s*")(?:[^"\\]|\\.)*(")', re.IGNORECASE
)
_VALUE_KEY = re.compile(
    rf'("value"\s*:\s*")(?:[^"\\]|\\.)*("[^{{}}]*?"key"\s*:\s*"{_NAMES}")', re.IGNORECASE
)
# A plain character written as an escape (``\u004b`` for K): the same JSON, but no pattern sees it.
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_URL_PASSWORD = re.compile(r"(\w+://[^/\s:@\"]+:)[^@\s\"]+(@)")
_TRANSFER = re.compile(r"(/transfer/)[A-Za-z0-9_-]{20,}")  # whoever has the address has the file
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)


def redact(text: str) -> str:
    """``text`` with what must not be stored replaced by ``***``. Cheap where there is nothing."""
    if "\\u00" in text:
        plain = _ESCAPED.sub(_unescaped, text)
        text = plain if _names_a_secret(plain) else text
    if _names_a_secret(text):
        text = _KEY_VALUE.sub(rf"\g<1>{STARS}\g<2>", text)
        text = _VALUE_KEY.sub(rf"\g<1>{STARS}\g<2>", text)
    if "/transfer/" in text:
        text = _TRANSFER.sub(rf"\g<1>{STARS}", text)
    if "://" in text and "@" in text:
        text = _URL_PASSWORD.sub(rf"\g<1>{STARS}\g<2>", text)
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(STARS, text)
    return text


def without_secrets(value: Any) -> Any:
    """A payload or an answer as it may be shown or recorded: passwords and keys as ``***``."""
    return orjson.loads(redact(orjson.dumps(value).decode()))


def _names_a_secret(text: str) -> bool:
    lowered = text.lower()
    return any(ending in lowered for ending in SECRET_ENDINGS)


def _unescaped(found: re.Match[str]) -> str:
    """The character itself, but for those that JSON needs escaped."""
    character = chr(int(found[1], 16))
    return found[0] if character in '"\\\x7f' else character
