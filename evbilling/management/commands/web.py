"""``manage.py web``: serve pages, API and live updates."""

from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

from evbilling.env import env, env_int


class Command(BaseCommand):
    help = "Serve pages, the API and live updates on PORT."

    requires_system_checks = []  # they run in lint and tests; a start should be quick

    def handle(self, *args: Any, **options: Any) -> None:
        uvicorn.run(
            "evbilling.asgi:application",
            host=env("BIND") or "127.0.0.1",
            port=env_int("PORT", 8000),
            loop="uvloop",
            ws="none",
            timeout_graceful_shutdown=3,
            ssl_certfile=env("TLS_CERT"),
            ssl_keyfile=env("TLS_KEY"),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="auto",
        )
