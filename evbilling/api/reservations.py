"""``reservations/``: connectors kept for a card, and ``chargers/{id}/local-list/``: cards in a charger."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import chargers
from evbilling.api.base import Endpoint, Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment, Owned
from evbilling.api.filters import ByTime
from stations.models import (
    Charger,
    Connector,
    ListState,
    ListStep,
    LocalList,
    RefusedBecause,
    Reservation,
    ReservationStatus,
    Withdrawal,
)
from stations.services import authorising, local_lists, reservations
from users import selectors
from users.access import Action, scope
from users.models import Admin, Card


class ReservationSerializer(serializers.Serializer[Reservation]):
    """``number`` is OCPP's reservationId; ``connector_id`` 0 is any connector of the charger.
    ``at_charger`` says what is left to take back there once it is over."""

    id = serializers.IntegerField(read_only=True)
    number = serializers.IntegerField(read_only=True)
    charge_point_id = serializers.CharField(source="charger.charge_point_id", read_only=True)
    connector_id = serializers.SerializerMethodField()
    id_tag = serializers.CharField(read_only=True)
    parent_id_tag = serializers.CharField(read_only=True)
    customer = serializers.IntegerField(source="customer_id", read_only=True)
    status = serializers.ChoiceField(choices=ReservationStatus.choices, read_only=True)
    reason = serializers.ChoiceField(
        choices=RefusedBecause.choices, read_only=True, allow_blank=True
    )
    made_by = serializers.CharField(read_only=True)
    made_at = Moment(read_only=True)
    expires_at = Moment(read_only=True)
    reserved_at = Moment(read_only=True, allow_null=True)
    ended_at = Moment(read_only=True, allow_null=True)
    session = serializers.IntegerField(source="session_id", read_only=True, allow_null=True)
    at_charger = serializers.ChoiceField(
        source="withdrawal", choices=Withdrawal.choices, read_only=True, allow_blank=True
    )

    @extend_schema_field(serializers.IntegerField())
    def get_connector_id(self, row: Reservation) -> int:
        return row.connector.connector_id if row.connector else 0


class NewReservationSerializer(serializers.Serializer[Any]):
    """For a card (``id_tag``), or for a ``customer``: then with the newest card that works."""

    charge_point_id = serializers.CharField(max_length=60)
    connector_id = serializers.IntegerField(
        min_value=0, max_value=64, required=False, default=0, help_text="0: any connector."
    )
    id_tag = serializers.CharField(max_length=20, required=False)
    customer = Owned(selectors.customers, required=False)
    minutes = serializers.IntegerField(min_value=1, max_value=reservations.MOST_MINUTES)


class ReservationQuery(ByTime):
    time = "made_at"
    charge_point_id = serializers.CharField(
        required=False, source="charger__charge_point_id__iexact"
    )
    customer = serializers.IntegerField(required=False, source="customer_id")
    id_tag = serializers.CharField(required=False, source="id_tag__iexact")
    status = serializers.ChoiceField(choices=ReservationStatus.choices, required=False)


def rows(admin: Admin) -> QuerySet[Reservation]:
    found = scope(Reservation.objects.all(), admin)
    return found.select_related("charger__station", "connector", "card")


class Reservations(Listing):
    """Newest first. A new one is ``requested`` until the charger has answered."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.RESERVE}
    serializer_class = ReservationSerializer
    new_serializer = NewReservationSerializer
    filters = ReservationQuery

    def rows(self) -> QuerySet[Reservation]:
        return rows(self.admin)

    def post(self, request: Request) -> Response:
        fields = self.body()
        charger = self._charger(fields["charge_point_id"])
        connector = self._connector(charger, fields["connector_id"])
        made = reservations.reserve(
            charger, connector, self._card(charger, fields), fields["minutes"], actor=self.actor
        )
        return self.answer(rows(self.admin).get(pk=made.pk), 201)

    def _charger(self, charge_point_id: str) -> Charger:
        mine = scope(Charger.objects.select_related("station"), self.admin)
        found = mine.filter(charge_point_id__iexact=charge_point_id).first()
        if found is None:
            sentence = _("There is no such object, or it is not yours.")
            raise ValidationError({"charge_point_id": [sentence]}, code="does_not_exist")
        return found

    def _connector(self, charger: Charger, number: int) -> Connector | None:
        if number == 0:
            return None
        found = charger.connectors.filter(connector_id=number).first()
        if found is None:
            sentence = _("The charger has no such connector.")
            raise ValidationError({"connector_id": [sentence]}, code="does_not_exist")
        return found

    def _card(self, charger: Charger, fields: dict[str, Any]) -> Card:
        company_id = charger.station.company_id
        if id_tag := fields.get("id_tag"):
            card = authorising.find_card(company_id, id_tag)
            if card is None:
                raise reservations.BadCard("unknown_card", "id_tag")
            return card
        customer = fields.get("customer")
        if customer is None or customer.company_id != company_id:
            sentence = _("Say for which card or customer.")
            raise ValidationError({"id_tag": [sentence]}, code="required")
        return reservations.card_of(customer)


