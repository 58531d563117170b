"""As much HTTP as a bank needs: a request read whole, a reply, and a table of routes (raw ASGI)."""

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

MOST_BYTES = 256 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes

    @property
    def user(self) -> str:
        """The user name of HTTP Basic, or ''."""
        kind, _, text = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return ""
        try:
            return base64.b64decode(text).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""

    @property
    def wants_json(self) -> bool:
        return "json" in self.headers.get("content-type", "") + self.headers.get("accept", "")

    def values(self) -> dict[str, Any]:
        """The body, as JSON or as a form; ValueError where it is neither."""
        if not self.content:
            return {}
        if "form" in self.headers.get("content-type", ""):
            return dict(parse_qsl(self.content.decode()))
        found = json.loads(self.content)
        if not isinstance(found, dict):
            raise ValueError("the body is no object")
        return found


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(body: Any, status: int = 200) -> Reply:
    return Reply(
        status, json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8"
    )


def as_page(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode(), "text/html; charset=utf-8")


def to(url: str) -> Reply:
    return Reply(303, headers={"location": url})


Handler = Callable[..., Awaitable[Reply]]


class Routes:
    """(method, pattern of the whole path) → handler(request, *what the pattern caught)."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        self._rows.append((method, re.compile(pattern), handler))

    def find(self, method: str, path: str) -> tuple[Handler, tuple[str, ...]] | None:
        for wanted, pattern, handler in self._rows:
            if wanted == method and (match := pattern.fullmatch(path)):
                return handler, match.groups()
        return None


async def read(scope: Scope, receive: Receive) -> Request:
    """The request with its whole body; ValueError where it is too large."""
    content = b""
    more = True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = bool(message.get("more_body"))
        if len(content) > MOST_BYTES:
            raise ValueError("too large")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope.get("query_string", b"").decode())),
        headers={
            name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]
        },
        content=content,
    )


async def write(send: Send, reply: Reply) -> None:
    headers = {
        "content-type": reply.kind,
        "content-length": str(len(reply.content)),
        **reply.headers,
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": reply.content})
