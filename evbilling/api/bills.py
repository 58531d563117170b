"""``sessions/{id}/bill/``: how every satang of a charge came about, in words and numbers."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import AccountKind, Bill
from billing.selectors import bills
from billing.selectors.money_way import Step
from core.errors import Conflict
from evbilling.api.base import Endpoint
from evbilling.api.explained import PriceSerializer, kwh, price_of
from evbilling.api.fields import Moment, Money
from evbilling.api.sessions import PAYMENT_STATUSES, UNBILLED
from evbilling.explained import Paid, Story, story
from stations.models import Session
from users.access import Action, scope
from users.models import Admin

NOT_BILLED = _("%(kwh)s kWh came after the chosen amount was reached; the station bears them.")
SOURCES: dict[str, str | Promise] = {
    "hold": _("From the money set aside for this charge"),
    "wallet": _("From what else was in the wallet"),
    "arrears": _("Not covered: arrears, paid first by the next top-up"),
    "postpaid": _("On the monthly bill"),
}


class NoPrice(Conflict):
    code = "no_tariff"
    message = _("No price list applies to this charge.")


class SourceSerializer(serializers.Serializer[Any]):
    source = serializers.ChoiceField(choices=list(SOURCES))  # type: ignore[assignment]
    amount = Money()
    reason = serializers.CharField()


class MomentSerializer(serializers.Serializer[Any]):
    """``kind``: plug, start, border, idle, stop, unplug. Wh since the start where it is known."""

    at = Moment()
    kind = serializers.CharField(source="key")
    energy = serializers.IntegerField(source="wh", allow_null=True)
    reason = serializers.CharField(source="text")


class MoneyStepSerializer(serializers.Serializer[Any]):
    """One step of the money, oldest first; ``transfer`` is its row in the ledger."""

    at = Moment(allow_null=True)
    step = serializers.ChoiceField(choices=list(Step))
    amount = Money()
    transfer = serializers.IntegerField(allow_null=True)
    reason = serializers.SerializerMethodField()

    def get_reason(self, row: Paid) -> str:
        return f"{row.text}: {row.detail}" if row.detail else row.text


class BillSerializer(PriceSerializer):
    """``final`` is false while the charge runs or its bill is not made: what it would be now."""

    session = serializers.IntegerField()
    final = serializers.BooleanField()
    delivered = serializers.IntegerField(help_text="Wh delivered.")
    not_billed = serializers.IntegerField(help_text="Wh beyond the amount chosen.")
    not_billed_reason = serializers.CharField(allow_blank=True)
    payment_status = serializers.ChoiceField(choices=PAYMENT_STATUSES)
    outstanding = Money()
    sources = SourceSerializer(many=True)
    timeline = MomentSerializer(many=True)
    money = MoneyStepSerializer(many=True)
    vat_reason = serializers.CharField(allow_blank=True)
    tariff = serializers.IntegerField(allow_null=True)
    billed_at = Moment(allow_null=True)


class SessionBill(Endpoint):
    """Every line of the price with its reason."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = BillSerializer

    @extend_schema(operation_id="sessions_bill_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        session = self.find(_rows(self.admin), pk=pk)
        bill: Bill | None = getattr(session, "bill", None)
        told = story(session, bill, office=True)
        if told.explained is None:
            raise NoPrice
        figures = price_of(told.explained, _meter_start(session))
        figures |= {"timeline": told.timeline, "money": told.money, "vat_reason": told.vat}
        figures |= _of_bill(session, bill) if bill else _so_far(session, told)
        return self.answer(figures)


def _rows(admin: Admin) -> QuerySet[Session]:
    return scope(Session.objects.all(), admin).select_related(
        "station__tax_entity", "live", "bill__tariff", "customer"
    )


def _of_bill(session: Session, bill: Bill) -> dict[str, Any]:
    return {
        "session": session.pk,
        "final": True,
        "delivered": session.energy_wh or 0,
        "not_billed": bill.unbilled_wh,
        "not_billed_reason": _why_not(bill.unbilled_wh),
        "payment_status": bill.payment_status,
        "outstanding": bill.outstanding,
        "sources": list(_sources(session, bill)),
        "tariff": bill.tariff_id,
        "billed_at": bill.billed_at,
    }


def _so_far(session: Session, told: Story) -> dict[str, Any]:
    return {
        "session": session.pk,
        "final": False,
        "delivered": told.delivered,
        "not_billed": told.beyond,
        "not_billed_reason": _why_not(told.beyond),
        "payment_status": UNBILLED,
        "outstanding": 0,
        "sources": [],
        "tariff": told.tariff.pk if told.tariff else None,
        "billed_at": None,
    }


def _why_not(wh: int) -> str:
    return str(NOT_BILLED) % {"kwh": kwh(wh)} if wh else ""


def _sources(session: Session, bill: Bill) -> Iterator[dict[str, Any]]:
    """Where the money came from; the parts add up to the total as it was billed."""
    hold = bills.hold_of(session)
    prepaid = hold is None or hold.account.kind == AccountKind.WALLET
    from_hold = min(hold.posted, bill.from_wallet) if hold is not None and prepaid else 0
    parts = (
        ("hold", from_hold),
        ("wallet", bill.from_wallet - from_hold),
        ("arrears" if prepaid else "postpaid", bill.total - bill.from_wallet),
    )
    for source, amount in parts:
        if amount:
            yield {"source": source, "amount": amount, "reason": str(SOURCES[source])}


def _meter_start(session: Session) -> int | None:
    """The register at the start; None where a fault made it useless for telling places on it."""
    if session.meter_stop is not None and session.energy_wh is not None:
        steady = session.meter_stop - session.meter_start == session.energy_wh
    else:
        live = session.live
        steady = live.register_wh is None or (
            live.register_wh - session.meter_start == live.energy_wh
        )
    return session.meter_start if steady else None
