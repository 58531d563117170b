"""One charge: every satang explained (features C8), its money, its story, stopping it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import pricing
from billing.models import Bill
from billing.services import allowance
from core.models import AuditEntry, Fact
from core.outbox import wire
from evbilling.events import EVENT_HANDLERS
from stations.models import CaseKind, Command, Session
from stations.services.cases import open_case
from tests.factories import (
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    a_tariff,
    an_admin,
)
from tests.pages.charges import a_billed_charge, an_ended_charge
from tests.pages.people import signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


def shown(session: Session, level: str = Level.OWNER, language: str = "en") -> str:
    client = signed_in(an_admin(session.company, level), language)
    return text_of(client.get(f"/sessions/{session.pk}/"))


def a_plug(**station: Any) -> Any:
    return a_charger(
        a_station(a_company(), **station), charge_point_id="SJ-01", online=True
    ).connectors.get()


def test_a_charge_over_the_border_at_22_is_explained_to_the_satang() -> None:
    """55 minutes, 32 kWh, read at :37 of each minute; 22:00 lies between two readings.

    By hand: 21:59:37 → 23.049 kWh, 22:00:37 → 23.631 kWh; 23 s of 60 later 23.272 kWh (cut).
    23.272 × 7.70 = 179.1944 → 179.19; 8.728 × 6.00 = 52.368 → 52.37; together 231.56, VAT 15.15.
    """
    plug = a_plug()
    bill = a_billed_charge(plug, a_customer(plug.charger.station.company, balance=500_000))
    page = shown(bill.session)
    for words in (
        "10.000 kWh",
        "42.000 kWh",
        "worked out by time between the readings of 21:59:37 (23.049 kWh) and 22:00:37 (23.631 kWh)",
        "23.272 kWh × ฿7.70 = ฿179.1944 →",
        "฿179.19",
        "8.728 kWh × ฿6.00 = ฿52.368 →",
        "฿52.37",
        "฿231.56",
        "VAT 7 % within",
        "฿15.15",
        "฿216.41",
        "the same result, to the satang",
        "<polyline",
    ):
        assert words in page


def test_a_reading_at_the_very_border_is_called_measured() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=500_000)
    bill = a_billed_charge(plug, customer, offset_s=0)
    page = shown(bill.session)
    assert "measured: there is a reading at that moment" in page
    assert "worked out by time" not in page


def test_every_part_of_a_price_list_has_its_line() -> None:
    plug = a_plug(priced=False)
    station = plug.charger.station
    more = [
        {"part": "start", "period": "any", "price": "10"},
        {"part": "flat", "period": "any", "price": "5"},
        {"part": "time", "period": "any", "price": "0.25"},
    ]
    a_tariff(station, more=more)
    bill = a_billed_charge(plug, a_customer(station.company, balance=500_000))
    page = shown(bill.session)
    for words in ("Start fee", "Fee per charge", "55 min 0 s × ฿0.25", "฿13.75", "฿260.31"):
        assert words in page


def test_an_issuer_without_vat_shows_none() -> None:
    plug = a_plug(tax_entity=None)
    bill = a_billed_charge(plug, a_customer(plug.charger.station.company, balance=500_000))
    page = shown(bill.session)
    assert "The issuer is not registered for VAT" in page
    assert "within" not in page


def test_energy_beyond_what_was_chosen_is_shown_and_not_billed() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=500_000)
    bill = a_billed_charge(plug, customer, chosen_wh=30_000, allowance_wh=30_000)
    page = shown(bill.session)
    assert "Beyond what was chosen, not billed" in page
    assert "−2.000 kWh" in page
    assert "30.000 kWh" in page


def test_where_the_money_came_from_is_told_hold_wallet_and_debt() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=10_000)
    hold = allowance._hold_for(customer, 10_000, "test-hold")
    bill = a_billed_charge(plug, customer, hold_id=hold.pk)
    page = shown(bill.session)
    assert "Set aside in the wallet" in page
    assert "Used for this charge" in page
    assert "Paid from the wallet" in page
    assert "฿100.00" in page
    assert "Owed" in page
    assert "฿131.56" in page
    assert "In arrears" in page
    assert "Owed by the customer" in page  # the ledger's own words below


def test_a_bill_that_prices_out_differently_is_shouted_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug = a_plug()
    bill = a_billed_charge(plug, a_customer(plug.charger.station.company, balance=500_000))
    monkeypatch.setattr("billing.selectors.bills.recompute", lambda _: pricing.Bill((), 1, 1))
    page = shown(bill.session)
    assert "the result is another" in page
    assert "฿231.56" in page  # what was charged, not what would be now
    assert "฿179.19" in page


def test_a_running_charge_shows_its_cost_so_far_and_why_it_may_draw_what_it_may() -> None:
    plug = a_plug()
    session = a_session(
        plug,
        customer=a_customer(plug.charger.station.company),
        wh=10_000,
        chosen_wh=30_000,
        allowance_wh=30_000,
    )
    page = shown(session)
    assert "Cost so far" in page
    assert "The customer chose 30.00 kWh" in page
    assert "Stop this charge" in page
    assert "the same result" not in page
    assert f"session-{session.pk} from:#live" in page


def test_a_charge_without_a_payer_says_so_and_points_to_its_case() -> None:
    plug = a_plug()
    session = an_ended_charge(plug, None)
    open_case(CaseKind.NOT_AUTHORISED, plug.charger, key="x", session=session)
    page = shown(session)
    assert "Nobody is known to pay for this charge" in page
    assert "Energy drawn without permission" in page


def test_a_charge_at_a_station_without_prices_says_that_no_bill_can_be_made() -> None:
    plug = a_plug(priced=False)
    session = an_ended_charge(plug, a_customer(plug.charger.station.company))
    assert "no price list for this level" in shown(session)


def test_what_happened_is_told_in_order() -> None:
    plug = a_plug()
    bill = a_billed_charge(plug, a_customer(plug.charger.station.company, balance=500_000))
    session = bill.session
    Fact.objects.filter(subject_id=session.pk).update(at=session.stopped_at)
    page = shown(session)
    assert "Charge ended, 32.00 kWh" in page
    assert "Billed ฿231.56" in page


def test_stopping_a_charge_sends_one_order_and_is_on_record() -> None:
    wire(EVENT_HANDLERS)
    plug = a_plug()
    session = a_session(plug, customer=a_customer(plug.charger.station.company))
    client = signed_in(an_admin(session.company, Level.OPERATOR, name="Pranee"))
    response = client.post(f"/sessions/{session.pk}/stop/")
    assert response["Location"] == f"/sessions/{session.pk}/"
    command = Command.objects.get()
    assert (command.session, command.payload) == (
        session,
        {"transactionId": session.transaction_id},
    )
    assert AuditEntry.objects.get(action="stop_session").actor_name == "Pranee"
    assert "Stop: Waiting to be sent" in text_of(client.get(f"/sessions/{session.pk}/"))


def test_a_charge_that_has_ended_cannot_be_stopped() -> None:
    plug = a_plug()
    session = an_ended_charge(plug, a_customer(plug.charger.station.company))
    response = signed_in(an_admin(session.company)).post(f"/sessions/{session.pk}/stop/")
    assert response.status_code == 409
    assert not Command.objects.exists()


def test_a_charge_at_a_charger_that_is_away_cannot_be_stopped_and_says_why() -> None:
    plug = a_charger(a_station(a_company())).connectors.get()
    session = a_session(plug, customer=a_customer(plug.charger.station.company))
    assert "Offline: the charger cannot be told to stop." in shown(session)
    client = signed_in(an_admin(session.company))
    assert client.post(f"/sessions/{session.pk}/stop/").status_code == 409


def test_a_viewer_is_offered_no_stop() -> None:
    plug = a_plug()
    session = a_session(plug, customer=a_customer(plug.charger.station.company))
    assert "Stop this charge" not in shown(session, Level.VIEWER)


def test_a_meter_that_was_never_read_between_leaves_a_page_all_the_same() -> None:
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=500_000)
    session = an_ended_charge(plug, customer, minutes=1, wh=0)
    assert "0.000 kWh" in shown(session)
    assert Bill.objects.count() == 0


def test_a_refused_start_shows_why() -> None:
    plug = a_plug()
    session = a_session(
        plug,
        id_tag="DEADBEEF",
        refusal="Invalid",
        started_at=timezone.now() - timedelta(minutes=2),
    )
    page = shown(session)
    assert "Refused" in page
    assert "DEADBEEF" in page
