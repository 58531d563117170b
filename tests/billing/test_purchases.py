"""A guest pays first: what starts, what stops, what goes back, and what each party is owed."""

import pytest

from billing.models import (
    Account,
    Bill,
    PaymentState,
    PurchaseState,
    Refund,
    RefundState,
)
from stations.models import Connector
from tests.billing import selling
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import a_plug, assert_proven, buy, fresh, look_at_all, pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    return install(monkeypatch, FakeGateway())


@pytest.fixture
def plug() -> Connector:
    return a_plug()


def balance(kind: str) -> int:
    return sum(Account.objects.filter(kind=kind).values_list("balance", flat=True))


def test_paid_by_promptpay_the_charge_starts_and_what_was_not_used_goes_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = buy(plug)
    assert (bought.state, selling.payment_of(bought).qr_payload != "") == ("paying", True)
    bought = pay(gateway, bought)
    assert bought.state == PurchaseState.PAID
    assert [o.payload["idTag"] for o in selling.orders(bought)] == [bought.id_tag]
    begun = selling.start(bought)
    assert (begun.info.status, begun.session.allowance_wh) == ("Accepted", 5_000)
    assert fresh(bought).state == PurchaseState.CHARGING
    selling.stop(begun.session, 3_000)
    look_at_all()
    bill = Bill.objects.get()
    assert bill.total * 5 == bought.amount * 3
    assert (bill.customer, bill.payment_status) == (None, "paid")
    refund = Refund.objects.get()
    assert (refund.amount, refund.state) == (bought.amount - bill.total, RefundState.DONE)
    assert balance("guest_deposit") == balance("refund_payable") == 0
    assert balance("gateway_clearing") == gateway.total
    assert_proven()


def test_by_card_exactly_the_bill_is_captured(plug: Connector, gateway: FakeGateway) -> None:
    bought = selling.buy_by_card(plug)
    assert (selling.payment_of(bought).state, bought.state) == ("authorised", "paid")
    begun = selling.start(bought)
    selling.stop(begun.session, 3_000)
    look_at_all()
    payment, bill = selling.payment_of(bought), Bill.objects.get()
    assert (payment.state, payment.captured) == (PaymentState.PAID, bill.total)
    assert balance("card_due") == 0
    assert gateway.held == 0
    assert balance("gateway_clearing") == gateway.total
    assert not Refund.objects.exists()
    assert_proven()
