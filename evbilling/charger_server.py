"""uvicorn's server with the ports that chargers need: plain, TLS, or both at once."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from uvicorn.server import Server, logger

from core.errors import DomainError
from evbilling.charger_tls import Contexts, TlsListener
from stations.drivers.ocpp.consumer import ChargerConsumer

STARTUP_FAILURE = 3  # the exit status that uvicorn gives for it


class ChargerServer(Server):
    """OCPP_PORT speaks plain WebSocket, or TLS where TLS_CERT is set and OCPP_TLS_PORT is not;
    OCPP_TLS_PORT speaks TLS beside it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        tls_port = settings.OCPP_TLS_PORT or (settings.OCPP_PORT if settings.TLS_CERT else 0)
        listeners: list[Any] = []
        try:
            if tls_port != settings.OCPP_PORT:
                listeners.append(await self._plain(settings.OCPP_PORT))
            if tls_port:
                listeners.append(await self._tls(tls_port))
        except (OSError, DomainError) as error:
            logger.error(str(error))
            await self.lifespan.shutdown()
            sys.exit(STARTUP_FAILURE)
        self.servers = listeners
        self.started = True

    async def _plain(self, port: int) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            self._protocol, host=self.config.host, port=port, backlog=self.config.backlog
        )

    async def _tls(self, port: int) -> TlsListener:
        contexts = Contexts(ChargerConsumer.hub)
        await contexts.start()
        return TlsListener(
            listening(self.config.host, port, self.config.backlog), self._protocol, contexts
        )

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def listening(host: str | None, port: int, backlog: int) -> list[socket.socket]:
    """A listening socket for each address that ``host`` stands for."""
    found: Sequence[Any] = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made = []
    for family, kind, protocol, _name, address in found:
        each = socket.socket(family, kind, protocol)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        each.bind(address)
        each.listen(backlog)
        made.append(each)
    return made
