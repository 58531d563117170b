"""Every page × everybody, made from the URLconf: a new page cannot be forgotten."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from billing.models import Transfer
from core.models import Delivery, Fact
from evbilling.backoffice.urls import urlpatterns
from stations.models import (
    Case,
    ChargerSetup,
    Commissioning,
    CommissioningStep,
    ConfigurationKey,
    ConfigurationTemplate,
    Knock,
)
from tests.documents.sales import a_document
from tests.factories import (
    a_charger,
    a_company,
    a_connector,
    a_forward,
    a_reservation,
    a_session,
    a_station,
    a_tax_entity,
    an_admin,
)
from tests.files.world import a_campaign, a_sent_file, an_image
from tests.meaoscp.runs import an_acceptance_run
from tests.pages.paid import a_payment, a_refund
from tests.pages.people import a_visitor, signed_in
from users.access import RIGHTS, Action
from users.models import Company, Level

pytestmark = pytest.mark.django_db
OPEN_TO_ALL = {"home", "signin", "signin-code", "signout"}
STREAMS = {"live"}
# Pages about something that no company owns: nobody else's owner may at all, instead of 404.
NOBODYS = {"switch-company", "alarm-retry", "gateway-try-ours"}


def a_world(company: Company) -> dict[str, dict[str, Any]]:
    """For each page about something, what it is about."""
    station = a_station(company)
    charger = a_charger(station, online=True)
    a_forward(charger, state="failed", last_error="http 401", boot_answer={"status": "Rejected"})
    session = a_session(charger.connectors.get())
    case = Case.objects.create(charger=charger, kind="no_stop", key=f"walk-{charger.pk}")
    kept = a_reservation(a_connector(charger, 2))
    fact = Fact.objects.create(kind="session_ended", subject_id=1, company_id=company.pk)
    acceptance = an_acceptance_run(charger).pk
    alarm = Delivery.objects.create(fact=fact, handler="x", attempts=Delivery.ALARM_AFTER)
    image = an_image(company)
    campaign = a_campaign([charger])
    template = ConfigurationTemplate.objects.create(company=company, name="T", keys={"a": "1"})
    Knock.objects.get_or_create(charge_point_id="WALK-1", defaults={"reason": "unknown"})
    run = Commissioning.objects.create(charger=charger, reason="first")
    CommissioningStep.objects.create(commissioning=run, phase="set", kind="set", key="a")
    ConfigurationKey.objects.create(charger=charger, key="HeartbeatInterval", value="7")
    refund = a_refund(a_payment(company), 1_000, done=False)
    transfer = Transfer.objects.filter(company=company).latest("pk")
    now = timezone.now()
    ChargerSetup.objects.create(
        charger=charger, commissioned_at=now, restart_needed_at=now, avoid={"b": {}}
    )
    about: dict[str, dict[str, Any]] = {
        "pk": {
            "station": station.pk,
            "session": session.pk,
            "case": case.pk,
            "alarm": alarm.pk,
            "charger-file": a_sent_file(charger).pk,
            "payment": refund.payment_id,
            "refund": refund.pk,
            "ledger-account": transfer.entries.latest("pk").account_id,
            "ledger-account-export": transfer.entries.latest("pk").account_id,
            "ledger-transfer": transfer.pk,
            "firmware": image.pk,
            "campaign": campaign.pk,
            "reservation": kept.pk,
            "template": template.pk,
            "charger-acceptance-run": acceptance,
            "charger-acceptance-decide": acceptance,
            "charger-acceptance-paper": acceptance,
            "gateway": station.tax_entity_id,
            "invoice": a_document(
                a_charger(station).connectors.get(), started_at=timezone.now() - timedelta(hours=2)
            ).pk,
            "legal": a_tax_entity(company).pk,
        },
    }
    return about | {
        "kind": {"sales-tax-file": "xlsx"},
        "charge_point_id": {"charger": charger.charge_point_id},
        "slug": {"switch-company": company.slug},
        "connector": {"charger": 1},
        "station": {"price-edit": station.pk},
        "level": {"price-edit": "guest"},
        "gateway": {"gateway": "omise"},
    }


def path_of(pattern: URLPattern, world: dict[str, dict[str, Any]]) -> str:
    """The page's address in a world; its thing is known by the first word of the page's name."""
    name = str(pattern.name)
    kwargs = {}
    for key in pattern.pattern.converters:
        of_key = world.get(key, {})
        found = of_key.get(name, of_key.get(name.split("-")[0]))
        assert found is not None, f"say in a_world() what {key} of the page {name} is about"
        kwargs[key] = found
    return reverse(name, kwargs=kwargs)


def pages() -> Iterator[URLPattern]:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name not in OPEN_TO_ALL:
            yield pattern


def right_of(pattern: URLPattern) -> Action:
    needs: Action = pattern.callback.needs  # type: ignore[attr-defined]
    return needs


def tried(client: Client, method: str, path: str) -> Any:
    """The answer; what the request may have done is undone."""
    with transaction.atomic():
        send: Callable[..., Any] = getattr(client, method)
        response = send(path)
        transaction.set_rollback(True)
    return response


def walk(client: Client, world: dict[str, dict[str, Any]]) -> Iterator[tuple[URLPattern, str, Any]]:
    for pattern in pages():
        path = path_of(pattern, world)
        for method in ("get",) if pattern.name in STREAMS else ("get", "post"):
            response = tried(client, method, path)
            if response.status_code != 405:  # that method does not exist there
                yield pattern, method, response


def test_every_page_says_what_right_it_needs() -> None:
    forgotten = [p.name for p in pages() if not hasattr(p.callback, "needs")]
    assert forgotten == []


def test_a_stranger_gets_to_the_sign_in_page_and_nowhere_else() -> None:
    world = a_world(a_company())
    wrong = []
    for pattern, method, response in walk(a_visitor(), world):
        away = response.status_code == 302 and response["Location"].startswith("/signin/")
        if not away and not (pattern.name in STREAMS and response.status_code == 401):
            wrong.append((pattern.name, method, response.status_code))
    assert wrong == []


@pytest.mark.parametrize("level", Level.values)
def test_each_level_may_do_what_the_table_says_and_nothing_else(level: str) -> None:
    company = a_company()
    world = a_world(company)
    client = signed_in(an_admin(company, level))
    wrong = []
    for pattern, method, response in walk(client, world):
        allowed = right_of(pattern) in RIGHTS[level]
        status = response.status_code
        # A page that may be seen may still keep its form to others: only looking must succeed.
        looked = status in (200, 302, 400, 422) or method == "post"
        if (not allowed and status != 403) or (allowed and not looked) or status >= 500:
            wrong.append((pattern.name, method, status))
    assert wrong == []


def test_the_owner_of_another_company_finds_nothing() -> None:
    world = a_world(a_company())
    client = signed_in(an_admin(a_company()))
    wrong = []
    for pattern, method, response in walk(client, world):
        about_something = bool(pattern.pattern.converters)
        expected = (403, 404) if pattern.name in NOBODYS else (404,)
        if about_something and response.status_code not in expected:
            wrong.append((pattern.name, method, response.status_code))
    assert wrong == []


def test_an_admin_of_another_station_finds_nothing_of_this_one() -> None:
    company = a_company()
    world = a_world(company)
    admin = an_admin(company, Level.MANAGER, all_stations=False)
    a_station(company).limited_admins.add(admin)
    client = signed_in(admin)
    wrong = []
    for pattern, method, response in walk(client, world):
        about_something = bool(pattern.pattern.converters) and pattern.name not in NOBODYS
        if about_something and response.status_code not in (403, 404):
            wrong.append((pattern.name, method, response.status_code))
    assert wrong == []


def test_every_page_keeps_to_the_content_security_policy_in_both_languages() -> None:
    """No inline style, no inline script, no handler; ``lang`` says the language."""
    company = a_company()
    world = a_world(company)
    admin = an_admin(company)
    forbidden = re.compile(
        r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son\w+="
    )
    wrong = []
    for language in ("th", "en"):
        client = signed_in(admin, language)
        for pattern in pages():
            if pattern.name in STREAMS:
                continue
            response = tried(client, "get", path_of(pattern, world))
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            page = response.content.decode() if response.status_code == 200 and is_page else ""
            if found := forbidden.search(page):
                wrong.append((pattern.name, found[0]))
            if page and f'<html lang="{language}"' not in page:
                wrong.append((pattern.name, language))
    assert wrong == []
