"""``chargers/{id}/messages/``: every frame, both ways.

A stored CALL of the charger carries our answer in its own row and becomes two messages here; the
answer to a CALL of ours is a row of its own and gets its action from that CALL.
"""

from typing import Any, ClassVar, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from evbilling.api import filters as queries
from evbilling.api.base import Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime
from evbilling.frame_messages import Message, expand, export
from stations.models import Frame, Session
from stations.selectors.frames import ANSWER_WITHIN, ANSWERS, FrameFilter, calls
from users.access import Action, scope

M = TypeVar("M", bound=Model)


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


class ExportQuery(ByTime):
    """As of the list; ``session`` takes the charge's own time and whatever names it."""

    action = serializers.CharField(required=False)
    direction = serializers.ChoiceField(choices=["in", "out"], required=False)
    message_id = serializers.CharField(required=False)
    text = serializers.CharField(required=False, help_text="Said in the call or its answer.")
    session = serializers.IntegerField(required=False)

    def get_fields(self) -> dict[str, queries.AnyField]:
        """``errors`` is a name that a serializer has taken already."""
        failed = serializers.BooleanField(required=False, source="failed")
        return {**super().get_fields(), "errors": failed}


class ExportMessages(ChargerEndpoint):
    """The log as JSON Lines, oldest first, each call followed by its answer. Streamed."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = MessageSerializer
    filters = ExportQuery

    @extend_schema(
        responses={
            (200, "application/x-ndjson"): OpenApiResponse(
                OpenApiTypes.STR, "One message a line, with charge_point_id."
            )
        }
    )
    def get(self, request: Request, charge_point_id: str) -> StreamingHttpResponse:
        charger = self.charger(charge_point_id)
        wanted = dict(queries.read(ExportQuery, request).validated_data)
        session = None
        if (number := wanted.pop("session", None)) is not None:
            charges = scope(Session.objects.filter(charger=charger), self.admin)
            session = self.find(charges.select_related("connector"), pk=number)
        chosen = FrameFilter(
            action=wanted.get("action", ""),
            direction=wanted.get("direction", ""),
            errors=wanted.get("failed", False),
            message_id=wanted.get("message_id", ""),
            text=wanted.get("text", ""),
            since=wanted.get("at__gte"),
            until=wanted.get("at__lt"),
            session=session,
            all_days=True,
        )
        filters = request.META.get("QUERY_STRING", "")
        return export(charger, calls(charger, chosen), actor=self.actor, filters=filters)


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
