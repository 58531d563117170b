"""``tariffs/``: price lists, what is in force, what a charge would cost."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing import pricing, stay
from billing.models import PriceLevel, Tariff
from billing.pricing import Period
from billing.selectors.bills import explain_usage
from billing.selectors.tariffs import LEVELS, LevelPrice, in_force
from billing.services import tariffs
from billing.values import terms_from_json
from evbilling.api import stations
from evbilling.api.base import Endpoint, Listing
from evbilling.api.bills import NoPrice
from evbilling.api.explained import PARTS, PERIODS, PriceSerializer, price_of
from evbilling.api.fields import Moment, Owned, UnitPrice
from evbilling.api.filters import Query, read
from stations.models import Station
from users.access import Action, scope
from users.models import Admin

LONGEST = timedelta(days=31)
MOST_WH = 10_000_000
PERIODS_NOW = (Period.ON_PEAK.value, Period.OFF_PEAK.value)


class ElementSerializer(serializers.Serializer[Any]):
    """One price in baht, VAT included: per kWh (energy), minute (time, penalty), hour (parking) or
    once (start, flat, reservation)."""

    part = serializers.ChoiceField(choices=PARTS)
    period = serializers.ChoiceField(choices=PERIODS, default=Period.ANY.value)
    price = UnitPrice(max_length=20)


class HoursSerializer(serializers.Serializer[Any]):
    """By the station's clock; hours that do not end after they begin end the next day."""

    start = serializers.TimeField(format="%H:%M")
    end = serializers.TimeField(format="%H:%M")


