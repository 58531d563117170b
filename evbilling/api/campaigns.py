"""``campaigns/``: firmware, settings or one order for many chargers, a few at a time."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import DomainError
from evbilling import campaigning
from evbilling.api import firmware, stations
from evbilling.api.base import Endpoint, Listing
from evbilling.api.bulk import AnyPayload
from evbilling.api.commands import Raw
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany, Query
from evbilling.api.parsers import PlainJson
from stations.models import (
    Campaign,
    CampaignKind,
    CampaignState,
    CampaignTarget,
    Charger,
    FirmwareImage,
    TargetState,
)
from stations.selectors import campaigns as selectors
from stations.services import campaigns
from stations.services.campaigns import MOST_CHARGERS, MOST_PARALLEL, Plan
from stations.services.transfers import MOST_INTERVAL_S, MOST_RETRIES
from users.access import Action, scope

COUNTS = (*TargetState.values, "all")
TURNS = {"pause": campaigns.pause, "resume": campaigns.resume, "cancel": campaigns.cancel}


class SettingSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=50)
    value = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)


class CampaignSerializer(serializers.Serializer[Campaign]):
    """``counts``: how many chargers are in each state."""

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=CampaignKind.choices)
    state = serializers.ChoiceField(choices=CampaignState.choices)
    firmware = serializers.IntegerField(source="firmware_id", allow_null=True)
    steps = Raw()
    max_parallel = serializers.IntegerField()
    while_charging = serializers.BooleanField()
    deadline = Moment()
    created_at = Moment()
    created_by = serializers.CharField()
    ended_at = Moment(allow_null=True)
    counts = serializers.SerializerMethodField()

    def get_counts(self, campaign: Any) -> dict[str, int]:
        return {name: getattr(campaign, f"n_{name}") for name in COUNTS}


class NewCampaignSerializer(serializers.Serializer[Campaign]):
    """``chargers`` by id, or by ``station``, ``vendor``, ``model``, ``firmware_version`` together.

    firmware: ``firmware``, ``signed``, ``retries``, ``retry_interval``; configuration: ``settings``;
    order: ``action`` and ``payload``.
    """

    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=CampaignKind.choices)
    chargers = serializers.ListField(
        child=serializers.CharField(max_length=48), required=False, max_length=MOST_CHARGERS
    )
    station = Owned(stations.rows, required=False)
    vendor = serializers.CharField(max_length=80, required=False)
    model = serializers.CharField(max_length=80, required=False)
    firmware_version = serializers.CharField(max_length=80, required=False)
    firmware = Owned(firmware.rows, required=False)
    signed = serializers.BooleanField(default=False)
    retries = serializers.IntegerField(required=False, min_value=0, max_value=MOST_RETRIES)
    retry_interval = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_INTERVAL_S
    )
    settings = SettingSerializer(many=True, required=False)
    action = serializers.CharField(max_length=50, required=False)
    payload = AnyPayload(required=False)
    max_parallel = serializers.IntegerField(default=10, min_value=1, max_value=MOST_PARALLEL)
    while_charging = serializers.BooleanField(default=False)
    deadline = Moment()


class TargetSerializer(serializers.Serializer[CampaignTarget]):
    """``detail``: the charger's last word."""

    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    state = serializers.ChoiceField(choices=TargetState.choices)
    step = serializers.IntegerField()
    detail = serializers.CharField()
    command = serializers.IntegerField(source="command_id", allow_null=True)
    transfer = serializers.IntegerField(source="transfer_id", allow_null=True)
    changed_at = Moment()


class CampaignQuery(OfCompany):
    state = serializers.ChoiceField(choices=CampaignState.choices, required=False)


class TargetQuery(Query):
    state = serializers.ChoiceField(choices=TargetState.choices, required=False)


class CampaignEndpoint(Endpoint):
    """Something of one campaign."""

    def campaign(self, pk: int) -> Campaign:
        return self.find(selectors.counted(campaigning.visible(self.admin)), pk=pk)


class Campaigns(Listing):
    """Newest first. POST begins one at once; nothing is begun unless all of it is valid."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.RUN_CAMPAIGN}
    serializer_class = CampaignSerializer
    new_serializer = NewCampaignSerializer
    parser_classes = [PlainJson]
    filters = CampaignQuery

    def rows(self) -> QuerySet[Campaign]:
        return selectors.counted(campaigning.visible(self.admin))

    @extend_schema(request=NewCampaignSerializer, responses={201: CampaignSerializer})
    def post(self, request: Request) -> Response:
        fields = self.body()
        chargers = self._chargers(fields)
        image: FirmwareImage | None = fields.get("firmware")
        if fields["kind"] != CampaignKind.FIRMWARE:
            image = None
        plan = Plan(
            name=fields["name"],
            kind=fields["kind"],
            deadline=fields["deadline"],
            steps=_steps(fields),
            firmware=image,
            max_parallel=fields["max_parallel"],
            while_charging=fields["while_charging"],
        )
        company = chargers[0].station.company if chargers else self.company_for(None)
        made = campaigns.create(company, plan, chargers, actor=self.actor)
        return self.answer(self.find(self.rows(), pk=made.pk), 201)

    def _chargers(self, fields: dict[str, Any]) -> list[Charger]:
        found = selectors.takers(scope(Charger.objects.all(), self.admin))
        found = found.select_related("station__company").order_by("charge_point_id")
        if names := fields.get("chargers"):
            wanted = {name.upper() for name in names}
            named = found.annotate(named=Upper("charge_point_id"))
            chosen: list[Charger] = [*named.filter(named__in=wanted)]
            missing = wanted - {c.charge_point_id.upper() for c in chosen}
            if missing:
                raise DomainError(
                    _("There is no charger %(name)s that takes orders, or it is not yours."),
                    code="does_not_exist",
                    field="chargers",
                    name=min(missing),
                )
        else:
            by = {
                k: fields[k]
                for k in ("station", "vendor", "model", "firmware_version")
                if k in fields
            }
            chosen = list(found.filter(**by)) if by else []
        if len({c.station.company_id for c in chosen}) > 1:
            raise DomainError(_("Choose chargers of one company."), field="chargers")
        return chosen


def _steps(fields: dict[str, Any]) -> list[campaigns.Step]:
    if fields["kind"] == CampaignKind.FIRMWARE:
        return campaigning.firmware_steps(
            signed=fields["signed"],
            retries=fields.get("retries"),
            retry_interval_s=fields.get("retry_interval"),
        )
    if fields["kind"] == CampaignKind.CONFIGURATION:
        rows = fields.get("settings") or []
        return campaigning.settings_steps([(row["key"], row["value"]) for row in rows])
    if not fields.get("action"):
        return []
    return campaigning.order_steps(fields["action"], fields.get("payload") or {})


class CampaignDetail(CampaignEndpoint):
    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = CampaignSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.campaign(pk))


class CampaignTargets(CampaignEndpoint, Listing):
    """The campaign's chargers, each with the charger's last word."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = TargetSerializer
    filters = TargetQuery
    ordering = ("id",)

    def rows(self) -> QuerySet[CampaignTarget]:
        return selectors.targets(self.campaign(self.kwargs["pk"]))


@extend_schema(request=None, responses={200: CampaignSerializer})
class CampaignTurn(CampaignEndpoint):
    """Pause, resume or cancel."""

    actions: ClassVar = {"POST": Action.RUN_CAMPAIGN}
    serializer_class = CampaignSerializer
    turn = ""

    def post(self, request: Request, pk: int) -> Response:
        TURNS[self.turn](self.campaign(pk), actor=self.actor)
        return self.answer(self.campaign(pk))
