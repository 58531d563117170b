"""What a phone that nobody knows sees: the plug, its price, and the next best step."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from evbilling.customer import guard
from stations.models import Charger, ConnectorStatus
from tests.customer.phones import (
    Phone,
    Seen,
    a_member,
    a_plug,
    plug_in,
    reads,
    tapped_and_started,
)
from tests.factories import a_charger, a_connector, a_station, a_tariff

pytestmark = pytest.mark.django_db
FRIDAY_EVENING = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)  # 20:40 in Bangkok, On-Peak
SATURDAY = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.fixture
def evening() -> Iterator[None]:
    with time_machine.travel(FRIDAY_EVENING, tick=False):
        yield


def test_a_free_plug_shows_place_power_state_price_and_the_way_to_pay(evening: Any) -> None:
    charger = a_charger(
        a_station(name="Sukjai"), connectors=0, online=True, name="SJ-01", place="G 14"
    )
    plug = a_connector(charger, 1, kind="CCS2", max_power_w=60_000)
    a_connector(charger, 2)
    seen = Phone(plug).see()
    for expected in (
        "Sukjai",
        "G 14",
        "Charger SJ-01 · plug 1",
        "CCS2 · up to 60 kW",
        "Available",
        "Price now On-Peak ฿7.70 /kWh",
        "22:00 drops to ฿6.00",
        "in 1 h 20 min",
        "฿154.00 about 20 min done around 21:00",
        "Use a member card",
        "Member cards (RFID) are taken here · prices include VAT",
    ):
        assert expected in seen
    assert "PromptPay" not in seen


def test_both_forms_of_the_address_and_small_letters_lead_to_the_page() -> None:
    phone = Phone(a_plug())
    assert phone.get().status_code == 200
    assert phone.get("/").status_code == 200
    answer = phone.client.get(phone.home.lower())
    assert (answer.status_code, answer["Location"]) == (302, phone.home)


def test_the_page_is_thai_first_and_keeps_the_language_and_the_address() -> None:
    phone = Phone(a_plug())
    phone.client.cookies.clear()
    assert '<html lang="th">' in phone.get("?again=1").content.decode()
    assert f'href="{phone.home}?again=1&amp;lang=en"' in phone.get("?again=1").content.decode()
    assert '<html lang="en">' in phone.get("?lang=en").content.decode()
    assert '<html lang="en">' in phone.get().content.decode()


def test_the_answer_to_a_form_links_to_its_page_in_the_other_language() -> None:
    phone = Phone(a_plug())
    page = phone.post("wait", by="kwh", kwh="0").content.decode()
    assert f'href="{phone.home}?lang=th"' in page


@pytest.mark.parametrize("code", ["ZZZZZZZZZZ", "x", "no-such", "%00", "a" * 300, "'--"])
def test_an_unknown_code_is_a_friendly_404(client: Client, code: str) -> None:
    answer = client.get(f"/c/{code}?lang=en")
    assert answer.status_code == 404
    assert "There is no charger under this code" in Seen(answer)


def test_codes_are_not_to_be_tried_out(
    evening: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "UNKNOWN_CODES", 2)
    for _ in range(2):
        assert client.get("/c/NOTHERE?lang=en").status_code == 404
    answer = client.get("/c/NOTHERE?lang=en")
    assert answer.status_code == 429
    assert "That was a little fast" in Seen(answer)
    assert Phone(a_plug()).get().status_code == 200


def test_a_charger_in_the_trash_has_no_page() -> None:
    plug = a_plug()
    Charger.all_objects.filter(pk=plug.charger_id).update(deleted_at=timezone.now())
    assert Phone(plug).get().status_code == 404


@pytest.mark.parametrize(
    ("status", "stage", "sentence"),
    [
        (ConnectorStatus.PREPARING, "free", "Plugged in"),
        (ConnectorStatus.FAULTED, "fault", "Do not force the plug in or out."),
        (ConnectorStatus.RESERVED, "reserved", "Use another charger for now."),
        (ConnectorStatus.UNAVAILABLE, "closed", "This charger is out of service"),
        (ConnectorStatus.FINISHING, "busy", "The charge is done, the car is still here"),
        (ConnectorStatus.CHARGING, "busy", "Another car is at this plug"),
        (ConnectorStatus.SUSPENDED_EV, "busy", "In use"),
    ],
)
def test_every_state_says_what_to_do(status: str, stage: str, sentence: str) -> None:
    plug = a_plug()
    plug_in(plug, status)
    seen = Phone(plug).see()
    assert seen.stage == stage
    assert sentence in seen
    assert "/kWh" in seen


def test_a_fault_is_named_in_plain_Seen() -> None:
    plug = a_plug()
    plug.status, plug.error_code = ConnectorStatus.FAULTED, "GroundFailure"
    plug.save()
    assert "Current leaks to earth (GroundFailure)" in Phone(plug).see()


def test_a_charger_that_is_away_says_since_when_and_names_free_ones_nearby() -> None:
    station = a_station()
    plug = a_charger(station).connectors.get()
    a_charger(station, online=True, name="SJ-04")
    Charger.objects.filter(pk=plug.charger_id).update(
        disconnected_at=timezone.now() - timedelta(minutes=5)
    )
    seen = Phone(plug).see()
    assert "We cannot reach this charger since" in seen
    assert "Free nearby Available SJ-04" in seen
    assert "Use a member card" not in seen


def test_codes_of_other_plugs_are_not_given_away() -> None:
    station = a_station()
    plug = a_charger(station).connectors.get()
    other = a_charger(station, online=True).connectors.get()
    assert other.code not in Phone(plug).get().content.decode()


def test_switched_off_chargers_and_stations_are_closed() -> None:
    plug = a_charger(a_station(), online=True, enabled=False).connectors.get()
    assert "This charger is out of service" in Phone(plug).see()
    plug = a_charger(a_station(enabled=False), online=True).connectors.get()
    assert "This station is closed for now" in Phone(plug).see()


def test_without_a_price_list_the_page_says_so_and_offers_nothing() -> None:
    plug = a_charger(a_station(priced=False), online=True).connectors.get()
    seen = Phone(plug).see()
    assert "There is no price here yet" in seen
    assert "Use a member card" not in seen


def test_members_prices_are_named_where_they_are_their_own(evening: Any) -> None:
    plug = a_plug()
    a_tariff(plug.charger.station, "member", on_peak="7.20", off_peak="5.50")
    assert "On-Peak member price ฿7.20 /kWh" in Phone(plug).see()


def test_prices_beside_the_energy_are_shown() -> None:
    station = a_station(priced=False)
    a_tariff(
        station,
        more=[
            {"part": "start", "period": "any", "price": "10"},
            {"part": "time", "period": "any", "price": "0.50"},
        ],
    )
    plug = a_charger(station, online=True).connectors.get()
    assert "+ ฿10.00 per charge · + ฿0.50 per minute" in Phone(plug).see()


def test_the_next_change_names_the_day_when_it_is_not_today() -> None:
    plug = a_plug()
    with time_machine.travel(SATURDAY, tick=False):
        seen = Phone(plug).see()
    assert "Price now Off-Peak ฿6.00 /kWh" in seen
    assert "Mon 23 Nov 2026 09:00 rises to ฿7.70" in seen
    with time_machine.travel(SATURDAY + timedelta(days=1), tick=False):
        assert "tomorrow 09:00 rises to ฿7.70" in Phone(plug).see()


def test_a_price_that_never_changes_says_so() -> None:
    station = a_station(priced=False)
    a_tariff(station, on_peak="7.50", off_peak="7.50")
    plug = a_charger(station, online=True).connectors.get()
    assert "The same price all day, every day." in Phone(plug).see()


def test_a_charge_that_may_cross_a_price_border_is_shown_from_to() -> None:
    with time_machine.travel(FRIDAY_EVENING + timedelta(minutes=50), tick=False):
        plug = a_plug()
        assert "฿120.00 – ฿154.00" in Phone(plug).see()


def test_somebody_elses_charge_shows_when_the_plug_is_free_and_nothing_of_the_person(
    evening: Any,
) -> None:
    plug = a_plug()
    card = a_member(plug, name="Pimchanok", id_tag="04AABB7993")
    session = tapped_and_started(plug, card)
    session.chosen_wh = session.allowance_wh = 20_000
    session.save()
    reads(session, 6_000, power_w=7_000)
    seen = Phone(plug).see()
    assert "Probably free around 22:40" in seen
    for secret in (
        "Pimchanok",
        "04AABB",
        "1,000.00",
        "46.20",
        "6.00 kWh",
        "20.00",
        "Stop charging",
    ):
        assert secret not in seen.html
    assert "This is my charge" in seen


def test_no_page_carries_inline_script_or_style() -> None:
    plug = a_plug()
    for page in (Phone(plug).get(), Phone(plug).get("/part"), Phone(plug).client.get("/c/NOPE")):
        html = page.content.decode()
        assert not re.search(r'\sstyle="|\son\w+="|<style|javascript:', html)
        assert all(
            'src="/static/' in tag or 'type="application/json"' in tag
            for tag in re.findall(r"<script[^>]*>", html)
        )


def test_the_part_is_the_page_without_its_frame() -> None:
    phone = Phone(a_plug())
    part = phone.get("/part").content.decode()
    assert part.lstrip().startswith('<main id="page"')
    assert "<html" not in part


def test_reading_too_often_is_refused_calmly(
    evening: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "READS", 3)
    phone = Phone(a_plug())
    phone.get()
    assert [phone.get("/part").status_code for _ in range(3)] == [200, 200, 429]


def test_the_visitors_cookie_is_random_hidden_from_scripts_and_kept() -> None:
    plug = a_plug()
    first, second = Phone(plug), Phone(plug)
    first.get()
    second.get()
    cookie = first.client.cookies["visitor"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/c/")
    assert len(cookie.value) == 43
    assert cookie.value != second.client.cookies["visitor"].value
    before = cookie.value
    first.get()
    assert first.client.cookies["visitor"].value == before


def test_the_page_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    phone = Phone(a_plug())
    phone.get()
    with django_assert_max_num_queries(15):
        phone.get()


def test_the_limits_are_shared_by_all_processes_through_redis(evening: None, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": settings.REDIS_URL,
            "KEY_PREFIX": "test_limits",
        }
    }
    plug, visitor = a_plug(), "v" * 43
    for _ in range(guard.READS):
        guard.limit_reads(plug, visitor)
    with pytest.raises(guard.TooOften):
        guard.limit_reads(plug, visitor)


def test_without_redis_nobody_is_refused(settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert Phone(a_plug()).get().status_code == 200


def test_a_page_that_waited_in_vain_says_so_for_a_while(evening: None) -> None:
    phone = Phone(a_plug())
    phone.post("wait", by="kwh", kwh="20", baht="150")
    assert phone.stage == "tap"
    with time_machine.travel(FRIDAY_EVENING + timedelta(minutes=4), tick=False):
        seen = phone.see()
        assert seen.stage == "free"
        assert "No card was tapped within three minutes." in seen
    with time_machine.travel(FRIDAY_EVENING + timedelta(minutes=20), tick=False):
        assert "No card was tapped" not in phone.see()


@pytest.mark.parametrize(
    ("spoken", "shown"),
    [("th-TH,th;q=0.9,en;q=0.8", "th"), ("en-GB,en;q=0.9,th;q=0.5", "en"), ("zh-CN,zh", "en")],
)
def test_a_phone_is_spoken_to_in_its_own_language_or_else_in_english(
    spoken: str, shown: str
) -> None:
    home = f"/c/{a_charger().connectors.get(connector_id=1).code}"
    answer = Client().get(home, headers={"Accept-Language": spoken})
    assert f'<html lang="{shown}">' in answer.content.decode()
    office = Client().get("/signin/", headers={"Accept-Language": spoken})
    assert '<html lang="th"' in office.content.decode()
