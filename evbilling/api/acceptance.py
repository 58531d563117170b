"""``chargers/{id}/acceptance-runs/``: MEA's form FM-OCPP-T-01, run against a charger."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import DomainError
from evbilling.api.base import Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment, Number
from meaoscp import acceptance_pdf, form, words
from meaoscp.models import AcceptanceRun, AcceptanceStep, RunState, StepState
from meaoscp.services import acceptance_runs
from meaoscp.services.acceptance_runs import Wish
from stations.models import Charger
from stations.services import authorising
from users.access import Action, scope
from users.models import Admin, Card


class StepSerializer(serializers.Serializer[AcceptanceStep]):
    """``remark`` holds the actual values; ``reason`` says why a step failed; ``messages`` are the
    ids of the messages that decided. ``connector_id`` 0 is the charger as a whole."""

    number = serializers.CharField(read_only=True)
    title = serializers.SerializerMethodField()
    connector_id = serializers.IntegerField(read_only=True)
    state = serializers.ChoiceField(choices=StepState.choices, read_only=True)
    tries = serializers.IntegerField(read_only=True)
    remark = serializers.CharField(read_only=True)
    reason = serializers.SerializerMethodField()
    note = serializers.CharField(read_only=True)
    messages = serializers.ListField(child=serializers.CharField(), read_only=True)
    began_at = Moment(read_only=True, allow_null=True)
    evidence_at = Moment(read_only=True, allow_null=True)
    ended_at = Moment(read_only=True, allow_null=True)

    def get_title(self, step: AcceptanceStep) -> str:
        return form.STEPS[step.number].title

    def get_reason(self, step: AcceptanceStep) -> str:
        return words.reason(step.reason, step.reason_values)


class AcceptanceSerializer(serializers.Serializer[AcceptanceRun]):
    """``limit``: what tests 9 to 11 order, A per phase on AC, W on DC. ``paper``: the form as PDF."""

    id = serializers.IntegerField(read_only=True)
    charge_point_id = serializers.CharField(source="charger.charge_point_id", read_only=True)
    state = serializers.ChoiceField(choices=RunState.choices, read_only=True)
    connectors = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=64)
    tests = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=11), max_length=11, required=False
    )
    card = serializers.CharField(source="card.id_tag", read_only=True)
    stop_card = serializers.SerializerMethodField()
    invalid_id_tag = serializers.CharField(max_length=20, required=False, allow_blank=True)
    direct = serializers.BooleanField(required=False, help_text="Direct current.")
    limit = Number(max_digits=8, decimal_places=1, required=False)
    reservation_seconds = serializers.IntegerField(required=False)
    project = serializers.CharField(max_length=120, required=False, allow_blank=True)
    brand_model = serializers.CharField(max_length=120, required=False, allow_blank=True)
    tested_by = serializers.CharField(max_length=80, required=False, allow_blank=True)
    witnesses = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=3, required=False
    )
    started_at = Moment(read_only=True)
    ended_at = Moment(read_only=True, allow_null=True)
    started_by = serializers.CharField(read_only=True)
    paper = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_stop_card(self, run: AcceptanceRun) -> str | None:
        return run.stop_card.id_tag if run.stop_card else None

    def get_paper(self, run: AcceptanceRun) -> str:
        return reverse("api-acceptance-paper", args=[run.charger.charge_point_id, run.pk])


class NewAcceptanceSerializer(AcceptanceSerializer):
    """Cards by their idTag. ``stop_card``: another one of the same group, for chargers that do not
    ask about the card that began a charge when it ends it."""

    card = serializers.CharField(max_length=20)
    stop_card = serializers.CharField(max_length=20, required=False, allow_null=True)  # type: ignore[assignment]


class AcceptanceDetailSerializer(AcceptanceSerializer):
    steps = StepSerializer(many=True, read_only=True)


def rows(admin: Admin) -> QuerySet[AcceptanceRun]:
    found = scope(AcceptanceRun.objects.all(), admin)
    return found.select_related("charger__station", "card", "stop_card")


class AcceptanceRuns(ChargerEndpoint, Listing):
    """Runs of the form at one charger, newest first; a POST starts one."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.COMMAND_CHARGER}
    serializer_class = AcceptanceSerializer
    new_serializer = NewAcceptanceSerializer

    def rows(self) -> QuerySet[AcceptanceRun]:
        return rows(self.admin).filter(charger=self.charger(self.kwargs["charge_point_id"]))

    def post(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self.charger(charge_point_id), self.body()
        for name in ("card", "stop_card"):
            fields[name] = _card(charger, name, fields.get(name))
        direct = bool(fields.get("direct"))
        fields.setdefault("limit", Decimal(10_000 if direct else 10))
        run = acceptance_runs.start(charger, Wish(**fields), actor=self.actor)
        return self.answer(self.find(rows(self.admin), pk=run.pk), 201)


def _card(charger: Charger, name: str, id_tag: str | None) -> Card | None:
    """A card of the charger's company."""
    if not id_tag:
        return None
    found = authorising.find_card(charger.station.company_id, id_tag)
    if found is None:
        raise DomainError(_("There is no such card here."), field=name)
    return found


class AcceptanceEndpoint(ChargerEndpoint):
    def run(self, charge_point_id: str, pk: int) -> AcceptanceRun:
        charger = self.charger(charge_point_id)
        return self.find(rows(self.admin).filter(charger=charger), pk=pk)


class AcceptanceDetail(AcceptanceEndpoint):
    """One run with every step."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = AcceptanceDetailSerializer

    def get(self, request: Request, charge_point_id: str, pk: str) -> Response:
        return self.answer(self.run(charge_point_id, int(pk)))


class DecisionSerializer(serializers.Serializer[Any]):
    """``repeat`` needs ``test`` and ``connector_id`` (0 for tests 1 to 3), ``skip`` a ``note``."""

    decision = serializers.ChoiceField(choices=["repeat", "skip", "next", "send", "abort"])
    test = serializers.IntegerField(min_value=1, max_value=11, required=False)
    connector_id = serializers.IntegerField(min_value=0, required=False)
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)


class AcceptanceDecision(AcceptanceEndpoint):
    """What a person decides: repeat a test, skip a step, go on to the next test, send the start
    before a car is seen, abort."""

    actions: ClassVar = {"POST": Action.COMMAND_CHARGER}
    serializer_class = AcceptanceDetailSerializer

    @extend_schema(request=DecisionSerializer, responses={200: AcceptanceDetailSerializer})
    def post(self, request: Request, charge_point_id: str, pk: str) -> Response:
        run, given = self.run(charge_point_id, int(pk)), self.body(DecisionSerializer)
        if given["decision"] == "repeat":
            test, connector = given.get("test", 0), given.get("connector_id", 0)
            acceptance_runs.repeat(run, test, connector, actor=self.actor)
        elif given["decision"] == "skip":
            acceptance_runs.skip(run, given.get("note", ""), actor=self.actor)
        else:
            decide = {
                "next": acceptance_runs.next_test,
                "send": acceptance_runs.send_now,
                "abort": acceptance_runs.abort,
            }[given["decision"]]
            decide(run, actor=self.actor)
        return self.answer(self.run(charge_point_id, int(pk)))


class AcceptancePaper(AcceptanceEndpoint):
    """The filled form FM-OCPP-T-01."""

    actions: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "Five pages.")}
    )
    def get(self, request: Request, charge_point_id: str, pk: str) -> HttpResponseBase:
        run = self.run(charge_point_id, int(pk))
        return HttpResponse(acceptance_pdf.printed(run), content_type="application/pdf")
