"""The page in a real browser: its sums, its turns, its looks, and what it needs of a slow phone."""

import json
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.pricing import Calendar, Element, Part, Period, Reading, Tariff, Usage
from billing.selectors import quotes
from billing.services import allowance
from core import outbox
from stations.models import SessionLive, Visit
from tests.customer.phones import a_member, every_stage, reads, stops, tapped_and_started
from tests.customer.test_quotes import MONDAY
from tests.factories import a_charger, a_station, a_tariff
from tests.stack import eventually

pytestmark = pytest.mark.browser
SCRIPT = (settings.BASE_DIR / "static" / "js" / "customer.js").read_text()
PHONE = {"width": 390, "height": 844}
SETTLED = "document.fonts.ready.then(() => document.getAnimations().length)"


class Screen:
    """A phone's screen at one plug."""

    def __init__(self, context: Any, base: str, connector: Any) -> None:
        self.context, self.connector = context, connector
        self.home = f"{base}/c/{connector.code}"
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.errors.append(message.text)

    def open(self, query: str = "") -> Any:
        self.page.goto(f"{self.home}{query}")
        return self.page

    @property
    def visitor(self) -> str:
        return str(next(c["value"] for c in self.context.cookies() if c["name"] == "visitor"))


@pytest.fixture
def screen(live_web: Any, chromium: Any) -> Iterator[Any]:
    """``screen(connector)``: a new phone at it, its errors checked at the end."""
    opened: list[Screen] = []

    def make(connector: Any, language: str = "en", **options: Any) -> Screen:
        context = chromium.new_context(**{"viewport": PHONE} | options)
        context.add_cookies([{"name": "lang", "value": language, "url": live_web.url}])
        opened.append(Screen(context, live_web.url, connector))
        return opened[-1]

    yield make
    for one in opened:
        one.context.close()
    assert [error for one in opened for error in one.errors] == []


def a_plug(**station: Any) -> Any:
    return a_charger(a_station(**station), online=True).connectors.get()


def a_bound_screen(screen: Any, wh: int = 8_420, choose: bool = True) -> tuple[Screen, Any]:
    """A phone whose card was tapped: twenty kWh, some of them drawn."""
    plug = a_plug()
    mine = screen(plug)
    mine.open()
    Visit.objects.create(
        visitor=mine.visitor, connector=plug, waiting_until=timezone.now() + timedelta(minutes=3)
    )
    session = tapped_and_started(plug, a_member(plug, id_tag="04AABB7993"))
    reads(session, wh, power_w=21_000, soc=55)
    if choose:
        allowance.choose(session, wh=20_000, satang=None)
    mine.open()
    return mine, session


def nudge(session: Any) -> None:
    with transaction.atomic():
        outbox.notify(
            outbox.CHANNEL,
            {"kind": "test", "connector": session.connector_id, "company": session.company_id},
        )


def until(page: Any, expression: str) -> None:
    """Wait for something a page says; its policy forbids what Playwright's own wait would do."""
    eventually(lambda: page.evaluate(f"Boolean({expression})"), 20, every=0.05)


# --- sums ------------------------------------------------------------------------------------------


def cases(count: int) -> list[dict[str, Any]]:
    """Plans and amounts with what the server says of them."""
    dice = random.Random(7)
    found = []
    for n in range(count):
        so_far = a_usage(dice) if n % 2 else None
        at = so_far.end if so_far else MONDAY + timedelta(seconds=dice.randrange(8 * 86_400))
        power = dice.choice([1_400, 3_680, 7_360, 11_000, 22_000, 46_300, 150_000])
        plan = quotes.plan(a_price_list(dice), at, power, so_far=so_far, power_w=power)
        wh = plan.drawn_wh + dice.choice([1, 999, 1_000, 20_000, 33_333, 100_000])
        satang, most = dice.randrange(1, 200_000), plan.drawn_wh + 100_000
        server = quotes.estimate(plan, wh)
        found.append(
            {
                "plan": quotes.for_phone(plan, most_wh=most, can_hold=None),
                "at": plan.at.timestamp(),
                "wh": wh,
                "satang": satang,
                "expected": [
                    server.expected,
                    server.lowest,
                    server.highest,
                    server.seconds,
                    int(server.ends_at.timestamp()),
                    server.open,
                    quotes.buys(plan, satang, most),
                    quotes.to_hold(plan, wh),
                ],
            }
        )
    return found


