"""``cards/``: RFID cards by the number that chargers read."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import OfCompany, Query, read
from users import selectors
from users.access import Action
from users.models import Card, CardStatus, Company
from users.models.customer import card_key
from users.services import cards


class CardSerializer(serializers.Serializer[Card]):
    """``max_active_sessions`` null: any number of charges at once."""

    id_tag = serializers.CharField(read_only=True)
    company = Owned(selectors.companies, required=False)
    customer = Owned(selectors.customers, required=False, allow_null=True)
    parent_id_tag = serializers.CharField(max_length=20, required=False, allow_blank=True)
    expires_at = Moment(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=CardStatus.choices, required=False)
    max_active_sessions = serializers.IntegerField(
        min_value=1, max_value=100, required=False, allow_null=True
    )
    created_at = Moment(read_only=True)


class NewCardSerializer(CardSerializer):
    id_tag = serializers.CharField(max_length=cards.LONGEST)


class CardQuery(OfCompany):
    customer = serializers.IntegerField(required=False, source="customer_id")
    status = serializers.ChoiceField(choices=CardStatus.choices, required=False)
    id_tag = serializers.CharField(required=False, source="key")

    def validate_id_tag(self, id_tag: str) -> str:
        return card_key(id_tag)


class Cards(Listing):
    """The company's cards."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_CARD}
    serializer_class = CardSerializer
    new_serializer = NewCardSerializer
    filters = CardQuery

    def rows(self) -> QuerySet[Card]:
        return selectors.cards(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        company: Company | None = fields.pop("company", None)
        holder = fields.get("customer")
        if company is None and holder is not None:
            company = holder.company
        id_tag = fields.pop("id_tag")
        made = cards.create(self.company_for(company), id_tag, fields, actor=self.actor)
        return self.answer(made, 201)


class WhichCompany(Query):
    """Two companies may have given out the same number."""

    company = serializers.IntegerField(
        required=False, source="company_id", help_text="Platform staff: whose card."
    )


class CardDetail(Endpoint):
    """One card, found without regard to case. Its number and company stay."""

    actions: ClassVar = {
        "GET": Action.VIEW,
        "PATCH": Action.EDIT_CARD,
        "DELETE": Action.EDIT_CARD,
    }
    serializer_class = CardSerializer
    filters = WhichCompany

    def get(self, request: Request, id_tag: str) -> Response:
        return self.answer(self._card(id_tag))

    def patch(self, request: Request, id_tag: str) -> Response:
        card, fields = self._card(id_tag), self.body()
        fields.pop("company", None)
        return self.answer(cards.update(card, fields, actor=self.actor))

    def delete(self, request: Request, id_tag: str) -> Response:
        """Into the trash: from the next tap on it is unknown."""
        cards.delete(self._card(id_tag), actor=self.actor)
        return Response(status=204)

    def _card(self, id_tag: str) -> Card:
        mine = read(WhichCompany, self.request).narrow(selectors.cards(self.admin))
        return self.find(mine, key=card_key(id_tag))
