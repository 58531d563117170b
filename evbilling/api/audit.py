"""``audit/``: who did, or was refused, what."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.models import AuditEntry
from evbilling.api.base import Listing
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime
from users.access import Action, is_platform


@extend_schema_field(OpenApiTypes.OBJECT)
class Values(serializers.JSONField):
    """Fields by name."""


class AuditSerializer(serializers.Serializer[AuditEntry]):
    """Passwords and keys are ``***`` before they get here."""

    id = serializers.IntegerField()
    at = Moment()
    company = serializers.IntegerField(source="company_id", allow_null=True)
    actor_kind = serializers.CharField()
    actor_id = serializers.CharField()
    actor_name = serializers.CharField()
    address = serializers.IPAddressField(allow_null=True)
    action = serializers.CharField()
    subject = serializers.CharField()
    refused = serializers.BooleanField()
    old = Values(allow_null=True)
    new = Values(allow_null=True)


class AuditQuery(ByTime):
    company = serializers.IntegerField(required=False, source="company_id")
    action = serializers.CharField(required=False)
    actor_id = serializers.CharField(required=False)
    subject = serializers.CharField(required=False, help_text="For example charger:12.")
    refused = serializers.BooleanField(required=False)


class Audit(Listing):
    """Newest first."""

    actions: ClassVar = {"GET": Action.VIEW_AUDIT}
    serializer_class = AuditSerializer
    filters = AuditQuery

    def rows(self) -> QuerySet[Any]:
        # The audit stands below companies and knows them by number only, so ``scope`` cannot help.
        found = AuditEntry.objects.all()
        return found if is_platform(self.admin) else found.filter(company_id=self.admin.company_id)
