"""Each test counts its own rate limits; the browser is one for all."""

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

LOCAL = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    """Loopback is one address for every test of every worker: none inherits another's counts."""
    settings.CACHES = {"default": {"BACKEND": LOCAL, "LOCATION": uuid.uuid4().hex}}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for a module. Playwright keeps an event loop running in this thread for as long:
    Django's check for one is not meant for that, and no other module may meet it."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()
