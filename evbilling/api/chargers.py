"""``chargers/``: charge points by the id they connect with, and their plugs."""

from typing import Any, ClassVar

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import stations
from evbilling.api.base import Endpoint, Listing
from evbilling.api.errors import MissingNow
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import Query
from stations.models import Charger, Connector, ConnectorStatus, Protocol, Session, SessionStatus
from stations.selectors.chargers import is_online
from stations.services import chargers
from stations.services.connectors import MAX_CONNECTORS
from users import access
from users.access import Action, scope
from users.models import Admin


class ConnectorSerializer(serializers.Serializer[Connector]):
    """``status`` is the OCPP word, as the charger last said; ``session`` the charge that runs on it."""

    connector_id = serializers.IntegerField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="What its QR opens: /c/<code>.")
    status = serializers.ChoiceField(choices=ConnectorStatus.choices, read_only=True)
    error_code = serializers.CharField(read_only=True)
    status_at = Moment(read_only=True)
    session = serializers.IntegerField(source="session_pk", read_only=True, allow_null=True)
    kind = serializers.CharField(max_length=20, required=False, allow_blank=True)
    max_power_w = serializers.IntegerField(min_value=1_000, max_value=2_000_000, required=False)


class ChargerSerializer(serializers.Serializer[Charger]):
    """``network_status`` is "normal" while a living process holds its line."""

    charge_point_id = serializers.CharField(read_only=True)
    station = Owned(stations.rows)
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    place = serializers.CharField(max_length=120, required=False, allow_blank=True)
    protocol = serializers.ChoiceField(choices=Protocol.choices, required=False)
    device = serializers.CharField(max_length=60, required=False)
    connector_count = serializers.IntegerField(
        min_value=1, max_value=MAX_CONNECTORS, required=False, write_only=True
    )
    connectors = ConnectorSerializer(many=True, read_only=True, source="plugs")
    password = serializers.CharField(
        write_only=True,
        required=False,
        trim_whitespace=False,
        min_length=chargers.LEAST_PASSWORD,
        max_length=chargers.LONGEST_PASSWORD,
    )
    vendor = serializers.CharField(read_only=True)
    model = serializers.CharField(read_only=True)
    serial_number = serializers.CharField(max_length=80, required=False, allow_blank=True)
    firmware_version = serializers.CharField(read_only=True)
    network_status = serializers.SerializerMethodField()
    last_seen_at = Moment(read_only=True, allow_null=True)
    enabled = serializers.BooleanField(required=False)
    created_at = Moment(read_only=True)

    @extend_schema_field(serializers.ChoiceField(choices=["normal", "fail"]))
    def get_network_status(self, charger: Any) -> str:
        return "normal" if charger.online else "fail"


class NewChargerSerializer(ChargerSerializer):
    charge_point_id = serializers.RegexField(r"^[A-Za-z0-9*_=:+|@.\-]{1,48}$", max_length=48)


class ChargerQuery(Query):
    company = serializers.IntegerField(required=False, source="station__company_id")
    station = serializers.IntegerField(required=False, source="station_id")
    charge_point_id = serializers.CharField(required=False, source="charge_point_id__iexact")
    protocol = serializers.ChoiceField(choices=Protocol.choices, required=False)
    enabled = serializers.BooleanField(required=False)


def rows(admin: Admin) -> QuerySet[Charger]:
    """The caller's chargers with their plugs and what runs there: two queries for any number."""
    running = Session.objects.filter(
        connector=OuterRef("pk"), status=SessionStatus.ACTIVE, refusal=""
    )
    plugs = Connector.objects.filter(connector_id__gt=0).annotate(
        session_pk=Subquery(running.order_by("-pk").values("pk")[:1])
    )
    found = scope(Charger.objects.all(), admin).select_related("station")
    return found.annotate(online=is_online()).prefetch_related(
        Prefetch("connectors", queryset=plugs.order_by("connector_id"), to_attr="plugs")
    )


class ChargerEndpoint(Endpoint):
    """Something of one charger, found by its id without regard to case."""

    def charger(self, charge_point_id: str) -> Charger:
        """The bare charger: orders are in a hurry."""
        few = Charger.objects.select_related("station").only(
            "charge_point_id", "protocol", "connection_holder", "station__company_id"
        )
        return self.find(scope(few, self.admin), charge_point_id__iexact=charge_point_id)

    def shown(self, charge_point_id: str) -> Charger:
        """The charger with its plugs, as the serializer reads it."""
        return self.find(rows(self.admin), charge_point_id__iexact=charge_point_id)


class Chargers(Listing):
    """The caller's chargers. A new one may connect as soon as it has a password."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_CHARGER}
    serializer_class = ChargerSerializer
    new_serializer = NewChargerSerializer
    filters = ChargerQuery

    def rows(self) -> QuerySet[Charger]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        station, charge_point_id = fields.pop("station"), fields.pop("charge_point_id")
        made = chargers.create(station, charge_point_id, fields, actor=self.actor)
        return self.answer(self.find(rows(self.admin), pk=made.pk), 201)


class ChargerDetail(ChargerEndpoint):
    """One charger. Operators may switch it on and off, managers change the rest; the id stays."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PATCH": Action.SWITCH_CHARGER,
        "DELETE": Action.EDIT_CHARGER,
    }
    serializer_class = ChargerSerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(self.shown(charge_point_id))

    def patch(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self.shown(charge_point_id), self.body()
        if fields.keys() - {"enabled"}:
            access.check(self.admin, Action.EDIT_CHARGER)
        chargers.update(charger, fields, actor=self.actor)
        return self.answer(self.shown(charge_point_id))

    def delete(self, request: Request, charge_point_id: str) -> Response:
        """Into the trash; it is not let in again."""
        chargers.delete(self.charger(charge_point_id), actor=self.actor)
        return Response(status=204)


@extend_schema(tags=["chargers"])
class ConnectorDetail(ChargerEndpoint):
    """One plug of a charger: what kind it is and how much it can give (W)."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.EDIT_CHARGER}
    serializer_class = ConnectorSerializer

    def get(self, request: Request, charge_point_id: str, connector_id: str) -> Response:
        return self.answer(self._plug(charge_point_id, int(connector_id)))

    def patch(self, request: Request, charge_point_id: str, connector_id: str) -> Response:
        plug = self._plug(charge_point_id, int(connector_id))
        chargers.update_connector(plug, self.body(), actor=self.actor)
        return self.answer(self._plug(charge_point_id, int(connector_id)))

    def _plug(self, charge_point_id: str, connector_id: int) -> Connector:
        charger: Any = self.shown(charge_point_id)
        for plug in charger.plugs:
            if plug.connector_id == connector_id:
                plug.charger = charger
                return plug  # type: ignore[no-any-return]
        raise MissingNow
