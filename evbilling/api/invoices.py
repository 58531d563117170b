"""``invoices/``: tax documents, as they were issued. They are made by the product, never by the API."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import DocumentKind, DocumentState, TaxDocument
from billing.services import documents
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money
from evbilling.api.filters import AnyField, OfCompany
from evbilling.backoffice.invoices import file_name
from users.access import Action, scope
from users.models import Admin

SIZES = ("a4", "80mm")


class InvoiceLineSerializer(serializers.Serializer[dict[str, object]]):
    """Amounts with VAT in ``amount``, without it in ``base``; ``unit_code`` is UN/ECE rec. 20."""

    name = serializers.CharField()
    name_en = serializers.CharField()
    quantity = serializers.CharField()
    unit = serializers.CharField()
    unit_code = serializers.CharField()
    unit_price = serializers.CharField()
    amount = Money()
    base = Money()
    vat = Money()


class InvoiceSerializer(serializers.Serializer[TaxDocument]):
    """``base`` + ``vat`` = ``total``; of a credit note they are what is taken off.

    ``tax_point`` is the document's date, the day the money came. ``pdf`` is where its paper is (null
    for a number from outside). ``kind``: ABB abbreviated, TAX full, CRN credit note, RCT receipt.
    """

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    tax_entity = serializers.IntegerField(source="tax_entity_id")
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=DocumentKind.choices)
    type_code = serializers.CharField(help_text="Document type of ETDA’s recommendation 3-2560.")
    state = serializers.ChoiceField(choices=DocumentState.choices)
    tax_point = serializers.DateField()
    issued_at = Moment()
    session = serializers.IntegerField(source="session_id", allow_null=True)
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    buyer_name = serializers.CharField(allow_blank=True)
    buyer_tax_id = serializers.SerializerMethodField()
    base = Money()
    vat = Money()
    total = Money()
    vat_rate = serializers.DecimalField(max_digits=5, decimal_places=4)
    outside = serializers.BooleanField()
    replaces = serializers.IntegerField(source="replaces_id", allow_null=True)
    corrects = serializers.IntegerField(source="corrects_id", allow_null=True)
    closed_at = Moment(allow_null=True)
    closed_reason = serializers.CharField(allow_blank=True)
    pdf = serializers.SerializerMethodField()

    def get_buyer_tax_id(self, document: TaxDocument) -> str:
        return str(document.buyer.get("tax_id", ""))

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_pdf(self, document: TaxDocument) -> str | None:
        return None if document.outside else reverse("api-invoice-pdf", args=[document.pk])


class InvoiceDetailSerializer(InvoiceSerializer):
    """All that stands on it. ``seller`` and ``buyer`` are copies made when it was issued."""

    seller = serializers.JSONField()
    buyer = serializers.JSONField()
    lines = InvoiceLineSerializer(many=True)
    original_value = Money(allow_null=True)
    correct_value = Money(allow_null=True)
    purpose_code = serializers.CharField(allow_blank=True)
    purpose = serializers.CharField(allow_blank=True)
    paid_with = serializers.CharField(allow_blank=True)
    plate = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    issued_by = serializers.CharField(allow_blank=True)


class InvoiceQuery(OfCompany):
    """``from`` and ``to`` are days of the tax point, the first included, the last not."""

    tax_entity = serializers.IntegerField(required=False, source="tax_entity_id")
    kind = serializers.ChoiceField(choices=DocumentKind.choices, required=False)
    state = serializers.ChoiceField(choices=DocumentState.choices, required=False)
    number = serializers.CharField(required=False, max_length=40)
    customer = serializers.IntegerField(required=False, source="customer_id")
    session = serializers.IntegerField(required=False, source="session_id")

    def get_fields(self) -> dict[str, AnyField]:
        first = serializers.DateField(
            required=False, source="tax_point__gte", help_text="Not before."
        )
        last = serializers.DateField(required=False, source="tax_point__lt", help_text="Before.")
        return {**super().get_fields(), "from": first, "to": last}


def rows(admin: Admin) -> QuerySet[TaxDocument]:
    return scope(TaxDocument.objects.all(), admin)


class Invoices(Listing):
    """The caller's tax documents, newest first."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT}
    serializer_class = InvoiceSerializer
    filters = InvoiceQuery
    ordering = ("-issued_at", "-id")

    def rows(self) -> QuerySet[TaxDocument]:
        return rows(self.admin)


class InvoiceDetail(Endpoint):
    """One document."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT}
    serializer_class = InvoiceDetailSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))


class InvoicePdf(Endpoint):
    """Its paper."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT}
    serializer_class = InvoiceSerializer

    @extend_schema(
        operation_id="invoices_pdf_retrieve",
        parameters=[OpenApiParameter("paper", str, enum=list(SIZES))],
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        document = self.find(rows(self.admin), pk=pk)
        size: documents.Size = "80mm" if request.query_params.get("paper") == "80mm" else "a4"
        response = HttpResponse(documents.pdf(document, size), content_type="application/pdf")
        response["Content-Disposition"] = f'inline; filename="{file_name(document)}"'
        return response
