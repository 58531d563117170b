"""``/transfer/<token>/…``: chargers fetch firmware and send diagnostics here.

Plain ASGI: a download is streamed with ranges, an upload is written while it arrives and cut at
the limit while the sender is still sending. The rules are ``stations.services.transfer_door``.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from django.utils.http import http_date

from evbilling.files import ranges
from evbilling.files.incoming import FRAMING_BYTES, Incoming, NoFile, TooLarge
from evbilling.files.ranges import Span
from evbilling.threads import rest
from stations.models import UploadState
from stations.services import transfer_door as door
from stations.services.transfer_door import Offer, Slot
from stations.services.transfers import PATH

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)
CHUNK_BYTES = 256 * 1024
STALL_SECONDS = 60.0  # a peer that neither sends nor takes for so long has gone
LINGER_SECONDS = 1.0  # a sender that is cut off must be able to read why
REASONS = {
    400: b"no file in the request\n",
    404: b"no such address\n",
    405: b"GET, HEAD, PUT or POST\n",
    408: b"nothing came for too long\n",
    409: b"two uploads are arriving here already\n",
    410: b"this address is over\n",
    413: b"the file is too large\n",
    416: b"",
    429: b"too many attempts\n",
    507: b"no room left\n",
}


class Gone(Exception):
    """The peer has gone."""


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One request below ``PATH``."""
    rest()  # it mostly waits: no thread is held meanwhile
    token, _, name = scope["path"].removeprefix(PATH).partition("/")
    method = scope["method"]
    with suppress(Gone):
        if method in ("GET", "HEAD"):
            await _download(scope, receive, send, token)
        elif method in ("PUT", "POST"):
            await _upload(scope, receive, send, token, name)
        else:
            await _answer(send, 405, [(b"allow", b"GET, HEAD, PUT, POST")])


def is_here(scope: dict[str, Any]) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(PATH)


# --- firmware to a charger ------------------------------------------------------------------------------


async def _download(scope: dict[str, Any], receive: Any, send: Any, token: str) -> None:
    offer = await _ask(door.offer, token)
    if isinstance(offer, int):
        await _answer(send, offer)
        return
    etag, modified = f'"{offer.etag}"', http_date(offer.modified_at.timestamp())
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", f'attachment; filename="{offer.file_name}"'.encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", etag.encode()),
        (b"last-modified", modified.encode()),
    ]
    whole = Span(0, offer.size - 1)
    if scope["method"] == "HEAD":
        await _start(send, 200, [*headers, _length(whole)])
        await send({"type": "http.response.body", "body": b""})
        return
    try:
        span = None
        if ranges.still_same(_header(scope, b"if-range"), etag, modified):
            span = ranges.wanted(_header(scope, b"range"), offer.size)
    except ranges.Unsatisfiable:
        await _answer(send, 416, [(b"content-range", f"bytes */{offer.size}".encode())])
        return
    if span is not None:
        about = f"bytes {span.first}-{span.last}/{offer.size}".encode()
        await _start(send, 206, [*headers, _length(span), (b"content-range", about)])
    else:
        await _start(send, 200, [*headers, _length(whole)])
    await _stream(offer, span or whole, receive, send, _address(scope))


async def _stream(offer: Offer, span: Span, receive: Any, send: Any, address: str) -> None:
    """The bytes, piece by piece, and afterwards how many went out."""
    row = await _ask(door.begin_download, offer.transfer_id, span.first, span.size, address)
    gone = asyncio.ensure_future(_hung_up(receive))
    sent = 0
    try:
        file = await _ask(_opened, offer, span.first)
        try:
            while sent < span.size and not gone.done():
                body = await _ask(file.read, min(CHUNK_BYTES, span.size - sent))
                if not body:
                    raise Gone  # the file is shorter than it was: better no answer than a wrong one
                more = sent + len(body) < span.size
                message = {"type": "http.response.body", "body": body, "more_body": more}
                await asyncio.wait_for(send(message), STALL_SECONDS)
                sent += len(body)
        finally:
            file.close()
    except (TimeoutError, OSError):
        raise Gone from None
    finally:
        gone.cancel()
        await asyncio.shield(_ask(door.end_download, row, sent))


