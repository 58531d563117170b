"""Start-up checks: what is written as a dotted string must exist; secrets must be set to serve."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check
from django.utils.module_loading import import_string

from evbilling import gateway_settings, sms_settings
from evbilling.api.permissions import check_views


def register() -> None:
    register_check(handlers_import)
    register_check(check_views)
    register_check(sms_is_whole)
    register_check(secret_is_set, deploy=True)
    register_check(gateways_are_whole)


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
    """Nobody finds out at the first code that has to go out."""
    values = {name: getattr(settings, name) for name in sms_settings.NAMES}
    return [Error(text, id="evbilling.E010") for text in sms_settings.complaints(values)]


def gateways_are_whole(**kwargs: Any) -> list[CheckMessage]:
    """No payment gateway is half set up."""
    values = {name: getattr(settings, name) for name in gateway_settings.NAMES}
    return [Error(text, id="evbilling.E003") for text in gateway_settings.complaints(values)]
