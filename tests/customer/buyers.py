"""A phone that pays first, and a gateway in memory that does what the bank would."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing.models import Payment, Purchase
from billing.services import payments
from stations.clock import Claim, Clock
from stations.models import Connector, Session
from stations.services import starting
from stations.services.starting import Started
from tests.billing.fake_gateway import FakeGateway
from tests.customer.phones import Phone, deliver
from tests.factories import a_charger, a_station, a_tariff


def a_phone(**station: Any) -> Phone:
    """At a plug with one price all day."""
    site = a_station(priced=False, **station)
    a_tariff(site, anytime="7.50")
    return Phone(a_charger(site, online=True).connectors.get())


def buys(phone: Phone, pay: str = "promptpay", **form: Any) -> Any:
    """The main button: five kWh unless something else is said."""
    return phone.post("pay", **({"by": "kwh", "kwh": "5", "pay": pay} | form))


def bought(phone: Phone) -> Purchase:
    """The newest purchase on the phone's plug."""
    return Purchase.objects.select_related("payment").filter(connector=phone.connector).latest("pk")


def payment_of(phone: Phone) -> Payment:
    payment = bought(phone).payment
    assert payment is not None
    return payment


def gives_card(phone: Phone, said: str = "tokn_ok") -> Any:
    return phone.post("token", token=said)


def pays(phone: Phone, bank: FakeGateway) -> Purchase:
    """The bank has the money, we look, and the facts are handled."""
    payment = payment_of(phone)
    bank.pay(payment.gateway_ref)
    payments.look(payment.pk)
    deliver()
    return bought(phone)


def times_out(phone: Phone) -> None:
    """Nobody pays until the time is over."""
    over = timezone.now() - timedelta(seconds=1)
    Payment.objects.filter(pk=payment_of(phone).pk).update(expires_at=over)
    Purchase.objects.filter(pk=bought(phone).pk).update(valid_until=over)


def starts(phone: Phone) -> Session:
    """The charger carries the order out: StartTransaction with the purchase's tag."""
    now = timezone.now()
    plug: Connector = phone.connector
    begun: Started = starting.start_session(
        plug.charger_id,
        starting.Start(
            plug.connector_id,
            bought(phone).id_tag,
            1_000,
            now.isoformat(),
            Claim(now, now, Clock.DEVICE),
            now,
        ),
    )
    Connector.objects.filter(pk=plug.pk).update(status="Charging")
    deliver()
    return begun.session