class ReservationDetail(Endpoint):
    """One reservation; DELETE cancels it, here at once and at the charger as soon as it can be told."""

    actions: ClassVar = {"GET": Action.VIEW, "DELETE": Action.RESERVE}
    serializer_class = ReservationSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.find(rows(self.admin), pk=pk))

    @extend_schema(responses={200: ReservationSerializer})
    def delete(self, request: Request, pk: int) -> Response:
        reservations.cancel(self.find(rows(self.admin), pk=pk), actor=self.actor)
        return self.answer(rows(self.admin).get(pk=pk))


@extend_schema_field(OpenApiTypes.OBJECT)
class Entries(serializers.JSONField):
    """idTag → IdTagInfo, as the charger confirmed it."""


class LocalListSerializer(serializers.Serializer[LocalList]):
    """``version`` and ``entries`` are what the charger confirmed; ``step`` the order that is out."""

    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=ListState.choices)
    step = serializers.ChoiceField(choices=ListStep.choices, allow_blank=True)
    entries = Entries()
    most_entries = serializers.IntegerField(allow_null=True)
    most_sent = serializers.IntegerField(allow_null=True)
    left_out = serializers.IntegerField()
    pushed_at = Moment(allow_null=True)
    checked_at = Moment(allow_null=True)
    next_look_at = Moment(source="due_at", allow_null=True)
    error = serializers.CharField(allow_blank=True)


class ListOrderSerializer(serializers.Serializer[Any]):
    """``send``: the whole list now. ``read``: compare versions; where they differ the list follows."""

    do = serializers.ChoiceField(choices=["send", "read"])


@extend_schema(tags=["chargers"])
class ChargerLocalList(ChargerEndpoint):
    """The cards that a charger knows while it is offline (stations with ``local_lists``)."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.COMMAND_CHARGER}
    serializer_class = LocalListSerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(self._list(self._charger(charge_point_id)))

    @extend_schema(request=ListOrderSerializer, responses={200: LocalListSerializer})
    def post(self, request: Request, charge_point_id: str) -> Response:
        charger = self._charger(charge_point_id)
        do = self.body(ListOrderSerializer)["do"]
        act = local_lists.send_all if do == "send" else local_lists.read_version
        act(charger, actor=self.actor)
        return self.answer(self._list(charger))

    def _charger(self, charge_point_id: str) -> Charger:
        found: Charger = self.find(
            chargers.rows(self.admin), charge_point_id__iexact=charge_point_id
        )
        return found

    def _list(self, charger: Charger) -> LocalList:
        """What is known of it; nothing yet where none was ever sent."""
        found = LocalList.objects.filter(charger=charger).first()
        return found or LocalList(charger=charger, due_at=None)
