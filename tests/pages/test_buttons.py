"""Every button does something, and every link leads somewhere."""

from html.parser import HTMLParser

import pytest
from django.test import Client

from evbilling.customer import guard
from tests.customer.phones import every_stage
from tests.factories import a_company, an_admin
from tests.pages.people import a_visitor, signed_in
from tests.pages.test_walk import STREAMS, a_world, pages, path_of, tried

pytestmark = pytest.mark.django_db
# What static/js listens for, and what the browser does by itself.
DOES = {
    "popovertarget",
    "data-dismiss",
    "data-copy",
    "data-reveal",
    "data-set",
    "data-step",
    "data-print",
}


class Idle(HTMLParser):
    """Collects buttons and links of a page that do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.forms = 0
        self.ids: set[str] = set()
        self.idle: list[str] = []
        self.wanted: dict[str, str] = {}  # id that must exist → who wants it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        shown = self.get_starttag_text() or tag
        self.ids.add(given.get("id") or "")
        self.forms += tag == "form"
        if tag == "a" and given.get("href", "#") == "#":
            self.idle.append(shown)
        if tag == "button":
            self._button(given, shown)

    def _button(self, given: dict[str, str | None], shown: str) -> None:
        if target := given.get("form") or given.get("popovertarget"):
            self.wanted[target] = shown
        elif given.get("type") == "submit" and self.forms:
            return
        elif not DOES & given.keys() and not any(name.startswith("hx-") for name in given):
            self.idle.append(shown)

    def handle_endtag(self, tag: str) -> None:
        self.forms -= tag == "form"


def idle_on(client: Client, path: str) -> list[str]:
    response = tried(client, "get", path)
    if not response["Content-Type"].startswith("text/html"):
        return []
    page = Idle()
    page.feed(response.content.decode())
    return page.idle + [who for target, who in page.wanted.items() if target not in page.ids]


def test_every_button_of_the_back_office_does_something() -> None:
    company = a_company()
    world = a_world(company)
    client = signed_in(an_admin(company))
    paths = [path_of(each, world) for each in pages() if each.name not in STREAMS]
    paths += ["/overview/?view=detail", "/search/?q=S", "/nothing-here/"]
    assert {path: idle for path in paths if (idle := idle_on(client, path))} == {}
    assert idle_on(a_visitor(), "/signin/") == []


def test_every_button_of_the_customers_page_does_something() -> None:
    phone = a_visitor()
    visitor = "p" * 43
    phone.cookies[guard.COOKIE] = visitor
    paths = [f"/c/{plug.code}" for _, plug in every_stage(visitor)]
    assert {path: idle for path in paths if (idle := idle_on(phone, path))} == {}
