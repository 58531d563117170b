"""``commands/{Action}/``: one order to many chargers by one request, and its batch to follow."""

from collections import Counter
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import audit
from core.errors import DomainError
from evbilling.api import stations, waiting
from evbilling.api.base import Endpoint
from evbilling.api.commands import Raw
from evbilling.api.errors import MissingNow
from evbilling.api.fields import Owned
from evbilling.api.parsers import PlainJson
from stations.drivers.ocpp.driver import OcppDriver
from stations.drivers.ocpp.redact import without_secrets
from stations.drivers.ocpp.schemas import OUTWARD
from stations.models import Charger, Command, CommandStatus, Protocol
from stations.models.command import OPEN
from users.access import Action, scope

MOST = 5_000


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyPayload(serializers.DictField):
    """As the standard spells it."""


class BulkSerializer(serializers.Serializer[Any]):
    """Which chargers: by id, or all OCPP chargers of a station."""

    chargers = serializers.ListField(
        child=serializers.CharField(max_length=48), required=False, min_length=1, max_length=MOST
    )
    station = Owned(stations.rows, required=False)
    payload = AnyPayload(required=False)


class BatchCommandSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    status = serializers.ChoiceField(choices=CommandStatus.choices)
    response = Raw(allow_null=True)
    detail = serializers.CharField()


class BatchSerializer(serializers.Serializer[Any]):
    """``open``: how many have no outcome yet."""

    batch = serializers.UUIDField()
    action = serializers.CharField()
    open = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    commands = BatchCommandSerializer(many=True)


@extend_schema(tags=["commands"])
class BulkCommands(Endpoint):
    """Sends one request of OCPP 1.6 to many chargers. Nothing is sent unless all of it is valid."""

    actions: ClassVar = {"POST": Action.COMMAND_CHARGER}
    serializer_class = BulkSerializer
    parser_classes = [PlainJson]

    @extend_schema(
        parameters=[
            waiting.Patience,
            OpenApiParameter("action", str, OpenApiParameter.PATH, enum=sorted(OUTWARD)),
        ],
        responses={202: BatchSerializer},
        description="Answers 202 at once with the batch; follow it at command-batches/{batch}/. "
        "Chargers that are away have ended as `offline`.",
    )
    def post(self, request: Request, action: str) -> Response:
        seconds = waiting.patience(request)
        fields = self.body()
        payload = fields.get("payload", {})
        chargers = self._chargers(fields)
        with transaction.atomic():
            batch, made = OcppDriver().send_many(
                [c.pk for c in chargers],
                action,
                payload,
                by=str(self.admin),
                answer_timeout_s=seconds,
            )
            audit.record(
                self.actor,
                "command_chargers",
                f"batch:{batch}",
                company_id=chargers[0].station.company_id,
                new={
                    "action": action,
                    "payload": without_secrets(payload),
                    "chargers": len(made),
                },
            )
        by_id = {c.pk: c for c in chargers}
        for command in made:
            command.charger = by_id[command.charger_id]
        return Response(BatchSerializer(_batch(batch, made)).data, 202)

    def _chargers(self, fields: dict[str, Any]) -> list[Charger]:
        """In the order given, without repetition. One that is not there refuses the whole."""
        mine = scope(Charger.objects.select_related("station"), self.admin)
        names, station = fields.get("chargers"), fields.get("station")
        if (names is None) == (station is None):
            raise DomainError(
                _("Give either the chargers or the station."), code="required", field="chargers"
            )
        if station is not None:
            found = list(mine.filter(station=station, protocol=Protocol.OCPP16))
            if not found:
                raise DomainError(
                    _("This station has no charger that takes orders."), field="station"
                )
            return found
        wanted = list(dict.fromkeys(name.upper() for name in names or ()))
        named = mine.annotate(named=Upper("charge_point_id")).filter(named__in=wanted)
        known: dict[str, Charger] = {
            c.charge_point_id.upper(): c for c in named.filter(protocol=Protocol.OCPP16)
        }
        missing = [name for name in wanted if name not in known]
        if missing:
            raise DomainError(
                _("There is no charger %(name)s that takes orders, or it is not yours."),
                code="does_not_exist",
                field="chargers",
                name=missing[0],
            )
        chosen = [known[name] for name in wanted]
        if len({c.station.company_id for c in chosen}) > 1:
            raise DomainError(_("Choose chargers of one company."), field="chargers")
        return chosen


@extend_schema(tags=["commands"])
class Batch(Endpoint):
    """What has come of one request to many chargers."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = BatchSerializer

    def get(self, request: Request, batch: UUID) -> Response:
        rows = scope(Command.objects.filter(batch=batch), self.admin)
        found = list(rows.select_related("charger").order_by("pk"))
        if not found:
            raise MissingNow
        return Response(BatchSerializer(_batch(batch, found)).data)


def _batch(batch: UUID, rows: list[Command]) -> dict[str, Any]:
    counts = Counter(str(row.status) for row in rows)
    return {
        "batch": batch,
        "action": rows[0].action if rows else "",
        "open": sum(counts[status] for status in OPEN),
        "counts": dict(counts),
        "commands": rows,
    }