def _opened(offer: Offer, first: int) -> BinaryIO:
    file = offer.path.open("rb")
    file.seek(first)
    return file


async def _hung_up(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


# --- a file from a charger -------------------------------------------------------------------------------


async def _upload(scope: dict[str, Any], receive: Any, send: Any, token: str, name: str) -> None:
    slot = await _ask(door.begin_upload, token, name, _address(scope))
    if isinstance(slot, int):
        await _refuse(receive, send, slot)
        return
    state, status, size, sha256, file_name = UploadState.BROKEN, 400, 0, "", ""
    try:
        incoming = await _received(scope, receive, slot)
        state, status, size = UploadState.COMPLETE, 201, incoming.size
        sha256, file_name = incoming.sha256, incoming.file_name
    except TooLarge:
        state, status, size = UploadState.TOO_LARGE, 413, slot.most
    except NoFile:
        pass
    except TimeoutError:
        status = 408
    finally:  # also where the sender has hung up, or we are told to stop
        kept = await asyncio.shield(
            _ask(door.end_upload, slot.upload_id, state, size, sha256, file_name)
        )
    if status == 201 and kept:
        await _answer(send, 201)
    else:
        log.info("upload refused", extra={"upload": slot.upload_id, "status": status})
        await _refuse(receive, send, 410 if status == 201 else status)


async def _received(scope: dict[str, Any], receive: Any, slot: Slot) -> Incoming:
    """The whole body on the disk. ``TooLarge``, ``NoFile``, ``TimeoutError`` or ``Gone`` otherwise."""
    declared = _header(scope, b"content-length")
    if declared.isdecimal() and int(declared) > slot.most + FRAMING_BYTES:
        raise TooLarge
    incoming = Incoming(slot.path, slot.most, _header(scope, b"content-type"))
    try:
        async with asyncio.timeout(door.LONGEST_UPLOAD.total_seconds()):
            while True:
                message = await asyncio.wait_for(receive(), STALL_SECONDS)
                if message["type"] == "http.disconnect":
                    raise Gone
                incoming.take(message.get("body", b""))
                if incoming.ready:
                    await _ask(incoming.flush)
                if not message.get("more_body", False):
                    break
        incoming.finish()
        await _ask(incoming.flush)
    finally:
        incoming.close()
    return incoming


async def _refuse(receive: Any, send: Any, status: int) -> None:
    """Answer while the sender may still be sending, give it a moment to read that, and hang up."""
    body = REASONS[status]
    headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await _start(send, status, [(b"content-type", b"text/plain"), *headers])
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await receive()).get("more_body", False):
                if message["type"] == "http.disconnect":
                    break
    await send({"type": "http.response.body", "body": b""})


# --- both --------------------------------------------------------------------------------------------


async def _ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Something that blocks, on a borrowed thread."""

    def done() -> T:
        close_old_connections()
        return work(*args, **kwargs)

    return await sync_to_async(done)()


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = REASONS.get(status, b"")
    length = (b"content-length", str(len(body)).encode())
    await _start(send, status, [(b"content-type", b"text/plain"), length, *(headers or [])])
    await send({"type": "http.response.body", "body": body})


async def _start(send: Any, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    always = [(b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *always]})


def _length(span: Span) -> tuple[bytes, bytes]:
    return b"content-length", str(span.size).encode()


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def _address(scope: dict[str, Any]) -> str:
    peer = str((scope.get("client") or ("",))[0])
    forwarded = _header(scope, b"x-forwarded-for")
    return (
        forwarded.split(",")[-1].strip() if peer in settings.TRUSTED_PROXIES and forwarded else peer
    )
