"""To a higher profile: every step on the wire, and every failure leaves the charger as it was."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core.audit import SYSTEM
from core.errors import DomainError
from core.models import Fact
from stations.models import Charger, Command, InstalledRoot, ProfileUpgrade
from stations.services import authority, roots, upgrades
from tests.factories import a_charger
from tests.security.papers import a_context
from tests.security.test_door import Owned, refused
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True)
def tls_here(settings: Any) -> None:
    settings.OCPP_TLS = True  # as the running processes have it


def ended(upgrade: ProfileUpgrade) -> ProfileUpgrade | None:
    upgrade.refresh_from_db()
    return upgrade if upgrade.ended_at else None


def step(upgrade: ProfileUpgrade) -> str:
    upgrade.refresh_from_db()
    return upgrade.step


def begun(
    live: Stack, charger: Charger, target: int, context: ssl.SSLContext | None = None
) -> ProfileUpgrade:
    """The procedure up to the restart of the charger."""
    url = live.ocpp_tls_url if context else live.ocpp_url
    point = Point(url, charger, tls=context)
    point.boot()
    upgrade = upgrades.begin(charger, target, actor=SYSTEM, trusts_us=True)
    assert point.expect("ChangeConfiguration") == {"key": "SecurityProfile", "value": str(target)}
    assert point.expect("Reset") == {"type": "Hard"}
    eventually(lambda: step(upgrade) == "reconnecting")
    point.socket.close()
    return upgrade


def test_to_profile_2_and_nothing_lower_after_it(live: Stack, tmp_path: Path) -> None:
    charger = a_charger()
    upgrade = begun(live, charger, 2)
    with Point(live.ocpp_tls_url, charger, tls=a_context(authority.root_pem(), tmp_path)) as point:
        point.boot()
        assert eventually(lambda: ended(upgrade)).step == "done"
    charger.refresh_from_db()
    assert (charger.security_profile, charger.least_profile) == (2, 2)
    assert refused(lambda: Point(live.ocpp_url, charger)) == 401


def test_to_profile_3_with_a_certificate_signed_on_the_way(live: Stack, tmp_path: Path) -> None:
    charger = a_charger()
    context = a_context(authority.root_pem(), tmp_path)
    own = Owned(charger, tmp_path)
    upgrade = begun(live, charger, 3, context)
    with Point(live.ocpp_tls_url, charger, None, own.context) as point:
        point.boot()
        assert eventually(lambda: ended(upgrade)).step == "done"
    assert refused(lambda: Point(live.ocpp_tls_url, charger, tls=context)) == 401


def test_a_charger_that_falls_back_is_let_in_and_told_of(live: Stack) -> None:
    charger = a_charger()
    upgrade = begun(live, charger, 2)
    with Point(live.ocpp_url, charger) as point:
        assert point.boot()["status"] == "Accepted"
        found = eventually(lambda: ended(upgrade))
    assert (found.step, found.detail) == ("failed", "came_back:1")
    charger.refresh_from_db()
    assert (charger.security_profile, charger.least_profile) == (0, 0)


@pytest.mark.parametrize("word", ["Rejected", "NotSupported"])
def test_a_charger_that_refuses_keeps_what_it_had(live: Stack, word: str) -> None:
    charger = a_charger()
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.answers["ChangeConfiguration"] = {"status": word}
        upgrade = upgrades.begin(charger, 2, actor=SYSTEM, trusts_us=True)
        point.expect("ChangeConfiguration")
        found = eventually(lambda: ended(upgrade))
        assert (found.step, found.detail) == ("failed", f"answer:{word}")
        assert point.call("Heartbeat")["currentTime"]
    assert not Command.objects.filter(charger=charger, action="Reset").exists()
    charger.refresh_from_db()
    assert (charger.security_profile, charger.least_profile) == (0, 0)


def test_a_charger_that_never_comes_back_may_come_as_before(live: Stack) -> None:
    charger = a_charger()
    upgrade = begun(live, charger, 2)
    ProfileUpgrade.objects.filter(pk=upgrade.pk).update(deadline=timezone.now())
    fact = Fact(kind="upgrade_due", subject_id=upgrade.pk)
    with transaction.atomic():
        upgrades.on_upgrade_due(fact)
    assert (step(upgrade), upgrade.detail) == ("failed", "timeout")
    with Point(live.ocpp_url, charger) as point:
        assert point.boot()["status"] == "Accepted"


def test_nothing_begins_before_what_it_needs_is_there(live: Stack) -> None:
    charger = a_charger()
    with Point(live.ocpp_url, charger):
        assert code_of(charger, 2) == "needs_root"
        InstalledRoot.objects.create(charger=charger, use="CentralSystemRootCertificate")
        assert code_of(charger, 3) == "needs_certificate"
        Charger.objects.filter(pk=charger.pk).update(password_hmac="")
        assert code_of(charger, 1) == "needs_password"
    assert not Command.objects.filter(charger=charger).exists()


def code_of(charger: Charger, target: int) -> str:
    with pytest.raises(DomainError) as refusal:
        upgrades.begin(charger, target, actor=SYSTEM)
    return refusal.value.code


def test_a_root_is_installed_listed_and_deleted_by_its_hash(live: Stack) -> None:
    charger = a_charger()
    said = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "aa" * 32,
        "issuerKeyHash": "bb" * 32,
        "serialNumber": "1f",
    }
    with Point(live.ocpp_url, charger) as point:
        listed = {"status": "Accepted", "certificateHashData": [said]}
        point.answers["GetInstalledCertificateIds"] = listed
        roots.install(charger, "CentralSystemRootCertificate", actor=SYSTEM)
        sent = point.expect("InstallCertificate")
        assert sent["certificate"].strip() == authority.root_pem().strip()
        point.expect("GetInstalledCertificateIds")
        root = eventually(lambda: InstalledRoot.objects.filter(charger=charger).first())
        assert roots.hash_data(root) == said
        point.answers["GetInstalledCertificateIds"] = {"status": "NotFound"}
        roots.delete(root, actor=SYSTEM)
        assert point.expect("DeleteCertificate") == {"certificateHashData": said}
        point.expect("GetInstalledCertificateIds")
        eventually(lambda: not InstalledRoot.objects.filter(charger=charger).exists())
