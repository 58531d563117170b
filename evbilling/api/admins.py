"""``admins/``: who may run the company's stations."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import stations
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany
from stations.models import Station
from users import selectors
from users.access import Action
from users.models import Admin, Level
from users.services import admins


class AdminSerializer(serializers.Serializer[Admin]):
    """``stations`` counts where ``all_stations`` is false. Platform staff have no company."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False, allow_null=True)
    username = serializers.CharField(max_length=60, read_only=True)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    level = serializers.ChoiceField(choices=Level.choices)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    enabled = serializers.BooleanField(required=False)
    all_stations = serializers.BooleanField(required=False)
    stations = Owned(stations.rows, many=True, required=False, source="limited_stations")
    password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=200)
    has_code = serializers.BooleanField(source="has_totp", read_only=True)
    last_login_at = Moment(source="last_login", read_only=True, allow_null=True)
    created_at = Moment(read_only=True)


class NewAdminSerializer(AdminSerializer):
    username = serializers.RegexField(r"^[\w.@+\-]{1,60}$", max_length=60)


class AdminQuery(OfCompany):
    level = serializers.ChoiceField(choices=Level.choices, required=False)
    enabled = serializers.BooleanField(required=False)


def _rows(admin: Admin) -> QuerySet[Admin]:
    limits = Prefetch("limited_stations", queryset=Station.objects.only("pk").order_by("pk"))
    return selectors.admins(admin).prefetch_related(limits)


def _fields(body: dict[str, Any]) -> Any:
    if "limited_stations" in body:
        body["stations"] = body.pop("limited_stations")
    return body


class Admins(Listing):
    """The company's admins; for owners."""

    actions: ClassVar = {"GET": Action.EDIT_ADMIN, "POST": Action.EDIT_ADMIN}
    serializer_class = AdminSerializer
    new_serializer = NewAdminSerializer
    filters = AdminQuery

    def rows(self) -> QuerySet[Admin]:
        return _rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = _fields(self.body())
        company, username = fields.pop("company", None), fields.pop("username")
        home = None if fields["level"] == Level.PLATFORM else self.company_for(company)
        made = admins.create(home, username, fields, actor=self.actor, by=self.admin)
        return self.answer(self.find(_rows(self.admin), pk=made.pk), 201)


class AdminDetail(Endpoint):
    """One admin. Name and company stay."""

    actions: ClassVar = {
        "GET": Action.EDIT_ADMIN,
        "PATCH": Action.EDIT_ADMIN,
        "DELETE": Action.EDIT_ADMIN,
    }
    serializer_class = AdminSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self._admin(pk))

    def patch(self, request: Request, pk: int) -> Response:
        admin, fields = self._admin(pk), _fields(self.body())
        fields.pop("company", None)
        admins.update(admin, fields, actor=self.actor, by=self.admin)
        return self.answer(self._admin(pk))

    def delete(self, request: Request, pk: int) -> Response:
        """Into the trash; the tokens stop working."""
        admins.delete(self._admin(pk), actor=self.actor, by=self.admin)
        return Response(status=204)

    def _admin(self, pk: int) -> Admin:
        return self.find(_rows(self.admin), pk=pk)
