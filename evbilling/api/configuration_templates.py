"""``configuration-templates/``: what a company wants of its chargers."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotAllowed
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany
from stations.models import ConfigurationTemplate
from stations.services import templates
from users import selectors
from users.access import Action, scope
from users.models import Admin


class TemplateSerializer(serializers.Serializer[ConfigurationTemplate]):
    """``keys``: key → value as text. ``is_default``: holds for chargers without one of their own."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False)
    name = serializers.CharField(max_length=80)
    keys = serializers.DictField(child=serializers.CharField(allow_blank=True, max_length=500))
    is_default = serializers.BooleanField(required=False)
    changed_at = Moment(read_only=True)
    changed_by = serializers.CharField(read_only=True)


def rows(admin: Admin) -> QuerySet[ConfigurationTemplate]:
    return scope(ConfigurationTemplate.objects.all(), admin)


class Templates(Listing):
    """The company's templates; where it has none the built-in one holds."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_CHARGER}
    serializer_class = TemplateSerializer
    filters = OfCompany
    ordering = ("name", "id")

    def rows(self) -> QuerySet[ConfigurationTemplate]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        if not self.admin.all_stations:
            raise NotAllowed(_("A template holds for all stations; you look after some of them."))
        fields: dict[str, Any] = self.body()
        made = templates.create(
            self.company_for(fields.get("company")),
            fields["name"],
            fields["keys"],
            is_default=fields.get("is_default", False),
            actor=self.actor,
        )
        return self.answer(made, 201)


class TemplateDetail(Endpoint):
    """One template. Changing it sends nothing: chargers that differ show as drifting."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PATCH": Action.EDIT_CHARGER,
        "DELETE": Action.EDIT_CHARGER,
    }
    serializer_class = TemplateSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))

    def patch(self, request: Request, pk: int) -> Response:
        row, fields = self._changeable(pk), self.body()
        fields.pop("company", None)
        return self.answer(templates.update(row, **fields, actor=self.actor))

    def delete(self, request: Request, pk: int) -> Response:
        templates.delete(self._changeable(pk), actor=self.actor)
        return Response(status=204)

    def _changeable(self, pk: int) -> ConfigurationTemplate:
        """A template holds for a whole company: who keeps to some stations changes none."""
        mine = rows(self.admin)
        return self.find(mine if self.admin.all_stations else mine.none(), pk=pk)
