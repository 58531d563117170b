"""Deliveries that keep failing: seen by those who may, told in words, tried again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.models import AuditEntry, Delivery, Fact
from evbilling.backoffice.alarms import task_word
from evbilling.events import EVENT_HANDLERS
from tests.factories import a_company, a_station, an_admin
from tests.pages.people import signed_in, text_of
from users.models import Company, Level

pytestmark = pytest.mark.django_db


def a_delivery(company: Company, attempts: int = 8, **fields: Any) -> Delivery:
    fact = Fact.objects.create(
        kind="session_ended", subject_id=42, company_id=company.pk, data={"station": 7}
    )
    values: dict[str, Any] = {
        "handler": "billing.services.bills.on_session_ended",
        "attempts": attempts,
        "error": "NoPriceList: station 3 has no price list",
        "due": timezone.now() + timedelta(minutes=4),
    }
    return Delivery.objects.create(fact=fact, **values | fields)


def shown(company: Company) -> str:
    return text_of(signed_in(an_admin(company)).get("/alarms/"))


def test_every_handler_has_words_for_what_it_does() -> None:
    handlers = {path for paths in EVENT_HANDLERS.values() for path in paths}
    assert [path for path in handlers if task_word(path) == path] == []


def test_what_was_given_up_stands_apart_from_what_is_tried_again() -> None:
    company = a_company()
    a_delivery(company)
    page = shown(company)
    assert "Given up, waiting for you" in page
    assert "Making the bill of a charge" in page
    assert "NoPriceList" in page
    assert "/sessions/42/" in page
    assert "will be tried again by itself" not in page
    a_delivery(company, attempts=3)
    assert "will be tried again by itself" in shown(company)


def test_all_well_is_said_too() -> None:
    company = a_company()
    a_delivery(company, attempts=0)
    assert "Everything that follows from a charge has happened." in shown(company)


def test_a_deliverer_that_does_not_run_is_noticed() -> None:
    company = a_company()
    a_delivery(company, attempts=0, due=timezone.now() - timedelta(minutes=5))
    assert "Nothing is being delivered since" in shown(company)


def test_retry_gives_it_all_its_chances_back_and_is_on_record() -> None:
    company = a_company()
    row = a_delivery(company)
    client = signed_in(an_admin(company, name="Surasak"))
    response = client.post(f"/alarms/{row.pk}/retry/")
    assert response["Location"] == f"/alarms/?retried={row.pk}"
    row.refresh_from_db()
    assert row.attempts == 0
    assert row.due is not None
    assert row.due <= timezone.now()
    assert AuditEntry.objects.get(action="retry_delivery").actor_name == "Surasak"


def test_what_is_done_cannot_be_done_again() -> None:
    company = a_company()
    row = a_delivery(company, due=None, done_at=timezone.now())
    assert signed_in(an_admin(company)).post(f"/alarms/{row.pk}/retry/").status_code == 404


def test_another_companys_alarms_are_not_there() -> None:
    row = a_delivery(a_company())
    client = signed_in(an_admin())
    assert "NoPriceList" not in text_of(client.get("/alarms/"))
    assert client.post(f"/alarms/{row.pk}/retry/").status_code == 404


def test_an_admin_of_some_stations_sees_alarms_of_those() -> None:
    company = a_company()
    mine = a_station(company)
    admin = an_admin(company, all_stations=False)
    mine.limited_admins.add(admin)
    row = a_delivery(company)
    assert "NoPriceList" not in text_of(signed_in(admin).get("/alarms/"))
    Fact.objects.filter(pk=row.fact_id).update(data={"station": mine.pk})
    assert "NoPriceList" in text_of(signed_in(admin).get("/alarms/"))


def test_a_manager_is_not_let_in() -> None:
    assert signed_in(an_admin(level=Level.MANAGER)).get("/alarms/").status_code == 403
