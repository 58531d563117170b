"""Each test counts its own rate limits; the browser is one for all."""

import uuid
from typing import Any

import pytest

from tests.billing import fake_gateway
from tests.billing.fake_gateway import FakeGateway

LOCAL = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    """Loopback is one address for every test of every worker: none inherits another's counts."""
    settings.CACHES = {"default": {"BACKEND": LOCAL, "LOCATION": uuid.uuid4().hex}}


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeGateway:
    """A gateway in memory that takes PromptPay, mobile banking and cards."""
    settings.OMISE_PUBLIC_KEY = "pkey_test_1"
    return fake_gateway.install(monkeypatch, FakeGateway())
