"""``ledger/``: every movement of money with both its sides, accounts and what has moved them."""

from typing import ClassVar, TypeVar

from django.db.models import Model, Prefetch, QuerySet
from rest_framework import serializers

from billing.models import Account, AccountKind, Entry, Transfer
from evbilling.api.base import Listing
from evbilling.api.fields import Moment, Money
from evbilling.api.filters import ByTime, OfCompany
from users.access import Action, scope
from users.models import Admin

M = TypeVar("M", bound=Model)


class EntrySerializer(serializers.Serializer[Entry]):
    """One side: a debit is positive, a credit negative; the sides of a transfer sum to zero."""

    account = serializers.ChoiceField(source="account.kind", choices=AccountKind.choices)
    customer = serializers.IntegerField(source="account.customer_id", allow_null=True)
    tax_entity = serializers.IntegerField(source="account.tax_entity_id", allow_null=True)
    amount = Money()


class TransferSerializer(serializers.Serializer[Transfer]):
    """``key`` says what it was made for; a repeated request is the same transfer."""

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    key = serializers.CharField()
    kind = serializers.CharField()
    at = Moment()
    reason = serializers.CharField()
    actor = serializers.CharField()
    session = serializers.IntegerField(source="session_id", allow_null=True)
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    entries = EntrySerializer(many=True)


class TransferQuery(ByTime):
    company = serializers.IntegerField(required=False, source="company_id")
    customer = serializers.IntegerField(required=False, source="customer_id")
    session = serializers.IntegerField(required=False, source="session_id")
    kind = serializers.CharField(required=False)


class Ledger(Listing):
    """Transfers, newest first. Rows are never changed: a mistake is corrected by another transfer."""

    actions: ClassVar = {"GET": Action.VIEW_LEDGER}
    serializer_class = TransferSerializer
    filters = TransferQuery

    def rows(self) -> QuerySet[Transfer]:
        sides = Entry.objects.select_related("account").order_by("-amount", "pk")
        mine = _books(Transfer.objects.all(), self.admin)
        return mine.prefetch_related(Prefetch("entries", queryset=sides))


class AccountSerializer(serializers.Serializer[Account]):
    """``balance`` in the account's own sign; ``held`` of it is set aside by open holds."""

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    kind = serializers.ChoiceField(choices=AccountKind.choices)
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    tax_entity = serializers.IntegerField(source="tax_entity_id", allow_null=True)
    gateway = serializers.CharField()
    balance = Money()
    held = Money()


class AccountQuery(OfCompany):
    kind = serializers.ChoiceField(choices=AccountKind.choices, required=False)
    customer = serializers.IntegerField(required=False, source="customer_id")


class Accounts(Listing):
    """Every account with its balance."""

    actions: ClassVar = {"GET": Action.VIEW_LEDGER}
    serializer_class = AccountSerializer
    filters = AccountQuery
    ordering = ("id",)

    def rows(self) -> QuerySet[Account]:
        return _books(Account.objects.all(), self.admin)


class AccountEntrySerializer(serializers.Serializer[Entry]):
    """A debit is positive, a credit negative."""

    id = serializers.IntegerField()
    transfer = serializers.IntegerField(source="transfer_id")
    kind = serializers.CharField(source="transfer.kind")
    at = Moment(source="transfer.at")
    reason = serializers.CharField(source="transfer.reason")
    amount = Money()


class AccountEntries(Listing):
    """What has moved one account, newest first."""

    actions: ClassVar = {"GET": Action.VIEW_LEDGER}
    serializer_class = AccountEntrySerializer

    def rows(self) -> QuerySet[Entry]:
        account = self.find(_books(Account.objects.all(), self.admin), pk=self.kwargs["pk"])
        return Entry.objects.filter(account=account).select_related("transfer")


def _books(queryset: QuerySet[M], admin: Admin) -> QuerySet[M]:
    """The caller's company's; nothing for who looks after some of its stations only."""
    found = scope(queryset, admin)
    return found if admin.all_stations else found.none()
