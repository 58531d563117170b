"""Asks our own processes over HTTP how far they are."""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 1.0  # per question; a signal is answered no later than this


def get(url: str) -> tuple[int, bytes]:
    """Status and body; (0, reason) when nobody answers."""
    parts = urlsplit(url)
    link = _link(parts.scheme, parts.hostname or "", parts.port)
    try:
        link.request("GET", parts.path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode()
    finally:
        link.close()


def complaint(url: str) -> str:
    """A sentence's beginning about an address that is not ready; empty when it is."""
    status, body = get(url)
    if status == 200:
        return ""
    said = body.decode(errors="replace").strip()[:300]
    return f"{url} answers {status} {said}" if status else f"{url} does not answer"


def get_json(url: str) -> dict[str, Any]:
    """The object at ``url``, or an empty one."""
    status, body = get(url)
    try:
        found = json.loads(body) if status == 200 else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _link(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=PATIENCE)
    # It is our own process on this machine; the certificate names a public host.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
