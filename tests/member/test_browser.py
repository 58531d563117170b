"""Phone login in a real browser: signing in at the plug, then from the QR to the energy."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from billing.models import Bill
from billing.services import ledger
from stations.models import Connector
from tests.customer.test_paying_browser import _TAPS, PHONE, stage, starts, taps
from tests.factories import a_charger, a_customer, a_station, a_tariff
from tests.wire import Point
from users.models import OneTimeCode
from users.services import codes

pytestmark = pytest.mark.browser
MOST_TAPS = 3  # of a returning customer, on our pages, from the scan to the energy (issue 4)
NUMBER = "+66812345678"


@pytest.fixture
def plug(live_web: Any) -> Connector:
    site = a_station(priced=False)
    a_tariff(site, anytime="7.50")
    return a_charger(site).connectors.get()


@pytest.fixture
def page(live_web: Any, chromium: Any) -> Iterator[Any]:
    """A phone that counts its taps; nothing may be wrong in its console."""
    errors: list[str] = []
    context = chromium.new_context(viewport=PHONE, has_touch=True)
    context.add_cookies([{"name": "lang", "value": "en", "url": live_web.url}])
    context.add_init_script(_TAPS)
    found = context.new_page()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield found
    context.close()
    assert errors == []


def test_phone_login_then_from_the_scan_to_energy_in_one_tap(
    live_web: Any, plug: Connector, page: Any
) -> None:
    member = a_customer(plug.charger.station.company, balance=100_000, phone=NUMBER)
    home = f"{live_web.url}/c/{plug.code}"
    with Point(live_web.ocpp_url, plug.charger) as point:
        point.boot()
        point.status("Preparing")
        page.goto(home)
        page.get_by_text("sign in with your phone number").tap()
        page.fill("#phone", "081-234 5678")
        page.locator(".foot .btn.go").tap()
        page.locator("#code").wait_for()
        row = OneTimeCode.objects.latest("created_at")
        assert row.reference in page.inner_text("main")
        page.fill("#code", codes.digits(row))
        page.locator(".foot .btn.go").tap()
        page.get_by_text("What we keep about you").wait_for()
        page.locator(".foot .btn.go").tap()
        stage(page, "member")
        assert "฿1,000.00" in page.inner_text("#wallet")

        page.goto(home)  # the scan of somebody who comes back
        page.evaluate("sessionStorage.removeItem('taps')")
        stage(page, "member")
        page.locator(".foot .btn.go").tap()
        transaction = starts(point)
        stage(page, "live")
        assert taps(page) <= MOST_TAPS
        point.meter(transaction, 1_002_000, Power_Active_Import=22_000)
        page.get_by_text("Stop charging").tap()
        page.get_by_role("button", name="Stop now").tap()
        assert point.expect("RemoteStopTransaction")["transactionId"] == transaction
        point.stop(transaction, 1_002_000, reason="Remote")
        stage(page, "receipt")
        page.locator(".bill .sum").wait_for(timeout=15_000)
        assert "฿15.00" in page.inner_text(".bill .sum")
        page.goto(f"{live_web.url}/me/{plug.charger.station.company.slug}/")
        assert re.search(r"฿985\.00", page.inner_text(".purse"))
    assert [bill.total for bill in Bill.objects.filter(customer=member)] == [15_00]
    assert not any(ledger.prove().values())
