"""The back office in a real browser: it fits a small phone with large text, and axe finds nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import (
    PASSWORD,
    a_card,
    a_charger,
    a_connector,
    a_customer,
    a_reservation,
    a_session,
    a_station,
    an_admin,
)
from tests.pages.charges import an_ended_charge

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def office(live_web: Any, chromium: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """A signed-in browser, and the pages of a company with something on each."""
    station = a_station(name="Sukjai Market", name_th="ตลาดสุขใจ")
    charger = a_charger(station, online=True, name="SJ-01", place="ชั้น G โซน B ช่องจอด 14")
    company = station.company
    plug = charger.connectors.get()
    member = a_customer(company, balance=100_000, name="พิมพ์ชนก ศรีสุข")
    a_card(member)
    ended = an_ended_charge(plug, member)
    a_session(a_charger(station, online=True).connectors.get(), wh=3_400)
    a_reservation(a_connector(charger, 2), a_card(member))
    admin = an_admin(company)
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live_web.url}/signin/?lang=en")
    page.fill("input[name=username]", admin.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("form button[type=submit]")
    page.wait_for_url("**/overview/**")
    paths = {
        "overview": "/overview/",
        "by charger": "/overview/?view=detail",
        "stations": "/stations/",
        "station": f"/stations/{charger.station_id}/",
        "chargers": "/chargers/",
        "charger": f"/chargers/{charger.charge_point_id}/",
        "frames": f"/chargers/{charger.charge_point_id}/frames/",
        "sessions": "/sessions/",
        "session": f"/sessions/{ended.pk}/",
        "prices": "/prices/",
        "price": f"/prices/{charger.station_id}/guest/",
        "holidays": "/holidays/",
        "reservations": "/reservations/",
        "cases": "/cases/",
        "alarms": "/alarms/",
        "account": "/account/",
        "search": "/search/?q=SJ",
        "missing": "/nothing-here/",
    }
    yield page, {name: f"{live_web.url}{path}" for name, path in paths.items()}
    context.close()
    assert errors == []


def test_every_page_fits_and_passes_axe(office: tuple[Any, dict[str, str]]) -> None:
    """Thai at 320 px with text of twice the size, English on a desk."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    page, paths = office
    for name, path in paths.items():
        joint = "&" if "?" in path else "?"
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{path}{joint}lang=en")
        broken = axe.run(page, options=RULES).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in broken] == [], name
        assert page.evaluate(OVERFLOW) <= 0, name
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(f"{path}{joint}lang=th")
        assert page.evaluate(OVERFLOW) <= 0, name
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(OVERFLOW) <= 0, (name, "200 %")
