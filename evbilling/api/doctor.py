"""``chargers/…/doctor/``: how a charger is dealt with, and what was noticed of it."""

from typing import Any, ClassVar

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from stations import devices
from stations.findings import Grade
from stations.models import Charger, Finding
from stations.selectors import findings
from stations.services import doctoring
from stations.services.measuring import device_of
from users.access import Action, scope


@extend_schema_field(OpenApiTypes.OBJECT)
class Facts(serializers.JSONField):
    """Plain JSON."""


class FindingSerializer(serializers.Serializer[Finding]):
    """One kind of oddity: how often, since when, and the newest evidence with its frame's id."""

    code = serializers.CharField()
    grade = serializers.ChoiceField(choices=[str(g) for g in Grade])
    title = serializers.CharField()
    done = serializers.CharField(help_text="What is done about it by itself.")
    advice = serializers.CharField()
    count = serializers.IntegerField()
    first_at = Moment()
    last_at = Moment()
    evidence = Facts()
    applied = serializers.CharField()


class DoctorSerializer(serializers.Serializer[Charger]):
    """``device`` and ``overrides`` may be changed; ``quirks`` is what results of them."""

    device = serializers.CharField(max_length=60, required=False)
    overrides = Facts(required=False)
    applied_device = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    found_by = serializers.ChoiceField(choices=["named", "found", "generic"], read_only=True)
    capabilities = serializers.ListField(child=serializers.CharField(), read_only=True)
    quirks = Facts(read_only=True)
    health = serializers.ChoiceField(choices=["well", "look", "fault", "unknown"], read_only=True)
    findings = FindingSerializer(many=True, read_only=True)

    def validate_overrides(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise serializers.ValidationError("not_an_object", code="invalid")
        return given


@extend_schema(tags=["chargers"])
class Doctor(ChargerEndpoint):
    """How the charger is dealt with. PATCH ``device`` ("auto" or a device's key) and ``overrides``."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.EDIT_CHARGER}
    serializer_class = DoctorSerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(_told(self._charger(charge_point_id)))

    def patch(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self._charger(charge_point_id), self.body()
        doctoring.set_device(
            charger,
            fields.get("device", charger.device),
            fields.get("overrides", charger.quirks),
            actor=self.actor,
        )
        return self.answer(_told(charger))

    def _charger(self, charge_point_id: str) -> Charger:
        found = scope(Charger.objects.all(), self.admin).select_related("station")
        return self.find(found, charge_point_id__iexact=charge_point_id)


def _told(charger: Charger) -> dict[str, Any]:
    device = device_of(charger)
    noticed = findings.of_charger(charger)
    return {
        "device": charger.device if charger.device in devices.catalogue() else devices.AUTO,
        "overrides": charger.quirks,
        "applied_device": device.key,
        "title": device.title,
        "found_by": doctoring.source_of(charger),
        "capabilities": sorted(device.capabilities),
        "quirks": msgspec.to_builtins(device.quirks),
        "health": findings.health(charger, noticed),
        "findings": [_finding(n) for n in noticed],
    }


def _finding(noticed: findings.Noticed) -> dict[str, Any]:
    row, explained = noticed.row, noticed.explained
    return {
        "code": row.code,
        "grade": str(explained.grade),
        "title": str(explained.title),
        "done": str(explained.applied),
        "advice": str(explained.do),
        "count": row.count,
        "first_at": row.first_at,
        "last_at": row.last_at,
        "evidence": row.evidence,
        "applied": row.applied,
    }
