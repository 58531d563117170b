"""``payments/`` and ``refunds/``: what was asked, what came, what goes back. Read-only."""

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import (
    GatewayName,
    Payment,
    PaymentPurpose,
    PaymentState,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
)
from billing.models.payment import METHODS
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money
from evbilling.api.filters import ByTime
from users.access import Action, scope
from users.models import Admin


class RefundSerializer(serializers.Serializer[Refund]):
    """A liability until ``state`` is done. The number a guest gave for it is not shown here."""

    id = serializers.IntegerField()
    payment = serializers.IntegerField(source="payment_id")
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    amount = Money()
    reason = serializers.ChoiceField(choices=RefundReason.choices)
    route = serializers.ChoiceField(choices=RefundRoute.choices)
    state = serializers.ChoiceField(choices=RefundState.choices)
    failure = serializers.CharField()
    created_at = Moment()
    done_at = Moment(allow_null=True)
    done_by = serializers.CharField()
    note = serializers.CharField()


class PaymentSerializer(serializers.Serializer[Payment]):
    """``amount`` was asked, ``captured`` taken, ``refunded`` paid back by the gateway."""

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    reference = serializers.CharField()
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    purpose = serializers.ChoiceField(choices=PaymentPurpose.choices)
    gateway = serializers.ChoiceField(choices=GatewayName.choices)
    gateway_ref = serializers.CharField()
    method = serializers.ChoiceField(choices=METHODS)
    state = serializers.ChoiceField(choices=PaymentState.choices)
    currency = serializers.CharField()
    amount = Money()
    authorised = Money()
    captured = Money()
    refunded = Money()
    fee = Money()
    fee_vat = Money()
    failure_code = serializers.CharField()
    failure_message = serializers.CharField()
    created_at = Moment()
    expires_at = Moment()
    paid_at = Moment(allow_null=True)
    closed_at = Moment(allow_null=True)


class PaymentDetailSerializer(PaymentSerializer):
    refunds = RefundSerializer(many=True, source="refunds.all")


class PaymentQuery(ByTime):
    time = "created_at"
    company = serializers.IntegerField(required=False, source="company_id")
    customer = serializers.IntegerField(required=False, source="customer_id")
    reference = serializers.CharField(required=False, source="reference__iexact")
    state = serializers.ChoiceField(choices=PaymentState.choices, required=False)
    purpose = serializers.ChoiceField(choices=PaymentPurpose.choices, required=False)
    method = serializers.ChoiceField(choices=METHODS, required=False)
    gateway = serializers.ChoiceField(choices=GatewayName.choices, required=False)


class RefundQuery(ByTime):
    time = "created_at"
    company = serializers.IntegerField(required=False, source="company_id")
    payment = serializers.IntegerField(required=False, source="payment_id")
    state = serializers.ChoiceField(choices=RefundState.choices, required=False)
    route = serializers.ChoiceField(choices=RefundRoute.choices, required=False)


class Payments(Listing):
    """Newest first, also those that came to nothing."""

    actions: ClassVar = {"GET": Action.VIEW_PAYMENT}
    serializer_class = PaymentSerializer
    filters = PaymentQuery

    def rows(self) -> QuerySet[Payment]:
        return _payments(self.admin)


class PaymentDetail(Endpoint):
    actions: ClassVar = {"GET": Action.VIEW_PAYMENT}
    serializer_class = PaymentDetailSerializer

    @extend_schema(operation_id="payments_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        found = self.find(_payments(self.admin).prefetch_related("refunds"), pk=pk)
        return self.answer(found)


class Refunds(Listing):
    """What is or was owed back, newest first."""

    actions: ClassVar = {"GET": Action.VIEW_PAYMENT}
    serializer_class = RefundSerializer
    filters = RefundQuery

    def rows(self) -> QuerySet[Refund]:
        return scope(Refund.objects.all(), self.admin)


def _payments(admin: Admin) -> QuerySet[Payment]:
    return scope(Payment.objects.defer("qr_image", "qr_payload"), admin)
