"""``stations/``: the places."""

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money, Number, Owned
from evbilling.api.filters import OfCompany
from stations.models import Station, TapMode, Utility
from stations.services import sites
from users import selectors
from users.access import Action, scope
from users.models import Admin


class StationSerializer(serializers.Serializer[Station]):
    """One place with one meter of the utility. Power in kW, longest charge in kWh."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False)
    tax_entity = Owned(selectors.tax_entities, required=False, allow_null=True)
    name = serializers.CharField(max_length=120)
    name_th = serializers.CharField(max_length=120, required=False, allow_blank=True)
    address = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    latitude = Number(
        max_digits=9,
        decimal_places=6,
        min_value=-90,
        max_value=90,
        required=False,
        allow_null=True,
    )
    longitude = Number(
        max_digits=9,
        decimal_places=6,
        min_value=-180,
        max_value=180,
        required=False,
        allow_null=True,
    )
    utility = serializers.ChoiceField(choices=Utility.choices, required=False)
    utility_meter_number = serializers.CharField(max_length=40, required=False, allow_blank=True)
    voltage_level = serializers.CharField(max_length=20, required=False, allow_blank=True)
    contracted_kw = Number(
        max_digits=9, decimal_places=2, min_value=0, required=False, allow_null=True
    )
    billing_cycle_day = serializers.IntegerField(min_value=1, max_value=28, required=False)
    tap_mode = serializers.ChoiceField(choices=TapMode.choices, required=False)
    max_session_kwh = serializers.IntegerField(min_value=1, max_value=500, required=False)
    customers_reserve = serializers.BooleanField(
        required=False, help_text="Whether customers may reserve a connector on its page."
    )
    max_reservation_min = serializers.IntegerField(min_value=1, max_value=240, required=False)
    local_lists = serializers.BooleanField(
        required=False, help_text="Whether its chargers know cards while they are offline."
    )
    offline_credit = Money(
        required=False, help_text="THB lent to a prepaid card offline; 0: it cannot charge then."
    )
    enabled = serializers.BooleanField(required=False)
    created_at = Moment(read_only=True)

    def validate_offline_credit(self, satang: int) -> int:
        if not 0 <= satang <= sites.MOST_OFFLINE_CREDIT:
            raise serializers.ValidationError(
                _("From 0 to %(most)s baht.") % {"most": sites.MOST_OFFLINE_CREDIT // 100}
            )
        return satang


class StationQuery(OfCompany):
    enabled = serializers.BooleanField(required=False)
    utility_meter_number = serializers.CharField(required=False)


def rows(admin: Admin) -> QuerySet[Station]:
    """The caller's stations, in whatever company."""
    return scope(Station.objects.all(), admin)


class Stations(Listing):
    """The caller's stations. A new one has no price list yet (``tariffs/``)."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_STATION}
    serializer_class = StationSerializer
    filters = StationQuery

    def rows(self) -> QuerySet[Station]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        company = self.company_for(fields.pop("company", None))
        return self.answer(sites.create(company, fields, actor=self.actor), 201)


class StationDetail(Endpoint):
    """One station. Its company stays."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PATCH": Action.EDIT_STATION,
        "DELETE": Action.EDIT_STATION,
    }
    serializer_class = StationSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self._station(pk))

    def patch(self, request: Request, pk: int) -> Response:
        station, fields = self._station(pk), self.body()
        fields.pop("company", None)
        return self.answer(sites.update(station, fields, actor=self.actor))

    def delete(self, request: Request, pk: int) -> Response:
        """Into the trash, once no charger stands there."""
        sites.delete(self._station(pk), actor=self.actor)
        return Response(status=204)

    def _station(self, pk: int) -> Station:
        return self.find(rows(self.admin), pk=pk)
