"""The Security tab, the certificates page and the API beside them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.audit import SYSTEM
from core.models import AuditEntry
from core.seal import unseal
from stations.drivers.ocpp.redact import redact
from stations.models import (
    Authority,
    Charger,
    ChargerCertificate,
    Command,
    InstalledRoot,
    ProfileUpgrade,
    SecurityEvent,
    SecurityRules,
    TrustedAuthority,
)
from stations.services import authority, commands, links
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.pages.people import signed_in
from tests.security.papers import a_key, a_maker
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tls_here(settings: Any) -> None:
    settings.OCPP_TLS, settings.OCPP_TLS_PORT = True, 9443


def an_online_charger() -> Charger:
    return a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True)


def do(charger: Charger, level: str = Level.MANAGER, **posted: Any) -> Any:
    client = signed_in(an_admin(charger.station.company, level, name="Pranee"))
    return client.post("/chargers/SJ-01/security/do/", posted)


def page_of(charger: Charger, level: str = Level.OWNER) -> str:
    client = signed_in(an_admin(charger.station.company, level))
    text: str = client.get("/chargers/SJ-01/security/").content.decode()
    return text


def a_paper(charger: Charger, **fields: Any) -> ChargerCertificate:
    now = timezone.now()
    values: dict[str, Any] = {
        "csr": "",
        "state": "installed",
        "serial": "ab12",
        "fingerprint": f"{charger.pk:064x}",
        "not_after": now + timedelta(days=300),
    }
    return ChargerCertificate.objects.create(charger=charger, **values | fields)


def test_the_button_sends_a_password_that_nobody_sees() -> None:
    charger = an_online_charger()
    response = do(charger, action="password")
    assert response["Location"] == "/chargers/SJ-01/security/?done=password"
    command = Command.objects.get()
    assert command.payload == {"key": "AuthorizationKey", "value": "***"}
    secret = unseal(command.sealed)
    page = page_of(charger)
    assert "A new one is on its way" in page
    assert "every 2s" in page
    assert secret[10:50] not in page
    entry = AuditEntry.objects.get(action="change_password")
    assert entry.new == {"password": "***", "command": command.pk}


def test_an_operator_looks_and_a_viewer_too_but_neither_changes() -> None:
    charger = an_online_charger()
    for level in (Level.OPERATOR, Level.VIEWER):
        assert do(charger, level, action="password").status_code == 403
        assert "Change the password" not in page_of(charger, level)
    assert not Command.objects.exists()


def test_offline_nothing_is_sent_and_said_so() -> None:
    charger = a_charger(a_station(a_company()), charge_point_id="SJ-01")
    for action in ("password", "ask-certificate", "install-own-root", "read-roots"):
        response = do(charger, action=action)
        assert response.status_code == 409, action
        assert "offline" in response.content.decode()
    assert not Command.objects.exists()
    charger.refresh_from_db()
    assert charger.next_password_hmacs == []


def test_the_tab_shows_how_it_stands_and_what_is_missing() -> None:
    charger = an_online_charger()
    page = page_of(charger)
    assert "Before profile 1" in page
    Charger.objects.filter(pk=charger.pk).update(connection_profile=1)
    page = page_of(charger)
    assert "Before profile 2" in page
    assert "wss://" in page
    assert "The charger trusts this server already" in page
    assert "Nothing reported" in page
    assert "No certificate yet" in page
    soon = timezone.now() + timedelta(days=5)
    a_paper(charger, not_after=soon)
    SecurityEvent.objects.create(charger=charger, type="TamperDetectionActivated", critical=True)
    InstalledRoot.objects.create(
        charger=charger,
        use="CentralSystemRootCertificate",
        hash_algorithm="SHA256",
        serial_number="77",
    )
    page = page_of(charger)
    for word in ("ab12", "TamperDetectionActivated", "Trusts this server", "On the charger"):
        assert word in page


def test_an_upgrade_begins_and_shows_its_steps() -> None:
    charger = an_online_charger()
    Charger.objects.filter(pk=charger.pk).update(connection_profile=1)
    refused = do(charger, action="upgrade", target="2")
    assert refused.status_code == 409
    assert "First install this server’s root certificate" in refused.content.decode()
    do(charger, action="upgrade", target="2", trusts_us="1")
    command = Command.objects.get()
    assert command.payload == {"key": "SecurityProfile", "value": "2"}
    page = page_of(charger)
    assert "Telling the charger" in page
    assert "every 2s" in page
    again = do(charger, action="upgrade", target="2", trusts_us="1")
    assert again.status_code == 409
    hand = do(charger, action="profile", profile="0")
    assert (hand.status_code, ProfileUpgrade.objects.count()) == (409, 1)


def test_a_lower_profile_lets_a_charger_in_again() -> None:
    charger = an_online_charger()
    Charger.objects.filter(pk=charger.pk).update(security_profile=3, least_profile=3)
    do(charger, action="profile", profile="1")
    charger.refresh_from_db()
    assert (charger.security_profile, charger.least_profile) == (1, 1)
    do(charger, action="profile", profile="9")
    charger.refresh_from_db()
    assert charger.security_profile == 1


def test_papers_are_approved_refused_and_revoked_from_either_page() -> None:
    charger = an_online_charger()
    waiting = a_paper(charger, state="requested", fingerprint=None, serial="")
    good = a_paper(charger)
    client = signed_in(an_admin(charger.station.company))
    listed = client.get("/certificates/").content.decode()
    assert "Waits for approval" in listed
    assert "ab12" in listed
    back = do(charger, action="approve", paper=waiting.pk, back="certificates")
    assert back["Location"] == "/certificates/?done=approve"
    assert do(charger, action="reject", paper=waiting.pk).status_code == 409
    do(charger, action="revoke", paper=good.pk)
    good.refresh_from_db()
    assert good.revoked_by == "Pranee"
    assert do(charger, action="revoke", paper=good.pk).status_code == 409
    assert "Revoked" in page_of(charger)


def test_another_companys_certificate_is_not_there_to_revoke() -> None:
    charger = an_online_charger()
    other = a_paper(a_charger())
    assert do(charger, action="revoke", paper=other.pk).status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None


def test_a_bad_root_is_refused_at_its_field_with_what_was_typed() -> None:
    charger = an_online_charger()
    use = "ManufacturerRootCertificate"
    response = do(charger, action="install-root", use=use, certificate="no certificate")
    page = response.content.decode()
    assert response.status_code == 422
    assert "This is not a certificate in PEM form." in page
    assert ">no certificate</textarea>" in page
    do(charger, action="install-root", use=use, certificate=a_maker().pem)
    assert Command.objects.get().payload["certificateType"] == use


def test_the_certificates_page_trusts_distrusts_and_sets_rules() -> None:
    company = a_company()
    client = signed_in(an_admin(company))
    maker = a_maker("Wallbox Maker")
    leaf = maker.sign("CP", a_key().public_key())
    wrong = client.post("/certificates/change/", {"action": "trust", "certificate": leaf})
    assert wrong.status_code == 422
    assert "may not sign others" in wrong.content.decode()
    client.post("/certificates/change/", {"action": "trust", "certificate": maker.pem})
    again = client.post("/certificates/change/", {"action": "trust", "certificate": maker.pem})
    assert again.status_code == 409
    trusted = TrustedAuthority.objects.get(company=company)
    assert trusted.name == "Wallbox Maker"
    stranger = signed_in(an_admin(a_company()))
    drop = {"action": "distrust", "authority": trusted.pk}
    assert stranger.post("/certificates/change/", drop).status_code == 404
    client.post("/certificates/change/", drop)
    assert not TrustedAuthority.objects.exists()
    rules = {"action": "rules", "cpo_name": "Sukjai EV", "approve_by_hand": "on"}
    client.post("/certificates/change/", rules)
    found = SecurityRules.objects.get(company=company)
    assert (found.cpo_name, found.approve_by_hand) == ("Sukjai EV", True)
    thai = client.post("/certificates/change/", rules | {"cpo_name": "สุขใจ"})
    assert thai.status_code == 422


def test_the_root_is_downloaded_and_its_key_never_leaves() -> None:
    client = signed_in(an_admin(a_company(), Level.VIEWER))
    response = client.get("/certificates/root.pem")
    assert response.content.decode() == Authority.objects.get().certificate
    assert "attachment" in response["Content-Disposition"]
    sealed = Authority.objects.get().sealed_key
    assert "PRIVATE" not in sealed
    assert "PRIVATE KEY" in unseal(sealed)


def test_a_changed_secret_key_is_said_and_signs_nothing(settings: Any) -> None:
    authority.row()
    settings.SECRET_KEY = "another-secret-key-of-no-worth-but-long-enough"
    with pytest.raises(authority.KeyUnreadable):
        authority.issuer()


def test_the_api_reads_and_changes_the_same() -> None:
    charger = an_online_charger()
    caller = Caller(an_admin(charger.station.company))
    path = f"chargers/{charger.charge_point_id}/"
    shown = caller.get(f"{path}security/")
    assert (shown["security_profile"], shown["password_set"]) == (0, True)
    assert caller.patch(f"{path}security/", {"security_profile": 2})["security_profile"] == 2
    assert caller.patch(f"{path}security/", {"security_profile": 7}).status == 422
    refused = caller.post(f"{path}security/upgrade/", {"profile": 2})
    assert (refused.status, refused["code"]) == (409, "needs_root")
    began = caller.post(f"{path}security/upgrade/", {"profile": 2, "trusts_us": True})
    assert (began.status, began["step"]) == (202, "configuring")
    assert caller.get(f"{path}security/")["upgrade"]["target"] == 2
    paper = a_paper(charger)
    assert caller.get(f"{path}certificates/").rows[0]["serial"] == "ab12"
    revoked = caller.post(f"{path}certificates/{paper.pk}/revoke/")
    assert revoked["revoked_at"]
    assert caller.post(f"{path}certificates/{paper.pk}/revoke/").status == 409
    SecurityEvent.objects.create(charger=charger, type="ResetOrReboot", critical=True)
    assert caller.get(f"{path}security-events/", critical="true").rows[0]["type"] == "ResetOrReboot"
    bad = caller.post(f"{path}certificates/", {"certificate_type": "X", "certificate": "y"})
    assert (bad.status, list(bad["fields"])) == (422, ["certificate_type"])


def test_a_refusal_at_the_door_is_told_on_the_chargers_page() -> None:
    charger = an_online_charger()
    attempt = links.Attempt(
        "SJ-01", "", "203.0.113.7", "x", "TLSv1.3", "f" * 64, None, "wrong_name"
    )
    links.connect([attempt])
    assert "with a certificate of another name" in page_of(charger)


def test_a_refused_password_is_told_until_another_was_taken() -> None:
    charger = an_online_charger()
    do(charger, action="password")
    command = Command.objects.get()
    commands.claim(command.pk, "sockets_test", 1)
    Command.objects.filter(pk=command.pk).update(status="rejected")
    Charger.objects.filter(pk=charger.pk).update(next_password_hmacs=[])
    Charger.objects.filter(pk=charger.pk).update(
        password_changed_at=timezone.now() - timedelta(days=1)
    )
    assert "refused the last new one" in page_of(charger)
    links.set_password(charger, "typed-into-the-charger")
    assert "refused the last new one" not in page_of(charger)


@pytest.mark.parametrize(
    "text",
    [
        '{"key":"AuthorizationKey","value":"s3cret"}',
        '{"value": "s3cret", "readonly": false, "key": "authorizationkey"}',
        '{"key":"Authorization\\u004bey","value":"s3cret"}',
        '{"key":"BasicAuthPassword","value":"s3cret"}',
        '{"key":"Vendor.WifiPassword","value":"s3cret"}',
        '{"url":"wss://CP1:s3cret@host/ocpp"}',
        '{"pem":"-----BEGIN EC PRIVATE KEY-----\\ns3cret\\n-----END EC PRIVATE KEY-----"}',
        '{"pem":"-----BEGIN ENCRYPTED PRIVATE KEY-----\\ns3cret"}',
    ],
)
def test_no_secret_of_a_charger_stays_in_a_frame(text: str) -> None:
    assert "s3cret" not in redact(text)


def test_certificates_and_requests_are_no_secret() -> None:
    text = '{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}'
    assert redact(text) == text
    assert authority.trust(a_company(), a_maker().pem, actor=SYSTEM).fingerprint
