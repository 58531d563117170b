"""Pages, API and live updates."""

import os
import warnings
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")
django.setup(set_prefix=False)

from evbilling.files import bodies, endpoint  # noqa: E402 (needs set-up Django)
from evbilling.nudges import hang_up_on_signals  # noqa: E402 (needs set-up Django)
from evbilling.threads import Pages, lasting  # noqa: E402

# WhiteNoise's files: small, and in memory whole anyway.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous")
pages = lasting(bodies.limited(Pages()))
transfers = lasting(endpoint.application)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Django answers HTTP; of the server's start and end only the open streams must know."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                hang_up_on_signals()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if endpoint.is_here(scope):
        await transfers(scope, receive, send)
        return
    await pages(scope, receive, send)
