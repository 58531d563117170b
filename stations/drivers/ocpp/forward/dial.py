"""Opening the line to a second central system: where it may lead, who we are, whom we trust."""

import asyncio
import base64
import socket
import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.typing import Subprotocol

from core.errors import DomainError
from core.seal import Unreadable, unseal
from stations.drivers.ocpp.forward.feed import Target
from stations.services import forward_targets

OPEN_SECONDS = 10.0
PING_SECONDS = 30.0
MOST_BYTES = 1024 * 1024
SUBPROTOCOL = Subprotocol("ocpp1.6")


class NotReached(Exception):
    """The line could not be opened, or has ended. ``code`` is a word of ``REASONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code} {self.detail}".strip()[:300]


async def dial(target: Target) -> ClientConnection:
    """A line on which OCPP can be spoken, or ``NotReached``."""
    line: socket.socket | None = None
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            line = await _reach(target)
            return await connect(
                f"{target.url}/{target.identity}",
                sock=line,  # so that no redirect leads anywhere else
                ssl=_trust(target),
                subprotocols=[SUBPROTOCOL],
                additional_headers=_who(target),
                compression=None,
                proxy=None,
                open_timeout=OPEN_SECONDS,
                close_timeout=2,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                max_size=MOST_BYTES,
            )
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        if line is not None:
            line.close()
        raise _reason(error) from error


async def _reach(target: Target) -> socket.socket:
    """A TCP connection to an address that was checked just now."""
    loop = asyncio.get_running_loop()
    host, port = forward_targets.host_and_port(target.url)
    found = await loop.run_in_executor(None, forward_targets.addresses_of, target.url)
    try:
        forward_targets.check_addresses(found, private=target.private)
    except DomainError as error:
        raise NotReached("forbidden", host) from error
    problem: OSError = OSError("no address")
    for address in found:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            await loop.sock_connect(line, (str(address), port))
        except OSError as error:
            line.close()
            problem = error
        except BaseException:
            line.close()
            raise
        else:
            return line
    raise problem


def _trust(target: Target) -> ssl.SSLContext | None:
    if not target.url.startswith("wss://"):
        return None
    return ssl.create_default_context(cadata=target.ca_pem or None)


def _who(target: Target) -> dict[str, str]:
    """HTTP Basic with our name there (OCPP-J security profiles 1 and 2)."""
    if not target.password_sealed:
        return {}
    try:
        password = unseal(target.password_sealed)
    except Unreadable:
        raise NotReached("password_unreadable") from None
    pair = base64.b64encode(f"{target.identity}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _reason(error: BaseException) -> NotReached:
    if isinstance(error, NotReached):
        return error
    if isinstance(error, InvalidStatus):
        return NotReached("http", str(error.response.status_code))
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotReached("certificate", error.verify_message)
    if isinstance(error, ssl.SSLError):
        return NotReached("tls", str(error.reason or error))
    if isinstance(error, socket.gaierror):
        return NotReached("unknown_name")
    if isinstance(error, TimeoutError):
        return NotReached("timeout")
    if isinstance(error, ConnectionRefusedError):
        return NotReached("refused")
    if isinstance(error, InvalidMessage | InvalidHandshake | WebSocketException):
        return NotReached("no_websocket", str(error)[:200])
    return NotReached("not_reached", str(error)[:200])
