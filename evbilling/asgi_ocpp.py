"""The charger sockets: a process of their own, so that a web deploy drops no charger."""

import gc
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 (needs set-up Django)
from django.urls import re_path  # noqa: E402

from stations.drivers.ocpp.consumer import ChargerConsumer, NoSuchPath  # noqa: E402
from stations.drivers.ocpp.hub import Hub  # noqa: E402


class Lifespan:
    """Starts the hub before the first charger is let in and ends it when uvicorn stops."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        ChargerConsumer.hub = hub = Hub()
        await hub.start()
        # Messages leave no cycles: looking for some after every 700 objects costs a tenth of the time,
        # and the modules and models that are here for ever need no looking at.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await hub.stop()
        await send({"type": "lifespan.shutdown.complete"})


class Health:
    """``/healthz``: the process is up. ``/readyz``: it can serve chargers."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        known = scope["path"] in ("/healthz", "/readyz")
        ready = scope["path"] == "/healthz" or ChargerConsumer.hub.ready
        status = 404 if not known else 200 if ready else 503
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        body = b'{"ok": true}' if status == 200 else b'{"ok": false}'
        await send({"type": "http.response.body", "body": body})


application = ProtocolTypeRouter(
    {
        "lifespan": Lifespan(),
        "http": Health(),
        "websocket": URLRouter(
            [
                re_path(r"^ocpp/1\.6/(?P<charge_point_id>[^/]+)/?$", ChargerConsumer.as_asgi()),
                re_path(r"^ocpp/(?P<charge_point_id>[^/]+)/?$", ChargerConsumer.as_asgi()),
                re_path(r"", NoSuchPath.as_asgi()),
            ]
        ),
    }
)
