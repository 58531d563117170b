"""Security profiles: who is let in, with what, and by which protocol."""

import socket
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from stations.services import authority
from tests.certification import states
from tests.certification.certificates import (
    Key,
    a_request,
    an_rsa_server,
    common_name,
    context,
    new_key,
)
from tests.certification.processes import socket_process
from tests.certification.scene import Payload, Scene, moment
from tests.factories import CHARGER_PASSWORD
from tests.stack import Stack

pytestmark = pytest.mark.wire
ACCEPTED = {"status": "Accepted"}
# What our server must speak with a certificate of either kind (security extension §3.3).
ECDSA_SUITES = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
RSA_SUITES = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")


def refused(scene: Scene, password: str | None, tls: ssl.SSLContext | None = None) -> None:
    """Before the upgrade, and with the status that says why."""
    with pytest.raises(InvalidStatus) as answer:
        scene.connect(password, tls=tls)
    assert answer.value.response.status_code == 401


def trusting() -> ssl.SSLContext:
    """The charge point has our root (configured), and no certificate of its own."""
    return context(authority.root_pem())


@dataclass(frozen=True, slots=True)
class Renewed:
    """State *RenewChargePointCertificate*: a key, and the chain that came for it."""

    key: Key
    chain: str

    @property
    def context(self) -> ssl.SSLContext:
        return context(authority.root_pem(), self.chain, self.key)


def renew(scene: Scene, answer: Payload = ACCEPTED) -> Renewed:
    """The operator asks for a request; it is signed, and the chain is answered so."""
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    assert scene.order("ExtendedTriggerMessage", trigger, ACCEPTED) == trigger
    key = new_key()
    csr = a_request(key, scene.id, "Certification")
    assert scene.point.says("SignCertificate", csr=csr) == ACCEPTED
    return Renewed(key, scene.point.expects("CertificateSigned", answer)["certificateChain"])


def check_chain(scene: Scene, renewed: Renewed) -> None:
    """The chain begins with a certificate for this charge point's name and key, signed by our root."""
    leaf, *others = x509.load_pem_x509_certificates(renewed.chain.encode())
    assert common_name(leaf) == scene.id
    assert leaf.public_key() == renewed.key.public_key()
    root = x509.load_pem_x509_certificate(authority.root_pem().encode())
    leaf.verify_directly_issued_by(root)
    assert all(each == root for each in others)


def test_tc_073_a_new_password_is_sent_in_hex_and_opens_the_door(scene: Scene) -> None:
    states.connected(scene)
    asked = scene.acts(scene.site.ask, "POST", f"chargers/{scene.id}/password/")
    heard = scene.follow(asked, "ChangeConfiguration", ACCEPTED)
    assert heard["key"] == "AuthorizationKey"
    assert len(heard["value"]) <= 40
    password = bytes.fromhex(heard["value"])
    assert 16 <= len(password) <= 20
    scene.disconnect()
    # What a charge point shows is what the digits stand for, and those are no text.
    scene.connect(password.decode("utf-8", "surrogateescape"))
    states.boot(scene)
    refused(scene, CHARGER_PASSWORD)


def test_tc_074_a_certificate_is_renewed_when_we_ask_for_it(scene: Scene) -> None:
    states.connected(scene)
    renewed = renew(scene)
    check_chain(scene, renewed)
    scene.disconnect()
    scene.connect(None, tls=renewed.context)
    states.boot(scene)


def test_tc_077_a_certificate_that_was_refused_is_a_security_event(scene: Scene) -> None:
    states.connected(scene)
    check_chain(scene, renew(scene, {"status": "Rejected"}))
    answer = scene.point.says(
        "SecurityEventNotification", type="InvalidChargePointCertificate", timestamp=moment()
    )
    assert answer == {}


