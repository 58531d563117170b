"""``statements/``: monthly bills, payments for them, and who is billed now."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Statement, StatementPayment, StatementState
from billing.payments.base import Method
from billing.selectors import statements as selectors
from billing.services import statements as service
from evbilling.api import idempotency
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money, Owned
from evbilling.api.filters import ByTime
from evbilling.statement_links import pdf_of
from users import selectors as people
from users.access import Action, scope
from users.models import Admin

LINE_KINDS = ["charge", "reservation"]
METHODS = [Method.CASH.value, Method.TRANSFER.value]


class StatementLineSerializer(serializers.Serializer[Any]):
    """A charge (``session``) or a reservation that was not used, as it was billed."""

    kind = serializers.ChoiceField(choices=LINE_KINDS)
    at = Moment()
    session = serializers.IntegerField(required=False)
    reservation = serializers.IntegerField(required=False)
    station = serializers.CharField()
    energy = serializers.IntegerField(source="wh", required=False, help_text="Wh.")
    total = Money()
    paid = Money(help_text="Paid before, from the wallet.")
    amount = Money()


class StatementSerializer(serializers.Serializer[Statement]):
    """``outstanding``: what the charges on it still owe. ``document``: its paper under ``documents/``."""

    id = serializers.IntegerField(read_only=True)
    number = serializers.CharField(read_only=True)
    customer = serializers.IntegerField(source="customer_id", read_only=True)
    tax_entity = serializers.IntegerField(source="tax_entity_id", read_only=True)
    document = serializers.IntegerField(source="document_id", read_only=True)
    period_from = serializers.DateField(read_only=True)
    period_to = serializers.DateField(read_only=True)
    issued_at = Moment(read_only=True)
    due_on = serializers.DateField(read_only=True)
    total = Money(read_only=True)
    vat = Money(read_only=True)
    outstanding = Money(read_only=True)
    state = serializers.ChoiceField(choices=StatementState.choices, read_only=True)
    lines = StatementLineSerializer(many=True, source="copy.lines", read_only=True)


class NewStatementSerializer(serializers.Serializer[Any]):
    """All that the customer owes and is on no statement; ``due_on`` as the company's rule, if left out."""

    customer = Owned(people.customers)
    due_on = serializers.DateField(required=False)


class IssuedSerializer(serializers.Serializer[Any]):
    """One for each legal entity."""

    results = StatementSerializer(many=True)


class StatementPaymentSerializer(serializers.Serializer[StatementPayment]):
    """Cash or a transfer that was taken; at most what is outstanding."""

    id = serializers.IntegerField(read_only=True)
    amount = Money()
    method = serializers.ChoiceField(choices=METHODS)
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    taken_by = serializers.CharField(read_only=True)
    taken_at = Moment(read_only=True)


class VoidStatementSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class StatementQuery(ByTime):
    time = "issued_at"
    customer = serializers.IntegerField(required=False, source="customer_id")
    state = serializers.ChoiceField(choices=StatementState.choices, required=False)


def rows(admin: Admin) -> QuerySet[Statement]:
    """A statement is over all stations: admins of some of them see none."""
    found = scope(Statement.objects.all(), admin)
    if not admin.all_stations:
        found = found.none()
    return selectors.with_outstanding(found.select_related("document", "customer"))


class Statements(Listing):
    """Newest first. POST bills a customer now, whatever the day."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT, "POST": Action.ISSUE_STATEMENT}
    serializer_class = StatementSerializer
    new_serializer = NewStatementSerializer
    filters = StatementQuery

    def rows(self) -> QuerySet[Statement]:
        return rows(self.admin)

    @extend_schema(parameters=[idempotency.PARAMETER], responses={201: IssuedSerializer})
    def post(self, request: Request) -> Response:
        key, fields = idempotency.key_of(request), self.body()
        made = service.issue(
            fields["customer"],
            actor=self.actor,
            due_on=fields.get("due_on"),
            key=f"api:{key}"[:60],
        )
        found = rows(self.admin).filter(pk__in=[row.pk for row in made]).order_by("pk")
        told = StatementSerializer(many=True, instance=list(found)).data  # type: ignore[arg-type]
        return Response({"results": told}, 201)


class StatementDetail(Endpoint):
    """One statement as it was issued, and what is open of it."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT}
    serializer_class = StatementSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))


class StatementPaper(Endpoint):
    """The statement as PDF."""

    actions: ClassVar = {"GET": Action.VIEW_DOCUMENT}
    serializer_class = StatementSerializer

    @extend_schema(responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)})
    def get(self, request: Request, pk: int) -> Any:
        return pdf_of(self.find(rows(self.admin), pk=pk))


class StatementPayments(Endpoint):
    """Take a payment: it pays the customer's oldest charges first."""

    actions: ClassVar = {"POST": Action.TAKE_PAYMENT}
    serializer_class = StatementPaymentSerializer

    @extend_schema(parameters=[idempotency.PARAMETER], responses={201: StatementPaymentSerializer})
    def post(self, request: Request, pk: int) -> Response:
        row, key = self.find(rows(self.admin), pk=pk), idempotency.key_of(request)
        fields = self.body()
        made = service.take_payment(
            row,
            fields["amount"],
            method=Method(fields["method"]),
            key=key,
            actor=self.actor,
            note=fields["note"],
        )
        return self.answer(made, 201)


class VoidStatement(Endpoint):
    """Take it back: what it listed is owed as before and can go on another."""

    actions: ClassVar = {"POST": Action.ISSUE_STATEMENT}
    serializer_class = VoidStatementSerializer

    @extend_schema(responses={200: StatementSerializer})
    def post(self, request: Request, pk: int) -> Response:
        row = self.find(rows(self.admin), pk=pk)
        service.void(row, reason=self.body()["reason"], actor=self.actor)
        return Response(StatementSerializer(rows(self.admin).get(pk=pk)).data)
