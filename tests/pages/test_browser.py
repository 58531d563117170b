"""The back office in a real browser: it fits a small phone with large text, and axe finds nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from core.audit import SYSTEM
from stations.models import (
    Charger,
    ChargerCertificate,
    ChargerSetup,
    ConfigurationKey,
    InstalledRoot,
    ProfileUpgrade,
    SecurityEvent,
    StepStatus,
)
from stations.services import links, setups
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
from tests.files.world import a_campaign, a_sent_file, an_image
from tests.meaoscp.runs import a_failed_run
from tests.pages.charges import an_ended_charge

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
# What makes a page wider than its window: the first elements that reach beyond it.
TOO_WIDE = """document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .slice(-2).map(e => e.outerHTML.slice(0, 120))"""


def secure(charger: Charger) -> None:
    """Something on every card of the Security tab."""
    rows = {"serial": "f" * 30, "fingerprint": "f" * 64, "not_after": timezone.now()}
    ChargerCertificate.objects.create(charger=charger, csr="", state="installed", **rows)
    ChargerCertificate.objects.create(charger=charger, csr="")
    InstalledRoot.objects.create(
        charger=charger,
        use="CentralSystemRootCertificate",
        hash_algorithm="SHA256",
        serial_number="a" * 40,
    )
    event = "FailedToAuthenticateAtCentralSystem"
    SecurityEvent.objects.create(charger=charger, type=event, critical=True, tech_info="x" * 255)
    now = timezone.now()
    ProfileUpgrade.objects.create(
        charger=charger,
        target=2,
        before=0,
        step="failed",
        detail="timeout",
        epoch=1,
        asked_by="A",
        deadline=now,
        ended_at=now,
    )


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
    links.connect(
        [links.Attempt("WALLBOX-9", "", "203.0.113.7", "t", user_agent="ACME Wallbox/2.1")]
    )
    setups.again(charger, actor=SYSTEM)
    run = charger.commissionings.get()
    for status in StepStatus.values:
        run.steps.create(
            phase="set", kind="set", key="MeterValuesSampledData", value="a,b", status=status
        )
    for key in ("HeartbeatInterval", "AuthorizationKey", "Vendor.OneVeryLongNameOfAKeyInTheSet"):
        ConfigurationKey.objects.create(charger=charger, key=key, value="7" * 60)
    ChargerSetup.objects.filter(charger=charger).update(commissioned_at=timezone.now())
    a_reservation(a_connector(charger, 2), a_card(member))
    tested = a_charger(station, online=True)
    acceptance = a_failed_run(tested)
    secure(charger)
    a_sent_file(charger)
    an_image(company, vendor="Maker", model="Model")
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
        "acceptance": f"/chargers/{charger.charge_point_id}/acceptance/",
        "acceptance run": f"/chargers/{tested.charge_point_id}/acceptance/{acceptance.pk}/",
        "frames": f"/chargers/{charger.charge_point_id}/frames/",
        "forwarding": f"/chargers/{charger.charge_point_id}/forwarding/",
        "communication": f"/chargers/{charger.charge_point_id}/communication/",
        "set-up": f"/chargers/{charger.charge_point_id}/setup/",
        "edit charger": f"/chargers/{charger.charge_point_id}/edit/",
        "new chargers": "/new-chargers/?id=WALLBOX-9",
        "add charger": "/new-chargers/add/",
        "templates": "/configuration-templates/",
        "new template": "/configuration-templates/new/",
        "security": f"/chargers/{charger.charge_point_id}/security/",
        "certificates": "/certificates/",
        "sessions": "/sessions/",
        "session": f"/sessions/{ended.pk}/",
        "session frames": f"/sessions/{ended.pk}/frames/",
        "all frames": "/frames/",
        "prices": "/prices/",
        "price": f"/prices/{charger.station_id}/guest/",
        "holidays": "/holidays/",
        "reservations": "/reservations/",
        "doctor": f"/chargers/{charger.charge_point_id}/doctor/",
        "files": f"/chargers/{charger.charge_point_id}/files/",
        "firmware": "/firmware/",
        "campaigns": "/campaigns/",
        "campaign": f"/campaigns/{a_campaign([charger]).pk}/",
        "new campaign": "/campaigns/new/?kind=configuration",
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
    wrong: list[tuple[str, ...]] = []
    for name, path in paths.items():
        joint = "&" if "?" in path else "?"
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{path}{joint}lang=en")
        broken = axe.run(page, options=RULES).response["violations"]
        wrong += [(name, rule["id"], rule["nodes"][0]["html"][:120]) for rule in broken]
        wrong += [(name, "desk", html) for html in page.evaluate(TOO_WIDE)]
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(f"{path}{joint}lang=th")
        wrong += [(name, "phone", html) for html in page.evaluate(TOO_WIDE)]
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        wrong += [(name, "200 %", html) for html in page.evaluate(TOO_WIDE)]
    assert wrong == []
