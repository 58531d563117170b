"""Answers that wait for a charger, holding neither a thread nor a database connection.

The status is known before the wait (200: the order exists), so the answer is streamed: the view
returns at once, gives its thread back (``evbilling.threads``), and the body follows when the
charger has spoken. An ``async def`` view would not do: the middleware's thread waits along.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Conflict
from evbilling import hub
from evbilling.api.filters import Query, read
from stations.models import Charger, Command, CommandStatus, Protocol
from stations.models.command import OPEN

DEFAULT_SECONDS, MOST_SECONDS = 30, 120
# The process that holds the line counts from the moment of sending, and its word is better than ours.
GRACE_SECONDS = 0.5
FINAL = tuple(s for s in CommandStatus.values if s not in OPEN)


@extend_schema_field({"type": "object", "additionalProperties": True})
class RawAnswer(serializers.JSONField):
    """As the charger sent it."""


class OutcomeSerializer(serializers.Serializer[Any]):
    """``response`` is the charger's raw answer; empty where none came."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=FINAL)
    response = RawAnswer()


class NotSupported(Conflict):
    code = "not_supported"
    message = _("This charger's protocol does not know this order.")


class Patience(Query):
    timeout = serializers.IntegerField(
        min_value=1,
        max_value=MOST_SECONDS,
        required=False,
        help_text=f"How many seconds to wait for the answer: {DEFAULT_SECONDS}.",
    )


def patience(request: Request) -> int:
    """Seconds to wait, by ``?timeout=``."""
    if "timeout" not in request.query_params:
        return DEFAULT_SECONDS
    return int(read(Patience, request).validated_data.get("timeout", DEFAULT_SECONDS))


def require_ocpp(charger: Charger) -> None:
    """``NotSupported``: only OCPP chargers can be told things yet."""
    if charger.protocol != Protocol.OCPP16:
        raise NotSupported


def outcome(command: Command, seconds: float) -> HttpResponseBase:
    """The end of ``command`` as ``{"id", "status", "response"}``: at once where it has ended."""
    if command.status not in OPEN:
        return Response(_body(command.pk, command.status, command.response))
    return StreamingHttpResponse(
        _wait(command.pk, seconds + GRACE_SECONDS), content_type="application/json"
    )


async def _wait(command_id: int, seconds: float) -> AsyncIterator[bytes]:
    found = await hub.current().outcome(command_id, seconds)
    status = found.status if found else CommandStatus.TIMEOUT
    yield orjson.dumps(_body(command_id, status, found.response if found else None))


def _body(command_id: int, status: str, response: Any) -> Mapping[str, Any]:
    return {"id": command_id, "status": str(status), "response": response or {}}
