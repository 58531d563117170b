"""``chargers/{id}/transfers/``: firmware on its way to a charger, diagnostics and logs from it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import audit
from evbilling.api import firmware, waiting
from evbilling.api.base import Endpoint, Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.errors import MissingNow
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import ByTime
from evbilling.files.attachments import attachment
from stations.models import (
    Transfer,
    TransferKind,
    TransferState,
    Upload,
    UploadState,
)
from stations.selectors import transfers as selectors
from stations.services import transfers
from stations.services.transfers import MOST_INTERVAL_S, MOST_RETRIES, Wish
from users import access
from users.access import Action, scope

FIRMWARE_KINDS = (TransferKind.FIRMWARE, TransferKind.SIGNED_FIRMWARE)


class ReportSerializer(serializers.Serializer[Any]):
    """A notification of the charger's, or its BootNotification with the new version."""

    at = Moment()
    action = serializers.CharField()
    status = serializers.CharField()
    request_id = serializers.IntegerField(allow_null=True)


class DownloadSerializer(serializers.Serializer[Any]):
    """One request for the file: from byte ``first`` on, ``sent`` of ``wanted`` bytes went out."""

    started_at = Moment()
    ended_at = Moment(allow_null=True)
    address = serializers.CharField()
    first = serializers.IntegerField()
    wanted = serializers.IntegerField()
    sent = serializers.IntegerField()
    finished = serializers.BooleanField()


class UploadSerializer(serializers.Serializer[Any]):
    """One attempt to send the file. ``complete`` ones can be fetched: uploads/{id}/file/."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=UploadState.choices)
    file_name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    address = serializers.CharField()
    started_at = Moment()
    ended_at = Moment(allow_null=True)


class FileTransferSerializer(serializers.Serializer[Transfer]):
    """``status`` is the standard's last word; ``state`` says whether anything is still to come."""

    id = serializers.IntegerField()
    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    kind = serializers.ChoiceField(choices=TransferKind.choices)
    firmware = serializers.IntegerField(source="firmware_id", allow_null=True)
    state = serializers.ChoiceField(choices=TransferState.choices)
    status = serializers.CharField()
    detail = serializers.CharField()
    file_name = serializers.CharField()
    command = serializers.IntegerField(source="command_id", allow_null=True)
    requested_by = serializers.CharField()
    created_at = Moment()
    changed_at = Moment()
    expires_at = Moment()
    reports = ReportSerializer(many=True)
    downloads = DownloadSerializer(many=True)
    uploads = UploadSerializer(many=True)


class NewFileTransferSerializer(serializers.Serializer[Transfer]):
    """``firmware``: an image's id, for the two firmware kinds. ``at``: not before (retrieveDate)."""

    kind = serializers.ChoiceField(choices=TransferKind.choices)
    firmware = Owned(firmware.rows, required=False)
    at = Moment(required=False)
    install_at = Moment(required=False)
    retries = serializers.IntegerField(required=False, min_value=0, max_value=MOST_RETRIES)
    retry_interval = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_INTERVAL_S
    )
    oldest = Moment(required=False)
    latest = Moment(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] in FIRMWARE_KINDS and "firmware" not in attrs:
            raise serializers.ValidationError(
                {"firmware": [self.fields["firmware"].error_messages["required"]]}, "required"
            )
        return attrs


class TransferQuery(ByTime):
    time = "created_at"
    kind = serializers.ChoiceField(choices=TransferKind.choices, required=False)
    state = serializers.ChoiceField(choices=TransferState.choices, required=False)


class Transfers(ChargerEndpoint, Listing):
    """Files to and from one charger, newest first. POST orders one and answers at once."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.COMMAND_CHARGER}
    serializer_class = FileTransferSerializer
    new_serializer = NewFileTransferSerializer
    filters = TransferQuery

    def rows(self) -> QuerySet[Transfer]:
        charger = self.charger(self.kwargs["charge_point_id"])
        return selectors.with_all(scope(Transfer.objects.filter(charger=charger), self.admin))

    @extend_schema(request=NewFileTransferSerializer, responses={201: FileTransferSerializer})
    def post(self, request: Request, charge_point_id: str) -> Response:
        charger = self.charger(charge_point_id)
        waiting.require_ocpp(charger)
        fields = self.body()
        wish = Wish(
            at=fields.get("at"),
            install_at=fields.get("install_at"),
            retries=fields.get("retries"),
            retry_interval_s=fields.get("retry_interval"),
            oldest=fields.get("oldest"),
            latest=fields.get("latest"),
        )
        kind, by = fields["kind"], str(self.admin)
        if kind in FIRMWARE_KINDS:
            access.check(self.admin, Action.UPDATE_FIRMWARE)
            signed = kind == TransferKind.SIGNED_FIRMWARE
            made = transfers.order_firmware(
                charger, fields["firmware"], by=by, signed=signed, wish=wish
            )
        else:
            made = transfers.order_upload(charger, kind, by=by, wish=wish)
        audit.record(
            self.actor,
            "order_transfer",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={"transfer": made.pk, "kind": kind, "firmware": made.firmware_id},
        )
        found = selectors.with_all(scope(Transfer.objects.all(), self.admin))
        return self.answer(self.find(found, pk=made.pk), 201)


@extend_schema(tags=["transfers"])
class TransferDetail(Endpoint):
    """One transfer with everything the charger said of it."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = FileTransferSerializer

    def get(self, request: Request, pk: int) -> Response:
        found = selectors.with_all(scope(Transfer.objects.all(), self.admin))
        return self.answer(self.find(found, pk=pk))


@extend_schema(tags=["transfers"])
class UploadedFile(Endpoint):
    """The file that a charger has sent, as an attachment."""

    actions: ClassVar = {"GET": Action.DOWNLOAD_FILE}
    serializer_class = UploadSerializer

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        upload = self.find(scope(Upload.objects.all(), self.admin), pk=pk)
        found = attachment(upload, actor=self.actor)
        if found is None:
            raise MissingNow
        return found
