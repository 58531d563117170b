"""Start-up checks: what is written as a dotted string must exist; secrets must be set to serve."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check
from django.utils.module_loading import import_string

from evbilling.api.permissions import check_views


def register() -> None:
    register_check(handlers_import)
    register_check(check_views)
    register_check(sms_is_whole)
    register_check(secret_is_set, deploy=True)


def handlers_import(**kwargs: Any) -> list[CheckMessage]:
    """Every handler path of ``events.EVENT_HANDLERS`` leads to a function."""
    from evbilling.events import EVENT_HANDLERS

    found: list[CheckMessage] = []
    for kind, paths in EVENT_HANDLERS.items():
        for path in paths:
            try:
                import_string(path)
            except ImportError as error:
                found.append(
                    Error(f"{kind}: {path} cannot be imported ({error})", id="evbilling.E001")
                )
    return found


def secret_is_set(**kwargs: Any) -> list[CheckMessage]:
    if settings.SECRET_KEY.startswith("insecure-"):
        return [Error("SECRET_KEY is not set", id="evbilling.E002")]
    return []


def sms_is_whole(**kwargs: Any) -> list[CheckMessage]:
    """A back end that exists, with all it needs; nobody finds out at the first code that must go out."""
    from users.messages.sms import BACKENDS

    chosen = settings.SMS_BACKEND
    if chosen and chosen not in BACKENDS:
        known = ", ".join(BACKENDS)
        return [Error(f"SMS_BACKEND is {chosen!r}; it can be {known}", id="evbilling.E010")]
    needed = ("SMS_KEY", "SMS_SECRET", "SMS_SENDER")
    given = [name for name in needed if getattr(settings, name)]
    if chosen == "thaibulksms":
        return [
            Error(f"{name} is not set, and SMS_BACKEND is thaibulksms", id="evbilling.E011")
            for name in needed
            if name not in given
        ]
    if given and not chosen:
        names = ", ".join(given)
        return [Error(f"{names} is set but SMS_BACKEND is not", id="evbilling.E011")]
    return []
