"""What stands around every page: menu, language, account."""

import re

import pytest
from django.test import Client

from tests.factories import a_company, an_admin
from tests.pages.people import a_visitor, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


def menu(client: Client, path: str = "/account/") -> list[str]:
    page = text_of(client.get(path))
    return re.findall(r'<a class="item" href="([^"]+)"', page)


def test_the_menu_shows_what_there_is_to_those_who_may() -> None:
    watch = ["/overview/", "/sessions/", "/reservations/", "/cases/"]
    things = ["/stations/", "/chargers/"]
    rest = [
        "/configuration-templates/",
        "/firmware/",
        "/campaigns/",
        "/prices/",
        "/holidays/",
    ]
    money = ["/invoices/", "/invoices/report/"]
    system = ["/certificates/", "/frames/"]
    company = a_company()
    assert menu(signed_in(an_admin(company, Level.VIEWER))) == [
        *watch,
        *things,
        *rest,
        *money,
        *system,
    ]
    assert menu(signed_in(an_admin(company, Level.OWNER))) == [
        *watch,
        *things,
        "/new-chargers/",
        *rest,
        *money,
        "/legal-entities/",
        *system,
        "/alarms/",
    ]


@pytest.mark.parametrize(
    ("path", "current"),
    [("/overview/", "/overview/?view=detail"), ("/chargers/", "/chargers/"), ("/search/", None)],
)
def test_the_menu_marks_where_one_is(path: str, current: str | None) -> None:
    page = text_of(signed_in(an_admin()).get(path))
    marked = re.findall(r'<a class="item" href="([^"]+)" aria-current="page"', page)
    assert marked == ([current] if current else [])


def test_switching_the_language_keeps_the_page_and_its_filters() -> None:
    client = signed_in(an_admin())
    page = text_of(client.get("/overview/?view=detail&state=faulted"))
    link = re.search(r'href="([^"]+)" lang="th" hreflang="th"', page)
    assert link
    assert link[1].replace("&amp;", "&") == "?view=detail&state=faulted&lang=th"
    response = client.get("/overview/?view=detail&state=faulted&lang=th")
    assert '<html lang="th"' in text_of(response)
    assert response.cookies["lang"].value == "th"


def test_a_visitor_can_switch_the_language_before_signing_in() -> None:
    page = text_of(a_visitor().get("/signin/?next=/cases/"))
    assert 'href="?next=%2Fcases%2F&amp;lang=th"' in page or "next=/cases/" in page


def test_the_account_menu_says_who_and_when_and_signs_out_by_post() -> None:
    page = text_of(signed_in(an_admin(name="Somsri Dee", level=Level.MANAGER)).get("/account/"))
    assert "Somsri Dee" in page
    assert "Manager · signed in" in page
    assert '<form method="post" action="/signout/">' in page


def test_only_platform_staff_are_offered_other_companies() -> None:
    other = a_company(name="Another Company")
    assert "Another Company" not in text_of(signed_in(an_admin()).get("/account/"))
    staff = signed_in(an_admin(level=Level.PLATFORM))
    assert f'formaction="/company/{other.slug}/"' in text_of(staff.get("/account/"))


def test_every_page_can_be_used_by_keyboard_and_screen_reader() -> None:
    page = text_of(signed_in(an_admin()).get("/overview/"))
    assert '<a class="skip" href="#main">' in page
    assert page.count('aria-live="polite"') == 1
    assert page.count("<main") == page.count("<h1") == 1


def test_htmx_requests_carry_the_csrf_token_and_crashes_swap_nothing() -> None:
    page = text_of(signed_in(an_admin()).get("/overview/"))
    assert re.search(r"""hx-headers:inherited='\{"X-CSRFToken": "\w{64}"\}'""", page)
    assert '"noSwap":[204,304,"5xx"]' in page