class TermsSerializer(serializers.Serializer[Any]):
    """Of staying at the plug. ``penalty_max``: baht, the most a charge's penalty may come to;
    ``free_use_min``: a reservation costs nothing when the charge begins within so many minutes."""

    grace_min = serializers.IntegerField(min_value=0, max_value=stay.MOST_GRACE_MIN, required=False)
    exempt = HoursSerializer(many=True, required=False)
    exempt_holidays = serializers.BooleanField(required=False)
    penalty_max = UnitPrice(max_length=20, required=False, allow_null=True)
    free_use_min = serializers.IntegerField(
        min_value=0, max_value=stay.MOST_FREE_USE_MIN, required=False
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As they are stored."""
        given: dict[str, Any] = dict(super().to_internal_value(data))
        if "exempt" in given:
            given["exempt"] = [
                [f"{row['start']:%H:%M}", f"{row['end']:%H:%M}"] for row in given["exempt"]
            ]
        return {key: value for key, value in given.items() if value is not None}

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        terms = terms_from_json(instance)
        most = terms.penalty_max
        return {
            "grace_min": terms.grace_min,
            "exempt": [
                {"start": f"{h.start:%H:%M}", "end": f"{h.end:%H:%M}"} for h in terms.exempt
            ],
            "exempt_holidays": terms.exempt_holidays,
            "penalty_max": None if most is None else f"{most:f}",
            "free_use_min": terms.free_use_min,
        }


class TariffSerializer(serializers.Serializer[Tariff]):
    """One version of one station's prices for one level; a change is a new version."""

    id = serializers.IntegerField(read_only=True)
    company = serializers.IntegerField(source="company_id", read_only=True)
    station = Owned(stations.rows)
    level = serializers.ChoiceField(choices=PriceLevel.choices)
    version = serializers.IntegerField(read_only=True)
    valid_from = Moment(required=False)
    elements = ElementSerializer(many=True, allow_empty=False)
    terms = TermsSerializer(required=False)
    created_at = Moment(read_only=True)
    created_by = serializers.CharField(read_only=True)


class TariffQuery(Query):
    company = serializers.IntegerField(required=False, source="company_id")
    station = serializers.IntegerField(required=False, source="station_id")
    level = serializers.ChoiceField(choices=PriceLevel.choices, required=False)


class InForceQuery(Query):
    station = serializers.IntegerField()
    level = serializers.ChoiceField(choices=PriceLevel.choices, required=False)
    at = Moment(required=False, help_text="Default: now.")


class InForceSerializer(serializers.Serializer[Any]):
    """``borrowed``: the level has no list of its own and pays by this one."""

    level = serializers.ChoiceField(choices=PriceLevel.choices)
    borrowed = serializers.BooleanField()
    period = serializers.ChoiceField(choices=PERIODS_NOW)
    energy_price = serializers.CharField(help_text="Baht per kWh at that moment.")
    changes_at = Moment(allow_null=True, help_text="When the energy price changes next.")
    tariff = TariffSerializer()


class WhatIfSerializer(serializers.Serializer[Any]):
    """A charge at constant power. ``energy`` in Wh. ``unplugged_at``: until when the car stood there."""

    station = Owned(stations.rows)
    level = serializers.ChoiceField(choices=PriceLevel.choices)
    started_at = Moment()
    stopped_at = Moment()
    unplugged_at = Moment(required=False)
    energy = serializers.IntegerField()

    def validate_energy(self, wh: int) -> int:
        if not 0 <= wh <= MOST_WH:
            raise serializers.ValidationError(
                _("Energy is between 0 and 10,000,000 Wh."), "bad_quantity"
            )
        return wh

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        left = attrs.get("unplugged_at", attrs["stopped_at"])
        if not timedelta() <= left - attrs["stopped_at"] <= LONGEST:
            problem = _("A car is unplugged after the charge ended, within 31 days.")
            raise serializers.ValidationError({"unplugged_at": [problem]}, "bad_period")
        length = attrs["stopped_at"] - attrs["started_at"]
        if not timedelta() <= length <= LONGEST:
            problem = _("A charge ends after it begins, within 31 days.")
            raise serializers.ValidationError({"stopped_at": [problem]}, "bad_period")
        return attrs


def rows(admin: Admin) -> QuerySet[Tariff]:
    return scope(Tariff.objects.all(), admin)


class Tariffs(Listing):
    """Every version, newest first. POST adds one, in force at once or from a moment on."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_TARIFF}
    serializer_class = TariffSerializer
    filters = TariffQuery

    def rows(self) -> QuerySet[Tariff]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        made = tariffs.new_version(
            fields["station"],
            fields["level"],
            [dict(element) for element in fields["elements"]],
            actor=self.actor,
            valid_from=fields.get("valid_from"),
            terms=fields.get("terms"),
        )
        return self.answer(made, 201)


class TariffDetail(Endpoint):
    """One version."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = TariffSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))


class InForce(Endpoint):
    """What each level pays at a station at a moment. A level without any list is left out."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = InForceSerializer
    filters = InForceQuery

    @extend_schema(operation_id="tariffs_in_force", responses={200: InForceSerializer(many=True)})
    def get(self, request: Request) -> Response:
        asked = read(InForceQuery, request).validated_data
        station = self._station(asked["station"])
        at = asked.get("at") or timezone.now()
        wanted = (asked["level"],) if "level" in asked else LEVELS
        found = [price for price in in_force([station], at)[station.pk] if price.row is not None]
        told = [_in_force(price) for price in found if price.level in wanted]
        context = self.get_serializer_context()
        rows = InForceSerializer(told, many=True, context=context).data
        return Response({"results": rows, "next": None, "previous": None})

    def _station(self, pk: int) -> Station:
        return self.find(stations.rows(self.admin), pk=pk)


class Price(Endpoint):
    """What a charge would cost, by the same function that makes the real bills."""

    actions: ClassVar = {"POST": Action.VIEW}
    serializer_class = WhatIfSerializer

    @extend_schema(operation_id="tariffs_price", responses={200: PriceSerializer})
    def post(self, request: Request) -> Response:
        asked = self.body()
        station: Station = asked["station"]
        found = tariffs.value(station, asked["level"], asked["started_at"])
        if found is None:
            raise NoPrice
        usage = pricing.Usage(
            asked["started_at"],
            asked["stopped_at"],
            asked["energy"],
            idle_from=asked["stopped_at"],
            unplugged_at=asked.get("unplugged_at"),
        )
        explained = explain_usage(usage, found[1], station.tax_entity)
        return Response(PriceSerializer(price_of(explained, None)).data)


def _in_force(price: LevelPrice) -> dict[str, Any]:
    return {
        "level": price.level,
        "borrowed": bool(price.borrowed),
        "period": price.period,
        "energy_price": f"{price.energy:f}",
        "changes_at": price.changes_at,
        "tariff": price.row,
    }
