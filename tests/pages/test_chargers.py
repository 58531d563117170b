"""Chargers: the list with filters and strangers, the tabs of one charger, the switch."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.models import AuditEntry, Fact
from evbilling.backoffice.order_catalogue import ORDERS
from stations.models import (
    Charger,
    Command,
    CommandStatus,
    ConnectorStatus,
    Knock,
    MeterValue,
)
from tests.factories import (
    a_charger,
    a_company,
    a_connector,
    a_customer,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.charges import a_billed_charge
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Company, Level

pytestmark = pytest.mark.django_db


def a_fleet(company: Company) -> None:
    station = a_station(company, name="Suk Jai")
    a_charger(station, charge_point_id="FREE-1", online=True, vendor="Autel", serial_number="S1")
    broken = a_charger(station, charge_point_id="BROKEN-1", online=True)
    broken.connectors.update(status=ConnectorStatus.FAULTED)
    a_charger(station, charge_point_id="AWAY-1", last_seen_at=timezone.now() - timedelta(hours=3))
    a_charger(a_station(company), charge_point_id="CLOSED-1", online=True, enabled=False)


def ids(page: str) -> set[str]:
    return {name for name in ("FREE-1", "BROKEN-1", "AWAY-1", "CLOSED-1") if f">{name}<" in page}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"FREE-1", "BROKEN-1", "AWAY-1", "CLOSED-1"}),
        ("?state=available", {"FREE-1"}),
        ("?state=faulted", {"BROKEN-1"}),
        ("?state=offline", {"AWAY-1"}),
        ("?state=out", {"CLOSED-1"}),
        ("?net=fail", {"AWAY-1"}),
        ("?net=normal&state=available", {"FREE-1"}),
        ("?enabled=0", {"CLOSED-1"}),
        ("?station=999999", set()),
        ("?state=nonsense", set()),
    ],
)
def test_filters_of_the_url_narrow_the_list(query: str, shown: set[str]) -> None:
    company = a_company()
    a_fleet(company)
    assert ids(text_of(signed_in(an_admin(company)).get(f"/chargers/{query}"))) == shown


def test_the_list_shows_network_maker_and_since_when() -> None:
    company = a_company()
    a_fleet(company)
    page = text_of(signed_in(an_admin(company)).get("/chargers/"))
    for words in ("Normal", "Fail", "Autel", "S/N S1", "Suk Jai", "Fault"):
        assert words in page


def test_a_filter_that_fits_nothing_offers_all_again() -> None:
    company = a_company()
    a_charger(a_station(company))
    page = text_of(signed_in(an_admin(company)).get("/chargers/?state=faulted"))
    assert "No charger fits these filters" in page


def test_strangers_at_the_door_are_shown_to_those_who_set_chargers_up() -> None:
    company = a_company()
    Knock.objects.create(charge_point_id="WALLBOX-9", reason="unknown", attempts=41)
    Knock.objects.create(
        charge_point_id="OLD-1", reason="unknown", last_at=timezone.now() - timedelta(days=30)
    )
    page = text_of(signed_in(an_admin(company, Level.MANAGER)).get("/chargers/"))
    assert "WALLBOX-9" in page
    assert "41" in page
    assert "OLD-1" not in page
    assert "WALLBOX-9" not in text_of(
        signed_in(an_admin(company, Level.OPERATOR)).get("/chargers/")
    )


def test_an_operator_closes_a_charger_and_it_is_on_record_and_in_its_timeline() -> None:
    company = a_company()
    charger = a_charger(a_station(company), online=True)
    client = signed_in(an_admin(company, Level.OPERATOR, name="Pranee"))
    url = f"/chargers/{charger.charge_point_id}/enabled/"
    part = client.post(url, {"on": "0"}, headers=HTMX)
    assert 'aria-checked="false"' in text_of(part)
    assert not Charger.objects.get(pk=charger.pk).enabled
    assert AuditEntry.objects.get(action="switch_charger").actor_name == "Pranee"
    page = text_of(client.get(f"/chargers/{charger.charge_point_id}/"))
    assert "Closed for service" in page
    assert "Pranee" in page


def test_a_viewer_cannot_close_a_charger() -> None:
    company = a_company()
    charger = a_charger(a_station(company))
    client = signed_in(an_admin(company, Level.VIEWER))
    assert client.post(f"/chargers/{charger.charge_point_id}/enabled/").status_code == 403
    assert 'role="switch"' not in text_of(client.get("/chargers/"))


def test_a_charger_is_found_whatever_the_case_of_its_name() -> None:
    company = a_company()
    a_charger(a_station(company), charge_point_id="SJ-01")
    assert signed_in(an_admin(company)).get("/chargers/sj-01/").status_code == 200


def test_a_running_charge_is_shown_live_with_its_cost_and_curve() -> None:
    company = a_company()
    plug = a_charger(a_station(company), charge_point_id="SJ-01", online=True).connectors.get()
    customer = a_customer(company, name="Allan")
    session = a_session(plug, customer=customer, wh=18_640, power_w=46_300, chosen_wh=30_000)
    session.live.soc = 64
    session.live.save()
    plug.status = ConnectorStatus.CHARGING
    plug.save()
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/"))
    for words in ("18.64", "/ 30 kWh", "46.3 kW", "64 %", "Allan", "<polyline", "at most 22.0 kW"):
        assert words in page
    assert plug.code in page
    assert f"/c/{plug.code}" in page


def test_a_plug_at_rest_says_for_how_long_and_what_the_last_charge_was() -> None:
    company = a_company()
    plug = a_charger(a_station(company), charge_point_id="SJ-01", online=True).connectors.get()
    a_billed_charge(plug, a_customer(company, balance=100_000))
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/"))
    assert "Available for" in page
    assert "with 32.00 kWh" in page
    assert "Price now (guest)" in page


def test_the_timeline_tells_the_day_in_words() -> None:
    company = a_company()
    charger = a_charger(a_station(company), charge_point_id="SJ-01", online=True)
    now = timezone.now()
    for kind, seconds, data in (
        ("charger_offline", 60, {}),
        ("charger_online", 20, {}),
        ("connector_changed", 10, {"number": 2, "status": "Faulted", "error": "GroundFailure"}),
        ("command_finished", 5, {"action": "Reset", "status": "timeout"}),
    ):
        Fact.objects.create(
            kind=kind,
            subject_id=1,
            company_id=company.pk,
            topic=f"charger:{charger.pk}",
            data=data,
            at=now - timedelta(seconds=seconds),
        )
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/?part=timeline"))
    for words in (
        "Connection lost",
        "Connected again after 40 s",
        "Connector 2 · Fault",
        "GroundFailure",
    ):
        assert words in page
    assert "Restart the charger · No answer in time" in page


def test_an_offline_charger_says_since_when_and_why_its_buttons_rest() -> None:
    company = a_company()
    gone = timezone.now() - timedelta(hours=3)
    a_charger(a_station(company), charge_point_id="AWAY-1", disconnected_at=gone, last_seen_at=gone)
    page = text_of(signed_in(an_admin(company)).get("/chargers/AWAY-1/"))
    assert "No connection since" in page
    assert "an order would not reach the charger" in page
    assert page.count("<fieldset disabled>") == len(ORDERS)


def test_somebody_with_a_wrong_password_is_told_of() -> None:
    company = a_company()
    charger = a_charger(a_station(company), charge_point_id="SJ-01", online=True)
    Knock.objects.create(
        charge_point_id="SJ-01", charger=charger, reason="wrong_password", attempts=7
    )
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/"))
    assert "SJ-01 with a wrong password 7 times" in page


def test_the_head_alone_comes_back_while_nothing_important_has_changed() -> None:
    company = a_company()
    a_charger(a_station(company), charge_point_id="SJ-01", online=True)
    client = signed_in(an_admin(company))
    same = text_of(client.get("/chargers/SJ-01/?part=head&tab=live&was=11"))
    assert "charger-head" in same
    assert "orders" not in same  # a half-filled form stays as it is
    changed = text_of(client.get("/chargers/SJ-01/?part=head&tab=live&was=01"))
    assert 'id="orders"' in changed
    assert 'id="orders"' not in text_of(client.get("/chargers/SJ-01/?part=head&tab=frames&was=01"))


def test_the_communication_tab_shows_address_settings_and_codes_but_no_secret() -> None:
    company = a_company()
    charger = a_charger(a_station(company), charge_point_id="SJ-01", online=True)
    now = timezone.now()
    Command.objects.create(
        charger=charger,
        action="GetConfiguration",
        status=CommandStatus.ACCEPTED,
        created_at=now,
        expires_at=now,
        answered_at=now,
        response={
            "configurationKey": [
                {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
                {"key": "AuthorizationKey", "readonly": False, "value": "very secret"},
            ]
        },
    )
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/communication/"))
    assert "/ocpp/1.6/SJ-01" in page
    assert "HeartbeatInterval" in page
    assert "very secret" not in page
    assert "***" in page
    assert '<svg class="qr"' in page
    assert charger.connectors.get().code in page


def test_settings_that_were_never_read_offer_to_read_them() -> None:
    company = a_company()
    a_charger(a_station(company), charge_point_id="SJ-01", online=True)
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/communication/"))
    assert "Not read yet" in page
    assert 'value="GetConfiguration"' in page


def test_the_sessions_tab_shows_this_chargers_charges_only() -> None:
    company = a_company()
    station = a_station(company)
    customer = a_customer(company, name="Kamon", balance=200_000)
    other = a_customer(company, name="Somebody Else", balance=200_000)
    a_billed_charge(a_charger(station, charge_point_id="SJ-01").connectors.get(), customer)
    a_billed_charge(a_charger(station, charge_point_id="SJ-02").connectors.get(), other)
    page = text_of(signed_in(an_admin(company)).get("/chargers/SJ-01/sessions/"))
    assert "Kamon" in page
    assert "Somebody Else" not in page


def test_pages_ask_no_more_for_many_chargers_and_readings(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    company = a_company()
    station = a_station(company)
    for n in range(8):
        a_charger(station, charge_point_id=f"SJ-{n}", connectors=2, online=True)
    charger = Charger.objects.get(charge_point_id="SJ-0")
    a_connector(charger, 3)
    for plug in charger.connectors.all():
        a_session(plug, customer=a_customer(company), wh=5000)
    assert MeterValue.objects.count() > 80
    client = signed_in(an_admin(company))
    with django_assert_max_num_queries(9):
        client.get("/chargers/")
    with django_assert_max_num_queries(32):
        client.get("/chargers/SJ-0/")
    with django_assert_max_num_queries(7):
        client.get("/chargers/SJ-0/?part=commands")
    with django_assert_max_num_queries(12):
        client.get("/chargers/SJ-0/communication/")
