"""Paid before it starts: the price shown, the money, the plug, the start or the money back.

Locks are taken in this order everywhere: connector, leave, session, purchase, payment, accounts.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import values
from billing.models import (
    Hold,
    Payment,
    PaymentPurpose,
    PaymentState,
    Purchase,
    PurchaseState,
    RefundReason,
)
from billing.payments.base import Method
from billing.selectors import purchases as reads
from billing.services import applying, gateways, ledger, payments, quoting, refunds
from billing.services.quoting import PRICE_LASTS, Quote, QuoteExpired, quote
from core import outbox
from core.errors import Conflict
from core.models import Fact
from stations.models import (
    Authorisation,
    Command,
    CommandStatus,
    Connector,
    ConnectorStatus,
    Session,
    SessionStatus,
)
from stations.services import authorising, commands, holding
from users.models import Customer

__all__ = [
    "PlugTaken",
    "Quote",
    "QuoteExpired",
    "buy",
    "cancel",
    "on_payment_changed",
    "on_purchase_due",
    "on_session_started",
    "quote",
    "send_back",
]

SLACK = timedelta(minutes=2)  # between paying in time and our hearing of it
ORDER_KEY = "paid_start:"


class PlugTaken(Conflict):
    """The plug cannot be sold now; ``code`` says why."""

    SENTENCES = {
        "plug_in_use": _("A car is charging here already. Choose another plug."),
        "plug_paid": _("Somebody has just paid for this plug. Choose another one."),
        "already_paid": _("You have paid already. Plug in: the charge starts by itself."),
        "plug_reserved": _("This plug is reserved. Choose another one."),
        "charger_away": _("The charger has no connection now, so nobody can pay for it."),
        "charger_off": _("This charger is out of service. Choose another one."),
    }

    def __init__(self, code: str) -> None:
        super().__init__(self.SENTENCES[code], code=code)


def buy(
    connector: Connector,
    visitor: str,
    *,
    wh: int | None,
    satang: int | None,
    method: Method,
    source: str = "",
    language: str = "th",
    customer: Customer | None = None,
    quoted_at: datetime | None = None,
    back_to: str = "",
) -> Purchase:
    """Rows of a purchase and its payment; commits. Then ``payments.send(purchase.payment)``.

    Supersedes this phone's earlier unpaid purchase on the plug. ``PlugTaken`` (409) where the plug
    is in use, paid for, reserved or away.
    """
    shown = quote(connector, wh=wh, satang=satang, customer=customer, method=method, at=quoted_at)
    station = connector.charger.station
    way = quoting.check_method(station, method, shown.amount)
    now = timezone.now()
    until = now + min(PRICE_LASTS, way.capability.expires)
    with transaction.atomic():
        # Not FOR UPDATE: a handler that has the purchase may be about to point at this row.
        Connector.objects.select_for_update(no_key=True, of=("self",)).get(pk=connector.pk)
        tag = authorising.new_tag(connector.charger)
        _check_plug(connector, visitor, tag, now)
        _supersede(connector, visitor)
        payment = payments.open_payment(
            _order(connector, way, shown, until, customer, visitor, source, back_to)
        )
        made = Purchase.objects.create(
            company_id=station.company_id,
            station=station,
            connector=connector,
            customer=customer,
            visitor=visitor,
            id_tag=tag,
            language=language[:2],
            level=shown.level,
            tariff=shown.row,
            tariff_value=values.tariff_to_json(shown.tariff),
            fixed_price=shown.fixed_price,
            wh=wh,
            satang=satang,
            max_wh=shown.max_wh,
            amount=shown.amount,
            payment=payment,
            quoted_at=shown.at,
            valid_until=until,
        )
        _publish(made)
    return made


def cancel(purchase: Purchase) -> None:
    """The customer does not want it any more: unpaid is dropped, paid and not started goes back."""
    with transaction.atomic():
        row, payment = _locked(purchase.pk)
        if row.state == PurchaseState.PAYING and not payment.has_money:
            payments.cancel(payment)
            _drop(row)
        elif row.state in (PurchaseState.PAYING, PurchaseState.PAID):
            _return(row, payment, RefundReason.NOT_PLUGGED)


def on_payment_changed(fact: Fact) -> Purchase | None:
    """Money came, or will not come, for a purchase (subject: the payment).

    The purchase when it has just got its plug: the project gives the order to start.
    """
    pk = Purchase.objects.filter(payment_id=fact.subject_id).values_list("pk", flat=True).first()
    if pk is None:
        return None
    row, payment = _locked(pk)
    if payment.has_money:
        return _with_money(row, payment)
    over = payment.state in (PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.RELEASED)
    if over and row.state == PurchaseState.PAYING:
        _drop(row)
    elif payment.state == PaymentState.RELEASED and row.state == PurchaseState.PAID:
        _return(row, payment, RefundReason.NOT_STARTED)
    return None


def on_purchase_due(fact: Fact) -> None:
    """The time to plug in is over: what has not started goes back."""
    row, payment = _locked(fact.subject_id)
    late = row.start_by is not None and row.start_by <= timezone.now()
    if row.state == PurchaseState.PAID and late:
        _return(row, payment, _why_no_start(row))


def on_session_started(fact: Fact) -> None:
    """A charge began: refused, or somebody else's, it takes the plug from who had paid for it."""
    session = Session.objects.get(pk=fact.subject_id)
    if session.refusal:
        own = Purchase.objects.filter(leave__session=session).first()
        if own is not None:
            send_back(own, RefundReason.NOT_STARTED)
        return
    holder = reads.on_plug(session.connector)
    if holder is not None and session.status == SessionStatus.ACTIVE:
        send_back(holder, RefundReason.TAKEN)


