"""A charge that was paid for is started: by itself, at once, and again when the car is plugged in.

Billing knows the money and stations the plug; the order stands between the two. A charger may take
the order before the car is there (it waits for the plug only so long), refuse it, be away, or take
it and do nothing: until ``start_by`` it is told again where that may help, then the money goes back.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Purchase, PurchaseState, RefundReason
from billing.selectors import purchases as reads
from billing.services import purchases
from billing.services.purchases import ORDER_KEY
from core import outbox
from core.models import Fact
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Command, CommandStatus, Connector, ConnectorStatus
from stations.models.command import OPEN

BY_ITSELF = timedelta(seconds=6)  # a charger that took the order begins within that, once plugged
IGNORED = timedelta(seconds=30)  # it took the order with the car there, and nothing came of it
AWAY = timedelta(seconds=15)
REFUSED_PLUGGED = 2  # so often a charger may refuse with the car plugged in
_PLUGGED = (
    ConnectorStatus.PREPARING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.FINISHING,
)
_OUT = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)


def on_payment_changed(fact: Fact) -> None:
    """The money is there and the plug is won: start."""
    bought = purchases.on_payment_changed(fact)
    if bought is not None:
        _order(bought)


def on_plugged_in(fact: Fact) -> None:
    """A car was plugged in: who paid for this plug is started now (subject: the connector)."""
    bought = reads.on_plug(Connector.objects.get(pk=fact.subject_id))
    if bought is None or bought.state != PurchaseState.PAID:
        return
    newest = _newest(bought)
    if newest is not None and newest.status == CommandStatus.ACCEPTED:
        _later(bought, BY_ITSELF)
    else:
        _order(bought)


def on_start_due(fact: Fact) -> None:
    """An order that came to nothing is given again, while there is time."""
    bought = Purchase.objects.select_related("leave").get(pk=fact.subject_id)
    if bought.state == PurchaseState.PAID:
        _order(bought)


def on_outcome(command: Command) -> None:
    """What the charger said to the order."""
    leave_id = int((command.key or "").split(":")[1])
    bought = Purchase.objects.select_related("connector").filter(leave_id=leave_id).first()
    if bought is None or bought.state != PurchaseState.PAID:
        return
    plugged = bought.connector.status in _PLUGGED
    if command.status == CommandStatus.ACCEPTED:
        if plugged:
            _later(bought, IGNORED)
    elif command.status != CommandStatus.REJECTED:
        _later(bought, AWAY)
    elif bought.connector.status in _OUT or (plugged and _refusals(bought) >= REFUSED_PLUGGED):
        purchases.send_back(bought, RefundReason.NOT_STARTED)
    elif plugged:
        _later(bought, BY_ITSELF)


def _order(bought: Purchase) -> None:
    """Give the order, unless one is on its way."""
    leave = bought.leave
    newest = _newest(bought)
    if leave is None or (newest is not None and newest.status in OPEN):
        return
    number = _orders(bought).count() + 1
    OcppDriver().start(leave, by="payment", key=f"{ORDER_KEY}{leave.pk}:{number}")


def _later(bought: Purchase, wait: timedelta) -> None:
    due = timezone.now() + wait
    if bought.start_by is not None and due < bought.start_by:
        outbox.publish("paid_start_due", bought.pk, company_id=bought.company_id, due=due)


def _orders(bought: Purchase) -> QuerySet[Command]:
    return Command.objects.filter(key__startswith=f"{ORDER_KEY}{bought.leave_id}:")


def _newest(bought: Purchase) -> Command | None:
    return _orders(bought).order_by("-pk").first()


def _refusals(bought: Purchase) -> int:
    return _orders(bought).filter(status=CommandStatus.REJECTED).count()
