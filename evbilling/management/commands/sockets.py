"""``manage.py sockets``: serve chargers."""

import sys
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from evbilling.env import env
from evbilling.websocket import ChargerProtocol


class Command(BaseCommand):
    help = "Serve the charger sockets on OCPP_PORT and, where it is set, OCPP_TLS_PORT."

    requires_system_checks = []  # they run in lint and tests; a start should be quick

    def handle(self, *args: Any, **options: Any) -> None:
        # Only here: it imports the application, which needs set-up Django.
        from evbilling.charger_server import STARTUP_FAILURE, ChargerServer

        config = uvicorn.Config(
            "evbilling.asgi_ocpp:application",
            host=env("BIND") or "127.0.0.1",
            port=settings.OCPP_PORT,
            loop="uvloop",
            ws=ChargerProtocol,
            # Compression costs 40 kB for each idle charger; OCPP messages are small.
            ws_per_message_deflate=False,
            ws_max_size=settings.OCPP_MAX_FRAME_BYTES,
            ws_ping_interval=settings.OCPP_PING_SECONDS,
            ws_ping_timeout=settings.OCPP_PING_TIMEOUT_SECONDS,
            timeout_graceful_shutdown=5,
            backlog=4096,
            log_config=None,
            access_log=False,
            lifespan="on",
        )
        server = ChargerServer(config)
        with suppress(KeyboardInterrupt):
            server.run()
        if not server.started:
            sys.exit(STARTUP_FAILURE)
