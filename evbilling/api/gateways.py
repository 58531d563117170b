"""``gateway-accounts/``: legal entities' own accounts at payment gateways. Secrets never come out."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from billing.models import GatewayAccount, GatewayName
from billing.selectors import gateways as selectors
from billing.services import gateway_accounts
from evbilling.api.base import Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany
from users import selectors as people
from users.access import Action


class GatewayAccountSerializer(serializers.Serializer[GatewayAccount]):
    """``settings`` holds what is no secret; ``secrets`` names those that are there."""

    id = serializers.IntegerField(read_only=True)
    company = Owned(people.companies, required=False)
    tax_entity = serializers.IntegerField(source="tax_entity_id", read_only=True)
    gateway = serializers.ChoiceField(choices=GatewayName.choices, read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    settings = serializers.JSONField(read_only=True)
    secrets = serializers.SerializerMethodField()
    created_at = Moment(read_only=True)

    def get_secrets(self, account: GatewayAccount) -> list[str]:
        return sorted(gateway_accounts.secrets_known(account))


class GatewayAccounts(Listing):
    """Own accounts at payment gateways. They are set up on the page *Payment accounts*."""

    actions: ClassVar[Any] = {"GET": Action.EDIT_GATEWAY}
    serializer_class = GatewayAccountSerializer
    filters = OfCompany

    def rows(self) -> QuerySet[GatewayAccount]:
        return selectors.accounts(self.admin)
