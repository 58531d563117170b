"""``limits/``: what each running charge may draw, since when and why."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evbilling.api.base import Listing
from evbilling.api.fields import Moment
from evbilling.api.filters import Query
from stations.models import Session, SessionStatus
from users.access import Action, scope


class LimitSerializer(serializers.Serializer[Session]):
    """``energy``: Wh since the start that the money covers; null with ``kind`` "none"."""

    session = serializers.IntegerField(source="pk")
    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    connector_id = serializers.IntegerField(source="connector.connector_id")
    kind = serializers.SerializerMethodField()
    energy = serializers.IntegerField(source="allowance_wh", allow_null=True)
    drawn = serializers.IntegerField(source="live.energy_wh")
    since = Moment(source="started_at")
    until = Moment(source="allowance_until", allow_null=True)
    reason = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=["allowance", "none"]))
    def get_kind(self, session: Session) -> str:
        return "none" if session.allowance_wh is None else "allowance"

    def get_reason(self, session: Session) -> str:
        """In the language asked for."""
        if session.allowance_wh is None:
            return _("Nothing limits this charge.")
        if session.chosen_wh is not None:
            return _("The customer chose this much energy.")
        if session.chosen_satang is not None:
            return _("The customer chose an amount of money.")
        return _("The money set aside covers this much.")


class LimitQuery(Query):
    company = serializers.IntegerField(required=False, source="company_id")
    station = serializers.IntegerField(required=False, source="station_id")
    charge_point_id = serializers.CharField(
        required=False, source="charger__charge_point_id__iexact"
    )


class Limits(Listing):
    """One row for each running charge."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = LimitSerializer
    filters = LimitQuery

    def rows(self) -> QuerySet[Any]:
        running = Session.objects.filter(status=SessionStatus.ACTIVE)
        return scope(running, self.admin).select_related("charger", "connector", "live")
