"""``chargers/{id}/messages/``: every frame, both ways.

A stored CALL of the charger carries our answer in its own row and becomes two messages here; the
answer to a CALL of ours is a row of its own and gets its action from that CALL.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import orjson
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evbilling.api.base import Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime
from stations.models import Frame
from users.access import Action

M = TypeVar("M", bound=Model)
ANSWER_WITHIN = timedelta(minutes=10)
ANSWERS = (Frame.Kind.RESULT, Frame.Kind.ERROR)
Message = dict[str, Any]


@extend_schema_field(OpenApiTypes.ANY)
class Payload(serializers.JSONField):
    """JSON as it was; the text itself where it was none."""


class MessageSerializer(serializers.Serializer[Message]):
    """``in``: from the charger. ``error``: the code of a CALLERROR."""

    at = Moment()
    direction = serializers.ChoiceField(choices=["in", "out"])
    kind = serializers.ChoiceField(choices=["call", "result", "error", "broken"])
    action = serializers.CharField()
    message_id = serializers.CharField()
    payload = Payload()
    error = serializers.CharField(allow_null=True)


class MessageQuery(ByTime):
    action = serializers.CharField(required=False)
    direction = serializers.ChoiceField(choices=["in", "out"], required=False)
    message_id = serializers.CharField(required=False)

    def narrow(self, rows: QuerySet[M]) -> QuerySet[M]:
        wanted = dict(self.validated_data)
        action, direction = wanted.pop("action", None), wanted.pop("direction", None)
        if action is not None:
            rows = rows.filter(Q(action=action) | _answers_to(action))
        if direction == "in":
            rows = rows.filter(direction="in")
        elif direction == "out":
            rows = rows.filter(Q(direction="out") | Q(answer__isnull=False))
        return rows.filter(**wanted)


class Messages(ChargerEndpoint, Listing):
    """Newest first. A page counts exchanges, so it may hold up to twice as many messages."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = MessageSerializer
    filters = MessageQuery
    ordering = ("-at", "-id")

    def rows(self) -> QuerySet[Frame]:
        charger = self.charger(self.kwargs["charge_point_id"])
        return Frame.objects.filter(charger_id=charger.pk)

    def paginate_queryset(self, queryset: Any) -> Any:
        frames = super().paginate_queryset(queryset) or []
        direction = self.request.query_params.get("direction")
        told = (m for m in expand(frames) if direction in (None, "", m["direction"]))
        return sorted(told, key=lambda m: m["at"], reverse=True)


def expand(frames: Sequence[Frame]) -> Iterator[Message]:
    """Each frame as it went over the wire."""
    actions = _actions_of_answers(frames)
    for frame in frames:
        if frame.answer is not None:
            yield _our_answer(frame)
        is_answer = frame.kind in ANSWERS
        yield {
            "at": frame.at,
            "direction": frame.direction,
            "kind": frame.kind,
            "action": actions.get(frame.message_id, "") if is_answer else frame.action,
            "message_id": frame.message_id,
            "payload": frame.payload if frame.kind == Frame.Kind.BROKEN else _json(frame.payload),
            "error": (frame.error or None) if is_answer else None,
        }


def _our_answer(frame: Frame) -> Message:
    """What we said to the frame. A CALLERROR's answer holds its code, description and details."""
    payload = _json(frame.answer or "")
    if frame.error:
        parts = _json(f"[{frame.answer}]") if frame.kind == Frame.Kind.CALL else None
        code, text = (
            (parts[0], parts[1])
            if isinstance(parts, list) and len(parts) > 1
            else (
                frame.error,
                frame.answer,
            )
        )
        payload = {"errorCode": code, "errorDescription": text}
    return {
        "at": frame.at + timedelta(microseconds=frame.answer_after_us or 0),
        "direction": "out",
        "kind": "error" if frame.error else "result",
        "action": frame.action,
        "message_id": frame.message_id,
        "payload": payload,
        "error": frame.error or None,
    }


def _answers_to(action: str) -> Q:
    """The charger's answers to CALLs of ours with this action."""
    asked = Frame.objects.filter(
        charger_id=OuterRef("charger_id"),
        direction=Frame.Direction.OUT,
        kind=Frame.Kind.CALL,
        action=action,
        message_id=OuterRef("message_id"),
        at__lte=OuterRef("at"),
        at__gte=OuterRef("at") - ANSWER_WITHIN,
    )
    return Q(kind__in=ANSWERS) & Q(Exists(asked))


def _actions_of_answers(frames: Iterable[Frame]) -> dict[str, str]:
    """message id → action of the CALLs of ours that these frames answer, in one query."""
    answers = [f for f in frames if f.kind in ANSWERS]
    if not answers:
        return {}
    calls = Frame.objects.filter(
        charger_id=answers[0].charger_id,
        direction=Frame.Direction.OUT,
        kind=Frame.Kind.CALL,
        message_id__in=[f.message_id for f in answers],
        at__gte=min(f.at for f in answers) - ANSWER_WITHIN,
        at__lte=max(f.at for f in answers),
    )
    return dict(calls.values_list("message_id", "action"))


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
