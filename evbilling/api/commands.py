"""``chargers/{id}/commands/``: orders to a charger, and what came of them."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from core import audit
from core.errors import DomainError
from evbilling.api import waiting
from evbilling.api.base import Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime
from evbilling.api.parsers import PlainJson
from stations.drivers.ocpp.driver import OcppDriver
from stations.drivers.ocpp.redact import without_secrets
from stations.drivers.ocpp.schemas import OUTWARD
from stations.models import Command, CommandStatus
from users.access import Action, scope


@extend_schema_field(OpenApiTypes.OBJECT)
class Raw(serializers.JSONField):
    """What went over the wire, without secrets."""

    def to_representation(self, value: Any) -> Any:
        return without_secrets(value)


class CommandSerializer(serializers.Serializer[Command]):
    """``detail`` says why where no answer came."""

    id = serializers.IntegerField(read_only=True)
    action = serializers.CharField(read_only=True)
    payload = Raw(read_only=True)
    status = serializers.ChoiceField(choices=CommandStatus.choices, read_only=True)
    response = Raw(read_only=True, allow_null=True)
    detail = serializers.CharField(read_only=True)
    session = serializers.IntegerField(source="session_id", read_only=True, allow_null=True)
    requested_by = serializers.CharField(read_only=True)
    created_at = Moment(read_only=True)
    sent_at = Moment(read_only=True, allow_null=True)
    answered_at = Moment(read_only=True, allow_null=True)


class CommandQuery(ByTime):
    time = "created_at"
    action = serializers.CharField(required=False)
    status = serializers.ChoiceField(choices=CommandStatus.choices, required=False)


class Commands(ChargerEndpoint, Listing):
    """The orders that a charger was given, newest first."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = CommandSerializer
    filters = CommandQuery

    def rows(self) -> QuerySet[Command]:
        charger = self.charger(self.kwargs["charge_point_id"])
        return scope(Command.objects.filter(charger=charger), self.admin)


class SendCommand(ChargerEndpoint):
    """Sends a request of OCPP 1.6 and waits for the charger's answer."""

    actions: ClassVar = {"POST": Action.COMMAND_CHARGER}
    serializer_class = waiting.OutcomeSerializer
    parser_classes = [PlainJson]

    @extend_schema(
        parameters=[
            waiting.Patience,
            OpenApiParameter("action", str, OpenApiParameter.PATH, enum=sorted(OUTWARD)),
        ],
        request=OpenApiTypes.OBJECT,
        responses={200: waiting.OutcomeSerializer},
        description="The body is the request's payload as the standard spells it. `accepted`: the answer's "
        "status is Accepted, Scheduled, RebootRequired or Unlocked, or it has none; `error`: a CALLERROR; "
        "`offline`: the charger is away and never saw it; `timeout`: no answer in time.",
    )
    def post(self, request: Request, charge_point_id: str, action: str) -> HttpResponseBase:
        charger = self.charger(charge_point_id)
        seconds = waiting.patience(request)
        waiting.require_ocpp(charger)
        if not isinstance(request.data, dict):
            raise DomainError(_("The payload must be a JSON object."), code="bad_request")
        # On its way before anything else is done; the order itself says who asked.
        command = OcppDriver().send(
            charger, action, request.data, by=str(self.admin), answer_timeout_s=seconds
        )
        audit.record(
            self.actor,
            "command_charger",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={
                "action": action,
                "payload": without_secrets(request.data),
                "command": command.pk,
            },
        )
        return waiting.outcome(command, seconds)
