"""One HTTP call to a gateway: bounded in time and size, and always one of two failures.

``GatewayError``: the gateway understood and said no, nothing has happened there. ``GatewayAway``:
no answer, or none that says anything; what was asked may have happened. Neither, nor the log, ever
holds a key, a token or a whole body.
"""

import atexit
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import orjson

from billing.payments.base import GatewayAway

log = logging.getLogger(__name__)

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
WHOLE_SECONDS = 15.0  # an answer that drips is no answer
MOST_BYTES = 1024 * 1024
BUSY = (408, 425, 429)  # asked again later, the answer may be another one


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is {} where it was no JSON object."""

    status: int
    body: Mapping[str, Any]
    content: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """How to reach one gateway. ``secret`` goes as the user name of HTTP Basic, where given."""

    gateway: str
    base: str
    secret: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ask(
        self,
        verb: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any answer below 500, JSON or not; ``GatewayAway`` otherwise."""
        answer = self._send(
            verb, path, json, params, {**self.headers, **(headers or {})}, MOST_BYTES
        )
        if answer.status >= 500 or answer.status in BUSY:
            raise GatewayAway(f"{self.gateway} answered {answer.status}")
        return answer

    def picture(self, uri: str, most: int) -> Answer:
        """A file of the gateway's own host, at most ``most`` bytes; ``GatewayAway`` otherwise."""
        try:
            wanted, own = httpx.URL(uri), httpx.URL(self.base)
        except httpx.InvalidURL:
            raise GatewayAway(f"{self.gateway} named a file that is no URL") from None
        if (wanted.scheme, wanted.host, wanted.port) != (own.scheme, own.host, own.port):
            raise GatewayAway(f"{self.gateway} named a file that is not on its own host")
        answer = self._send("GET", uri, None, None, dict(self.headers), most)
        if answer.status != 200:
            raise GatewayAway(f"{self.gateway} answered {answer.status} for a file")
        return answer

    def _send(
        self,
        verb: str,
        path: str,
        json: Mapping[str, Any] | None,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
        most: int,
    ) -> Answer:
        url = path if "://" in path else self.base.rstrip("/") + path
        auth = httpx.BasicAuth(self.secret, "") if self.secret else None
        request = _client().build_request(verb, url, json=json, params=params, headers=headers)
        started = time.monotonic()
        try:
            response = _client().send(request, stream=True, auth=auth)
            try:
                content = _read(response, most, started + WHOLE_SECONDS)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise GatewayAway(f"{self.gateway}: {type(error).__name__}") from None
        log.info(
            "gateway asked",
            extra={
                "gateway": self.gateway,
                "verb": verb,
                "status": response.status_code,
                "ms": round((time.monotonic() - started) * 1000),
            },
        )
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        return Answer(response.status_code, _object(content, kind), content, kind)


@cache
def _client() -> httpx.Client:
    """One pool of connections for all gateways: a new TLS context costs more than the call."""
    client = httpx.Client(
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30),
        follow_redirects=False,
    )
    atexit.register(client.close)
    return client


def _read(response: httpx.Response, most: int, until: float) -> bytes:
    content = b""
    for part in response.iter_bytes():
        content += part
        if len(content) > most or time.monotonic() > until:
            raise httpx.ReadError("too much, or too slow")
    return content


def _object(content: bytes, kind: str) -> Mapping[str, Any]:
    if "json" not in kind:
        return {}
    try:
        found = orjson.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
