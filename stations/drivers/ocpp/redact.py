"""Secrets leave frames before anybody stores them."""

import re

STARS = "***"
# AuthorizationKey in ChangeConfiguration (key then value, or the other way round) and in the answer
# to GetConfiguration; passwords inside URLs; private keys.
_KEY_VALUE = re.compile(
    r'("key"\s*:\s*"AuthorizationKey"[^{}]*?"value"\s*:\s*")(?:[^"\\]|\\.)*(")', re.IGNORECASE
)
_VALUE_KEY = re.compile(
    r'("value"\s*:\s*")(?:[^"\\]|\\.)*("[^{}]*?"key"\s*:\s*"AuthorizationKey")', re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(\w+://[^/\s:@\"]+:)[^@\s\"]+(@)")
_TRANSFER = re.compile(r"(/transfer/)[A-Za-z0-9_-]{20,}")  # whoever has the address has the file
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)


def redact(text: str) -> str:
    """``text`` with what must not be stored replaced by ``***``. Cheap where there is nothing."""
    lowered = text.lower() if "uth" in text or "UTH" in text else ""
    if "authorizationkey" in lowered:
        text = _KEY_VALUE.sub(rf"\g<1>{STARS}\g<2>", text)
        text = _VALUE_KEY.sub(rf"\g<1>{STARS}\g<2>", text)
    if "/transfer/" in text:
        text = _TRANSFER.sub(rf"\g<1>{STARS}", text)
    if "://" in text and "@" in text:
        text = _URL_PASSWORD.sub(rf"\g<1>{STARS}\g<2>", text)
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(STARS, text)
    return text
