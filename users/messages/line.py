"""The sender for LINE, over the official SDK. Called by tasks only: never inside a transaction.

Importing the SDK takes seconds, so only a process that sends imports it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from users.messages.outcome import Outcome, Result

TIMEOUT_S = (3.05, 10.0)  # to connect, to answer


@dataclass(frozen=True, slots=True)
class Count:
    """This month's messages: ``most`` is None where the plan has no limit."""

    most: int | None
    used: int


class LineSaidNo(Exception):
    """LINE answered with an error, or not at all; the text is for the record."""


def push(to: str, messages: list[dict[str, Any]], retry_key: UUID) -> Outcome:
    """Send. A repeat with the same key is answered 409 by LINE and counts as sent."""
    from linebot.v3.messaging import PushMessageRequest
    from linebot.v3.messaging.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    request = PushMessageRequest.from_dict({"to": to, "messages": messages})
    try:
        answer = _api().push_message_with_http_info(
            request, x_line_retry_key=str(retry_key), _request_timeout=TIMEOUT_S
        )
    except ApiException as error:
        return refused(int(error.status or 0), str(error.body or error.reason or ""), error.headers)
    except (HTTPError, OSError) as error:
        return Outcome(Result.LATER, f"LINE cannot be reached: {type(error).__name__}")
    headers = answer.headers or {}
    return Outcome(Result.SENT, ref=headers.get("x-line-request-id", ""))


def refused(status: int, body: str, headers: Any = None) -> Outcome:
    """What an error answer means (developers.line.biz, "Retry failed API requests", "Status codes")."""
    why = f"LINE answered {status}: {body}"[:500]
    if status == 409:
        ref = (headers or {}).get("x-line-accepted-request-id", "")
        return Outcome(Result.SENT, "accepted before", ref=ref)
    if status == 429 and "monthly limit" in body.lower():
        return Outcome(Result.QUOTA, why)
    if status in (401, 403, 429) or status >= 500 or status == 0:
        return Outcome(Result.LATER, why)
    return Outcome(Result.NEVER, why)


def reply(token: str, messages: list[dict[str, Any]]) -> None:
    """Answer an event; free of charge. Raises ``LineSaidNo``."""
    from linebot.v3.messaging import ReplyMessageRequest

    body = ReplyMessageRequest.from_dict({"replyToken": token, "messages": messages})
    _ask("reply_message", body)


def link_token(line_user_id: str) -> str:
    """A token (10 minutes, once) with which this user may link an account. Raises ``LineSaidNo``."""
    return str(_ask("issue_link_token", line_user_id).link_token)


def count() -> Count:
    """Quota and consumption of this month. Raises ``LineSaidNo``."""
    quota = _ask("get_message_quota")
    used = _ask("get_message_quota_consumption")
    limited = str(getattr(quota.type, "value", quota.type)) == "limited"
    return Count(int(quota.value or 0) if limited else None, int(used.total_usage))


def _ask(call: str, *args: Any) -> Any:
    from linebot.v3.messaging.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return getattr(_api(), call)(*args, _request_timeout=TIMEOUT_S)
    except ApiException as error:
        raise LineSaidNo(f"LINE answered {error.status}: {error.body}"[:300]) from error
    except (HTTPError, OSError) as error:
        raise LineSaidNo(f"LINE cannot be reached: {type(error).__name__}") from error


def _api() -> Any:
    from linebot.v3.messaging import ApiClient, Configuration, MessagingApi

    configuration = Configuration(
        host=settings.LINE_API_URL, access_token=settings.LINE_CHANNEL_ACCESS_TOKEN
    )
    configuration.retries = False  # our rows are tried again, with their key
    return MessagingApi(ApiClient(configuration))
