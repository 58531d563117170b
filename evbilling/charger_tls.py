"""TLS for chargers: our own context, renewed while running, and a listener that says why it refused.

Neither uvicorn nor asyncio tells whose handshake failed and why, and a context cannot forget an
authority. So connections are taken here one by one: each gets the newest context, and what goes
wrong in its handshake is one line in the log with the address.
"""

import asyncio
import logging
import socket
import ssl
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings
from django.utils import timezone

from core.errors import DomainError
from stations.drivers.ocpp.hub import Hub
from stations.drivers.ocpp.writer import DatabaseAway
from stations.services import authority

log = logging.getLogger(__name__)
# Whitepaper §3.3: ECDHE-ECDSA and, for chargers with RSA only, RSA with AES-GCM; and better ones.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:kRSA+AESGCM:!aNULL:!aDSS:!PSK"
HANDSHAKE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 60.0
RENEW_BEFORE = timedelta(days=30)
AT_ONCE = 200  # connections taken before others have their turn
NO_FILES_SECONDS = 1.0
GONE = "gone"  # hung up before the handshake: port probes, health checks
# OpenSSL's words for a client certificate that does not stand, as Knock.reason has them.
REASONS = {
    "certificate has expired": "expired",
    "certificate is not yet valid": "not_yet_valid",
    "unable to get local issuer certificate": "untrusted",
    "self-signed certificate": "untrusted",
    "self-signed certificate in certificate chain": "untrusted",
    "unable to verify the first certificate": "untrusted",
    "unsuitable certificate purpose": "wrong_purpose",
}


class Contexts:
    """The context for the next connection. ``current`` changes when a certificate or an authority does."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._files: tuple[float, ...] = ()
        self._renew_at = timezone.now()
        self._chain, self._key = "", ""
        self.current: ssl.SSLContext | None = None

    async def start(self) -> None:
        """Raises ``OSError`` (``ssl.SSLError`` is one) where the certificate cannot be used."""
        await self._load()
        self.current = make_context(self._chain, self._key, self._hub.trust.bundle)
        self._hub.trust.on_change = self._rebuild
        self._hub.spawn(self._watch())

    async def _watch(self) -> None:
        """A renewed TLS_CERT is taken without a restart; our own is renewed in time."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                if await self._load():
                    self._rebuild()
            except (OSError, ValueError, DatabaseAway, DomainError) as error:
                log.error("server certificate not taken", extra={"why": str(error)[:200]})

    async def _load(self) -> bool:
        """Read the server's certificate. False where it is the one in use."""
        if settings.TLS_CERT:
            paths = (Path(settings.TLS_CERT), Path(settings.TLS_KEY))
            files = tuple(path.stat().st_mtime for path in paths)
            if files == self._files:
                return False
            self._chain, self._key = (path.read_text() for path in paths)
            self._files = files
            return True
        if self._chain and timezone.now() < self._renew_at:
            return False
        host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
        self._chain, self._key = await self._hub.pool.run(authority.server_certificate, host)
        end = x509.load_pem_x509_certificate(self._chain.encode()).not_valid_after_utc
        self._renew_at = end - RENEW_BEFORE
        return True

    def _rebuild(self) -> None:
        try:
            self.current = make_context(self._chain, self._key, self._hub.trust.bundle)
        except (ssl.SSLError, ValueError) as error:  # the one in use goes on
            log.error("TLS context not made", extra={"why": str(error)[:200]})


def make_context(chain: str, key: str, authorities: str) -> ssl.SSLContext:
    """TLS 1.2 or newer; a client certificate is welcome and must then be signed by ``authorities``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    # No resumption: it would carry a client certificate past its expiry or its authority's removal.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    # An authority that an admin trusts need not be a root.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if authorities:  # else nobody's certificate is good, until they could be read
        context.load_verify_locations(cadata=authorities)
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads keys from files only
        for name, text in (("chain", chain), ("key", key)):
            path = Path(folder, name)
            path.touch(mode=0o600)
            path.write_text(text)
        context.load_cert_chain(Path(folder, "chain"), Path(folder, "key"))
    return context


class TlsListener:
    """Takes connections of some listening sockets; ``close`` and ``wait_closed`` as asyncio's servers."""

    def __init__(
        self,
        sockets: list[socket.socket],
        make_protocol: Callable[[], asyncio.Protocol],
        contexts: Contexts,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._make_protocol = make_protocol
        self._contexts = contexts
        self._greetings: set[asyncio.Task[None]] = set()
        self.sockets = sockets
        for each in sockets:
            each.setblocking(False)
            self._loop.add_reader(each, self._take, each)

    def close(self) -> None:
        for each in self.sockets:
            self._loop.remove_reader(each)
            each.close()
        for greeting in self._greetings:
            greeting.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._greetings, return_exceptions=True)

    def _take(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                peer, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no file descriptor left: others may close theirs
                log.error("connection not taken", extra={"why": str(error)})
                self._loop.remove_reader(listening)
                self._loop.call_later(NO_FILES_SECONDS, self._again, listening)
                return
            context = self._contexts.current
            if context is None:  # never without TLS on this port
                peer.close()
                continue
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            greeting = self._loop.create_task(self._greet(peer, str(address[0]), context))
            self._greetings.add(greeting)
            greeting.add_done_callback(self._greetings.discard)

    def _again(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._take, listening)

    async def _greet(self, peer: socket.socket, address: str, context: ssl.SSLContext) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make_protocol,
                peer,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            peer.close()
            reason = reason_of(error)
            log.log(
                logging.DEBUG if reason == GONE else logging.WARNING,
                "charger refused",
                extra={"address": address, "reason": reason, "why": str(error)[:200]},
            )


def reason_of(error: BaseException) -> str:
    """Why a handshake failed, as one word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return REASONS.get(error.verify_message, "untrusted")
    text = str(error)
    for words, reason in REASONS.items():
        if words in text:
            return reason
    return "handshake_failed" if isinstance(error, ssl.SSLError | TimeoutError) else GONE
