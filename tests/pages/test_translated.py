"""No page shows a text that cannot be translated, and Thai has every one of them."""

from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client

from evbilling.customer import guard
from tests.customer.phones import every_stage
from tests.factories import a_charger, a_company, an_admin
from tests.pages import pseudo
from tests.pages.charges import an_ended_charge
from tests.pages.people import a_visitor, signed_in
from tests.pages.test_walk import STREAMS, a_world, pages, path_of, tried
from users.models import Level


def missing_in_thai(client: Client, paths: dict[str, str]) -> set[str]:
    client.cookies["lang"] = "th"
    with pseudo.unknown() as missed:
        for path in paths.values():
            tried(client, "get", path)
    return missed


def left_over(client: Client, paths: dict[str, str]) -> dict[str, list[str]]:
    data = pseudo.stored_texts()
    found = {}
    with pseudo.spoken():
        for name, path in paths.items():
            response = tried(client, "get", path)
            if response["Content-Type"].startswith("text/html"):
                found[name] = pseudo.untranslated(response.content.decode(), data)
    return {name: texts for name, texts in found.items() if texts}


@pytest.mark.django_db
@pytest.mark.parametrize("filled", [True, False])
def test_every_page_of_the_back_office_can_be_translated(filled: bool) -> None:
    company = a_company()
    world = a_world(company)
    if filled:
        charge = an_ended_charge(_plug(company), None)
        world["pk"]["session"] = charge.pk
    paths = {str(each.name): path_of(each, world) for each in pages() if each.name not in STREAMS}
    more = {
        "missing": "/nothing-here/",
        "detail": "/overview/?view=detail",
        "search": "/search/?q=S",
    }
    client = signed_in(an_admin(company, Level.OWNER))
    assert left_over(client, paths | more) == {}
    assert left_over(a_visitor(), {"signin": "/signin/"}) == {}
    if filled:
        assert missing_in_thai(client, paths | more) == set()


@pytest.mark.django_db
def test_every_stage_of_the_customers_page_can_be_translated() -> None:
    phone = a_visitor()
    visitor = "p" * 43
    phone.cookies[guard.COOKIE] = visitor
    paths = {name: f"/c/{plug.code}" for name, plug in every_stage(visitor)}
    assert 'data-key="live:' in phone.get(paths["live"]).content.decode()
    paths["unknown"] = "/c/XXXXXXXX"
    assert left_over(phone, paths) == {}
    assert missing_in_thai(phone, paths) == set()


@pytest.mark.pure
def test_thai_has_every_text() -> None:
    source = Path(settings.BASE_DIR) / "locale" / "th" / "LC_MESSAGES" / "django.po"
    with source.open("rb") as opened:
        catalogue = read_po(opened, locale="th")
    missing = [m.id for m in catalogue if m.id and (m.fuzzy or not any(m.string or ()))]
    assert missing == []


def _plug(company: Any) -> Any:
    return a_charger(company.stations.get()).connectors.get()
