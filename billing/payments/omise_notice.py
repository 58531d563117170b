"""Omise's webhooks: who sent it, and where it says to look.

``Omise-Signature`` holds hex HMAC-SHA256 values, two with a comma between while a secret is being
changed; the key is the base64-decoded secret, the message ``timestamp.raw body``. Older than five
minutes is a replay. Without a secret of ours a notice only says where to look.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.payments import notices, omise_reading
from billing.payments.base import BadNotice, NotANotice, Notice

SIGNATURE, TIMESTAMP = "omise-signature", "omise-signature-timestamp"
WINDOW_SECONDS = 300
MOST_SIGNATURES = 5


def read(headers: Mapping[str, str], body: bytes, now: datetime, secrets: Sequence[str]) -> Notice:
    """The notice, ``trusted`` where one of ``secrets`` signed it. ``BadNotice`` otherwise."""
    if secrets:
        check({name.lower(): value for name, value in headers.items()}, body, now, secrets)
    return notice(body, trusted=bool(secrets))


def check(headers: Mapping[str, str], body: bytes, now: datetime, secrets: Sequence[str]) -> None:
    """Raise ``BadNotice`` unless signed by one of ``secrets`` within the window. Names in lower case."""
    stamp = headers.get(TIMESTAMP, "").strip()
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise BadNotice("no time in the signature")
    if abs(now.timestamp() - int(stamp)) > WINDOW_SECONDS:
        raise BadNotice("too old, or from the future")
    given = [each.strip() for each in headers.get(SIGNATURE, "").split(",")][:MOST_SIGNATURES]
    message = stamp.encode() + b"." + body
    # No early end: how long it takes says nothing about which one fitted.
    fits = [
        hmac.compare_digest(signature(secret, message).encode(), each.encode())
        for secret in secrets
        for each in given
    ]
    if not any(fits):
        raise BadNotice("no signature of ours")


def signature(secret: str, message: bytes) -> str:
    """Hex HMAC-SHA256 under the base64-decoded ``secret``."""
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise BadNotice("our webhook secret is not base64") from None
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def notice(body: bytes, *, trusted: bool) -> Notice:
    """Which charge an event is about. ``NotANotice`` where it is no event."""
    event = _event(body)
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    ref = data.get("charge") if data.get("object") == "refund" else data.get("id")
    is_charge = data.get("object") == "charge"
    return Notice(
        event_id=str(event["id"])[:120],
        kind=str(event.get("key", ""))[:60],
        ref=ref if isinstance(ref, str) and ref.startswith("chrg_") else "",
        key=omise_reading.intent_of(data) if is_charge else "",
        trusted=trusted,
        body=_kept(event, data),
    )


def _event(body: bytes) -> dict[str, Any]:
    event = notices.parsed(body)
    if event.get("object") != "event":
        raise NotANotice("no event")
    if not isinstance(event.get("id"), str) or not event["id"]:
        raise NotANotice("an event without an id")
    return event


def _kept(event: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """What a dispute would ask for; of the card and the person, nothing."""
    kept = {name: event.get(name) for name in ("id", "key", "livemode", "created_at")}
    names = ("object", "id", "charge", "amount", "currency", "status", "paid", "failure_code")
    return kept | {"data": {name: data[name] for name in names if name in data}}
