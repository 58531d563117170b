"""Each test counts its own rate limits; the browser is one for all."""

import uuid
from typing import Any

import pytest

LOCAL = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    """Loopback is one address for every test of every worker: none inherits another's counts."""
    settings.CACHES = {"default": {"BACKEND": LOCAL, "LOCATION": uuid.uuid4().hex}}
