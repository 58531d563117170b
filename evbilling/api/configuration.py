"""A charger's settings: as last read beside what is wanted; setting it up, putting it right."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import configuration_templates
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.errors import MissingNow
from evbilling.api.fields import Moment, Owned
from stations.configuring import DRIFT
from stations.models import (
    Charger,
    Commissioning,
    CommissioningReason,
    CommissioningState,
    StepKind,
    StepStatus,
)
from stations.selectors import configuration
from stations.services import setups
from users.access import Action

SETTING_STATES = ["ok", "drift", "readonly", "absent", "refused", ""]


class StoredSettingSerializer(serializers.Serializer[Any]):
    """``state``: "drift" can be put right; "readonly", "absent", "refused" cannot; "" where nothing
    is wanted. A password's value is null."""

    key = serializers.CharField()
    value = serializers.CharField(allow_null=True)
    readonly = serializers.BooleanField()
    wanted = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=SETTING_STATES)


class ConfigurationSerializer(serializers.Serializer[Any]):
    """``template``: null is the company's default, else the built-in one."""

    read_at = Moment(allow_null=True, read_only=True)
    commissioned_at = Moment(allow_null=True, read_only=True)
    restart_needed_at = Moment(allow_null=True, read_only=True)
    features = serializers.ListField(child=serializers.CharField(), read_only=True)
    measurands_not_taken = serializers.ListField(child=serializers.CharField(), read_only=True)
    template = Owned(configuration_templates.rows, allow_null=True)
    drift = serializers.IntegerField(read_only=True)
    keys = StoredSettingSerializer(many=True, read_only=True)


class CommissioningStepSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=StepKind.choices)
    key = serializers.CharField()
    value = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    said = serializers.CharField(help_text="The charger's words.")
    at = Moment()


class CommissioningSerializer(serializers.Serializer[Commissioning]):
    """The newest run. ``trouble``: "silent", "restarts" or "asked" where it was stopped."""

    state = serializers.ChoiceField(choices=CommissioningState.choices)
    reason = serializers.ChoiceField(choices=CommissioningReason.choices)
    trouble = serializers.CharField()
    requested_by = serializers.CharField()
    created_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    steps = CommissioningStepSerializer(many=True, source="steps.all")


class AgainSerializer(serializers.Serializer[Any]):
    """``force``: ask also what this firmware has restarted over before."""

    force = serializers.BooleanField(required=False)


class Configuration(ChargerEndpoint):
    """What the charger is set to, as last read, beside what its template wants. PATCH chooses
    another template and sends nothing."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.EDIT_CHARGER}
    serializer_class = ConfigurationSerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(_shown(self.charger(charge_point_id)))

    def patch(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self.charger(charge_point_id), self.body()
        if "template" in fields:
            setups.choose_template(charger, fields["template"], actor=self.actor)
        return self.answer(_shown(charger))


class PutRight(ChargerEndpoint):
    """Set what has drifted, one key at a time, now or when the charger is next there."""

    actions: ClassVar = {"POST": Action.COMMAND_CHARGER}
    serializer_class = CommissioningSerializer

    @extend_schema(request=None)
    def post(self, request: Request, charge_point_id: str) -> Response:
        run = setups.put_right(self.charger(charge_point_id), actor=self.actor)
        return self.answer(run, 202)


class Commission(ChargerEndpoint):
    """How setting the charger up went or goes; POST does it again."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.COMMAND_CHARGER}
    serializer_class = CommissioningSerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        runs = configuration.runs_of(self.charger(charge_point_id))
        if not runs:
            raise MissingNow
        return self.answer(runs[0])

    @extend_schema(request=AgainSerializer, responses={202: CommissioningSerializer})
    def post(self, request: Request, charge_point_id: str) -> Response:
        charger = self.charger(charge_point_id)
        force = self.body(AgainSerializer).get("force", False)
        return self.answer(setups.again(charger, force=force, actor=self.actor), 202)


def _shown(charger: Charger) -> dict[str, Any]:
    setup = configuration.setup_of(charger)
    keys = configuration.settings_of(charger, setup)
    return {
        "read_at": setup.read_at if setup else None,
        "commissioned_at": setup.commissioned_at if setup else None,
        "restart_needed_at": setup.restart_needed_at if setup else None,
        "features": setup.features if setup else [],
        "measurands_not_taken": setup.refused_measurands if setup else [],
        "template": setup.template if setup else None,
        "drift": sum(each.state == DRIFT for each in keys),
        "keys": keys,
    }
