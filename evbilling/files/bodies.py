"""How large a body may be that Django reads: it stores all of it before any view is asked.

Only whoever is signed in, or has a token, may send something as large as a firmware.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import RequestAborted
from django.utils import timezone
from django.utils.translation import gettext as _

from evbilling.threads import App
from users import tokens

MOST_BYTES = 4 * 1024 * 1024
FORM_BYTES = 1024 * 1024  # what a form adds to its file
LARGE_PATHS = frozenset({"/firmware/", "/api/v1/firmware/"})


def limited(application: App) -> App:
    """``application`` with bodies that end at the limit, answered with 413."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        headers = dict(scope["headers"])
        most = await _most(scope, headers)
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > most:
            await _too_large(send, headers)
            return
        counted = _Counted(receive, most)
        await application(scope, counted, send)
        if counted.exceeded:
            await _too_large(send, headers)

    return serve


class _Counted:
    """``receive`` that gives up when more comes than may come."""

    def __init__(self, receive: Any, most: int) -> None:
        self.exceeded = False
        self._receive = receive
        self._left = most

    async def __call__(self) -> Any:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.exceeded = True
            raise RequestAborted  # Django lets go of what it has and says nothing
        return message


async def _most(scope: dict[str, Any], headers: dict[bytes, bytes]) -> int:
    large = scope["method"] == "POST" and scope["path"] in LARGE_PATHS
    if large and await sync_to_async(_is_known)(headers):
        return int(settings.FIRMWARE_MAX_BYTES) + FORM_BYTES
    return MOST_BYTES


def _is_known(headers: dict[bytes, bytes]) -> bool:
    """Whether a session or a token of ours stands in the headers; the view asks who may what."""
    given = headers.get(b"authorization", b"").decode("latin-1")
    if given:
        return tokens.is_known(given)
    try:
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return False
    found = cookies.get(settings.SESSION_COOKIE_NAME)
    return (
        found is not None
        and Session.objects.filter(pk=found.value, expire_date__gt=timezone.now()).exists()
    )


async def _too_large(send: Any, headers: dict[bytes, bytes]) -> None:
    """A sentence for a browser, the API's form for a program."""
    detail = _("The file is too large.")
    if b"text/html" in headers.get(b"accept", b""):
        kind, body = b"text/plain; charset=utf-8", detail.encode()
    else:
        problem = {"code": "too_large", "detail": detail, "fields": {}}
        kind, body = b"application/json", orjson.dumps(problem)
    answer = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": answer})
    await send({"type": "http.response.body", "body": body})
