"""``manage.py sockets``: serve chargers."""

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from evbilling.env import env
from evbilling.front_door import FrontDoor
from evbilling.websocket import ChargerProtocol


class Command(BaseCommand):
    help = "Serve the charger sockets on OCPP_PORT."

    requires_system_checks = []  # they run in lint and tests; a start should be quick

    def handle(self, *args: Any, **options: Any) -> None:
        uvicorn.run(
            "evbilling.asgi_ocpp:application",
            host=env("BIND") or "127.0.0.1",
            port=settings.OCPP_PORT,
            loop="uvloop",
            http=FrontDoor,
            ws=ChargerProtocol,
            # Compression costs 40 kB for each idle charger; OCPP messages are small.
            ws_per_message_deflate=False,
            ws_max_size=settings.OCPP_MAX_FRAME_BYTES,
            ws_ping_interval=settings.OCPP_PING_SECONDS,
            ws_ping_timeout=settings.OCPP_PING_TIMEOUT_SECONDS,
            timeout_graceful_shutdown=5,
            backlog=4096,
            ssl_certfile=env("TLS_CERT"),
            ssl_keyfile=env("TLS_KEY"),
            log_config=None,
            access_log=False,
            lifespan="on",
        )
