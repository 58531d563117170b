"""A guest pays first: what starts, what stops, what goes back, and what each party is owed."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from billing.models import (
    Account,
    Bill,
    Payment,
    PaymentState,
    PurchaseState,
    Refund,
    RefundState,
    VatRate,
)
from billing.money import vat_within
from billing.selectors import purchases as purchase_reads
from billing.selectors import quotes, running
from billing.services import allowance, purchases
from core.models import Lease
from stations.models import CommandStatus, Connector, Session, SessionLive, Station, Visit
from stations.services import connectors, visits
from tests.billing import selling
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import (
    a_plug,
    assert_proven,
    buy,
    deliver,
    fresh,
    look_at_all,
    pay,
    start_tag,
)
from tests.billing.test_charging_money import start as tap
from tests.billing.test_pricing import at
from tests.factories import a_card, a_customer, a_session, a_tax_entity

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


def test_the_day_the_money_came_decides_about_vat_though_the_rate_changed_before_the_stop(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    paid_at = selling.payment_of(bought).paid_at
    assert paid_at is not None
    paid_on = paid_at.astimezone(ZoneInfo("Asia/Bangkok")).date()
    entity = a_tax_entity(plug.charger.station.company, vat_registered_from=paid_on)
    Station.objects.filter(pk=plug.charger.station_id).update(tax_entity=entity)
    VatRate.objects.update_or_create(valid_from=paid_on, defaults={"rate": Decimal("0.0700")})
    VatRate.objects.create(valid_from=paid_on + timedelta(days=1), rate=Decimal("0.1000"))
    begun = selling.start(bought)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        selling.stop(begun.session, 3_000)
    bill = Bill.objects.get()
    assert bill.vat_rate == Decimal("0.0700")
    assert bill.vat == vat_within(bill.total, Decimal("0.07"))


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


def test_the_price_is_one_for_all_periods_and_stays_what_was_shown(gateway: FakeGateway) -> None:
    with time_machine.travel(at(21, 55), tick=False) as clock:
        plug = a_plug()
        links_alive()
        bought = pay(gateway, buy(plug, wh=10_000))
        assert (bought.amount, bought.fixed_price) == (77_00, True)
        session = selling.start(bought).session
        clock.move_to(at(23))
        selling.stop(session, 10_000)
    assert Bill.objects.get().total == 77_00


def test_without_a_fixed_price_the_dearest_case_is_paid_and_the_difference_goes_back(
    gateway: FakeGateway,
) -> None:
    with time_machine.travel(at(23), tick=False) as clock:
        plug = a_plug(prepaid_fixed_price=False)
        links_alive()
        bought = pay(gateway, buy(plug, wh=10_000))
        assert bought.amount == 77_02
        session = selling.start(bought).session
        clock.shift(timedelta(hours=1))
        selling.stop(session, 10_000)
    assert (Bill.objects.get().total, Refund.objects.get().amount) == (60_00, 17_02)


def test_baht_buy_the_energy_they_pay_for(plug: Connector, gateway: FakeGateway) -> None:
    bought = pay(gateway, buy(plug, wh=None, satang=100_00))
    begun = selling.start(bought)
    assert begun.session.allowance_wh == bought.max_wh
    selling.stop(begun.session, bought.max_wh)
    assert 0 <= 100_00 - Bill.objects.get().total <= 1


def test_what_was_drawn_beyond_the_paid_energy_is_never_billed(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    selling.stop(selling.start(bought).session, 5_120)
    bill = Bill.objects.get()
    assert (bill.total, bill.wh, bill.unbilled_wh) == (bought.amount, 5_000, 120)
    assert not Refund.objects.exists()
    assert_proven()


def test_until_full_is_paid_up_to_the_stations_most_and_the_rest_comes_back(
    gateway: FakeGateway,
) -> None:
    plug = a_plug(max_session_kwh=20)
    bought = pay(gateway, buy(plug, wh=None))
    begun = selling.start(bought)
    assert begun.session.allowance_wh == 20_000
    selling.stop(begun.session, 20_500)
    assert Bill.objects.get().total == bought.amount


def test_nobody_plugs_in_and_the_money_goes_back(plug: Connector, gateway: FakeGateway) -> None:
    bought = pay(gateway, buy(plug))
    selling.answer(bought, CommandStatus.ACCEPTED)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        deliver()
        look_at_all()
        bought = fresh(bought)
        assert (bought.state, bought.problem) == (PurchaseState.RETURNED, "not_plugged")
        assert Refund.objects.get().state == RefundState.DONE
        assert selling.start(bought).info.status == "Invalid"
    assert_proven()


def test_a_card_hold_nobody_used_is_released(plug: Connector, gateway: FakeGateway) -> None:
    bought = selling.buy_by_card(plug)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        deliver()
        look_at_all()
    assert selling.payment_of(bought).state == PaymentState.RELEASED
    assert gateway.held == 0
    assert not Refund.objects.exists()
    assert_proven()


def test_a_charger_that_refuses_before_the_car_is_there_is_told_again_on_plug_in(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    selling.answer(bought, CommandStatus.REJECTED)
    assert fresh(bought).state == PurchaseState.PAID
    plug_says(plug, "Preparing")
    assert len(selling.orders(bought)) == 2


def test_a_charger_that_refuses_with_the_car_there_gives_the_money_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    plug_says(plug, "Preparing")
    bought = pay(gateway, buy(plug))
    selling.answer(bought, CommandStatus.REJECTED)
    assert fresh(bought).state == PurchaseState.PAID
    with time_machine.travel(timezone.now() + timedelta(seconds=7), tick=False):
        deliver()
        selling.answer(bought, CommandStatus.REJECTED)
    bought = fresh(bought)
    assert (bought.state, bought.problem) == (PurchaseState.RETURNED, "not_started")
    assert_proven()


def test_a_charger_that_breaks_gives_the_money_back_at_once(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    plug_says(plug, "Faulted")
    selling.answer(bought, CommandStatus.REJECTED)
    assert fresh(bought).problem == "not_started"


def test_a_charger_that_went_away_is_told_again_until_the_time_is_over(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    selling.answer(bought, CommandStatus.TIMEOUT)
    with time_machine.travel(timezone.now() + timedelta(seconds=16), tick=False):
        deliver()
        assert len(selling.orders(bought)) == 2
        selling.answer(bought, CommandStatus.TIMEOUT)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        deliver()
    assert fresh(bought).problem == "not_started"


def test_an_order_the_charger_took_is_given_again_when_the_plug_says_a_car_is_there(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    selling.answer(bought, CommandStatus.ACCEPTED)
    plug_says(plug, "Preparing")
    assert len(selling.orders(bought)) == 1  # it begins by itself, if it still waits for the plug
    with time_machine.travel(timezone.now() + timedelta(seconds=7), tick=False):
        deliver()
    assert len(selling.orders(bought)) == 2


def test_a_tap_does_not_take_the_plug_of_who_has_paid(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    card = a_card(a_customer(plug.charger.station.company, balance=500_00))
    refused = tap(plug, card).info
    assert (refused.status, refused.reason) == ("Blocked", "plug_paid")
    deliver()
    assert selling.start(bought).info.status == "Accepted"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("busy", "plug_in_use"),
        ("paid", "plug_paid"),
        ("mine", "already_paid"),
        ("away", "charger_away"),
        ("off", "charger_off"),
        ("broken", "charger_off"),
    ],
)
def test_a_plug_that_cannot_charge_is_not_sold(
    plug: Connector, gateway: FakeGateway, spoil: str, code: str
) -> None:
    if spoil == "busy":
        a_session(plug)
    elif spoil in ("paid", "mine"):
        pay(gateway, buy(plug, "phone-2" if spoil == "paid" else "phone-1"))
    elif spoil == "away":
        Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif spoil == "off":
        plug.charger.enabled = False
    else:
        plug.status = "Faulted"
    before = Payment.objects.count()
    with pytest.raises(purchases.PlugTaken) as refused:
        buy(plug, "phone-1")
    assert (refused.value.code, refused.value.status) == (code, 409)
    assert Payment.objects.count() == before


def test_a_new_choice_replaces_the_unpaid_one_and_ends_its_charge(
    plug: Connector, gateway: FakeGateway
) -> None:
    first = buy(plug)
    second = buy(plug, wh=8_000)
    assert (fresh(first).state, fresh(second).state) == ("dropped", "paying")
    look_at_all()
    assert selling.payment_of(first).state == PaymentState.EXPIRED
    assert purchase_reads.of_phone(plug, "phone-1") == second


def test_paid_twice_by_one_phone_the_older_money_goes_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    first = buy(plug)
    gateway.pay(selling.payment_of(first).gateway_ref)
    second = pay(gateway, buy(plug, wh=8_000))
    first = selling.look(first)
    assert (second.state, first.state, first.problem) == ("paid", "returned", "twice")
    assert Refund.objects.get().amount == first.amount
    assert_proven()


def test_cancelled_before_the_start_the_money_goes_back(
    plug: Connector, gateway: FakeGateway
) -> None:
    bought = pay(gateway, buy(plug))
    purchases.cancel(bought)
    deliver()
    assert fresh(bought).state == PurchaseState.RETURNED
    assert selling.leave_of(bought).cancelled_at is not None
    begun = pay(gateway, buy(plug))
    selling.start(begun)
    purchases.cancel(fresh(begun))
    assert fresh(begun).state == PurchaseState.CHARGING


def test_the_phone_that_paid_speaks_for_the_charge_and_no_other(
    plug: Connector, gateway: FakeGateway
) -> None:
    visits.wait(plug, "phone-2")
    bought = pay(gateway, buy(plug, "phone-1"))
    session = selling.start(bought).session
    assert Visit.objects.get(visitor="phone-1").session == session
    assert Visit.objects.get(visitor="phone-2").session is None
    assert purchase_reads.of_session(session) == bought


def test_what_was_paid_is_told_by_the_running_page_at_the_price_it_was_sold(
    gateway: FakeGateway,
) -> None:
    with time_machine.travel(at(21, 55), tick=False) as clock:
        plug = a_plug()
        links_alive()
        session = selling.start(pay(gateway, buy(plug, wh=10_000))).session
        clock.move_to(at(23))
        offer = quotes.offer_of(session, timezone.now())
        assert offer is not None
        assert (str(offer.now.per_kwh), offer.change) == ("7.70", None)
        rows = running.with_tariff(Session.objects.select_related("live", "station"))
        SessionLive.objects.update(energy_wh=4_000, at=timezone.now())
        assert running.costs(rows) == {session.pk: 30_80}


def test_a_member_without_a_card_holds_the_wallet_and_starts_with_a_tag_of_its_own(
    plug: Connector,
) -> None:
    member = a_customer(plug.charger.station.company, balance=500_00)
    leave = allowance.reserve_for_page(plug, member, visitor="phone-1", wh=5_000, satang=None)
    assert (leave.card, leave.visitor) == (None, "phone-1")
    begun = start_tag(plug, leave.id_tag)
    assert (begun.info.status, begun.session.customer) == ("Accepted", member)
    assert Visit.objects.get(visitor="phone-1").session == begun.session
    selling.stop(begun.session, 5_000)
    assert Bill.objects.get().customer == member
    assert_proven()


def plug_says(plug: Connector, status: str) -> None:
    now = timezone.now()
    report = connectors.StatusReport(
        plug.charger_id, plug.connector_id, status, "NoError", "", "", now, now
    )
    connectors.record_statuses([report])
    deliver()
    plug.refresh_from_db(fields=["status"])


def links_alive() -> None:
    """The process that holds the charger lives at whatever hour the test has set."""
    Lease.objects.update(expires_at=timezone.now() + timedelta(days=3650))
