"""What machines ask: health, readiness, numbers, the demo; and the pages that say no."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from core.models import Delivery, Fact, Lease
from evbilling import health, views
from tests.factories import a_charger, a_company, a_session, an_admin
from tests.pages.people import a_visitor, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_redis", lambda: {"ok": True})


def a_delivery(age: timedelta, attempts: int = 0) -> None:
    fact = Fact.objects.create(kind="session_ended", subject_id=1)
    Delivery.objects.create(fact=fact, handler="x", due=timezone.now() - age, attempts=attempts)


def test_the_process_answers_without_asking_anybody(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert a_visitor().get("/healthz").json() == {"ok": True}


def test_it_is_ready_when_everything_it_needs_is_there(redis_answers: None) -> None:
    a_charger(online=True)
    response = a_visitor().get("/readyz")
    assert response.status_code == 200
    assert set(response.json()["checks"]) == {"database", "redis", "outbox", "sockets"}


def test_it_is_not_ready_without_a_process_for_chargers(redis_answers: None) -> None:
    Lease.objects.create(
        name="sockets_dead", holder="x", expires_at=timezone.now() - timedelta(seconds=1)
    )
    response = a_visitor().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["sockets"] == {"ok": False, "processes": 0}


def test_it_is_not_ready_when_nobody_delivers_facts(redis_answers: None) -> None:
    a_charger(online=True)
    a_delivery(timedelta(seconds=20))
    assert a_visitor().get("/readyz").status_code == 200
    a_delivery(timedelta(seconds=90))
    response = a_visitor().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["outbox"]["oldest_due_s"] >= 90


def test_a_delivery_that_waits_for_a_person_does_not_make_it_unready(redis_answers: None) -> None:
    a_charger(online=True)
    a_delivery(timedelta(hours=5), attempts=Delivery.ALARM_AFTER)
    assert a_visitor().get("/readyz").status_code == 200


@override_settings(REDIS_URL="redis://127.0.0.1:1/0")
def test_without_redis_it_says_so_and_still_answers() -> None:
    response = a_visitor().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["redis"] == {"ok": False, "why": "ConnectionError"}


def test_the_numbers_are_prometheus_text() -> None:
    a_session()
    response = a_visitor().get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    lines = response.content.decode().splitlines()
    assert "evbilling_sessions_active 1.0" in lines
    assert 'evbilling_chargers{link="online"} 1.0' in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


@pytest.mark.parametrize(
    ("address", "forwarded", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("203.0.113.9", "", 404),
        ("127.0.0.1", "203.0.113.9", 404),  # a proxy on this machine that nobody trusts
        ("10.0.0.2", "203.0.113.9", 404),  # through the trusted proxy, from outside
        ("10.0.0.2", "203.0.113.9, 127.0.0.1", 200),  # the proxy itself speaks for its machine
        ("203.0.113.9", "127.0.0.1", 404),  # says so itself
    ],
)
@override_settings(TRUSTED_PROXIES=["10.0.0.2"])
def test_the_numbers_are_for_this_machine_only(address: str, forwarded: str, status: int) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    response = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert response.status_code == status


def test_platform_staff_see_the_numbers_from_anywhere_and_owners_do_not() -> None:
    a_company()
    staff, owner = an_admin(level=Level.PLATFORM), an_admin()
    assert signed_in(staff).get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 200
    assert signed_in(owner).get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404


def test_the_demo_is_ready_once_a_charge_has_a_reading(tmp_path: Path) -> None:
    assert a_visitor().get("/demo/ready").status_code == 404
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "logins.json").write_text(json.dumps(["owner: somsri"]))
    with override_settings(DATA_DIR=tmp_path, DEMO=True):
        assert a_visitor().get("/demo/ready").status_code == 503
        a_session(wh=500)
        response = a_visitor().get("/demo/ready")
    assert (response.status_code, response.json()) == (
        200,
        {"charging": 1, "logins": ["owner: somsri"]},
    )


def test_nothing_here_is_said_to_people_with_their_menu_and_to_programs_in_json() -> None:
    page = text_of(signed_in(an_admin()).get("/no-such-page/"))
    assert "Nothing is here" in page
    assert 'aria-label="Main menu"' in page
    assert "Main menu" not in text_of(a_visitor().get("/no-such-page/"))
    response = a_visitor().get("/no-such-page/", headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_part_that_is_gone_answers_with_a_note_alone() -> None:
    response = signed_in(an_admin()).get("/no-such-page/", headers={"HX-Request": "true"})
    assert response.status_code == 404
    assert text_of(response).startswith('<div class="note bad"')


def test_a_crash_page_needs_no_database(rf: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = views.broken(rf.get("/overview/"))
        as_json = views.broken(rf.get("/api/v1/chargers/"))
    assert response.status_code == 500
    assert "<h1>" in text_of(response)
    assert json.loads(as_json.content)["code"] == "broken"