def a_price_list(dice: random.Random) -> Tariff:
    """By period or alike, with odd prices, with and without a start fee and a holiday."""
    elements = []
    for part in (Part.ENERGY, Part.TIME):
        alike = dice.random() < 0.4
        for period in (Period.ANY,) if alike else (Period.ON_PEAK, Period.OFF_PEAK):
            elements.append(Element(part, Decimal(dice.randrange(200_000)).scaleb(-4), period))
    if dice.random() < 0.5:
        elements.append(Element(Part.START, Decimal(dice.randrange(200_000)).scaleb(-4)))
    days = {MONDAY.date() + timedelta(days=dice.randrange(7))} if dice.random() < 0.5 else ()
    return Tariff(tuple(elements), Calendar(frozenset(days)))


def a_usage(dice: random.Random) -> Usage:
    """A charge so far, its clock not on whole seconds."""
    start = MONDAY + timedelta(
        seconds=dice.randrange(8 * 86_400), microseconds=dice.randrange(10**6)
    )
    at, wh, readings = start, 0, []
    for _ in range(dice.randrange(5)):
        at, wh = at + timedelta(seconds=dice.randrange(1, 7_200)), wh + dice.randrange(20_000)
        readings.append(Reading(at, wh))
    return Usage(start, at, wh, tuple(readings))


def test_the_phone_works_out_the_same_sums_to_the_satang(chromium: Any) -> None:
    page = chromium.new_page()
    page.add_script_tag(content=SCRIPT)
    wanted = cases(300)
    got = page.evaluate(
        """rows => rows.map(({plan, at, wh, satang}) => {
            const e = evbilling.estimate(plan, wh, at);
            return [e.expected, e.lowest, e.highest, e.seconds, e.end, e.open,
                    evbilling.buys(plan, satang, at), evbilling.toHold(plan, wh)];
        })""",
        wanted,
    )
    page.close()
    wrong = [(w, g) for w, g in zip(wanted, got, strict=True) if w["expected"] != g]
    assert wrong == [], json.dumps(wrong[:1])


def test_every_way_to_choose_changes_the_sum_at_once(screen: Any) -> None:
    station = a_station(priced=False, max_session_kwh=60)
    a_tariff(station, anytime="7.50")
    plug = a_charger(station, online=True).connectors.get()
    page = screen(plug).open()
    big = page.locator("[data-out=big]")
    assert big.inner_text() == "฿150.00"
    page.get_by_label("A little more").click()
    assert big.inner_text() == "฿157.50"
    assert page.input_value("#kwh") == "21"
    page.get_by_role("button", name="40", exact=True).click()
    assert big.inner_text() == "฿300.00"
    page.locator("#slide").fill("60")
    assert big.inner_text() == "฿450.00"
    assert "2 h 43 min" in page.locator("[data-out=time]").inner_text()
    page.fill("#kwh", "12")
    assert big.inner_text() == "฿90.00"
    page.get_by_role("radio", name="Baht").check()
    page.get_by_role("button", name="฿300").click()
    assert big.inner_text() == "about 40.00 kWh"
    page.get_by_role("radio", name="Until full").check()
    assert big.inner_text() == "฿7.50 per kWh"
    assert page.locator("#slide").is_hidden()
    page.locator("#say", has_text="per kWh").wait_for(state="attached")


def test_more_than_the_wallet_covers_is_said_before_anybody_confirms(screen: Any) -> None:
    mine, _session = a_bound_screen(screen, choose=False)
    page = mine.page
    assert page.locator("[data-out=short]").is_hidden()
    page.fill("#kwh", "100")
    assert page.locator("[data-out=short]").inner_text().strip().startswith("Only ฿")
    assert page.locator("[data-out=go]").inner_text().startswith("Confirm 100 kWh · ฿")


# --- turns ----------------------------------------------------------------------------------------