def send_back(purchase: Purchase, reason: RefundReason) -> None:
    """Paid, and no charge will come of it: the leave ends and the money goes back. In a transaction."""
    row, payment = _locked(purchase.pk)
    if row.state == PurchaseState.PAID:
        _return(row, payment, reason)


def _order(
    connector: Connector,
    way: gateways.Offered,
    shown: Quote,
    until: datetime,
    customer: Customer | None,
    visitor: str,
    source: str,
    back_to: str,
) -> payments.NewPayment:
    station = connector.charger.station
    return payments.NewPayment(
        company=station.company,
        purpose=PaymentPurpose.CHARGE,
        method=way.method,
        gateway=way.gateway,
        amount=shown.amount,
        expires_at=until,
        tax_entity=station.tax_entity,
        account=way.account,
        customer=customer,
        source=source if source in way.capability.sources else "",
        hold=way.capability.hold,
        visitor=visitor,
        back_to=back_to,
        prefix=connector.charger.charge_point_id,
    )


def _check_plug(connector: Connector, visitor: str, tag: str, now: datetime) -> None:
    charger = connector.charger
    out = connector.status in (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
    if out or not (charger.enabled and charger.station.enabled):
        raise PlugTaken("charger_off")
    if not commands.holder_of(charger.pk):
        raise PlugTaken("charger_away")
    if _is_in_use(connector):
        raise PlugTaken("plug_in_use")
    holder = reads.on_plug(connector)
    if holder is not None:
        raise PlugTaken("already_paid" if holder.visitor == visitor else "plug_paid")
    if holding.keeps_out(connector, tag, None, now):
        raise PlugTaken("plug_reserved")


def _is_in_use(connector: Connector) -> bool:
    return Session.objects.filter(
        connector=connector, status=SessionStatus.ACTIVE, refusal=""
    ).exists()


def _supersede(connector: Connector, visitor: str) -> None:
    """This phone's earlier wish on the plug is dropped; one whose money has come is not."""
    earlier = Purchase.objects.filter(
        connector=connector, visitor=visitor, state=PurchaseState.PAYING
    )
    for pk in list(earlier.order_by("pk").values_list("pk", flat=True)):
        row, payment = _locked(pk)
        if row.state != PurchaseState.PAYING:
            continue
        if payment.has_money:
            raise PlugTaken("already_paid")
        payments.cancel(payment)
        _drop(row)


def _locked(purchase_id: int) -> tuple[Purchase, Payment]:
    """Leave, purchase and payment, locked in that order."""
    seen = Purchase.objects.values("leave_id", "payment_id").get(pk=purchase_id)
    if seen["leave_id"] is not None:
        Authorisation.objects.select_for_update(of=("self",)).get(pk=seen["leave_id"])
    row = (
        Purchase.objects.select_for_update(of=("self",))
        .select_related("connector__charger__station", "leave", "company", "customer")
        .get(pk=purchase_id)
    )
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("company", "tax_entity", "customer", "account")
        .get(pk=row.payment_id or 0)
    )
    return row, payment


