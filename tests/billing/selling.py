"""A plug to sell at, phones that buy there, and the charger's side of it, all in one process."""

from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from billing.models import Payment, Purchase
from billing.payments.base import Method
from billing.services import ledger, payments, purchases, refunds
from core import outbox
from core.models import Delivery
from stations.clock import believe
from stations.models import Authorisation, Command, CommandStatus, Connector, Session
from stations.services import starting, stopping
from tests.billing.fake_gateway import FakeGateway
from tests.factories import a_charger, a_company, a_station, a_tariff, a_tax_entity


def a_plug(**station: Any) -> Connector:
    """An online charger at a station of a VAT-registered entity, with prices for guests."""
    company = a_company()
    site = a_station(company, tax_entity=a_tax_entity(company), **station)
    a_tariff(site, "guest")
    return (
        a_charger(site, online=True)
        .connectors.select_related("charger__station__company", "charger__station__tax_entity")
        .get(connector_id=1)
    )


def deliver() -> None:
    """Let every fact that is due have its effect."""
    while outbox.deliver_one():
        pass
    failed = Delivery.objects.filter(attempts__gt=0).values_list("handler", "error")
    assert not failed, list(failed)


def buy(plug: Connector, visitor: str = "phone-1", **choice: Any) -> Purchase:
    """A purchase whose payment is at the gateway; 5 kWh by PromptPay unless said otherwise."""
    wanted: dict[str, Any] = {"wh": 5_000, "satang": None, "method": Method.PROMPTPAY} | choice
    token = wanted.pop("card_token", "")
    made = purchases.buy(plug, visitor, **wanted)
    payments.send(payment_of(made), card_token=token)
    deliver()
    return fresh(made)


def buy_by_card(plug: Connector, visitor: str = "phone-1", **choice: Any) -> Purchase:
    return buy(plug, visitor, method=Method.CARD, card_token="tokn_ok", **choice)


def payment_of(purchase: Purchase) -> Payment:
    return Payment.objects.get(pk=purchase.payment_id or 0)


def fresh(purchase: Purchase) -> Purchase:
    return Purchase.objects.select_related("payment", "leave__session", "connector").get(
        pk=purchase.pk
    )


def pay(gateway: FakeGateway, purchase: Purchase) -> Purchase:
    """The payer pays and we look."""
    gateway.pay(payment_of(purchase).gateway_ref)
    return look(purchase)


def look(purchase: Purchase) -> Purchase:
    payments.look(purchase.payment_id or 0)
    deliver()
    return fresh(purchase)


def look_at_all() -> None:
    """Everything that is due, as the sweep does it."""
    payments.expire_due()
    for pk in payments.look_due():
        payments.look(pk)
    deliver()
    for pk in refunds.run_due():
        refunds.run(pk)
    deliver()


def start(purchase: Purchase, meter: int = 1_000) -> starting.Started:
    """The charger starts what it was told to."""
    found = fresh(purchase)
    return start_tag(found.connector, found.id_tag, meter)


def start_tag(plug: Connector, id_tag: str, meter: int = 1_000) -> starting.Started:
    text = datetime.now(UTC).isoformat()
    begun = starting.start_session(
        plug.charger_id,
        starting.Start(
            connector_id=plug.connector_id,
            id_tag=id_tag,
            meter_start=meter,
            raw_time=text,
            claim=believe(text, datetime.now(UTC), None),
            received_at=datetime.now(UTC),
        ),
    )
    deliver()
    return begun


def stop(session: Session, wh: int) -> None:
    """The charge ends with ``wh`` drawn, no sooner than 22 kW can draw them."""
    over = session.started_at + timedelta(seconds=wh * 3600 / 20_000)
    with time_machine.travel(max(over, datetime.now(UTC)), tick=False):
        text = datetime.now(UTC).isoformat()
        stopping.stop_session(
            session.charger_id,
            stopping.Stop(
                transaction_id=session.transaction_id,
                meter_stop=session.meter_start + wh,
                raw_time=text,
                claim=believe(text, datetime.now(UTC), None),
                received_at=datetime.now(UTC),
            ),
        )
        deliver()
        look_at_all()


def orders(purchase: Purchase) -> list[Command]:
    key = f"{purchases.ORDER_KEY}{fresh(purchase).leave_id}:"
    return list(Command.objects.filter(key__startswith=key).order_by("pk"))


def answer(purchase: Purchase, status: CommandStatus) -> None:
    """What the charger says to the newest order."""
    from stations.services import commands

    newest = orders(purchase)[-1]
    Command.objects.filter(pk=newest.pk).update(status="sent", epoch=1)
    commands.finish(newest.pk, 1, status)
    deliver()


def leave_of(purchase: Purchase) -> Authorisation:
    found = fresh(purchase).leave
    assert found is not None
    return found


def assert_proven() -> None:
    wrong = {name: n for name, n in ledger.prove().items() if n}
    assert not wrong, wrong
