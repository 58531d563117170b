"""From tap to bill: what is held, allowed, chosen, billed, owed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from billing.models import Bill, Hold, HoldState, PaymentStatus
from billing.services import allowance, bills, ledger, wallets
from billing.services.choices import BadQuantity, CannotPay
from core import outbox
from core.audit import SYSTEM
from core.models import Delivery
from stations.clock import believe
from stations.models import Authorisation, Case, Connector, MeterValue, Session
from stations.services import starting, stopping
from tests.billing.test_pricing import at
from tests.factories import a_card, a_charger, a_company, a_customer, a_station, a_tariff
from users.models import Card, Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def plug() -> Connector:
    return a_charger().connectors.get(connector_id=1)


def member(plug: Connector, balance: int = 500_00, **fields: object) -> Card:
    return a_card(a_customer(plug.charger.station.company, balance=balance, **fields))


def start(
    plug: Connector, card: Card, when: datetime | None = None, meter: int = 1_000
) -> starting.Started:
    moment = when or datetime.now(UTC)
    text = moment.astimezone(UTC).isoformat()
    return starting.start_session(
        plug.charger_id,
        starting.Start(
            connector_id=plug.connector_id,
            id_tag=card.id_tag,
            meter_start=meter,
            raw_time=text,
            claim=believe(text, datetime.now(UTC), None),
            received_at=datetime.now(UTC),
        ),
    )


def read(session: Session, register: int, when: datetime) -> None:
    MeterValue.objects.create(
        connector=session.connector,
        session=session,
        at=when,
        device_at=when,
        received_at=when,
        register_wh=register,
        samples=[],
    )
    session.live.energy_wh = register - session.meter_start
    session.live.at = when
    session.live.save()


def stop(session: Session, register: int, when: datetime | None = None) -> None:
    moment = when or datetime.now(UTC)
    text = moment.astimezone(UTC).isoformat()
    stopping.stop_session(
        session.charger_id,
        stopping.Stop(
            transaction_id=session.transaction_id,
            meter_stop=register,
            raw_time=text,
            claim=believe(text, datetime.now(UTC), None),
            received_at=datetime.now(UTC),
        ),
    )


def deliver() -> None:
    """Let every fact that is due have its effect."""
    while outbox.deliver_one():
        pass
    assert not Delivery.objects.filter(attempts__gt=0).exists(), list(
        Delivery.objects.values_list("error")
    )


def holder(card: Card) -> Customer:
    assert card.customer is not None
    return card.customer


def money(customer: Customer | None) -> wallets.Standing:
    assert customer is not None
    return wallets.standing(customer)


def test_a_tap_holds_the_wallet_and_turns_it_into_energy(plug: Connector) -> None:
    card = member(plug, balance=154_00)
    with time_machine.travel(at(20), tick=False):
        begun = start(plug, card)
    assert begun.info.status == "Accepted"
    assert begun.session.allowance_wh == 20_000
    assert money(card.customer).available == 0


def test_two_taps_on_one_wallet_cannot_both_win(plug: Connector) -> None:
    card = member(plug, balance=100_00)
    second = a_card(holder(card))
    other = a_charger(plug.charger.station).connectors.get()
    assert start(plug, card).info.status == "Accepted"
    refused = start(other, second)
    assert (refused.info.status, refused.info.reason) == ("Blocked", "no_money")
    assert Hold.objects.count() == 1


def test_one_card_charges_once_at_a_time(plug: Connector) -> None:
    card = member(plug, balance=5_000_00)
    other = a_charger(plug.charger.station).connectors.get()
    assert start(plug, card).info.status == "Accepted"
    assert start(other, card).info.status == "ConcurrentTx"
    unlimited = a_card(holder(card), max_active_sessions=None)
    assert start(other, unlimited).info.status == "Accepted"


def test_a_start_that_is_sent_again_is_the_same_session_and_holds_once(plug: Connector) -> None:
    card, now = member(plug), datetime.now(UTC)
    first, again = start(plug, card, now), start(plug, card, now)
    assert first.session.pk == again.session.pk
    assert again.info.status == "Accepted"
    assert Hold.objects.count() == 1
    assert start(plug, card, now, meter=1_001).session.pk != first.session.pk


def test_a_charge_is_billed_once_and_the_rest_of_the_hold_is_free_again(plug: Connector) -> None:
    card = member(plug, balance=500_00)
    with time_machine.travel(at(20), tick=False) as clock:
        session = start(plug, card).session
        clock.shift(timedelta(minutes=30))
        stop(session, 1_000 + 10_000)
        deliver()
    bill = Bill.objects.get()
    assert (bill.total, bill.vat, bill.payment_status) == (77_00, 5_04, PaymentStatus.PAID)
    assert money(card.customer) == wallets.Standing(423_00, 0, 0, 0, True)
    hold = Hold.objects.get()
    assert (hold.state, hold.posted) == (HoldState.POSTED, 77_00)
    assert not any(ledger.prove().values())
    session.refresh_from_db()
    assert bills.recompute(bill).total == bill.total


def test_a_bill_is_made_once_however_often_the_fact_is_delivered(plug: Connector) -> None:
    card = member(plug)
    session = start(plug, card).session
    stop(session, 3_000)
    deliver()
    Delivery.objects.update(due=datetime.now(UTC), done_at=None)
    deliver()
    assert Bill.objects.count() == 1
    assert not any(ledger.prove().values())


def test_what_is_due_beyond_the_wallet_becomes_arrears_and_blocks_the_next_start(
    plug: Connector,
) -> None:
    card = member(plug, balance=77_00)
    with time_machine.travel(at(20), tick=False) as clock:
        session = start(plug, card).session
        clock.shift(timedelta(minutes=30))
        stop(session, 1_000 + 12_000)
        deliver()
        bill = Bill.objects.get()
        assert (bill.total, bill.outstanding) == (92_40, 15_40)
        assert bill.payment_status == PaymentStatus.ARREARS
        assert money(card.customer).balance == -15_40
        refused = start(plug, card)
        assert (refused.info.status, refused.info.reason) == ("Blocked", "arrears")
        wallets.top_up(holder(card), 100_00, key="t", reason="cash", actor=SYSTEM)
        assert money(card.customer).balance == 84_60
        bill.refresh_from_db()
        assert (bill.outstanding, bill.payment_status) == (0, PaymentStatus.PAID)
        clock.shift(timedelta(minutes=1))
        assert start(plug, card).info.status == "Accepted"
    assert not any(ledger.prove().values())


def test_a_postpaid_customer_charges_up_to_the_credit_limit(plug: Connector) -> None:
    card = member(plug, balance=0, billing_mode="postpaid", credit_limit=100_00)
    with time_machine.travel(at(20), tick=False) as clock:
        session = start(plug, card).session
        assert session.allowance_wh == 12_987  # 100.00 / 7.70
        clock.shift(timedelta(minutes=30))
        stop(session, 1_000 + 12_987)
        deliver()
        bill = Bill.objects.get()
        assert (bill.total, bill.payment_status) == (100_00, PaymentStatus.POSTPAID)
        assert money(card.customer).balance == -100_00
        assert start(plug, card).info.reason == "credit_used_up"


def test_the_customer_chooses_kwh_and_never_pays_for_more(plug: Connector) -> None:
    card = member(plug, balance=500_00)
    with time_machine.travel(at(20), tick=False) as clock:
        session = start(plug, card).session
        allowance.choose(session, wh=10_000, satang=None)
        session.refresh_from_db()
        assert (session.allowance_wh, session.chosen_wh) == (10_000, 10_000)
        assert money(card.customer).held == 77_02
        clock.shift(timedelta(minutes=30))
        stop(session, 1_000 + 10_060)
        deliver()
    bill = Bill.objects.get()
    assert (bill.wh, bill.unbilled_wh, bill.total) == (10_000, 60, 77_00)


def test_the_customer_chooses_baht_and_pays_at_most_that(plug: Connector) -> None:
    card = member(plug, balance=500_00)
    with time_machine.travel(at(20), tick=False) as clock:
        session = start(plug, card).session
        allowance.choose(session, wh=None, satang=50_00)
        session.refresh_from_db()
        assert session.allowance_wh == 6_494
        clock.shift(timedelta(minutes=30))
        stop(session, 1_000 + 6_520)
        deliver()
    assert Bill.objects.get().total == 50_00


@pytest.mark.parametrize("wh", [0, -5, 999, 100_001, 10**12])
def test_a_wrong_quantity_is_refused_and_nothing_changes(plug: Connector, wh: int) -> None:
    card = member(plug, balance=500_00)
    session = start(plug, card).session
    before = money(card.customer)
    with pytest.raises(BadQuantity):
        allowance.choose(session, wh=wh, satang=None)
    session.refresh_from_db()
    assert session.chosen_wh is None
    assert money(card.customer) == before


def test_more_than_the_wallet_covers_is_refused(plug: Connector) -> None:
    card = member(plug, balance=77_00)
    session = start(plug, card).session
    with pytest.raises(CannotPay):
        allowance.choose(session, wh=50_000, satang=None)


def test_at_the_price_border_the_rest_of_the_money_buys_more(plug: Connector) -> None:
    card = member(plug, balance=154_00)
    with time_machine.travel(at(21), tick=False) as clock:
        session = start(plug, card).session
        deliver()
        assert session.allowance_wh == 20_000
        clock.move_to(at(22))
        read(session, 1_000 + 10_000, at(22))
        deliver()
        session.refresh_from_db()
        assert session.allowance_wh == 22_834


def test_money_topped_up_during_a_charge_lets_it_go_on(plug: Connector) -> None:
    card = member(plug, balance=77_00)
    with time_machine.travel(at(20), tick=False):
        session = start(plug, card).session
        deliver()
        wallets.top_up(holder(card), 77_00, key="more", reason="cash", actor=SYSTEM)
        deliver()
        session.refresh_from_db()
    assert session.allowance_wh == 20_000


def test_confirming_first_holds_the_money_and_the_start_uses_that_hold(plug: Connector) -> None:
    card = member(plug, balance=500_00)
    leave = allowance.reserve_for_page(plug, holder(card), card, visitor="", wh=10_000, satang=None)
    assert money(card.customer).held == 77_02
    session = start(plug, card).session
    assert (session.hold_id, session.allowance_wh, session.chosen_wh) == (
        leave.hold_id,
        10_000,
        10_000,
    )
    assert Hold.objects.count() == 1


def test_leave_that_nobody_used_gives_the_money_back(plug: Connector) -> None:
    card = member(plug, balance=500_00)
    with time_machine.travel(at(20), tick=False) as clock:
        allowance.reserve_for_page(plug, holder(card), card, visitor="", wh=10_000, satang=None)
        deliver()
        assert money(card.customer).held == 77_02
        clock.shift(timedelta(minutes=4))
        deliver()
    assert money(card.customer).held == 0
    assert Authorisation.objects.get().cancelled_at is not None


def test_a_charge_with_an_unknown_card_is_recorded_and_becomes_a_case(plug: Connector) -> None:
    stranger = Card(id_tag="NOBODY")
    begun = start(plug, stranger)
    assert (begun.info.status, begun.session.refusal) == ("Invalid", "Invalid")
    assert begun.session.transaction_id > 0
    stop(begun.session, 5_000)
    deliver()
    assert not Bill.objects.exists()
    assert Case.objects.get().kind == "not_authorised"


def test_a_refused_start_does_not_end_the_charge_that_runs_there(plug: Connector) -> None:
    running = start(plug, member(plug)).session
    start(plug, Card(id_tag="NOBODY"))
    running.refresh_from_db()
    assert running.status == "active"


def test_a_new_start_on_a_plug_ends_the_charge_whose_stop_was_lost(plug: Connector) -> None:
    first = start(plug, member(plug)).session
    read(first, 4_000, datetime.now(UTC))
    second = start(plug, member(plug), meter=4_000).session
    first.refresh_from_db()
    assert (first.status, first.energy_wh, first.stop_inferred) == ("ended", 3_000, True)
    assert second.status == "active"
    assert Case.objects.get().kind == "no_stop"
    deliver()
    assert Bill.objects.get().session == first


def test_a_late_stop_never_changes_a_bill_that_was_made(plug: Connector) -> None:
    first = start(plug, member(plug)).session
    read(first, 4_000, datetime.now(UTC))
    start(plug, member(plug), meter=4_000)
    deliver()
    total = Bill.objects.get(session=first).total
    stop(first, 9_000)
    deliver()
    assert Bill.objects.get(session=first).total == total
    assert Case.objects.filter(kind="late_stop", session=first).exists()


def test_a_station_without_prices_lets_nobody_start() -> None:
    plug = a_charger(a_station(priced=False)).connectors.get()
    assert start(plug, member(plug)).info.reason == "no_tariff"


def test_vip_members_get_their_own_price_and_members_fall_back_to_the_guests() -> None:
    station = a_station(a_company())
    a_tariff(station, "vip", on_peak="5.00", off_peak="4.00")
    plug = a_charger(station).connectors.get()
    with time_machine.travel(at(20), tick=False) as clock:
        for level, total in (("vip", 50_00), ("member", 77_00)):
            session = start(plug, member(plug, level=level)).session
            clock.shift(timedelta(minutes=10))
            stop(session, 11_000)
            deliver()
            assert Bill.objects.get(session=session).total == total


def test_an_entity_without_vat_registration_owes_none() -> None:
    station = a_station()
    assert station.tax_entity is not None
    station.tax_entity.vat_registered_from = None
    station.tax_entity.save()
    plug = a_charger(station).connectors.get()
    session = start(plug, member(plug)).session
    stop(session, 11_000)
    deliver()
    assert (Bill.objects.get().vat, Bill.objects.get().vat_rate) == (0, Decimal(0))
