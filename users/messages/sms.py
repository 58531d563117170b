"""Text messages: one small interface, a provider of Thailand, and two back ends for trying out.

``SMS_BACKEND`` chooses: ``thaibulksms``, ``console``, ``file``, or nothing (no message is sent and
nobody is offered to sign in by phone).
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx
from django.conf import settings
from django.utils import timezone

log = logging.getLogger(__name__)
THAIBULKSMS = "https://api-v2.thaibulksms.com/sms"
TIMEOUT = httpx.Timeout(8.0, connect=4.0)


class SmsFailed(Exception):
    """The message did not go out, or nobody knows. ``code`` says why, in a word for programs."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SmsSender(Protocol):
    def send(self, phone: str, text: str) -> str:
        """Send ``text`` to an E.164 number; the provider's name of the message. ``SmsFailed``."""
        ...


class ThaiBulkSms:
    """ThaiBulkSMS API v2: one POST, Basic auth with key and secret, form msisdn, message, sender.

    201 names the messages taken in ``phone_number_list`` and what was wrong in
    ``bad_phone_number_list``; 4xx carries ``error: {code, name, description}``.
    """

    def __init__(
        self, key: str, secret: str, name: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._auth = httpx.BasicAuth(key, secret)
        self._name = name
        self._transport = transport

    def send(self, phone: str, text: str) -> str:
        form = {"msisdn": phone.removeprefix("+"), "message": text, "sender": self._name}
        try:
            with httpx.Client(
                auth=self._auth, timeout=TIMEOUT, transport=self._transport
            ) as client:
                answer = client.post(THAIBULKSMS, data=form)
        except httpx.TimeoutException as error:
            raise SmsFailed("timeout") from error
        except httpx.HTTPError as error:
            raise SmsFailed("away") from error
        return _taken(answer)


class Console:
    """To standard output, beside the log and never in it: for a developer's own screen."""

    def send(self, phone: str, text: str) -> str:
        print(f"SMS to {phone}: {text}", file=sys.stdout, flush=True)  # noqa: T201
        return "console"


class File:
    """One file for each number in ``SMS_DIR``, a line for each message: for tests and the demo."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, phone: str, text: str) -> str:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / f"{phone.removeprefix('+')}.txt").open("a") as file:
                file.write(f"{timezone.now().isoformat()} {text}\n")
        except OSError as error:
            raise SmsFailed("file") from error
        return "file"


BACKENDS: dict[str, Callable[[], SmsSender]] = {
    "thaibulksms": lambda: ThaiBulkSms(settings.SMS_KEY, settings.SMS_SECRET, settings.SMS_SENDER),
    "console": Console,
    "file": lambda: File(Path(settings.SMS_DIR)),
}


def sender() -> SmsSender:
    """The back end of this installation. ``SmsFailed`` where none is chosen."""
    if settings.SMS_BACKEND not in BACKENDS:
        raise SmsFailed("no_backend")
    return BACKENDS[settings.SMS_BACKEND]()


def _taken(answer: httpx.Response) -> str:
    """The message's name in the provider's answer, or why there is none."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    if answer.status_code >= 500:
        raise SmsFailed("provider_down")
    if answer.status_code >= 400:
        error = body.get("error")
        name = error.get("name", "") if isinstance(error, dict) else ""
        raise SmsFailed(_ERRORS.get(answer.status_code, "") or str(name).lower() or "refused")
    taken = body.get("phone_number_list")
    if isinstance(taken, list) and taken and isinstance(taken[0], dict):
        return str(taken[0].get("message_id", ""))
    raise SmsFailed("bad_number" if body.get("bad_phone_number_list") else "unclear")


_ERRORS = {401: "bad_key", 402: "no_credit", 429: "too_fast"}
