"""Two phones pay for one plug at the same moment, for real: two threads, two connections."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from billing.models import Account, Payment, Purchase, PurchaseState, Refund, RefundReason
from billing.services import payments
from core import outbox
from stations.models import Command
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import a_plug, assert_proven, buy, look_at_all, payment_of

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], object]) -> None:
    """Run the jobs in threads that set out together."""
    together, errors = threading.Barrier(len(jobs), timeout=10), []

    def run(job: Callable[[], object]) -> None:
        try:
            together.wait()
            job()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors, errors


def drain() -> None:
    while outbox.deliver_one():
        pass


def test_two_phones_pay_for_one_plug_one_wins_and_the_other_has_its_money_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = install(monkeypatch, FakeGateway())
    plug = a_plug()
    both = [buy(plug, "phone-1"), buy(plug, "phone-2")]
    for bought in both:
        gateway.pay(payment_of(bought).gateway_ref)
    asked = [lambda pk=b.payment_id: payments.look(pk or 0) for b in both]
    at_once(*asked, *asked)  # each twice: a webhook and the sweep
    at_once(drain, drain)
    look_at_all()
    states = sorted(Purchase.objects.values_list("state", flat=True))
    assert states == [PurchaseState.PAID, PurchaseState.RETURNED]
    loser = Purchase.objects.get(state=PurchaseState.RETURNED)
    refund = Refund.objects.get()
    assert (refund.payment_id, refund.reason, refund.amount) == (
        loser.payment_id,
        RefundReason.TAKEN,
        loser.amount,
    )
    assert Command.objects.filter(action="RemoteStartTransaction").count() == 1
    assert Account.objects.get(kind="gateway_clearing").balance == gateway.total
    assert_proven()


def test_two_tabs_of_one_phone_leave_one_wish_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = install(monkeypatch, FakeGateway())
    plug = a_plug()
    at_once(lambda: buy(plug, "phone-1"), lambda: buy(plug, "phone-1", wh=7_000))
    states = sorted(Purchase.objects.values_list("state", flat=True))
    assert states == [PurchaseState.DROPPED, PurchaseState.PAYING]
    for payment in Payment.objects.exclude(gateway_ref=""):
        gateway.pay(payment.gateway_ref)  # both are paid all the same
        payments.look(payment.pk)
    drain()
    look_at_all()
    assert Refund.objects.count() == 1
    assert_proven()
