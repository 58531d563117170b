"""A guest's whole way in a real browser, with a bank behind it: from the page to the receipt.

The bank speaks as the real one does, and so does the charger: nothing here calls our services.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from billing.models import Bill, Payment
from billing.services import ledger, payments
from evbilling.supervisor.servers import Servers
from stations.models import Connector
from tests import stack as stacks
from tests.factories import a_charger, a_station, a_tariff
from tests.gateways import bank as banks
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
MOST_TAPS = 5  # of a guest, on our pages, from the scan to the energy (features A14, issue 4)
_TAPS = """addEventListener('click', event => { if (event.isTrusted && event.detail)
    sessionStorage.setItem('taps', Number(sessionStorage.getItem('taps') || 0) + 1); }, true);"""


class Shop(Stack):
    """The product with the simulated bank as its gateway."""

    def __init__(self, folder: Path, database: str) -> None:
        super().__init__(folder, database)
        self.bank = banks.serve(omise_webhook=f"{self.url}/webhooks/omise/")
        self.gateway = {
            "OMISE_PUBLIC_KEY": banks.PUBLIC_KEY,
            "OMISE_SECRET_KEY": banks.SECRET_KEY,
            "OMISE_WEBHOOK_SECRET": banks.WEBHOOK_SECRET,
            "OMISE_API_URL": self.bank.url,
            "OMISE_VAULT_URL": self.bank.url,
            "OMISE_SCRIPT_URL": f"{self.bank.url}/omise.js",
        }
        self.environ["REDIS_URL"] = own_redis()
        inherited = stacks._inherited()
        self.servers = Servers(folder, environ=inherited | self.environ | self.gateway)


def own_redis() -> str:
    """A database of Redis for this worker's shop: two Celery workers on one queue would take each
    other's work."""
    number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if configured.REDIS_URL.startswith("unix://"):
        return f"{configured.REDIS_URL.partition('?')[0]}?db={number}"
    return f"{configured.REDIS_URL.rpartition('/')[0]}/{number}"


