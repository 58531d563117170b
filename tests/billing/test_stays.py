"""From the end of a charge to the plug being free: when the bill is made, and what pays for the stay."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from billing.models import AccountKind, Bill, Entry, Hold, HoldState, PaymentStatus, Stay
from billing.selectors import stays
from billing.services import bills, ledger, wallets
from core.models import Fact, Lease
from stations.models import Case, Charger, Connector, Session
from stations.services.connectors import StatusReport, record_statuses
from tests.billing.test_charging_money import deliver, holder, member, read, start, stop
from tests.billing.test_pricing import at
from tests.factories import a_charger, a_station, a_tariff
from users.models import Card

pytestmark = pytest.mark.django_db
PARKING = {"part": "parking", "period": "on_peak", "price": "20"}
PENALTY = [
    {"part": "penalty", "period": "on_peak", "price": "3"},
    {"part": "penalty", "period": "off_peak", "price": "2"},
]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """A Thursday evening; the line to the charger stays up as long as a test lasts."""
    with time_machine.travel(at(20), tick=False) as found:
        yield found


def a_plug(*more: dict[str, str], **terms: object) -> Connector:
    station = a_station(priced=False)
    a_tariff(station, more=[*(more or (PARKING, *PENALTY))], terms={"grace_min": 15, **terms})
    plug = a_charger(station, online=True).connectors.get(connector_id=1)
    Lease.objects.update(expires_at=at(20) + timedelta(days=9))
    return plug


def says(plug: Connector, status: str, device_at: datetime | None = None) -> None:
    report = StatusReport(
        plug.charger_id, plug.connector_id, status, "NoError", "", "", timezone.now(), device_at
    )
    with transaction.atomic():
        record_statuses([report])
    deliver()


def a_charge(plug: Connector, card: Card, clock: Any, wh: int = 10_000) -> Session:
    """21:20 to 22:15, then Finishing."""
    clock.move_to(at(21, 20))
    says(plug, "Preparing")
    session = start(plug, card).session
    deliver()
    says(plug, "Charging")
    clock.move_to(at(22))
    read(session, 1_000 + wh, at(22))
    clock.move_to(at(22, 15))
    stop(session, 1_000 + wh)
    deliver()
    says(plug, "Finishing")
    session.refresh_from_db()
    return session


def stay_of(session: Session) -> Stay:
    return Stay.objects.get(session=session)


def test_the_bill_waits_until_the_plug_is_free_and_then_has_every_line(clock: Any) -> None:
    """10 kWh On-Peak 77.00; parking 40 min × 20/h = 13.33; penalty 22:30-22:50 × 2 = 40.00."""
    plug = a_plug()
    card = member(plug)
    session = a_charge(plug, card, clock)
    assert not Bill.objects.exists()
    view = stays.of_session(session)
    assert view is not None
    assert (view.penalty_from, view.cost) == (at(22, 30), 90_33)
    clock.move_to(at(22, 50))
    says(plug, "Available")
    bill = Bill.objects.get()
    assert [(row["part"], row["period"], row["amount"]) for row in bill.lines] == [
        ("energy", "on_peak", 77_00),
        ("parking", "on_peak", 13_33),
        ("penalty", "off_peak", 40_00),
    ]
    assert (bill.total, bill.vat, bill.payment_status) == (130_33, 8_53, PaymentStatus.PAID)
    assert bills.recompute(bill).total == bill.total
    assert wallets.standing(holder(card)).wallet == 500_00 - 130_33
    assert ledger.prove() == dict.fromkeys(ledger.prove(), 0)


def test_each_income_gets_its_share_and_vat_is_split_once(clock: Any) -> None:
    """Net 121.80 over 77.00 : 13.33 : 40.00 by largest remainder: 71.96 + 12.46 + 37.38."""
    plug = a_plug()
    session = a_charge(plug, member(plug), clock)
    clock.move_to(at(22, 50))
    says(plug, "Available")
    entries = Entry.objects.filter(transfer__session_id=session.pk, amount__lt=0)
    found = {entry.account.kind: -entry.amount for entry in entries.select_related("account")}
    assert found == {
        AccountKind.INCOME: 71_96,
        AccountKind.PARKING_INCOME: 12_46,
        AccountKind.PENALTY_INCOME: 37_38,
        AccountKind.VAT_OUTPUT: 8_53,
    }


def test_a_plug_that_is_free_at_the_stop_is_billed_at_once(clock: Any) -> None:
    plug = a_plug()
    clock.move_to(at(21, 20))
    session = start(plug, member(plug)).session
    deliver()
    clock.move_to(at(21, 50))
    stop(session, 6_000)  # the charger says Available all along
    deliver()
    assert Bill.objects.get().total == 5 * 7_70 + 10_00
    assert not Case.objects.exists()


def test_a_list_without_prices_for_staying_bills_at_once_and_watches_nothing(clock: Any) -> None:
    plug = a_plug({"part": "start", "period": "any", "price": "10"})
    session = a_charge(plug, member(plug), clock)
    assert Bill.objects.filter(session=session).exists()
    assert not Stay.objects.exists()


def test_a_car_that_takes_no_more_idles_from_then_on_though_nobody_stopped(clock: Any) -> None:
    plug = a_plug()
    clock.move_to(at(20))
    session = start(plug, member(plug)).session
    deliver()
    says(plug, "Charging")
    clock.move_to(at(21))
    read(session, 11_000, at(21))
    says(plug, "SuspendedEV")
    assert stay_of(session).idle_from == at(21)
    clock.move_to(at(21, 45))
    stop(session, 11_000)
    deliver()
    assert stay_of(session).idle_from == at(21)
    says(plug, "Available")
    penalty = Bill.objects.get().lines[-1]
    assert (penalty["part"], penalty["amount"]) == ("penalty", 30 * 3_00)  # 21:15 to 21:45


def test_energy_that_flows_again_ends_idling_and_a_pause_of_the_charger_is_none(
    clock: Any,
) -> None:
    plug = a_plug()
    clock.move_to(at(20))
    session = start(plug, member(plug)).session
    deliver()
    says(plug, "SuspendedEVSE")
    assert stay_of(session).idle_from is None
    says(plug, "SuspendedEV")
    clock.move_to(at(20, 30))
    says(plug, "Charging")
    assert stay_of(session).idle_from is None


def test_a_stop_that_overtakes_the_word_of_charging_still_believes_the_meter(clock: Any) -> None:
    """SuspendedEV, then energy again, but Charging was never heard: idle from the last rise on."""
    plug = a_plug()
    clock.move_to(at(20))
    session = start(plug, member(plug)).session
    deliver()
    says(plug, "SuspendedEV")
    clock.move_to(at(21))
    read(session, 9_000, at(21))
    clock.move_to(at(21, 30))
    stop(session, 9_000)
    deliver()
    assert stay_of(session).idle_from == at(21)


def test_the_next_charge_ends_the_stay_before_it(clock: Any) -> None:
    plug = a_plug()
    first = a_charge(plug, member(plug), clock)
    clock.move_to(at(22, 40))
    start(plug, member(plug))
    deliver()
    assert stay_of(first).ended_at == at(22, 40)
    assert Bill.objects.get(session=first).lines[-1]["amount"] == 10 * 2_00


def test_a_charger_that_went_away_is_billed_to_when_it_was_last_heard_and_a_case_says_so(
    clock: Any,
) -> None:
    plug = a_plug()
    session = a_charge(plug, member(plug), clock)
    clock.move_to(at(22, 35))
    Charger.objects.filter(pk=plug.charger_id).update(
        connection_holder="", disconnected_at=at(22, 35)
    )
    for minutes in range(5, 40, 5):
        clock.move_to(at(22, 35) + timedelta(minutes=minutes))
        deliver()
    assert stay_of(session).ended_by == "offline"
    assert Bill.objects.get().lines[-1]["amount"] == 5 * 2_00
    case = Case.objects.get()
    assert (case.kind, case.evidence["why"]) == ("stay_unknown", "offline")


def test_after_a_day_the_bill_is_made_by_what_is_known(clock: Any) -> None:
    plug = a_plug(penalty_max="500")
    session = a_charge(plug, member(plug), clock)
    for hours in (6, 12, 18, 24, 25):
        clock.move_to(at(22, 15) + timedelta(hours=hours))
        deliver()
    assert stay_of(session).ended_at == at(22, 15) + timedelta(hours=24)
    penalty = [row for row in Bill.objects.get().lines if row["part"] == "penalty"]
    assert sum(row["amount"] for row in penalty) == 500_00
    assert Case.objects.get().kind == "stay_unknown"


def test_a_charger_that_never_says_finishing_is_not_believed_about_the_car(clock: Any) -> None:
    plug = a_plug()
    clock.move_to(at(20))
    session = start(plug, member(plug)).session
    deliver()
    says(plug, "Charging")
    clock.move_to(at(20, 30))
    stop(session, 6_000)
    deliver()
    assert not Bill.objects.exists()
    for minutes in (35, 41, 46):
        clock.move_to(at(20, minutes))
        deliver()
    assert stay_of(session).ended_at == at(20, 30)
    assert Bill.objects.get().total == 5 * 7_70 + 10_00


def test_a_report_kept_back_while_the_line_was_down_counts_from_when_it_was_true(
    clock: Any,
) -> None:
    plug = a_plug()
    session = a_charge(plug, member(plug), clock)
    clock.move_to(at(22, 50))
    says(plug, "Available", device_at=at(22, 20))
    assert stay_of(session).ended_at == at(22, 20)
    assert Bill.objects.get().lines[-1]["part"] == "parking"


def test_what_is_held_grows_with_the_stay_and_the_rest_becomes_a_debt(clock: Any) -> None:
    plug = a_plug()
    card = member(plug, balance=150_00)
    session = a_charge(plug, card, clock)
    hold = Hold.objects.get(pk=session.hold_id or 0)
    Hold.objects.filter(pk=hold.pk).update(amount=100_00)
    clock.move_to(at(22, 40))
    deliver()
    hold.refresh_from_db()
    assert hold.amount == 90_33 + 15 * 2_00  # until the next look at 22:45
    for minutes in (45, 50, 55, 60, 65):
        clock.move_to(at(22) + timedelta(minutes=minutes))
        deliver()
    assert Hold.objects.get(pk=hold.pk).amount == 150_00
    says(plug, "Available")
    bill = Bill.objects.get()
    assert (bill.total, bill.from_wallet, bill.outstanding) == (160_33, 150_00, 10_33)
    assert bill.payment_status == PaymentStatus.ARREARS
    assert Hold.objects.get(pk=hold.pk).state == HoldState.POSTED
    assert ledger.prove() == dict.fromkeys(ledger.prove(), 0)


def test_the_warning_goes_out_ten_minutes_before_the_grace_time_ends(clock: Any) -> None:
    plug = a_plug(grace_min=30)
    session = a_charge(plug, member(plug), clock)
    assert not Fact.objects.filter(kind="grace_ending").exists()
    clock.move_to(at(22, 35))
    deliver()
    fact = Fact.objects.get(kind="grace_ending")
    assert (fact.subject_id, fact.data["per_minute"]) == (session.pk, "2")
    assert datetime.fromisoformat(fact.data["ends_at"]) == at(22, 45)


def test_nobody_is_warned_of_a_penalty_that_exempt_hours_keep_off(clock: Any) -> None:
    plug = a_plug(grace_min=30, exempt=[["22:30", "06:00"]])
    a_charge(plug, member(plug), clock)
    clock.move_to(at(22, 40))
    deliver()
    assert not Fact.objects.filter(kind="grace_ending").exists()
