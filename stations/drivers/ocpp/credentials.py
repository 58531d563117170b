"""What a charger at the door shows: its name, a password, a certificate, how its line is protected.

A proxy in front may speak TLS for us. Its word (``X-Forwarded-Proto``, ``ssl-client-cert`` and
``ssl-client-verify`` as nginx fills them) is believed only from an address in ``TRUSTED_PROXIES``;
from anybody else these headers are as if they were not there.
"""

import base64
import binascii
import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from stations import certificates
from stations.drivers.ocpp.trust import Trust
from stations.services.links import Attempt

LONGEST_ID = 48
LONGEST_CERTIFICATE = 20_000  # of a header, escaped
PROXIED = "proxied"  # the proxy does not say which version of TLS it speaks
UNREADABLE, UNVERIFIED = "unreadable", "untrusted"


def attempt_of(scope: dict[str, Any], holder: str, trust: Trust) -> Attempt | None:
    """Who says to be there: /ocpp/1.6/<id> or /ocpp/<id>. None for any other path."""
    route = scope.get("url_route", {}).get("kwargs", {})
    claimed = unquote(route.get("charge_point_id", ""))
    if not claimed or len(claimed) > LONGEST_ID or not claimed.isprintable():
        return None
    headers = _headers(scope)
    proxied = _peer(scope) in settings.TRUSTED_PROXIES
    address = _forwarded(headers) if proxied else ""
    tls, der, refusal = _of_proxy(headers) if proxied else _of_socket(scope)
    shown = _certificate(claimed, der, trust) if der else ("", None, "")
    return Attempt(
        claimed,
        _password(headers, claimed),
        address or _peer(scope),
        holder,
        tls,
        certificate=shown[0] or (UNREADABLE if refusal else ""),
        authority=shown[1],
        refusal=refusal or shown[2],
    )


def _certificate(claimed: str, der: bytes, trust: Trust) -> tuple[str, int | None, str]:
    """(fingerprint, authority, what is wrong with it by itself)."""
    leaf = certificates.leaf_of(der)
    if leaf is None:
        return UNREADABLE, None, UNREADABLE
    wrong = ""
    if leaf.common_name.upper() != claimed.upper():
        wrong = "wrong_name"
    elif not leaf.is_valid_at(datetime.now(UTC)):
        wrong = "expired"
    authority = None if wrong else trust.authority_of(leaf.certificate)
    return leaf.fingerprint, authority, wrong


def _of_socket(scope: dict[str, Any]) -> tuple[str, bytes, str]:
    """(TLS version, client certificate as DER, refusal) of a connection that came to us itself."""
    tls = scope.get("extensions", {}).get("tls")
    return (tls["version"], tls["client_certificate"], "") if tls else ("", b"", "")


def _of_proxy(headers: dict[bytes, str]) -> tuple[str, bytes, str]:
    """The same as a trusted proxy tells it."""
    if headers.get(b"x-forwarded-proto", "").lower() not in ("https", "wss"):
        return "", b"", ""
    escaped = headers.get(b"ssl-client-cert", "")
    if not escaped:
        return PROXIED, b"", ""
    if headers.get(b"ssl-client-verify", "") != "SUCCESS":
        return PROXIED, b"", UNVERIFIED
    try:
        return PROXIED, ssl.PEM_cert_to_DER_cert(unquote(escaped[:LONGEST_CERTIFICATE]).strip()), ""
    except ValueError:
        return PROXIED, b"", UNREADABLE


def _password(headers: dict[bytes, str], claimed: str) -> str:
    """The password of HTTP Basic, bytes that are no text as surrogates; '' for somebody else's."""
    value = headers.get(b"authorization", "")
    if value[:6].lower() != "basic ":
        return ""
    try:
        decoded = base64.b64decode(value[6:], validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""
    # A charge point id may hold a colon itself, and so may the password.
    size = len(claimed)
    if decoded[:size].upper() != claimed.upper() or decoded[size : size + 1] != ":":
        return ""
    return decoded[size + 1 :]


def _headers(scope: dict[str, Any]) -> dict[bytes, str]:
    """By name; of a repeated one the last: a proxy adds behind what the charger has sent."""
    return {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}


def _peer(scope: dict[str, Any]) -> str:
    return str((scope.get("client") or ("",))[0])


def _forwarded(headers: dict[bytes, str]) -> str:
    return headers.get(b"x-forwarded-for", "").split(",")[-1].strip()