@pytest.fixture(scope="module")
def running(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    with django_db_blocker.unblock():
        name = stacks.clone_database()
        found = Shop(tmp_path_factory.mktemp("shop"), name)
        try:
            found.start("sockets", "deliver", "web", "worker", "beat")
            yield found
        finally:
            found.stop()
            found.bank.stop()
            stacks.drop_database(name)


@pytest.fixture
def shop(running: Shop, django_db_blocker: Any, settings: Any) -> Iterator[Shop]:
    for name, value in running.gateway.items():
        setattr(settings, name, value)
    with django_db_blocker.unblock(), stacks.using_database(running.database):
        yield running
    running.check_frames()


@pytest.fixture
def plug(shop: Shop) -> Connector:
    site = a_station(priced=False)
    a_tariff(site, anytime="7.50")
    return a_charger(site).connectors.get()


@pytest.fixture
def phone(shop: Shop, chromium: Any) -> Iterator[Any]:
    """``phone(language)``: a page that counts its taps; nothing may be wrong in its console."""
    contexts, errors = [], []

    def make(language: str) -> Any:
        context = chromium.new_context(viewport=PHONE, has_touch=True, locale=language)
        context.add_cookies([{"name": "lang", "value": language, "url": shop.url}])
        context.add_init_script(_TAPS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def stage(page: Any, name: str) -> Any:
    """Wait until the page has turned to a stage."""
    page.locator(f"#page[data-key^='{name}:']").wait_for(timeout=15_000)
    return page


def chooses(page: Any, shop: Shop, plug: Connector, way: str = "") -> None:
    page.goto(f"{shop.url}/c/{plug.code}")
    field = page.locator("#kwh")
    field.tap()
    field.fill("5")
    if way:
        page.locator(f"input[value={way}]").tap()
    button = page.locator(".foot .btn.go")
    assert "฿37.50" in button.inner_text()
    button.tap()


def starts(point: Point) -> int:
    """The charger is told to start, and does."""
    told = point.expect("RemoteStartTransaction", timeout=30)
    number = point.start(told["idTag"], meter=1_000_000)["transactionId"]
    point.status("Charging")
    return int(number)


def taps(page: Any) -> int:
    return int(page.evaluate("sessionStorage.getItem('taps')"))


@pytest.mark.parametrize("language", ["th", "en"])
def test_promptpay_from_the_page_to_the_receipt(
    shop: Shop, plug: Connector, phone: Any, language: str
) -> None:
    page = phone(language)
    with Point(shop.ocpp_url, plug.charger) as point:
        point.boot()
        point.status("Available")
        point.status("Preparing")
        chooses(page, shop, plug)
        stage(page, "pay")
        payment = Payment.objects.latest("pk")
        assert page.locator(".qr").is_visible()
        assert payment.reference in page.inner_text("main")
        with page.expect_download() as saved:
            page.locator(".foot .btn.go").click()
        assert saved.value.suggested_filename == f"PromptPay-{payment.reference}.png"

        shop.bank.pay(payment.reference)  # its webhook, our look: the page turns by itself
        transaction = starts(point)
        stage(page, "live")
        assert taps(page) <= MOST_TAPS
        point.meter(transaction, 1_002_500, Power_Active_Import=22_000)
        page.get_by_text("2.50").first.wait_for(timeout=15_000)
        point.meter(transaction, 1_005_000, Power_Active_Import=22_000)
        assert point.expect("RemoteStopTransaction")["transactionId"] == transaction
        point.stop(transaction, 1_005_040, reason="Remote")
        point.status("Finishing")
        stage(page, "receipt")
        page.locator(".bill .sum").wait_for(timeout=15_000)
        assert "฿37.50" in page.inner_text(".bill .sum")
        drawn = re.search(r"(\d+\.\d\d)\s*kWh", page.inner_text(".done"))
        assert drawn is not None
        assert 5.00 <= float(drawn[1]) <= 5.10  # features A8: never short, at most 0.1 kWh over
    bill = Bill.objects.latest("pk")
    assert (bill.wh, bill.total) == (5_000, 37_50)
    assert not any(ledger.prove().values())


def test_a_card_is_held_and_the_actual_amount_is_captured(
    shop: Shop, plug: Connector, phone: Any
) -> None:
    page = phone("en")
    posted: list[str] = []
    page.on("request", lambda r: posted.append(f"{r.url} {r.post_data or ''}"))
    with Point(shop.ocpp_url, plug.charger) as point:
        point.boot()
        point.status("Preparing")
        chooses(page, shop, plug, "card")
        stage(page, "card")
        page.fill("#cc-number", "4242424242424242")
        page.fill("#cc-exp", "12/31")
        page.fill("#cc-csc", "123")
        page.fill("#cc-name", "A Guest")
        page.locator(".foot .btn.go").tap()
        transaction = starts(point)
        stage(page, "live")
        assert taps(page) <= MOST_TAPS
        point.meter(transaction, 1_003_000, Power_Active_Import=22_000)
        page.get_by_text("Stop charging").tap()
        page.get_by_role("button", name="Stop now").tap()
        point.expect("RemoteStopTransaction")
        point.stop(transaction, 1_003_000, reason="Remote")
        stage(page, "receipt")
        page.get_by_text("Taken from the card").wait_for(timeout=15_000)
        assert "฿22.50" in page.inner_text(".bill .sum")
    ours = [line for line in posted if line.startswith(shop.url)]
    assert not any("4242" in line for line in ours)
    payment = Payment.objects.latest("pk")
    payments.look(payment.pk)  # what the sweep does
    charge = eventually(lambda: _charge(shop, payment.reference))
    assert (charge["authorized_amount"], charge["captured_amount"]) == (37_50, 22_50)
    assert not any(ledger.prove().values())


def _charge(shop: Shop, reference: str) -> Any:
    state = shop.bank.ask("GET", "/_control/state")
    found = [c for c in state["charges"] if c["metadata"].get("reference") == reference]
    return found[0] if found and found[0]["captured"] else None