def _with_money(row: Purchase, payment: Payment) -> Purchase | None:
    now = timezone.now()
    if row.state == PurchaseState.PAYING:
        if (no := _too_late(row, now)) is None and _takes_plug(row):
            _give_leave(row, payment, now)
            return row
        _return(row, payment, no or RefundReason.TAKEN)
    elif row.state == PurchaseState.DROPPED:
        _return(row, payment, _late_or_twice(row))
    elif payment.state == PaymentState.PAID:
        if row.state == PurchaseState.RETURNED:  # a hold that was taken nevertheless
            _owe(row, payment, payment.captured, RefundReason(row.problem), "purchase")
        elif row.state == PurchaseState.DONE and payment.hold:
            rest = payment.captured - applying.billed_to_card(payment)
            _owe(row, payment, rest, RefundReason.UNUSED, "unused")
    return None


def _too_late(row: Purchase, now: datetime) -> RefundReason | None:
    if now > row.valid_until + SLACK:
        return RefundReason.LATE
    return RefundReason.TAKEN if _is_in_use(row.connector) else None


def _takes_plug(row: Purchase) -> bool:
    """One purchase per plug: the database decides who was first."""
    try:
        with transaction.atomic():
            Purchase.objects.filter(pk=row.pk).update(state=PurchaseState.PAID)
    except IntegrityError:
        return False
    row.state = PurchaseState.PAID
    return True


def _late_or_twice(row: Purchase) -> RefundReason:
    paid = [PurchaseState.PAID, PurchaseState.CHARGING, PurchaseState.DONE]
    others = Purchase.objects.filter(
        connector_id=row.connector_id, visitor=row.visitor, pk__gt=row.pk, state__in=paid
    )
    return RefundReason.TWICE if others.exists() else RefundReason.LATE


def _give_leave(row: Purchase, payment: Payment, now: datetime) -> None:
    """The plug is kept: hold the money, give leave to start, put the last moment on the calendar."""
    if payment.hold:
        hold = Hold.objects.get(key=applying.hold_key(payment))
    else:
        hold = ledger.place_hold(
            applying.deposit_of(payment), payment.captured, f"purchase:{row.pk}"
        )
    row.start_by = now + timedelta(minutes=row.connector.charger.station.plug_in_within_min)
    row.hold_id = hold.pk
    row.leave = Authorisation.objects.create(
        connector=row.connector,
        customer=row.customer,
        id_tag=row.id_tag,
        visitor=row.visitor,
        hold_id=hold.pk,
        chosen_wh=row.wh,
        chosen_satang=row.satang,
        expires_at=row.start_by,
    )
    row.save()
    outbox.publish("purchase_due", row.pk, company_id=row.company_id, due=row.start_by)
    _publish(row)


def _return(row: Purchase, payment: Payment, reason: RefundReason) -> None:
    """No charge comes of it: leave and hold end, what was taken is owed back."""
    now = timezone.now()
    if row.leave is not None:
        Authorisation.objects.filter(pk=row.leave.pk, cancelled_at__isnull=True).update(
            cancelled_at=now
        )
    if row.hold_id is not None and not payment.hold:
        hold = Hold.objects.select_related("account").get(pk=row.hold_id)
        ledger.lock(hold.account)
        ledger.close_hold(hold)
    row.state, row.problem, row.closed_at = PurchaseState.RETURNED, reason, now
    row.save()
    if payment.state == PaymentState.AUTHORISED:
        payments.capture(payment, 0)
    elif payment.state == PaymentState.PAID:
        _owe(row, payment, payment.captured, reason, "purchase")
    _publish(row)


def _owe(row: Purchase, payment: Payment, satang: int, reason: RefundReason, word: str) -> None:
    if satang > 0:
        refunds.give_back(payment, satang, reason, f"{word}:{row.pk}")


def _drop(row: Purchase) -> None:
    row.state, row.closed_at = PurchaseState.DROPPED, timezone.now()
    row.save(update_fields=["state", "closed_at"])
    _publish(row)


def _why_no_start(row: Purchase) -> RefundReason:
    """Nobody came; or a car was there, or the charger was not, and nothing started."""
    heard = Command.objects.filter(
        key__startswith=f"{ORDER_KEY}{row.leave_id}:",
        status__in=[CommandStatus.ACCEPTED, CommandStatus.REJECTED],
    ).exists()
    there = row.connector.status == ConnectorStatus.PREPARING
    return RefundReason.NOT_PLUGGED if heard and not there else RefundReason.NOT_STARTED


def _publish(row: Purchase) -> None:
    outbox.publish(
        "purchase_changed",
        row.pk,
        company_id=row.company_id,
        topic=f"charger:{row.connector.charger_id}",
        station=row.station_id,
        charger=row.connector.charger_id,
        connector=row.connector_id,
        state=str(row.state),
        problem=row.problem,
    )