def test_a_tap_turns_the_page_and_a_reading_moves_it_without_a_reload(screen: Any) -> None:
    plug = a_plug()
    mine = screen(plug)
    page = mine.open()
    page.get_by_role("button", name="Use a member card").click()
    page.get_by_text("Tap your card at the charger").wait_for()
    assert re.fullmatch(r"[23]:\d\d", page.locator("[data-until]").inner_text())
    page.evaluate("window.same = true")
    session = tapped_and_started(plug, a_member(plug))
    page.get_by_text("It is charging. How much would you like?").wait_for(timeout=5_000)
    page.fill("#kwh", "12")
    reads(session, 340)
    nudge(session)
    page.get_by_text("0.34").wait_for(timeout=5_000)
    assert page.input_value("#kwh") == "12"  # what somebody fills in stays as it is
    assert page.evaluate("window.same") is True
    page.get_by_role("button", name="Confirm 12 kWh").click()
    page.get_by_text("of 12.00 kWh").wait_for()
    stops(session, 400)
    page.get_by_text("Charging is done").first.wait_for(timeout=5_000)
    page.get_by_text("Net total").wait_for(timeout=5_000)


def test_what_happens_while_the_page_loads_is_not_missed(screen: Any) -> None:
    plug = a_plug()
    mine = screen(plug)
    mine.open()
    Visit.objects.create(
        visitor=mine.visitor, connector=plug, waiting_until=timezone.now() + timedelta(minutes=3)
    )

    def tapped_meanwhile(route: Any) -> None:
        tapped_and_started(plug, a_member(plug))
        route.continue_()

    mine.page.route("**/live", tapped_meanwhile, times=1)
    page = mine.open()
    until(page, "document.querySelector('#page').dataset.key.startsWith('ask:')")


def test_stop_asks_once_more_without_a_window(screen: Any) -> None:
    mine, session = a_bound_screen(screen)
    page = mine.page
    now = page.get_by_role("button", name="Stop now")
    assert now.is_hidden()
    page.get_by_text("Stop charging").click()
    assert page.get_by_text("Keep charging").is_visible()
    now.click()
    page.get_by_text("The charger has been told to stop.").wait_for()
    assert session.commands.count() == 1


def test_values_turn_grey_by_themselves_and_lost_signal_is_said(screen: Any) -> None:
    mine, session = a_bound_screen(screen)
    page = mine.page
    assert page.locator("#now.stale").count() == 0
    mine.context.set_offline(True)
    page.get_by_text("No signal. The figures are from").wait_for()
    SessionLive.objects.filter(session=session).update(
        received_at=timezone.now() - timedelta(seconds=86),
        at=timezone.now() - timedelta(seconds=86),
    )
    mine.context.set_offline(False)
    page.get_by_text("No signal").wait_for(state="hidden")
    # The browser's own clock goes on, though the charger says nothing more.
    page.locator("#now.stale").wait_for(timeout=15_000)
    assert page.get_by_text("No new reading since").is_visible()
    mine.errors.clear()  # a fetch that failed offline is what this was about


def test_without_javascript_the_way_to_the_charge_is_open(screen: Any) -> None:
    plug = a_plug()
    mine = screen(plug, java_script_enabled=False)
    page = mine.open()
    page.fill("#kwh", "30")
    page.get_by_role("button", name="Work the sum out again").click()
    assert page.locator("[data-out=big]").inner_text() != "฿154.00"
    page.get_by_role("button", name="Use a member card").click()
    assert "You chose 30 kWh." in page.inner_text("main")
    tapped_and_started(plug, a_member(plug))
    page.reload()
    page.get_by_role("button", name="Confirm 30 kWh").click()
    assert "of 30.00 kWh" in page.inner_text("main")
    page.get_by_text("Stop charging").click()
    page.get_by_role("button", name="Stop now").click()
    assert "The charger has been told to stop." in page.inner_text("main")


# --- looks -------------------------------------------------------------------------------------------


