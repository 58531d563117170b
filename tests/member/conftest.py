"""Messages go into a list; each test counts its own limits; the worker's jobs run at once."""

import uuid
from typing import Any

import pytest

from evbilling import tasks
from tests.member.phones import Outbox
from users.messages import sms
from users.services import codes


@pytest.fixture(autouse=True)
def own_limits(settings: Any) -> None:
    local = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": local, "LOCATION": uuid.uuid4().hex}}


@pytest.fixture(autouse=True)
def outbox(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """What people's phones received."""
    found = Outbox()
    settings.SMS_BACKEND = "memory"
    monkeypatch.setitem(sms.BACKENDS, "memory", lambda: found)
    monkeypatch.setattr(tasks.send_code, "apply_async", lambda args, **_more: codes.send(*args))
    return found
