"""``customers/``: members, their money in and out."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import AccountKind, Entry, Transfer
from billing.selectors.standing import with_balance
from billing.services import wallets
from core.errors import Conflict
from evbilling.api import idempotency
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money, Owned
from evbilling.api.filters import OfCompany
from stations.models import Session, SessionStatus
from users import selectors
from users.access import Action
from users.models import Admin, BillingMode, Customer, CustomerLevel
from users.services import customers, phones


class ChargingNow(Conflict):
    code = "charging_now"
    message = _("This customer is charging. Wait for the end, or stop the charge.")


class HasMoney(Conflict):
    code = "has_money"
    message = _("Pay out the wallet and settle what is owed before deleting.")


class CustomerSerializer(serializers.Serializer[Customer]):
    """``balance`` is the wallet less what is owed. ``credit_limit`` counts for postpaid."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(selectors.companies, required=False)
    name = serializers.CharField(max_length=120)
    phone = serializers.CharField(max_length=40, required=False, allow_null=True, allow_blank=True)
    level = serializers.ChoiceField(choices=CustomerLevel.choices, required=False)
    billing_mode = serializers.ChoiceField(choices=BillingMode.choices, required=False)
    credit_limit = Money(required=False)
    balance = Money(read_only=True)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    enabled = serializers.BooleanField(required=False)
    created_at = Moment(read_only=True)

    def validate_credit_limit(self, satang: int) -> int:
        if satang < 0:
            raise serializers.ValidationError(_("A limit cannot be negative."), "bad_amount")
        return satang


class CustomerQuery(OfCompany):
    phone = serializers.CharField(required=False, help_text="In any form.")
    level = serializers.ChoiceField(choices=CustomerLevel.choices, required=False)
    billing_mode = serializers.ChoiceField(choices=BillingMode.choices, required=False)
    enabled = serializers.BooleanField(required=False)
    name = serializers.CharField(required=False, source="name__icontains")

    def validate_phone(self, phone: str) -> str:
        try:
            return phones.normalise(phone)
        except phones.BadPhone as error:
            raise serializers.ValidationError(str(error)) from None


class MovementSerializer(serializers.Serializer[Transfer]):
    """Money taken in or paid out. ``balance`` is what it came to right after."""

    id = serializers.IntegerField(read_only=True)
    customer = serializers.IntegerField(source="customer_id", read_only=True)
    kind = serializers.CharField(read_only=True)
    amount = Money()
    reason = serializers.CharField(max_length=300)
    balance = Money(read_only=True)
    at = Moment(read_only=True)


def rows(admin: Admin) -> QuerySet[Customer]:
    return with_balance(selectors.customers(admin))


class Customers(Listing):
    """The company's customers."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_CUSTOMER}
    serializer_class = CustomerSerializer
    filters = CustomerQuery

    def rows(self) -> QuerySet[Customer]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        company = self.company_for(fields.pop("company", None))
        made = customers.create(company, fields, actor=self.actor)
        return self.answer(self.find(rows(self.admin), pk=made.pk), 201)


class CustomerEndpoint(Endpoint):
    """Something of one customer."""

    def customer(self, pk: int) -> Customer:
        return self.find(rows(self.admin), pk=pk)


class CustomerDetail(CustomerEndpoint):
    """One customer. The company stays."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PATCH": Action.EDIT_CUSTOMER,
        "DELETE": Action.EDIT_CUSTOMER,
    }
    serializer_class = CustomerSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.customer(pk))

    def patch(self, request: Request, pk: int) -> Response:
        customer, fields = self.customer(pk), self.body()
        fields.pop("company", None)
        changes_mode = fields.get("billing_mode", customer.billing_mode) != customer.billing_mode
        if changes_mode and _is_charging(customer):
            raise ChargingNow(field="billing_mode")
        customers.update(customer, fields, actor=self.actor)
        return self.answer(self.customer(pk))

    def delete(self, request: Request, pk: int) -> Response:
        """Into the trash, once nothing is left in the wallet and nothing is owed."""
        customer = self.customer(pk)
        if _is_charging(customer):
            raise ChargingNow
        standing = wallets.standing(customer)
        if standing.wallet or standing.owed:
            raise HasMoney
        customers.delete(customer, actor=self.actor)
        return Response(status=204)


class TopUp(CustomerEndpoint):
    """Cash taken in for a customer: what is owed is paid first."""

    actions: ClassVar = {"POST": Action.TOP_UP}
    serializer_class = MovementSerializer

    @extend_schema(parameters=[idempotency.PARAMETER], responses={201: MovementSerializer})
    def post(self, request: Request, pk: int) -> Response:
        customer, key, fields = self.customer(pk), idempotency.key_of(request), self.body()
        made = wallets.top_up(
            customer, fields["amount"], key=key, reason=fields["reason"], actor=self.actor
        )
        return self.answer(_movement(made), 201)


class Withdraw(CustomerEndpoint):
    """Cash paid back to a customer: at most what is free in the wallet."""

    actions: ClassVar = {"POST": Action.WITHDRAW}
    serializer_class = MovementSerializer

    @extend_schema(parameters=[idempotency.PARAMETER], responses={201: MovementSerializer})
    def post(self, request: Request, pk: int) -> Response:
        customer, key, fields = self.customer(pk), idempotency.key_of(request), self.body()
        made = wallets.withdraw(
            customer, fields["amount"], key=key, reason=fields["reason"], actor=self.actor
        )
        return self.answer(_movement(made), 201)


def _is_charging(customer: Customer) -> bool:
    return Session.objects.filter(customer=customer, status=SessionStatus.ACTIVE).exists()


def _movement(transfer: Transfer) -> Any:
    """The transfer with its amount and the balance right after it: the same however often it is asked.

    Entries of one account are written under its lock, so their order is that of their keys.
    """
    found: Any = transfer
    mine = list(transfer.entries.select_related("account"))
    found.amount = sum(entry.amount for entry in mine if entry.amount > 0)
    until = max(entry.pk for entry in mine)
    own = (AccountKind.WALLET, AccountKind.RECEIVABLE)
    of_customer = Entry.objects.filter(
        account__customer=transfer.customer, account__kind__in=own, pk__lte=until
    )
    # Debits are positive: what the customer has to the good stands on the other side.
    found.balance = -int(of_customer.aggregate(sum=Sum("amount"))["sum"] or 0)
    return found
