"""``ledger/``: every movement of money with both its sides."""

from typing import ClassVar

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers

from billing.models import AccountKind, Entry, Transfer
from evbilling.api.base import Listing
from evbilling.api.fields import Moment, Money
from evbilling.api.filters import ByTime
from users.access import Action, scope


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
        mine = scope(Transfer.objects.all(), self.admin)
        return mine.prefetch_related(Prefetch("entries", queryset=sides))
