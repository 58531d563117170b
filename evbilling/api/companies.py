"""``companies/`` and ``tax-entities/``: the tenant and the legal persons that issue its documents."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany
from users import selectors
from users.access import Action
from users.models import Company, TaxEntity
from users.services import companies


class CompanySerializer(serializers.Serializer[Company]):
    id = serializers.IntegerField(read_only=True)
    slug = serializers.SlugField(max_length=40, read_only=True)
    name = serializers.CharField(max_length=120)
    name_th = serializers.CharField(max_length=120, required=False, allow_blank=True)
    created_at = Moment(read_only=True)


class NewCompanySerializer(CompanySerializer):
    slug = serializers.SlugField(max_length=40)


class Companies(Listing):
    """The caller's company; all of them for platform staff, who alone may add one."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.SWITCH_COMPANY}
    serializer_class = CompanySerializer
    new_serializer = NewCompanySerializer

    def rows(self) -> QuerySet[Company]:
        return selectors.companies(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        slug = fields.pop("slug")
        return self.answer(companies.create(slug, fields, actor=self.actor), 201)


class CompanyDetail(Endpoint):
    """One company."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.EDIT_COMPANY}
    serializer_class = CompanySerializer

    def get(self, request: Request, slug: str) -> Response:
        return self.answer(self._company(slug))

    def patch(self, request: Request, slug: str) -> Response:
        company = self._company(slug)
        return self.answer(companies.update(company, self.body(), actor=self.actor))

    def _company(self, slug: str) -> Company:
        return self.find(selectors.companies(self.admin), slug=slug)


class TaxEntitySerializer(serializers.Serializer[TaxEntity]):
    """Registered for VAT from a date, perhaps until one, or (null) not at all."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False)
    name = serializers.CharField(max_length=160)
    name_en = serializers.CharField(max_length=160, required=False, allow_blank=True)
    tax_id = serializers.CharField(max_length=13)
    branch_code = serializers.CharField(max_length=5, required=False)
    branch_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    address = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    building = serializers.CharField(max_length=120, required=False, allow_blank=True)
    house_number = serializers.CharField(max_length=40, required=False, allow_blank=True)
    street = serializers.CharField(max_length=120, required=False, allow_blank=True)
    subdistrict = serializers.CharField(max_length=80, required=False, allow_blank=True)
    district = serializers.CharField(max_length=80, required=False, allow_blank=True)
    province = serializers.CharField(max_length=80, required=False, allow_blank=True)
    postcode = serializers.CharField(max_length=5, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    vat_registered_from = serializers.DateField(required=False, allow_null=True)
    vat_registered_to = serializers.DateField(required=False, allow_null=True)


class TaxEntities(Listing):
    """Legal persons that issue documents."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_COMPANY}
    serializer_class = TaxEntitySerializer
    filters = OfCompany

    def rows(self) -> QuerySet[TaxEntity]:
        return selectors.tax_entities(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        company = self.company_for(fields.pop("company", None))
        return self.answer(companies.create_tax_entity(company, fields, actor=self.actor), 201)


class TaxEntityDetail(Endpoint):
    """One legal person. Its company stays."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.EDIT_COMPANY}
    serializer_class = TaxEntitySerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self._entity(pk))

    def patch(self, request: Request, pk: int) -> Response:
        entity, fields = self._entity(pk), self.body()
        fields.pop("company", None)
        return self.answer(companies.update_tax_entity(entity, fields, actor=self.actor))

    def _entity(self, pk: int) -> TaxEntity:
        return self.find(selectors.tax_entities(self.admin), pk=pk)
