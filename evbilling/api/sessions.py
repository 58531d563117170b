"""``sessions/``: charges, running and ended."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Bill, PaymentStatus
from billing.selectors.costs import cost_so_far
from core import audit
from core.errors import Conflict
from evbilling.api import waiting
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment, Money
from evbilling.api.filters import ByTime
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Session, SessionLive, SessionStatus
from users.access import Action, scope
from users.models import Admin

UNBILLED = "unbilled"
PAYMENT_STATUSES = [UNBILLED, *PaymentStatus.values]
INT4 = 2**31 - 1


class Ended(Conflict):
    code = "session_ended"
    message = _("This charge has ended already.")


class SessionSerializer(serializers.Serializer[Session]):
    """Meter and energy in Wh; ``energy`` is live while active. ``amount`` comes with the bill.

    ``transaction_id`` is the OCPP number. ``payment_status`` is "unbilled" while the charge runs, and
    where nobody is to pay. ``refusal`` is the answer to the start where it was not Accepted.
    """

    id = serializers.IntegerField()
    company = serializers.IntegerField(source="company_id")
    station = serializers.IntegerField(source="station_id")
    charge_point_id = serializers.CharField(source="charger.charge_point_id")
    connector_id = serializers.IntegerField(source="connector.connector_id")
    transaction_id = serializers.IntegerField()
    id_tag = serializers.CharField()
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    level = serializers.CharField()
    status = serializers.ChoiceField(choices=SessionStatus.choices)
    refusal = serializers.CharField(allow_blank=True)
    started_at = Moment()
    stopped_at = Moment(allow_null=True)
    meter_start = serializers.IntegerField()
    meter_stop = serializers.IntegerField(allow_null=True)
    energy = serializers.SerializerMethodField()
    power = serializers.SerializerMethodField()
    soc = serializers.SerializerMethodField()
    live_at = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    payment_status = serializers.SerializerMethodField()
    stop_reason = serializers.CharField(allow_blank=True)

    def get_energy(self, session: Session) -> int:
        if session.energy_wh is not None:
            return session.energy_wh
        live = getattr(session, "live", None)
        return live.energy_wh if live is not None else 0

    def get_power(self, session: Session) -> int | None:
        """W, while active."""
        live = _live(session)
        return live.power_w if live is not None else None

    def get_soc(self, session: Session) -> int | None:
        """Percent, while active and where the charger tells."""
        live = _live(session)
        return live.soc if live is not None else None

    @extend_schema_field(Moment(allow_null=True))
    def get_live_at(self, session: Session) -> str | None:
        """When power and energy were read, while active."""
        live = _live(session)
        return str(Moment().to_representation(live.at)) if live is not None else None

    @extend_schema_field(Money(allow_null=True))
    def get_amount(self, session: Session) -> str | None:
        bill = bill_of(session)
        return Money().to_representation(bill.total) if bill is not None else None

    @extend_schema_field(serializers.ChoiceField(choices=PAYMENT_STATUSES))
    def get_payment_status(self, session: Session) -> str:
        bill = bill_of(session)
        return bill.payment_status if bill is not None else UNBILLED


class SessionDetailSerializer(SessionSerializer):
    """Also what it has cost so far, and what was chosen (Wh or baht; null: until full)."""

    amount_so_far = serializers.SerializerMethodField()
    chosen_energy = serializers.IntegerField(source="chosen_wh", allow_null=True)
    chosen_amount = Money(source="chosen_satang", allow_null=True)

    @extend_schema_field(Money(allow_null=True))
    def get_amount_so_far(self, session: Session) -> str | None:
        if session.status != SessionStatus.ACTIVE:
            return self.get_amount(session)
        cost = cost_so_far(session)
        return Money().to_representation(cost.satang) if cost is not None else None


class SessionQuery(ByTime):
    time = "started_at"
    company = serializers.IntegerField(required=False, source="company_id")
    station = serializers.IntegerField(required=False, source="station_id")
    charge_point_id = serializers.CharField(
        required=False, source="charger__charge_point_id__iexact"
    )
    customer = serializers.IntegerField(required=False, source="customer_id")
    id_tag = serializers.CharField(required=False, source="id_tag__iexact")
    transaction_id = serializers.IntegerField(required=False, min_value=-INT4, max_value=INT4)
    meter_start = serializers.IntegerField(required=False)
    status = serializers.ChoiceField(choices=SessionStatus.choices, required=False)


def rows(admin: Admin) -> QuerySet[Session]:
    """The caller's sessions with what a row shows; not the long values that explain a bill."""
    found = scope(Session.objects.all(), admin)
    return found.select_related("charger", "connector", "live", "bill").defer(
        "charger__boot_info", "bill__tariff_value", "bill__usage", "bill__lines"
    )


def _live(session: Session) -> SessionLive | None:
    """The newest reading of a running charge."""
    return getattr(session, "live", None) if session.status == SessionStatus.ACTIVE else None


def bill_of(session: Session) -> Bill | None:
    return getattr(session, "bill", None)


class SessionEndpoint(Endpoint):
    """Something of one session."""

    def session(self, pk: int) -> Session:
        return self.find(rows(self.admin), pk=pk)


class Sessions(Listing):
    """The caller's sessions, newest first."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = SessionSerializer
    filters = SessionQuery
    ordering = ("-started_at", "-id")

    def rows(self) -> QuerySet[Session]:
        return rows(self.admin)


class SessionDetail(SessionEndpoint):
    """One session."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = SessionDetailSerializer

    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.session(pk))


class StopSession(SessionEndpoint):
    """Tells the charger to end a charge (RemoteStopTransaction) and waits for its answer.

    The session itself ends when the charger says so.
    """

    actions: ClassVar = {"POST": Action.STOP_SESSION}
    serializer_class = waiting.OutcomeSerializer

    @extend_schema(
        parameters=[waiting.Patience], request=None, responses={200: waiting.OutcomeSerializer}
    )
    def post(self, request: Request, pk: int) -> HttpResponseBase:
        session = self.session(pk)
        seconds = waiting.patience(request)
        if session.status != SessionStatus.ACTIVE:
            raise Ended
        waiting.require_ocpp(session.charger)
        command = OcppDriver().stop(session, by=str(self.admin))
        audit.record(
            self.actor,
            "stop_session",
            f"session:{session.pk}",
            company_id=session.company_id,
            new={"transaction_id": session.transaction_id, "command": command.pk},
        )
        return waiting.outcome(command, seconds)
