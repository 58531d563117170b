"""``holidays/``: days that are Off-Peak though their weekday is not, or the other way round."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import TouHoliday
from billing.services import holidays
from evbilling.api.base import Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import AnyField, OfCompany
from stations.models import Utility
from users import selectors
from users.access import Action, scope


class HolidaySerializer(serializers.Serializer[TouHoliday]):
    """``off_peak`` false: the calendar calls it a holiday and the utility does not."""

    company = Owned(selectors.companies, required=False)
    utility = serializers.ChoiceField(choices=Utility.choices)
    date = serializers.DateField()
    name = serializers.CharField(max_length=120)
    name_th = serializers.CharField(read_only=True)
    off_peak = serializers.BooleanField()
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    changed_at = Moment(read_only=True)
    changed_by = serializers.CharField(read_only=True)


class HolidayQuery(OfCompany):
    utility = serializers.ChoiceField(choices=Utility.choices, required=False)
    year = serializers.IntegerField(
        required=False, min_value=2000, max_value=2200, source="date__year"
    )

    def get_fields(self) -> dict[str, AnyField]:
        first = serializers.DateField(required=False, source="date__gte", help_text="Not before.")
        last = serializers.DateField(required=False, source="date__lt", help_text="Before.")
        return {**super().get_fields(), "from": first, "to": last}


class Holidays(Listing):
    """The company's table of days, by date. POST adds or changes a day that has not begun."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_TARIFF}
    serializer_class = HolidaySerializer
    filters = HolidayQuery
    ordering = ("date", "id")

    def rows(self) -> QuerySet[TouHoliday]:
        return scope(TouHoliday.objects.all(), self.admin)

    def post(self, request: Request) -> Response:
        fields: dict[str, Any] = self.body()
        made = holidays.set_day(
            self.company_for(fields.get("company")),
            fields["utility"],
            fields["date"],
            name=fields["name"],
            off_peak=fields["off_peak"],
            actor=self.actor,
        )
        return self.answer(made, 201)