def test_every_page_fits_can_be_touched_and_passes_axe(screen: Any, live_web: Any) -> None:
    """At 390 × 844 and 320, with text of twice the size, in both languages."""
    from axe_playwright_python.sync_playwright import Axe

    axe, rules = Axe(), {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
    one = screen(a_plug(), "th")
    page = one.open()
    for name, plug in every_stage(one.visitor):
        for language in ("th", "en"):
            page.goto(f"{live_web.url}/c/{plug.code}?lang={language}")
            assert page.locator(f"#page[data-key^={name}]").count() == 1
            page.evaluate(SETTLED)
            assert page.evaluate(_TOO_SMALL) == [], (name, language)
            if name in ("free", "ask"):
                assert page.evaluate(_BELOW_THE_FOLD) == [], (name, language)
            if language == "th":
                for lid in page.locator("summary").all():
                    lid.click()
                broken = axe.run(page, options=rules).response["violations"]
                assert [rule["id"] for rule in broken] == [], name
            for width, text in ((320, "100%"), (320, "200%"), (390, "200%")):
                page.set_viewport_size({"width": width, "height": 844})
                page.evaluate(f"document.documentElement.style.fontSize = '{text}'")
                assert page.evaluate(_OVERFLOWING) == [], (name, language, width, text)
            page.set_viewport_size(PHONE)


_BELOW_THE_FOLD = """() => ['[data-out=big]', '[data-out=end]', '#kwh', '.foot .btn'].filter(which => {
    const box = document.querySelector(which).getBoundingClientRect();
    const foot = document.querySelector('.foot').getBoundingClientRect().top;
    return box.bottom > (which === '.foot .btn' ? innerHeight : foot);
})"""
_TOO_SMALL = """() => Array.from(document.querySelectorAll('a, button, summary, input, [role=button]'))
    .filter(e => e.offsetParent !== null && !e.closest('.seg') && !e.closest('.amount'))
    .filter(e => { const r = e.getBoundingClientRect(); return r.height < 43.5 || r.width < 43.5; })
    .map(e => e.outerHTML.slice(0, 80) + e.getBoundingClientRect().height)"""
_OVERFLOWING = """() => (document.documentElement.scrollWidth > innerWidth ? ['page'] : []).concat(
    Array.from(document.querySelectorAll('.sheet *'))
    .filter(e => !e.closest('.vh') && !e.closest('svg') && e.offsetParent !== null)
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1)
    .map(e => e.tagName + '.' + e.className).slice(0, 4))"""


def test_fonts_that_come_late_move_nothing(screen: Any) -> None:
    for name, plug in (("free", a_plug()), ("busy", a_busy_plug())):
        one = screen(plug, "th")
        one.page.add_init_script(_SHIFTS)
        one.page.route("**/*.woff2", _late)
        page = one.open()
        until(page, """document.fonts.check('600 20px "IBM Plex Sans Thai"', 'ก')""")
        page.evaluate(SETTLED)
        page.wait_for_timeout(100)
        assert page.evaluate("window.shifted") < 0.02, name


_SHIFTS = """window.shifted = 0; new PerformanceObserver(list => { for (const e of list.getEntries())
    window.shifted += e.value; }).observe({type: 'layout-shift', buffered: true});"""


def _late(route: Any) -> None:
    import time

    time.sleep(0.15)
    route.continue_()


def a_busy_plug() -> Any:
    plug = a_plug()
    card = a_member(plug)
    tapped_and_started(plug, card)
    return plug


def test_a_slow_phone_can_use_the_page_within_three_seconds(screen: Any) -> None:
    """400 kbit/s and 400 ms there and back, a processor four times slower."""
    one = screen(a_plug(), "th")
    line = one.context.new_cdp_session(one.page)
    line.send("Network.enable")
    slow = {
        "offline": False,
        "latency": 400,
        "downloadThroughput": 50_000,
        "uploadThroughput": 50_000,
    }
    line.send("Network.emulateNetworkConditions", slow)
    line.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    one.page.add_init_script(
        "new MutationObserver(() => { if (!window.usable && document.documentElement.className === 'js')"
        " window.usable = performance.now(); })"
        ".observe(document, {subtree: true, attributes: true, childList: true});"
    )
    page = one.open()
    until(page, "window.usable")
    assert page.evaluate("window.usable") < 3_000
    assert page.locator("[data-out=big]").is_visible()
