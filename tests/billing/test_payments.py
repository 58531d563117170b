"""Each bad input of money that comes in: what is believed, what is kept for a person, what is not done."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from billing.models import (
    Account,
    Payment,
    PaymentDoubt,
    PaymentState,
    PurchaseState,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
    Transfer,
    WebhookEvent,
)
from billing.payments.base import ChargeStatus, Method, Notice
from billing.services import applying, doubts, payments, quoting, refunds, top_ups, wallets
from billing.services.choices import BadQuantity
from core.audit import SYSTEM, Actor
from core.errors import Conflict
from core.models import AuditEntry, Fact
from stations.models import Command, Connector
from tests.billing import selling
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import (
    a_plug,
    assert_proven,
    buy,
    deliver,
    fresh,
    look,
    look_at_all,
    pay,
    payment_of,
)
from tests.factories import a_customer, a_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    return install(monkeypatch, FakeGateway())


@pytest.fixture
def plug() -> Connector:
    return a_plug()


def notice(event: str, ref: str = "", key: str = "", *, trusted: bool = True) -> Notice:
    return Notice(event, "charge.complete", ref, key, trusted, {"status": "successful"})


def test_a_well_signed_webhook_is_not_believed_while_the_charge_is_pending(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = buy(plug)
    payment = payments.take_notice("omise", notice("evnt_1", payment_of(bought).gateway_ref))
    assert payment == payment_of(bought)
    look_at_all()
    assert fresh(bought).state == PurchaseState.PAYING
    assert not Command.objects.exists()
    assert not Transfer.objects.filter(payment_id=payment_of(bought).pk).exists()


def test_a_webhook_makes_the_look_due_and_its_duplicate_changes_nothing(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = buy(plug)
    gateway.pay(payment_of(bought).gateway_ref)
    assert payments.look_due() == []
    for _ in range(3):
        payments.take_notice("omise", notice("evnt_1", payment_of(bought).gateway_ref))
    assert WebhookEvent.objects.count() == 1
    look_at_all()
    payments.take_notice("omise", notice("evnt_2", payment_of(bought).gateway_ref))
    look_at_all()
    assert fresh(bought).state == PurchaseState.PAID
    assert Transfer.objects.filter(kind="payment").count() == 1
    assert_proven()


def test_a_webhook_of_a_stranger_is_kept_and_moves_nothing(gateway: FakeGateway) -> None:
    assert payments.take_notice("omise", notice("evnt_9", "chrg_x", trusted=False)) is None
    assert WebhookEvent.objects.get().payment is None


def test_a_webhook_that_never_comes_is_not_missed(plug: Connector, gateway: FakeGateway) -> None:
    bought = buy(plug)
    gateway.pay(payment_of(bought).gateway_ref)
    with time_machine.travel(timezone.now() + timedelta(seconds=11), tick=False):
        look_at_all()
    assert fresh(bought).state == PurchaseState.PAID


@pytest.mark.parametrize(
    "said",
    [
        {"amount": 1_00, "captured": 1_00},
        {"captured": 1_00},
        {"currency": "USD"},
        {"key": "3b241101-e2bb-4255-8caf-4136c566a962"},
    ],
    ids=["wrong amount", "half paid", "wrong currency", "another's charge"],
)
def test_what_does_not_match_is_not_believed_and_a_person_is_told(
    plug: Connector, gateway: FakeGateway, said: dict[str, Any]
) -> None:
    bought = buy(plug)
    ref = payment_of(bought).gateway_ref
    gateway.pay(ref)
    gateway.change(ref, **said)
    bought = look(bought)
    assert (bought.state, payment_of(bought).state) == (PurchaseState.PAYING, PaymentState.OPEN)
    assert PaymentDoubt.objects.count() == 1
    assert AuditEntry.objects.filter(action="payment_doubted", refused=True).count() == 1
    look(bought)
    assert PaymentDoubt.objects.count() == 1
    assert not Account.objects.exclude(balance=0).exists()


def test_a_refused_charge_fails_with_the_gateways_word(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"create"}
    bought = buy(plug)
    assert (payment_of(bought).state, payment_of(bought).failure_code) == (
        PaymentState.FAILED,
        "failed_create",
    )
    assert bought.state == PurchaseState.DROPPED


def test_a_gateway_away_for_an_hour_loses_nothing(plug: Connector, gateway: FakeGateway) -> None:
    member = a_customer(plug.charger.station.company)
    paid = top_ups.begin(member, 100_00, Method.PROMPTPAY)
    payments.send(paid)
    gateway.pay(Payment.objects.get(pk=paid.pk).gateway_ref)
    gateway.away = True
    later = timezone.now()
    for _minute in range(12):
        later += timedelta(minutes=5)
        with time_machine.travel(later, tick=False):
            look_at_all()
    assert Payment.objects.get(pk=paid.pk).state == PaymentState.OPEN
    gateway.away = False
    with time_machine.travel(later + timedelta(minutes=6), tick=False):
        look_at_all()
    assert wallets.standing(member).wallet == 100_00
    assert_proven()


def test_a_lost_answer_makes_one_charge(plug: Connector, gateway: FakeGateway) -> None:
    gateway.lossy = True
    bought = buy(plug)
    assert payment_of(bought).state == PaymentState.NEW
    gateway.lossy = False
    bought = look(bought)
    assert payment_of(bought).state == PaymentState.OPEN
    assert (len(gateway.charges), gateway.calls.count("create")) == (1, 1)


def test_a_charge_that_was_never_made_is_made_by_the_next_look(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.away = True
    bought = buy(plug)
    gateway.away = False
    bought = look(bought)
    assert payment_of(bought).state == PaymentState.OPEN
    assert gateway.calls == ["create", "find", "create", "look"][: len(gateway.calls)]
    assert len(gateway.charges) == 1


def test_a_card_whose_answer_was_lost_is_never_charged_a_second_time(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.away = True
    bought = selling.buy_by_card(plug)
    gateway.away = False
    for minutes in (1, 5, 11, 30):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            look(bought)
    assert (len(gateway.charges), payment_of(bought).state) == (0, PaymentState.EXPIRED)
    assert fresh(bought).state == PurchaseState.DROPPED


def test_sending_twice_makes_one_charge(plug: Connector, gateway: FakeGateway) -> None:
    bought = buy(plug)
    payments.send(payment_of(bought))
    assert len(gateway.charges) == 1


def test_late_money_on_an_expired_payment_is_taken_in_and_goes_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"expire"}
    bought = buy(plug)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        look_at_all()
        assert payment_of(bought).state == PaymentState.EXPIRED
        assert fresh(bought).state == PurchaseState.DROPPED
        gateway.pay(payment_of(bought).gateway_ref)
    with time_machine.travel(timezone.now() + timedelta(minutes=40), tick=False):
        look_at_all()
        look_at_all()
    refund = Refund.objects.get()
    assert (refund.reason, refund.amount, refund.state) == (
        RefundReason.LATE,
        bought.amount,
        RefundState.DONE,
    )
    assert gateway.total == -sum(c.fee + c.fee_vat for c in gateway.charges.values())
    assert not Command.objects.exists()
    assert_proven()


def test_money_found_long_after_it_was_paid_starts_no_strangers_car(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = buy(plug)
    gateway.pay(payment_of(bought).gateway_ref)
    gateway.away = True
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        look(bought)
        gateway.away = False
        bought = look(bought)
    assert (bought.state, bought.problem) == (PurchaseState.RETURNED, RefundReason.LATE)
    assert not Command.objects.exists()


def test_an_expired_charge_is_ended_at_the_gateway(plug: Connector, gateway: FakeGateway) -> None:
    bought = buy(plug)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        bought = look(bought)
    charge = gateway.charges[payment_of(bought).gateway_ref]
    assert (charge.status, payment_of(bought).state) == (ChargeStatus.EXPIRED, "expired")


def test_an_expired_payment_is_looked_for_a_day_ever_more_slowly() -> None:
    now = over = timezone.now()
    row = Payment(state=PaymentState.EXPIRED, expires_at=over, created_at=over)
    gaps = []
    while (due := applying.next_look(row, now)) is not None:
        gaps.append(due - now)
        now = due
    assert gaps[0] < timedelta(minutes=1) < gaps[-1] <= timedelta(hours=1)
    assert timedelta(hours=24) <= now - over < timedelta(hours=25, minutes=1)
    assert len(gaps) < 60


def test_a_refund_that_the_gateway_refuses_becomes_a_link_and_then_an_admins(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"refund"}
    bought = pay(gateway, buy(plug))
    selling.stop(selling.start(bought).session, 1_000)
    look_at_all()
    refund = Refund.objects.get()
    assert (refund.route, refund.state) == (RefundRoute.LINK, RefundState.WAITING)
    for text in ("", "12345", "1-1111-11111-11-2", "02 123 4567"):
        with pytest.raises(refunds.BadNumber):
            refunds.accept_number(refund, text)
    refund = refunds.accept_number(refund, "081-234 5678")
    assert (refund.state, refunds.number_of(refund)) == (RefundState.QUEUED, "0812345678")
    assert "0812345678" not in refund.promptpay
    with pytest.raises(refunds.LinkOver):
        refunds.accept_number(refund, "0812345678")
    refunds.pay_by_hand(refund, Actor("admin", "1", "Nok"), "KBank 77")
    with pytest.raises(refunds.NotByHand):
        refunds.pay_by_hand(refund, Actor("admin", "1", "Nok"), "KBank 78")
    assert Account.objects.get(kind="bank").balance == -refund.amount
    assert_proven()


def test_a_link_is_reminded_twice_and_after_seven_days_an_admins(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"refund"}
    bought = pay(gateway, buy(plug))
    selling.stop(selling.start(bought).session, 0)
    look_at_all()
    seen = []
    for days in (1, 3, 6, 8):
        with time_machine.travel(timezone.now() + timedelta(days=days), tick=False):
            deliver()
        refund = Refund.objects.get()
        seen.append((refund.reminders, refund.state))
    assert seen == [(0, "waiting"), (1, "waiting"), (2, "waiting"), (2, "queued")]
    assert refund.route == RefundRoute.QUEUE


def test_a_member_whose_refund_is_refused_has_it_in_the_wallet(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"refund"}
    member = a_customer(plug.charger.station.company)
    bought = pay(gateway, buy(plug, customer=member))
    begun = selling.start(bought)
    assert begun.session.customer == member
    selling.stop(begun.session, 1_000)
    look_at_all()
    refund = Refund.objects.get()
    assert (refund.route, refund.state) == (RefundRoute.WALLET, RefundState.DONE)
    assert wallets.standing(member).wallet == refund.amount > 0
    assert_proven()


def test_a_refund_whose_answer_was_lost_is_paid_once(plug: Connector, gateway: FakeGateway) -> None:
    for keyed in (True, False):
        gateway.keeps_refund_keys = keyed
        plug = a_plug()
        bought = pay(gateway, buy(plug))
        session = selling.start(bought).session
        gateway.lossy = True
        selling.stop(session, 1_000)
        assert Refund.objects.get(payment=bought.payment).state == RefundState.SENT
        gateway.lossy = False
        with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
            look_at_all()
        charge = gateway.charges[payment_of(bought).gateway_ref]
        assert len(charge.refunds) == 1
        assert Refund.objects.get(payment=bought.payment).state == RefundState.DONE
        assert_proven()


def test_a_card_that_cannot_be_captured_is_tried_again_and_then_lost_with_its_session(
    plug: Connector, gateway: FakeGateway
) -> None:
    gateway.refuses = {"capture"}
    bought = selling.buy_by_card(plug)
    session = selling.start(bought).session
    selling.stop(session, 3_000)
    look_at_all()
    assert payment_of(bought).state == PaymentState.AUTHORISED
    assert PaymentDoubt.objects.get().kind == "capture"
    gateway.change(payment_of(bought).gateway_ref, status=ChargeStatus.RELEASED, authorised=0)
    look(bought)
    lost = Transfer.objects.get(kind="bad_debt")
    assert (lost.session_id, payment_of(bought).state) == (session.pk, PaymentState.RELEASED)
    assert Account.objects.get(kind="card_due").balance == 0
    assert_proven()


def test_without_partial_capture_all_is_taken_and_the_rest_goes_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    from dataclasses import replace

    gateway.can[Method.CARD] = replace(gateway.can[Method.CARD], partial_capture=False)
    bought = selling.buy_by_card(plug)
    selling.stop(selling.start(bought).session, 3_000)
    look_at_all()
    look_at_all()
    refund = Refund.objects.get()
    assert payment_of(bought).captured == bought.amount
    assert refund.amount * 5 == bought.amount * 2
    assert refund.state == RefundState.DONE
    assert_proven()


@pytest.mark.parametrize(
    ("wh", "satang"),
    [
        (0, None),
        (-5_000, None),
        (10**12, None),
        (None, 0),
        (None, -100),
        (None, 800_00),
        (None, 10**12),
        (5, 5),
    ],
)
def test_amounts_that_make_no_sense_are_refused_and_nothing_is_written(
    plug: Connector, gateway: FakeGateway, wh: int | None, satang: int | None
) -> None:
    with pytest.raises(BadQuantity):
        buy(plug, wh=wh, satang=satang)
    assert not Payment.objects.exists()
    assert gateway.calls == []


def test_below_the_gateways_least_nothing_is_sold(plug: Connector, gateway: FakeGateway) -> None:
    with pytest.raises(BadQuantity, match=r"between 20\.00"):
        buy(plug, wh=1_000)


@pytest.mark.parametrize("satang", [0, -1, 19_99, 10**15])
def test_a_top_up_of_nonsense_is_refused(
    plug: Connector, gateway: FakeGateway, satang: int
) -> None:
    with pytest.raises(wallets.BadAmount):
        top_ups.begin(a_customer(plug.charger.station.company), satang, Method.PROMPTPAY)


def test_a_price_that_was_shown_too_long_ago_is_not_sold(
    plug: Connector, gateway: FakeGateway
) -> None:
    with pytest.raises(quoting.QuoteExpired):
        buy(plug, quoted_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert not Payment.objects.exists()


def test_a_top_up_pays_arrears_first(plug: Connector, gateway: FakeGateway) -> None:
    member = a_customer(plug.charger.station.company)
    session = a_session(plug, customer=member, wh=5_000)
    selling.stop(session, 5_000)
    owed = wallets.standing(member).owed
    assert owed > 0
    paid = top_ups.begin(member, 100_00, Method.PROMPTPAY)
    payments.send(paid)
    gateway.pay(Payment.objects.get(pk=paid.pk).gateway_ref)
    payments.look(paid.pk)
    deliver()
    now = wallets.standing(member)
    assert (now.owed, now.wallet) == (0, 100_00 - owed)
    assert Fact.objects.filter(kind="wallet_changed", subject_id=member.pk).exists()
    assert_proven()


def test_a_reference_has_no_letters_that_look_alike() -> None:
    found = payments.new_reference("sj-01 ที่")
    assert found.startswith("SJ01-")
    assert not set(found.partition("-")[2]) & set("01OILUV")
    assert len(payments.new_reference("X" * 99)) <= 20


def test_a_fee_of_an_entity_without_vat_is_all_cost(gateway: FakeGateway) -> None:
    plug = a_plug()
    entity = plug.charger.station.tax_entity
    assert entity is not None
    entity.vat_registered_from = None
    entity.save()
    pay(gateway, buy(plug))
    charge = next(iter(gateway.charges.values()))
    assert Account.objects.get(kind="gateway_fee").balance == charge.fee + charge.fee_vat
    assert not Account.objects.filter(kind="input_vat").exists()
    assert_proven()


def test_what_an_admin_does_is_on_record(plug: Connector, gateway: FakeGateway) -> None:
    gateway.can[Method.PROMPTPAY] = gateway.can[Method.MOBILE_BANKING]
    bought = pay(gateway, buy(plug))
    selling.stop(selling.start(bought).session, 0)
    with pytest.raises(Exception, match="reference"):
        refunds.pay_by_hand(Refund.objects.get(), SYSTEM, "  ")
    refunds.pay_by_hand(Refund.objects.get(), Actor("admin", "7", "Nok"), "cash, 20 Nov", cash=True)
    entry = AuditEntry.objects.get(action="pay_refund")
    assert entry.new == {"satang": bought.amount, "note": "cash, 20 Nov", "cash": True}
    assert Account.objects.get(kind="cash").balance == -bought.amount


def test_a_doubt_is_closed_by_the_money_that_comes_right_or_by_a_person_once(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = buy(plug)
    ref = payment_of(bought).gateway_ref
    gateway.change(ref, currency="USD")
    look(bought)
    gateway.change(ref, currency="THB")
    look(pay(gateway, bought))
    assert PaymentDoubt.objects.get().resolved_by == "system"
    other = buy(a_plug())
    gateway.change(payment_of(other).gateway_ref, currency="USD")
    look(other)
    doubt = PaymentDoubt.objects.get(payment=other.payment)
    doubts.resolve(doubt, "their test account", actor=Actor("admin", "1", "Nok"))
    with pytest.raises(Conflict):
        doubts.resolve(doubt, "again", actor=Actor("admin", "1", "Nok"))
