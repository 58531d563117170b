"""The overview: counts, what needs a look, the board, every plug live."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from core.models import Fact, Lease
from stations.models import (
    Charger,
    Connector,
    ConnectorStatus,
    Session,
    SessionLive,
    SessionStatus,
    Station,
)
from stations.services import links
from tests.factories import (
    a_charger,
    a_company,
    a_connector,
    a_customer,
    a_session,
    a_station,
    an_admin,
    go_online,
)
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Company, Level

pytestmark = pytest.mark.django_db
S = ConnectorStatus


@pytest.fixture
def company() -> Company:
    return a_company()


@pytest.fixture
def owner(company: Company) -> Client:
    return signed_in(an_admin(company))


def a_plug(
    station: Station, status: str, name: str, *, online: bool = True, **fields: Any
) -> Connector:
    charger = a_charger(station, connectors=0, online=online, charge_point_id=name)
    return a_connector(charger, status=status, **fields)


def a_full_station(company: Company) -> Station:
    """One plug in every state there is."""
    station = a_station(company, name="Riverside")
    for n, status in enumerate(ConnectorStatus.values):
        a_plug(station, status, f"P-{n}-{status}")
    a_plug(station, S.AVAILABLE, "P-AWAY", online=False)
    return station


def figures(page: str) -> dict[str, int]:
    """The strip of counts: word → number."""
    strip = page[page.index('id="counts"') : page.index('id="alerts"')]
    words = re.findall(r'<span class="only-lg">([^<]+)</span>', strip)
    numbers = re.findall(r'<span class="v">(\d+) ', strip)
    return dict(zip(words, map(int, numbers), strict=True))


def test_it_counts_connectors_by_the_six_words_of_the_brochure(
    company: Company, owner: Client
) -> None:
    a_full_station(company)
    page = text_of(owner.get("/overview/"))
    assert figures(page) == {
        "Available": 1,
        "Connected to a car": 4,
        "Charging": 1,
        "Fault": 1,
        "Disconnected": 1,
        "In total": 10,
    }
    assert "10 chargers · reserved 1 · out of service 1" in page
    assert "to start 1 · paused 2 · to unplug 1" in page


def test_a_free_plug_of_a_charger_closed_for_service_is_not_counted_as_available(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.AVAILABLE, "CLOSED")
    Charger.objects.update(enabled=False)
    page = text_of(owner.get("/overview/"))
    assert figures(page)["Available"] == 0
    assert "out of service 1" in page
    assert plug.charger.charge_point_id in page


def test_a_click_on_a_count_lists_those(company: Company, owner: Client) -> None:
    a_full_station(company)
    page = text_of(owner.get("/overview/"))
    link = re.search(r'<a class="fig bad" href="([^"]+)"', page)
    assert link
    assert link[1].replace("&amp;", "&") == "?state=faulted&view=detail"
    listed = text_of(owner.get("/overview/?view=detail&state=faulted"))
    detail = listed[listed.index('id="detail"') :]
    assert "Faulted" in detail
    assert "Available" not in detail
    assert 'aria-current="true"' in listed[listed.index("fig bad") : listed.index("fig off")]


def test_a_click_on_overview_again_switches_the_view_and_back(owner: Client) -> None:
    summary = text_of(owner.get("/overview/"))
    assert '<a href="/overview/?view=detail">Overview</a>' in summary
    menu = r'<a class="item" href="(/overview/[^"]*)" aria-current="page">'
    assert re.findall(menu, summary) == ["/overview/?view=detail"]
    detail = text_of(owner.get("/overview/?view=detail"))
    assert '<a href="/overview/">Overview</a>' in detail
    assert re.findall(menu, detail) == ["/overview/"]
    assert 'href="/overview/" >' not in text_of(owner.get("/chargers/"))


def test_faults_come_first_then_chargers_without_a_line_each_since_when_and_where(
    company: Company, owner: Client
) -> None:
    station = a_station(company, name="Riverside")
    fault = a_plug(station, S.FAULTED, "CP-FAULT", error_code="GroundFailure", info="RCD")
    Connector.objects.filter(pk=fault.pk).update(status_at=timezone.now() - timedelta(minutes=41))
    a_plug(station, S.CHARGING, "CP-AWAY", online=False)
    a_plug(station, S.AVAILABLE, "CP-FINE")
    page = text_of(owner.get("/overview/"))
    alerts = page[page.index('id="alerts"') : page.index('class="grid g2"')]
    assert alerts.index("CP-FAULT") < alerts.index("CP-AWAY")
    assert "Current leaks to earth (GroundFailure) · RCD" in alerts
    assert "41 min" in alerts
    assert 'href="/chargers/CP-FAULT/"' in alerts
    assert "CP-FINE" not in alerts


def test_a_charger_that_is_closed_may_be_away_without_alarming_anybody(
    company: Company, owner: Client
) -> None:
    a_plug(a_station(company), S.AVAILABLE, "AWAY", online=False)
    Charger.objects.update(enabled=False)
    page = text_of(owner.get("/overview/"))
    alerts = page[page.index('id="alerts"') : page.index('class="grid g2"')]
    assert "AWAY" not in alerts
    assert " hidden" in alerts


def test_a_charger_whose_line_has_gone_is_offline_at_once_and_shows_no_live_value(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.CHARGING, "CP-1")
    a_session(plug, customer=a_customer(company), wh=5_000, power_w=7_200)
    assert "7.2 kW" in text_of(owner.get("/overview/"))
    with transaction.atomic():
        links.disconnect([(plug.charger_id, 1)])
    page = text_of(owner.get("/overview/"))
    assert "Offline" in page
    assert "7.2 kW" not in page
    assert figures(page)["Charging"] == 0


def test_a_process_that_died_takes_its_chargers_offline(company: Company, owner: Client) -> None:
    a_plug(a_station(company), S.AVAILABLE, "CP-1")
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert figures(text_of(owner.get("/overview/")))["Disconnected"] == 1


def test_the_board_shows_power_and_when_it_will_be_done(company: Company, owner: Client) -> None:
    station = a_station(company, name="Riverside", contracted_kw=Decimal(50))
    plug = a_plug(station, S.CHARGING, "CP-1", max_power_w=22_000)
    session = a_session(
        plug, customer=a_customer(company), wh=5_000, power_w=11_000, chosen_wh=16_000
    )
    done = (session.live.at + timedelta(hours=1)).astimezone(timezone.get_fixed_timezone(420))
    page = text_of(owner.get("/overview/"))
    assert "11.0 kW" in page
    assert f"done {done:%H:%M}" in page
    assert '<b class="ink">11.0</b> / 50 kW' in page
    assert '<rect width="50.0%" height="100%"/>' in page


def test_a_value_older_than_ninety_seconds_comes_grey_with_its_time(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.CHARGING, "CP-1")
    session = a_session(plug, customer=a_customer(company), wh=5_000, power_w=7_000)
    assert 'class="cell chg" data-asof' in text_of(owner.get("/overview/"))
    old = timezone.now() - timedelta(seconds=91)
    SessionLive.objects.filter(session=session).update(at=old, received_at=old)
    page = text_of(owner.get("/overview/"))
    assert f'class="cell chg stale" data-asof="{int(old.timestamp())}"' in page
    assert "as of" in page


def test_a_paused_charge_sends_no_readings_and_keeps_its_colour(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.SUSPENDED_EV, "CP-1")
    session = a_session(plug, customer=a_customer(company), wh=5_000, power_w=0)
    SessionLive.objects.filter(session=session).update(at=timezone.now() - timedelta(hours=1))
    assert '<a class="cell wait" href="/chargers/CP-1/"' in text_of(owner.get("/overview/"))


def test_power_that_nobody_has_confirmed_lately_is_not_added_up(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.CHARGING, "CP-1")
    session = a_session(plug, customer=a_customer(company), wh=5_000, power_w=7_000)
    old = timezone.now() - timedelta(minutes=10)
    SessionLive.objects.filter(session=session).update(at=old, received_at=old)
    assert "no fresh reading: 1" in text_of(owner.get("/overview/"))


def test_the_detail_view_shows_each_charge_with_its_cost_and_the_other_plugs(
    company: Company, owner: Client
) -> None:
    station = a_station(company, name="Riverside")
    plug = a_plug(station, S.CHARGING, "CP-1")
    a_plug(station, S.AVAILABLE, "CP-2")
    customer = a_customer(company, name="Allan Hart", level="vip")
    session = a_session(plug, customer=customer, wh=10_000, chosen_wh=25_000)
    SessionLive.objects.filter(session=session).update(soc=64)
    page = text_of(owner.get("/overview/?view=detail"))
    detail = page[page.index('id="detail"') :]
    assert "1 charge under way" in detail
    assert "10.00 <small>/ 25 kWh</small>" in detail
    assert "Allan Hart" in detail
    assert "VIP" in detail
    assert "battery 64 %" in detail
    assert re.search(r"฿(60|7\d)\.\d\d", detail)  # 10 kWh at 6.00 to 7.70
    assert 'aria-label="10.00 of 25.00 kWh"' in detail
    assert "1 other connector" in detail
    assert "CP-2" in detail


def test_a_refused_charge_is_shown_as_what_it_is_and_costs_nothing(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.CHARGING, "CP-1")
    a_session(plug, wh=500, refusal="Blocked")
    detail = text_of(owner.get("/overview/?view=detail"))
    assert "Charging without permission" in detail
    assert "live-card" not in detail


def test_the_filter_shows_one_station_and_nothing_of_the_others(
    company: Company, owner: Client
) -> None:
    here, there = a_station(company, name="Here"), a_station(company, name="There")
    a_plug(here, S.AVAILABLE, "CP-HERE")
    a_plug(there, S.FAULTED, "CP-THERE")
    page = text_of(owner.get(f"/overview/?station={here.pk}"))
    assert "CP-HERE" in page
    assert "CP-THERE" not in page
    assert figures(page)["In total"] == 1
    assert "CP-THERE" in text_of(owner.get("/overview/?station=999999"))


def test_an_owner_without_chargers_is_told_what_will_appear_here(owner: Client) -> None:
    page = text_of(owner.get("/overview/"))
    assert "No charger yet" in page
    assert 'href="/chargers/"' in page


def test_no_plug_in_a_state_is_said_in_words(company: Company, owner: Client) -> None:
    a_plug(a_station(company), S.AVAILABLE, "CP-1")
    page = text_of(owner.get("/overview/?view=detail&state=faulted"))
    assert "No connector is in this state now" in page


def test_what_happened_lately_stands_in_one_line_each_newest_first(
    company: Company, owner: Client
) -> None:
    plug = a_plug(a_station(company), S.PREPARING, "CP-1")
    place = {"station": plug.charger.station_id, "charger": plug.charger_id, "connector": plug.pk}
    about = {"company_id": company.pk, "topic": f"charger:{plug.charger_id}", "subject_id": plug.pk}
    Fact.objects.create(kind="charger_offline", data=place, **about)
    Fact.objects.create(
        kind="connector_changed", data=place | {"status": "Preparing", "number": 1}, **about
    )
    Fact.objects.create(
        kind="connector_changed", data=place | {"status": "Available", "number": 1}, **about
    )
    foreign = about | {"company_id": a_company().pk}
    Fact.objects.create(kind="charger_online", data=place, **foreign)
    page = text_of(owner.get("/overview/"))
    recent = re.sub(r"<[^>]+>", " ", page[page.index('id="recent"') :])
    assert "CP-1 Plugged in" in " ".join(recent.split())
    assert "Connection lost" in recent
    assert recent.index("Plugged in") < recent.index("Connection lost")
    assert "Connected" not in recent


def test_parts_refresh_without_the_page_around_them(company: Company, owner: Client) -> None:
    station = a_station(company, name="Riverside")
    a_plug(station, S.AVAILABLE, "CP-1")
    for part in ("now", "all", "totals", "badges", f"station-{station.pk}"):
        page = text_of(owner.get(f"/overview/?part={part}", headers=HTMX))
        assert "<html" not in page
    assert 'hx-target="#counts"' in text_of(owner.get("/overview/?part=now", headers=HTMX))
    board = text_of(owner.get(f"/overview/?part=station-{station.pk}", headers=HTMX))
    assert board.startswith(f'<section class="panel" id="station-{station.pk}"')
    assert "CP-1" in board


def test_a_part_of_somebody_elses_station_does_not_exist(owner: Client) -> None:
    foreign = a_station(a_company())
    a_plug(foreign, S.AVAILABLE, "FOREIGN")
    for part in (f"station-{foreign.pk}", "station-", "station-x", "station-²"):
        response = owner.get("/overview/", {"part": part}, headers=HTMX)
        assert response.status_code == 404
        assert "FOREIGN" not in text_of(response)


def test_the_menu_counts_chargers_that_need_a_look(company: Company, owner: Client) -> None:
    a_full_station(company)
    page = text_of(owner.get("/chargers/"))
    badge = page[page.index('id="badge-chargers"') :]
    assert re.match(r'id="badge-chargers" title="Chargers that need a look"\s*>2<', badge)


def test_the_four_filters_and_today_are_offered_and_kept_in_the_url(
    company: Company, owner: Client
) -> None:
    a_plug(a_station(company), S.AVAILABLE, "CP-1")
    page = text_of(owner.get("/overview/?totals=month&back=1"))
    for word in ("Today", "Cycle", "Period", "Month", "Year"):
        assert f">{word}</a>" in page
    assert re.search(r'<option value="1" selected>', page)
    assert 'hx-get="?totals=month&amp;back=1&amp;part=totals"' in page


def a_large_site(company: Company, plugs: int) -> None:
    """``plugs`` at ten stations, half of them charging since before a price border."""
    stations = [a_station(company) for _ in range(10)]
    chargers = Charger.objects.bulk_create(
        Charger(station=stations[n % 10], charge_point_id=f"BIG-{n:03}") for n in range(plugs // 2)
    )
    go_online(chargers[0])
    Charger.objects.update(connection_holder="sockets_test", connected_at=timezone.now())
    connectors = Connector.objects.bulk_create(
        Connector(charger=c, connector_id=n, status=S.CHARGING if n == 1 else S.AVAILABLE)
        for c in chargers
        for n in (1, 2)
    )
    now = timezone.now()
    customer = a_customer(company)
    sessions = Session.objects.bulk_create(
        Session(
            company=company,
            station=plug.charger.station,
            charger=plug.charger,
            connector=plug,
            customer=customer,
            level="member",
            status=SessionStatus.ACTIVE,
            transaction_id=900_000 + n,
            start_key=f"big-{n}",
            id_tag="TAG",
            started_at=now - timedelta(hours=26),
            meter_start=0,
        )
        for n, plug in enumerate(connectors[::2])
    )
    SessionLive.objects.bulk_create(
        SessionLive(
            session=s, energy_wh=9_000, register_wh=9_000, power_w=7_000, at=now, received_at=now
        )
        for s in sessions
    )


def test_five_hundred_connectors_take_at_most_twelve_queries(
    company: Company, django_assert_max_num_queries: Any
) -> None:
    a_large_site(company, 500)
    owner = signed_in(an_admin(company, Level.OWNER))
    for url in (
        "/overview/",
        "/overview/?view=detail",
        "/overview/?totals=year",
        "/overview/?part=all",
        "/overview/?part=now&view=detail",
    ):
        with django_assert_max_num_queries(12):
            page = text_of(owner.get(url))
        assert figures(page)["In total"] == 500
