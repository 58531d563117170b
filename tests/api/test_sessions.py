"""Charges: their numbers while they run and after, and how their bill came about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Hold
from billing.services import bills, ledger, wallets
from stations.models import MeterValue, Session
from tests.api.client import Caller
from tests.api.world import end
from tests.factories import a_charger, a_customer, a_session, a_station, a_tariff
from users.models import Company

pytestmark = pytest.mark.django_db
# Friday 20:00 to 23:00 in Bangkok: On-Peak ends at 22:00.
FRIDAY = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


def test_a_running_charge_shows_its_live_energy(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), charge_point_id="CP-9")
    customer = a_customer(company, balance=50_000)
    session = a_session(charger.connectors.get(), customer=customer, wh=4_321)
    row = api.get(f"sessions/{session.pk}/")
    assert (
        row.json.items()
        >= {
            "id": session.pk,
            "charge_point_id": "CP-9",
            "connector_id": 1,
            "transaction_id": session.transaction_id,
            "id_tag": session.id_tag,
            "customer": customer.pk,
            "status": "active",
            "stopped_at": None,
            "meter_start": 10_000,
            "meter_stop": None,
            "energy": 4_321,
            "power": 7_000,
            "amount": None,
            "payment_status": "unbilled",
            "stop_reason": "",
        }.items()
    )
    assert Decimal(row["amount_so_far"]) > 0
    assert row["started_at"].endswith("Z")


def test_a_billed_charge_shows_its_amount(api: Caller, company: Company) -> None:
    customer = a_customer(company, balance=50_000)
    session = end(
        a_session(a_charger(a_station(company)).connectors.get(), customer=customer, wh=7_000)
    )
    bill = bills.bill_session(session)
    assert bill is not None
    row = api.get("sessions/", status="ended").rows[0]
    assert (row["energy"], row["meter_stop"], row["stop_reason"]) == (7_000, 17_000, "Local")
    assert (row["amount"], row["payment_status"]) == (f"{bill.total / 100:.2f}", "paid")
    assert row["power"] is None


def test_a_charge_that_nobody_pays_for_is_unbilled(api: Caller, company: Company) -> None:
    session = end(a_session(a_charger(a_station(company)).connectors.get(), wh=100))
    assert api.get(f"sessions/{session.pk}/")["payment_status"] == "unbilled"
    bill = api.get(f"sessions/{session.pk}/bill/")
    assert (bill["final"], bill["payment_status"], bill["sources"]) == (False, "unbilled", [])


def test_sessions_are_filtered(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), connectors=2, charge_point_id="CP-A")
    other = a_charger(a_station(company), charge_point_id="CP-B")
    customer = a_customer(company)
    at = timezone.now().replace(microsecond=0) - timedelta(hours=5)
    one = a_session(charger.connectors.get(connector_id=1), customer=customer, started_at=at)
    two = end(a_session(charger.connectors.get(connector_id=2), started_at=at + timedelta(hours=1)))
    three = a_session(other.connectors.get(), meter_start=77)

    def found(**params: Any) -> list[int]:
        return [row["id"] for row in api.get("sessions/", **params).rows]

    assert found() == [three.pk, two.pk, one.pk]
    assert found(charge_point_id="cp-a") == [two.pk, one.pk]
    assert found(customer=customer.pk) == [one.pk]
    assert found(transaction_id=two.transaction_id) == [two.pk]
    assert found(meter_start=77) == [three.pk]
    assert found(status="active") == [three.pk, one.pk]
    assert found(id_tag=one.id_tag.lower()) == [one.pk]
    assert found(**{"from": (at + timedelta(hours=1)).isoformat()}) == [three.pk, two.pk]
    assert found(to=f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}") == [one.pk]
    assert found(station=other.station_id, status="active") == [three.pk]


def test_a_plus_sign_that_the_address_lost_still_names_the_zone(
    api: Caller, company: Company
) -> None:
    session = a_session(a_charger(a_station(company)).connectors.get(), started_at=FRIDAY)
    for since, expected in (
        ("2026-11-20T20:00:00+07:00", [session.pk]),
        ("2026-11-20T20:00:01+07:00", []),
    ):
        rows = api.get(f"sessions/?from={since}").rows  # not quoted: + means a space
        assert [row["id"] for row in rows] == expected


def test_an_ended_charge_cannot_be_stopped(api: Caller, company: Company) -> None:
    session = end(a_session(a_charger(a_station(company)).connectors.get(), wh=100))
    answer = api.post(f"sessions/{session.pk}/stop/")
    assert (answer.status, answer["code"]) == (409, "session_ended")


# --- the bill in words ---------------------------------------------------------------------------


def over_the_border(company: Company, *, balance: int = 50_000, **fields: Any) -> Session:
    """9 kWh from 20:00 to 23:00, read at 21:30 (4.5 kWh) and 22:30 (7.5 kWh) only: 6 + 3 kWh."""
    customer = a_customer(company, balance=balance)
    station = a_station(company, priced=False)
    a_tariff(station, valid_from=FRIDAY - timedelta(days=1))
    session = a_session(
        a_charger(station).connectors.get(),
        customer=customer,
        started_at=FRIDAY,
        wh=9_000,
        **fields,
    )
    MeterValue.objects.filter(session=session).delete()
    for minutes, wh in ((90, 4_500), (150, 7_500)):
        MeterValue.objects.create(
            connector=session.connector,
            session=session,
            at=FRIDAY + timedelta(minutes=minutes),
            device_at=FRIDAY + timedelta(minutes=minutes),
            received_at=FRIDAY + timedelta(minutes=minutes),
            register_wh=10_000 + wh,
            samples=[],
        )
    end(session)
    Session.objects.filter(pk=session.pk).update(stopped_at=FRIDAY + timedelta(hours=3))
    session.refresh_from_db()
    return session


def test_the_bill_explains_every_satang(api: Caller, company: Company) -> None:
    session = over_the_border(company)
    bills.bill_session(session)
    bill = api.get(f"sessions/{session.pk}/bill/")
    # 6 kWh × 7.70 = 46.20, 3 kWh × 6.00 = 18.00; VAT inside: 64.20 × 7 / 107 = 4.20
    assert (bill["total"], bill["vat"], bill["net"], bill["vat_rate"]) == (
        "64.20",
        "4.20",
        "60.00",
        "0.07",
    )
    assert (bill["final"], bill["energy"], bill["delivered"], bill["not_billed"]) == (
        True,
        9_000,
        9_000,
        0,
    )
    peak, off_peak = bill["lines"]
    assert (peak["part"], peak["period"], peak["quantity"], peak["unit"]) == (
        "energy",
        "on_peak",
        6_000,
        "Wh",
    )
    assert (peak["unit_price"], peak["amount"]) == ("7.70", "46.20")
    assert peak["reason"] == "Energy On-Peak (working days 09:00–22:00): 6.000 kWh × 7.70 baht"
    assert off_peak["amount"] == "18.00"
    first, second = peak["segments"][0], off_peak["segments"][0]
    assert first["start"] == {
        "at": "2026-11-20T13:00:00.000000Z",
        "energy": 0,
        "meter": 10_000,
        "measured": True,
        "between": [],
    }
    assert first["end"] == second["start"]
    assert (first["end"]["meter"], first["end"]["measured"]) == (16_000, False)
    assert [r["energy"] for r in first["end"]["between"]] == [4_500, 7_500]
    assert (second["end"]["meter"], second["end"]["measured"]) == (19_000, True)
    assert "At 22:00:00 nothing was read: shared by time between 21:30:00" in first["reason"]
    assert bill["sources"] == [
        {
            "source": "wallet",
            "amount": "64.20",
            "reason": "From what else was in the wallet",
        }
    ]


def test_the_sources_of_the_money_add_up(api: Caller, company: Company) -> None:
    session = over_the_border(company, balance=5_000)
    assert session.customer
    hold = ledger.place_hold(wallets.wallet_of(session.customer), 4_000, "start")
    Session.objects.filter(pk=session.pk).update(hold_id=hold.pk)
    session.refresh_from_db()
    bills.bill_session(session)
    assert Hold.objects.get().posted == 4_000
    bill = api.get(f"sessions/{session.pk}/bill/")
    assert [(s["source"], s["amount"]) for s in bill["sources"]] == [
        ("hold", "40.00"),
        ("wallet", "10.00"),
        ("arrears", "14.20"),
    ]
    assert (bill["payment_status"], bill["outstanding"]) == ("arrears", "14.20")


def test_what_came_after_the_chosen_amount_is_shown_and_not_billed(
    api: Caller, company: Company
) -> None:
    session = over_the_border(company, chosen_wh=8_000, allowance_wh=8_000)
    bills.bill_session(session)
    bill = api.get(f"sessions/{session.pk}/bill/")
    assert (bill["energy"], bill["delivered"], bill["not_billed"]) == (8_000, 9_000, 1_000)
    assert bill["not_billed_reason"].startswith("1.000 kWh")


def test_the_bill_speaks_the_language_asked_for(api: Caller, company: Company) -> None:
    session = over_the_border(company)
    bills.bill_session(session)
    answer = api.send("GET", f"sessions/{session.pk}/bill/", Accept_Language="th")
    assert answer.response.headers["Content-Language"] == "th"


def test_a_register_that_ran_backwards_tells_no_places(api: Caller, company: Company) -> None:
    session = over_the_border(company)
    Session.objects.filter(pk=session.pk).update(meter_stop=500)
    session.refresh_from_db()
    bills.bill_session(session)
    line = api.get(f"sessions/{session.pk}/bill/")["lines"][0]
    assert line["segments"][0]["start"]["meter"] is None


def test_a_running_charge_has_a_bill_so_far(api: Caller, company: Company) -> None:
    customer = a_customer(company, balance=50_000)
    session = a_session(a_charger(a_station(company)).connectors.get(), customer=customer, wh=3_000)
    bill = api.get(f"sessions/{session.pk}/bill/")
    assert (bill["final"], bill["energy"], bill["billed_at"]) == (False, 3_000, None)
    assert bill["total"] == api.get(f"sessions/{session.pk}/")["amount_so_far"]


def test_without_a_price_list_there_is_nothing_to_explain(api: Caller, company: Company) -> None:
    session = a_session(a_charger(a_station(company, priced=False)).connectors.get())
    answer = api.get(f"sessions/{session.pk}/bill/")
    assert (answer.status, answer["code"]) == (409, "no_tariff")
    assert api.get(f"sessions/{session.pk}/")["amount_so_far"] is None
