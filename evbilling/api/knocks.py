"""``knocks/``: chargers at the door that nobody has set up, and adopting them."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import stations
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import Query
from stations.models import Knock, PresentedPassword
from stations.selectors import strangers
from stations.services import adoption
from stations.services.connectors import MAX_CONNECTORS
from users.access import Action


class KnockSerializer(serializers.Serializer[Knock]):
    """``password``: "usable" can be kept on adoption; it is known here as HMAC only."""

    charge_point_id = serializers.CharField()
    address = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()
    password = serializers.ChoiceField(choices=PresentedPassword.choices)
    attempts = serializers.IntegerField()
    first_at = Moment()
    last_at = Moment()


class AdoptSerializer(serializers.Serializer[Any]):
    charge_point_id = serializers.CharField(max_length=48)
    station = Owned(stations.rows)
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    place = serializers.CharField(max_length=120, required=False, allow_blank=True)
    connector_count = serializers.IntegerField(
        min_value=1, max_value=MAX_CONNECTORS, required=False
    )


class AdoptedSerializer(serializers.Serializer[Any]):
    """``password``: to be typed into the charger, told only here; null where it keeps its own."""

    charge_point_id = serializers.CharField()
    password = serializers.CharField(allow_null=True)


class KnockQuery(Query):
    charge_point_id = serializers.CharField(
        required=False,
        source="charge_point_id__iexact",
        help_text="The exact id. Needed where several companies share the server.",
    )


class Knocks(Listing):
    """Strangers of the last seven days. Where several companies share the server only platform
    staff see all of them; others find a charger by its exact id."""

    actions: ClassVar = {"GET": Action.EDIT_CHARGER}
    serializer_class = KnockSerializer
    filters = KnockQuery
    ordering = ("-last_at", "-id")

    def rows(self) -> QuerySet[Knock]:
        wanted = self.request.query_params.get("charge_point_id", "")
        return strangers.seen_by(self.admin, wanted)


class Adopt(Endpoint):
    """Make a charger of a stranger. It comes in at its next try and is then set up."""

    actions: ClassVar = {"POST": Action.EDIT_CHARGER}
    serializer_class = AdoptSerializer

    @extend_schema(responses={201: AdoptedSerializer})
    def post(self, request: Request) -> Response:
        fields = self.body()
        station, wanted = fields.pop("station"), fields.pop("charge_point_id")
        knock = strangers.seen_by(self.admin, wanted).first()
        if knock is None:
            raise adoption.NobodyThere(field="charge_point_id", status=422)
        adopted = adoption.adopt(knock, station, fields, actor=self.actor)
        answer = {
            "charge_point_id": adopted.charger.charge_point_id,
            "password": adopted.password or None,
        }
        return Response(answer, 201)
