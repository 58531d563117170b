"""Requests for a certificate, good and bad, and security events, on the wire."""

import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.utils import timezone

from core.audit import SYSTEM, Actor
from stations.models import Case, Charger, ChargerCertificate, SecurityEvent
from stations.services import authority, certificates, security_events
from tests.factories import a_charger
from tests.security.papers import Key, a_csr, a_key, an_rsa_key
from tests.stack import Stack, eventually
from tests.wire import Point, now

pytestmark = pytest.mark.wire
MANAGER = Actor("admin", "1", "Pranee")


def state(charger: Charger) -> str:
    row = ChargerCertificate.objects.filter(charger=charger).first()
    return row.state if row else ""


@pytest.mark.parametrize("key", [a_key(), an_rsa_key(2048)], ids=["P-256", "RSA 2048"])
def test_a_good_request_is_signed_and_comes_after_the_answer(live: Stack, key: Key) -> None:
    charger = a_charger()
    with Point(live.ocpp_url, charger) as point:
        csr = a_csr(charger.charge_point_id, "Any Ltd.", key=key)
        assert point.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
        chain = x509.load_pem_x509_certificates(
            point.expect("CertificateSigned")["certificateChain"].encode()
        )
        eventually(lambda: state(charger) == "installed")
    leaf, root = chain
    leaf.verify_directly_issued_by(root)
    assert root == x509.load_pem_x509_certificate(authority.root_pem().encode())
    assert leaf.public_key() == key.public_key()
    assert leaf.subject == x509.load_pem_x509_csr(csr.encode()).subject
    use = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    row = ChargerCertificate.objects.get(charger=charger)
    assert row.serial == f"{leaf.serial_number:x}"
    assert row.fingerprint == leaf.fingerprint(hashes.SHA256()).hex()


def damaged(csr: str) -> str:
    """The same request with another name, so that its signature no longer fits."""
    request = x509.load_pem_x509_csr(csr.encode())
    der = request.public_bytes(Encoding.DER).replace(b"CP-WRONG", b"CP-OTHER")
    text = ssl.DER_cert_to_PEM_cert(der)
    return text.replace(" CERTIFICATE-", " CERTIFICATE REQUEST-")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("garbage", "csr_unreadable"),
        ("signature", "csr_signature"),
        ("key", "csr_key"),
        ("name", "csr_common_name"),
        ("organisation", "csr_organisation"),
    ],
)
def test_a_bad_request_is_rejected_with_its_reason_on_record(
    live: Stack, what: str, code: str
) -> None:
    charger = a_charger()
    own = charger.charge_point_id
    company = charger.station.company
    authority.set_rules(company, cpo_name="Sukjai EV", approve_by_hand=False, actor=SYSTEM)
    csr = {
        "garbage": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\x00\n-----END CERTIFICATE REQUEST-----",
        "signature": damaged(a_csr("CP-WRONG", "Sukjai EV")),
        "key": a_csr(own, "Sukjai EV", key=an_rsa_key(1024)),
        "name": a_csr("CP-WRONG", "Sukjai EV"),
        "organisation": a_csr(own, "Somebody Else"),
    }[what]
    with Point(live.ocpp_url, charger) as point:
        assert point.call("SignCertificate", {"csr": csr}) == {"status": "Rejected"}
        assert point.call("SignCertificate", {"csr": csr}) == {"status": "Rejected"}
        right = a_csr(own, "sukjai ev")
        assert point.call("SignCertificate", {"csr": right}) == {"status": "Accepted"}
    refused = ChargerCertificate.objects.get(charger=charger, state="rejected")
    assert refused.detail == code
    assert Case.objects.get(charger=charger).evidence["why"] == code


def test_where_a_person_approves_nothing_is_signed_before(live: Stack) -> None:
    charger = a_charger()
    company = charger.station.company
    authority.set_rules(company, cpo_name="", approve_by_hand=True, actor=SYSTEM)
    with Point(live.ocpp_url, charger) as point:
        for _ in range(2):
            csr = a_csr(charger.charge_point_id)
            assert point.call("SignCertificate", {"csr": csr})["status"] == "Accepted"
        second, first = ChargerCertificate.objects.filter(charger=charger)
        certificates.reject(first, actor=MANAGER)
        certificates.approve(second, actor=MANAGER)
        assert point.expect("CertificateSigned")
        eventually(lambda: state(charger) == "installed")
    first.refresh_from_db()
    assert (first.state, first.fingerprint, first.decided_by) == ("rejected", None, "Pranee")


def test_a_charger_is_asked_with_our_organisation_and_again_30_days_before_the_end(
    live: Stack,
) -> None:
    charger = a_charger()
    company = charger.station.company
    authority.set_rules(company, cpo_name="Sukjai EV", approve_by_hand=False, actor=SYSTEM)
    with Point(live.ocpp_url, charger) as point:
        certificates.ask(charger, actor=MANAGER)
        cpo = {"key": "CpoName", "value": "Sukjai EV"}
        assert point.expect("ChangeConfiguration") == cpo
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        assert point.expect("ExtendedTriggerMessage") == trigger
        csr = a_csr(charger.charge_point_id, "Sukjai EV")
        point.call("SignCertificate", {"csr": csr})
        point.expect("CertificateSigned")
        eventually(lambda: state(charger) == "installed")
        certificates.renew_expiring()
        mine = ChargerCertificate.objects.filter(charger=charger)
        assert mine.get().renewal_asked_at is None
        soon = timezone.now() + timedelta(days=29)
        mine.update(not_after=soon)
        certificates.renew_expiring()
        asked_at = mine.get().renewal_asked_at
        assert asked_at is not None
        certificates.renew_expiring()
        assert mine.get().renewal_asked_at == asked_at  # once a day
        assert point.expect("ChangeConfiguration") == cpo
        assert point.expect("ExtendedTriggerMessage") == trigger


def test_security_events_are_kept_once_and_the_critical_ones_raise_a_case(live: Stack) -> None:
    charger = a_charger()
    with Point(live.ocpp_url, charger) as point:
        at = now()
        for kind in (
            "StartupOfTheDevice",
            "TamperDetectionActivated",
            "InvalidMessages",
            "Own\x00",
        ):
            for _ in range(2):
                event = {"type": kind, "timestamp": at, "techInfo": "cover open"}
                assert point.call("SecurityEventNotification", event) == {}
        assert point.call("SecurityEventNotification", {"type": "X", "timestamp": "soon"}) == {}
    rows = list(SecurityEvent.objects.filter(charger=charger).order_by("pk"))
    assert [(r.type, r.critical) for r in rows] == [
        ("StartupOfTheDevice", True),
        ("TamperDetectionActivated", True),
        ("InvalidMessages", False),
        ("Own", False),
        ("X", False),
    ]
    assert rows[-1].device_at is None
    case = Case.objects.get(charger=charger)
    assert (case.kind, case.evidence["type"]) == ("security_event", "TamperDetectionActivated")
    old = timezone.now() - timedelta(days=366)
    SecurityEvent.objects.filter(pk=rows[0].pk).update(received_at=old)
    assert security_events.drop_before(365) == 1
