"""``cases/``: what does not add up, until a person says what came of it."""

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime
from stations.models import Case, CaseDecision, CaseKind
from stations.services import cases
from users.access import Action, scope
from users.models import Admin


@extend_schema_field(OpenApiTypes.OBJECT)
class Evidence(serializers.JSONField):
    """What the charger said, word for word."""


class CaseSerializer(serializers.Serializer[Case]):
    id = serializers.IntegerField()
    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    session = serializers.IntegerField(source="session_id", allow_null=True)
    kind = serializers.ChoiceField(choices=CaseKind.choices)
    evidence = Evidence()
    opened_at = Moment()
    resolved_at = Moment(allow_null=True)
    resolved_by = serializers.CharField()
    decision = serializers.CharField(help_text="Of disputed energy: keep, accept; else empty.")
    note = serializers.CharField()


class NoteSerializer(serializers.Serializer[Case]):
    """What came of it."""

    note = serializers.CharField(max_length=2000)
    decision = serializers.ChoiceField(choices=CaseDecision.choices, required=False)


class CaseQuery(ByTime):
    time = "opened_at"
    charge_point_id = serializers.CharField(
        required=False, source="charger__charge_point_id__iexact"
    )
    session = serializers.IntegerField(required=False, source="session_id")
    kind = serializers.ChoiceField(choices=CaseKind.choices, required=False)
    open = serializers.BooleanField(required=False, source="resolved_at__isnull")


def rows(admin: Admin) -> QuerySet[Case]:
    return scope(Case.objects.all(), admin).select_related("charger__station")


class Cases(Listing):
    """Newest first; ``?open=true`` for what still waits."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = CaseSerializer
    filters = CaseQuery
    ordering = ("-opened_at", "-id")

    def rows(self) -> QuerySet[Case]:
        return rows(self.admin)


class CaseDetail(Endpoint):
    """One case with its evidence."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = CaseSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))


class ResolveCase(Endpoint):
    """A person has looked at it."""

    actions: ClassVar = {"POST": Action.RESOLVE_CASE}
    serializer_class = CaseSerializer

    @extend_schema(request=NoteSerializer, responses={200: CaseSerializer})
    def post(self, request: Request, pk: int) -> Response:
        case = self.find(rows(self.admin), pk=pk)
        said = self.body(NoteSerializer)
        company_id = case.charger.station.company_id
        cases.resolve(
            case,
            note=said["note"],
            decision=said.get("decision", ""),
            actor=self.actor,
            company_id=company_id,
        )
        return self.answer(self.find(rows(self.admin), pk=pk))