def test_tc_083_a_higher_profile_is_ordered_reached_and_kept(scene: Scene) -> None:
    profile = f"chargers/{scene.id}/security/"
    scene.site.ask("PATCH", profile, {"security_profile": 1})
    states.connected(scene)
    wish = {"profile": 2, "trusts_us": True}
    asked = scene.acts(scene.site.ask, "POST", f"{profile}upgrade/", wish)
    heard = scene.point.expects("ChangeConfiguration", ACCEPTED, key="SecurityProfile")
    assert heard == {"key": "SecurityProfile", "value": "2"}
    assert scene.point.expects("Reset", ACCEPTED) == {"type": "Hard"}
    asked.result()
    scene.disconnect()
    scene.connect(tls=trusting())
    states.booted(scene)
    refused(scene, CHARGER_PASSWORD)


def test_tc_085_the_right_name_and_password_are_let_in_and_others_are_not(scene: Scene) -> None:
    scene.connect()
    states.booted(scene)
    for wrong in ("not-the-password-0123", None):
        refused(scene, wrong)


def shake_hands(port: int, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection without a word of WebSocket."""
    raw = socket.create_connection(("127.0.0.1", port), 10)
    try:
        return tls.wrap_socket(raw, server_hostname="127.0.0.1")
    except BaseException:
        raw.close()
        raise


def speaks(port: int, suite: str, tls: ssl.SSLContext) -> x509.Certificate:
    """The server agrees on this suite when it is the only one offered; the certificate it shows."""
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers(suite)
    with shake_hands(port, tls) as channel:
        chosen, shown = channel.cipher(), channel.getpeercert(binary_form=True)
    assert chosen is not None
    assert chosen[0] == suite
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


def test_tc_086_our_certificate_is_good_and_nothing_older_than_tls_1_2_is_spoken(
    scene: Scene,
) -> None:
    scene.connect(tls=trusting())
    states.booted(scene)
    port = scene.site.doors.tls_port
    certificate, _ = (speaks(port, suite, trusting()) for suite in ECDSA_SUITES)
    assert certificate.serial_number > 0
    assert common_name(certificate) == "127.0.0.1", "the name that charge points call"
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.key_size >= 224
    old = trusting()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        shake_hands(port, old)


def test_an_rsa_certificate_is_spoken_with_the_suites_of_rsa(live: Stack, tmp_path: Path) -> None:
    """The other half of TC_086, for charge points that know RSA only."""
    chain, key = an_rsa_server("127.0.0.1")
    files = {"TLS_CERT": tmp_path / "chain.pem", "TLS_KEY": tmp_path / "key.pem"}
    for path, text in zip(files.values(), (chain, key), strict=True):
        path.write_text(text)
    environ = {name: str(path) for name, path in files.items()}
    with socket_process(live, tmp_path / "book", **environ) as doors:
        for suite in RSA_SUITES:
            tls = context(chain)
            tls.check_hostname = False  # it is known by itself
            shown = speaks(doors.tls_port, suite, tls)
            assert shown == x509.load_pem_x509_certificate(chain.encode())


def test_tc_087_a_certificate_of_ours_is_let_in_without_password_and_a_strangers_is_not(
    scene: Scene,
) -> None:
    states.connected(scene)
    renewed = renew(scene)
    scene.disconnect()
    scene.connect(None, tls=renewed.context)
    states.booted(scene)
    refused(scene, None, trusting())
    with Scene(scene.site, scene.patience) as other:
        refused(other, None, renewed.context)


def test_tc_088_of_the_offered_subprotocols_ours_is_chosen_and_without_it_there_is_no_talk(
    scene: Scene,
) -> None:
    foreign, ours = Subprotocol("ocpp0.1"), Subprotocol("ocpp1.6")
    stranger = scene.connect(subprotocols=[foreign])
    assert stranger.socket.subprotocol is None
    with pytest.raises(ConnectionClosed):
        stranger.receive()
    point = scene.connect(subprotocols=[foreign, ours])
    assert point.socket.subprotocol == ours
    states.booted(scene)
