"""LINE set up, with somebody who stands for it; each test counts its own rate limits."""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.line import Channel, World, serve

LOCAL = "django.core.cache.backends.locmem.LocMemCache"
CHANNEL = Channel()


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": LOCAL, "LOCATION": uuid.uuid4().hex}}


@pytest.fixture
def line_on(settings: Any) -> Any:
    """LINE is set up; nothing is there to answer."""
    settings.LINE_CHANNEL_ACCESS_TOKEN = CHANNEL.access_token
    settings.LINE_CHANNEL_SECRET = CHANNEL.secret
    settings.LINE_LOGIN_CHANNEL_ID = CHANNEL.login_id
    settings.LINE_LOGIN_CHANNEL_SECRET = CHANNEL.login_secret
    settings.LINE_BOT_BASIC_ID = "@evdemo"
    settings.LINE_API_URL = settings.LINE_ACCESS_URL = "http://127.0.0.1:9"  # discard
    return settings


@pytest.fixture
def line_world(line_on: Any) -> Iterator[World]:
    """The simulated LINE, over real HTTP."""
    server = serve(CHANNEL)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    line_on.LINE_API_URL = line_on.LINE_ACCESS_URL = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server.world  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
