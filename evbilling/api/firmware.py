"""``firmware/``: images that chargers can be updated with."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotAllowed
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany
from stations.models import FirmwareImage
from stations.services import firmware
from users import selectors
from users.access import Action, scope
from users.models import Admin


class FirmwareSerializer(serializers.Serializer[FirmwareImage]):
    """``version``: what the charger calls it in its BootNotification. Blank vendor, model: any."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False)
    name = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=80)
    vendor = serializers.CharField(max_length=80, required=False, allow_blank=True)
    model = serializers.CharField(max_length=80, required=False, allow_blank=True)
    signed = serializers.BooleanField(read_only=True)
    file_name = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    uploaded_at = Moment(read_only=True)
    uploaded_by = serializers.CharField(read_only=True)


class NewFirmwareSerializer(FirmwareSerializer):
    """As multipart/form-data. ``signature`` is base64, ``signing_certificate`` PEM: both or neither."""

    file = serializers.FileField(write_only=True)
    signature = serializers.CharField(required=False, allow_blank=True, write_only=True)
    signing_certificate = serializers.CharField(required=False, allow_blank=True, write_only=True)


def rows(admin: Admin) -> QuerySet[FirmwareImage]:
    return scope(FirmwareImage.objects.all(), admin)


def whole_company(admin: Admin) -> None:
    """``NotAllowed`` for who is limited to some stations: an image is for all of them."""
    if not admin.all_stations:
        raise NotAllowed


class FirmwareImages(Listing):
    """Newest first. POST uploads an image (multipart/form-data with ``file``)."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.UPDATE_FIRMWARE}
    serializer_class = FirmwareSerializer
    new_serializer = NewFirmwareSerializer
    parser_classes = [MultiPartParser]
    filters = OfCompany

    def rows(self) -> QuerySet[FirmwareImage]:
        return rows(self.admin)

    @extend_schema(
        request={"multipart/form-data": NewFirmwareSerializer}, responses={201: FirmwareSerializer}
    )
    def post(self, request: Request) -> Response:
        whole_company(self.admin)
        fields: dict[str, Any] = self.body()
        company = self.company_for(fields.pop("company", None))
        file = fields.pop("file")
        made = firmware.create(
            company,
            fields,  # type: ignore[arg-type]
            file.name,
            file.chunks(),
            actor=self.actor,
        )
        return self.answer(made, 201)


class FirmwareDetail(Endpoint):
    """One image. DELETE puts it into the trash, where no charger fetches it any more."""

    actions: ClassVar = {"GET": Action.VIEW, "DELETE": Action.UPDATE_FIRMWARE}
    serializer_class = FirmwareSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))

    def delete(self, request: Request, pk: int) -> Response:
        image = self.find(rows(self.admin), pk=pk)
        whole_company(self.admin)
        firmware.delete(image, actor=self.actor)
        return Response(status=204)
