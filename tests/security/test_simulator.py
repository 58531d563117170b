"""The simulated charger on its way from a password to a certificate, and back where that fails."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509 as plain
from cryptography.hazmat.primitives import hashes

from billing.models import Bill
from core.audit import SYSTEM
from simulators import papers
from simulators.charger import ChargePoint, Hardware
from simulators.clock import TimeSource
from simulators.ocpp_link import Endpoint
from stations import certificates as x509
from stations.models import (
    Charger,
    ChargerCertificate,
    InstalledRoot,
    ProfileUpgrade,
    SecurityEvent,
    Session,
)
from stations.services import authority, certificates, passwords, roots, upgrades
from tests.factories import CHARGER_PASSWORD, a_card, a_charger, a_customer
from tests.security.papers import a_maker, a_name, an_rsa_key, pem
from tests.stack import Stack, eventually

pytestmark = pytest.mark.wire
ROOT_USE = "CentralSystemRootCertificate"


@pytest.fixture(autouse=True)
def tls_here(settings: Any) -> None:
    settings.OCPP_TLS = True  # as the running processes have it


class Simulated:
    """A simulated charger on an event loop of its own thread."""

    def __init__(self, point: ChargePoint, loop: asyncio.AbstractEventLoop) -> None:
        self.point, self._loop = point, loop

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def tell(self, work: Any, *args: Any) -> None:
        self._loop.call_soon_threadsafe(work, *args)


@contextmanager
def simulated(live: Stack, charger: Charger, *, secure_url: str = "") -> Iterator[Simulated]:
    """A charger in a hurry that knows both addresses."""
    endpoint = Endpoint(
        live.ocpp_url,
        charger.charge_point_id,
        CHARGER_PASSWORD,
        reconnect_min_s=0.01,
        reconnect_max_s=0.05,
        secure_url=secure_url or live.ocpp_tls_url,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def made() -> ChargePoint:
        hardware = Hardware(reboot_s=0.01, stop_ramp_s=0.0)
        point = ChargePoint(endpoint, hardware, time=TimeSource(60.0))
        point.start()
        return point

    point = asyncio.run_coroutine_threadsafe(made(), loop).result(5)
    it = Simulated(point, loop)
    try:
        it.run(point.wait_registered())
        yield it
    finally:
        it.run(point.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def profile(charger: Charger) -> int:
    charger.refresh_from_db()
    return charger.connection_profile if charger.connection_holder else 0


def ended(upgrade: ProfileUpgrade) -> str:
    upgrade.refresh_from_db()
    return upgrade.step if upgrade.ended_at else ""


def test_from_a_password_to_a_certificate_and_a_billed_charge(live: Stack) -> None:
    charger = a_charger()
    card = a_card(a_customer(charger.station.company, balance=500_00))
    with simulated(live, charger) as it:
        before = Charger.objects.get(pk=charger.pk).password_hmac
        passwords.renew(charger, actor=SYSTEM)
        eventually(lambda: Charger.objects.get(pk=charger.pk).password_hmac != before)

        eventually(lambda: profile(charger) == 1)
        roots.install(charger, ROOT_USE, actor=SYSTEM)
        root = eventually(lambda: InstalledRoot.objects.filter(charger=charger).first())
        assert roots.hash_data(root) == x509.hash_data(x509.read(authority.root_pem()))
        upgrade = upgrades.begin(charger, 2, actor=SYSTEM)
        assert eventually(lambda: ended(upgrade)) == "done"
        eventually(lambda: profile(charger) == 2)

        certificates.ask(charger, actor=SYSTEM)
        signed = ChargerCertificate.objects.filter(charger=charger, state="installed")
        eventually(signed.exists)
        upgrade = upgrades.begin(charger, 3, actor=SYSTEM)
        assert eventually(lambda: ended(upgrade)) == "done"
        eventually(lambda: profile(charger) == 3)

        it.run(it.point.wait_registered())
        it.tell(it.point.report_event, "ResetOrReboot", "profile 3")
        eventually(SecurityEvent.objects.filter(charger=charger, type="ResetOrReboot").exists)
        it.tell(it.point.plug, 1)
        assert it.run(it.point.tap(card.id_tag, 1)) == "Accepted"
        it.run(it.point.wait_status(1, "Charging"))
        it.tell(it.point.stop_session, 1)
        it.run(it.point.wait_session_end(1))
    session = Session.objects.get(charger=charger)
    assert eventually(lambda: Bill.objects.filter(session=session).first())


def test_a_new_profile_that_does_not_work_is_given_up_by_the_charger(live: Stack) -> None:
    charger = a_charger()
    nowhere = f"wss://127.0.0.1:{live.ocpp_port}/ocpp/1.6/"  # speaks no TLS
    with simulated(live, charger, secure_url=nowhere) as it:
        it.point.papers.roots[ROOT_USE].append(authority.root_pem())
        upgrade = upgrades.begin(charger, 2, actor=SYSTEM, trusts_us=True)
        assert eventually(lambda: ended(upgrade)) == "failed"
        upgrade.refresh_from_db()
        assert upgrade.detail == "came_back:1"
        it.run(it.point.wait_registered())
        assert it.point.configuration.text("SecurityProfile") == "1"


def test_both_sides_hash_a_root_the_same_way_whatever_its_key() -> None:
    """Two implementations of CertificateHashData, one by DER and one by the kind of key."""

    key = an_rsa_key(2048)
    now = datetime.now(UTC)
    builder = plain.CertificateBuilder().subject_name(a_name("R")).issuer_name(a_name("R"))
    builder = builder.public_key(key.public_key()).serial_number(0x0F).not_valid_before(now)
    rsa = pem(builder.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256()))
    for root in (a_maker().pem, rsa):
        assert papers.hash_data(root) == x509.hash_data(x509.read(root))
    assert papers.hash_data(rsa)["serialNumber"] == "f"
