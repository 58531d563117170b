"""A TLS proxy in front: its word counts, and nobody else's."""

from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from core.audit import SYSTEM
from stations.drivers.ocpp.credentials import attempt_of
from stations.drivers.ocpp.trust import Trust
from stations.models import Charger, Knock
from stations.services import authority, links
from stations.services.links import Connected, Turned
from tests.factories import CHARGER_PASSWORD, a_charger
from tests.security.papers import a_key, a_maker
from tests.wire import basic

pytestmark = pytest.mark.django_db
PROXY, CHARGER_ADDRESS = "10.0.0.2", "203.0.113.7"


@pytest.fixture(autouse=True)
def behind(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [PROXY]


def came(charger: Charger, peer: str, password: str = "", **headers: str) -> Connected | Turned:
    """The door's answer to a request from ``peer`` with these headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if password:
        given |= {k.lower(): v for k, v in basic(charger.charge_point_id, password).items()}
    scope = {
        "url_route": {"kwargs": {"charge_point_id": charger.charge_point_id}},
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        "client": (peer, 1234),
        "extensions": {},
    }
    trust = Trust()
    trust.take(authority.load())
    attempt = attempt_of(scope, "sockets_a", trust)
    assert attempt is not None
    return links.connect([attempt])[0]


def shown(charger: Charger, *, trusted: bool = True, days: tuple[int, int] = (-1, 30)) -> str:
    """A certificate for the charger, escaped as nginx escapes it."""
    maker, key = a_maker(), a_key()
    if trusted:
        authority.trust(charger.station.company, maker.pem, actor=SYSTEM)
    return quote(maker.sign(charger.charge_point_id, key.public_key(), days=days))


def profile(charger: Charger) -> tuple[int, str]:
    charger.refresh_from_db()
    return charger.connection_profile, charger.connection_tls


def test_a_password_through_the_proxys_tls_is_profile_2() -> None:
    charger = a_charger()
    assert isinstance(
        came(
            charger,
            PROXY,
            CHARGER_PASSWORD,
            x_forwarded_proto="https",
            x_forwarded_for=f"198.51.100.1, {CHARGER_ADDRESS}",
        ),
        Connected,
    )
    assert profile(charger) == (2, "proxied")
    assert isinstance(came(charger, PROXY, CHARGER_PASSWORD, x_forwarded_proto="http"), Connected)
    assert profile(charger) == (1, "")


def test_a_certificate_that_the_proxy_has_verified_is_profile_3() -> None:
    charger = a_charger()
    headers = {"x_forwarded_proto": "https", "ssl_client_cert": shown(charger)}
    assert isinstance(came(charger, PROXY, ssl_client_verify="SUCCESS", **headers), Connected)
    assert profile(charger) == (3, "proxied")


@pytest.mark.parametrize("verify", ["FAILED:certificate has expired", "NONE", ""])
def test_one_that_the_proxy_did_not_verify_is_refused_even_with_the_password(verify: str) -> None:
    charger = a_charger()
    headers = {"x_forwarded_proto": "https", "ssl_client_cert": shown(charger)}
    turned = came(charger, PROXY, CHARGER_PASSWORD, ssl_client_verify=verify, **headers)
    assert turned == Turned("untrusted")
    assert Knock.objects.get(charger=charger).reason == "untrusted"


@pytest.mark.parametrize(
    ("trusted", "days", "reason"),
    [(False, (-1, 30), "unknown_certificate"), (True, (-30, -1), "expired")],
)
def test_a_careless_proxy_does_not_let_a_bad_certificate_in(
    trusted: bool, days: tuple[int, int], reason: str
) -> None:
    charger = a_charger()
    headers = {"x_forwarded_proto": "https", "ssl_client_verify": "SUCCESS"}
    certificate = shown(charger, trusted=trusted, days=days)
    assert came(charger, PROXY, ssl_client_cert=certificate, **headers) == Turned(reason)


def test_garbage_instead_of_a_certificate_is_refused() -> None:
    charger = a_charger()
    headers = {"x_forwarded_proto": "https", "ssl_client_verify": "SUCCESS"}
    junk = quote("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    for text in ("hello", junk):
        assert came(charger, PROXY, ssl_client_cert=text, **headers) == Turned("unreadable")


def test_the_same_headers_from_anybody_else_are_nothing() -> None:
    charger = a_charger()
    headers = {
        "x_forwarded_proto": "https",
        "ssl_client_verify": "SUCCESS",
        "ssl_client_cert": shown(charger),
        "x_forwarded_for": "198.51.100.1",
    }
    assert came(charger, CHARGER_ADDRESS, **headers) == Turned("wrong_password")
    assert Knock.objects.get(charger=charger).address == CHARGER_ADDRESS
    assert isinstance(came(charger, CHARGER_ADDRESS, CHARGER_PASSWORD, **headers), Connected)
    assert profile(charger) == (1, "")


def test_a_name_with_a_colon_keeps_its_password() -> None:
    charger = a_charger(charge_point_id="SITE:CP1")
    assert isinstance(came(charger, CHARGER_ADDRESS, CHARGER_PASSWORD), Connected)


def test_our_own_certificates_are_known_by_fingerprint_whoever_asks_for_them() -> None:
    """Signed by our authority, but by nobody here (its key has leaked): no row, no entry."""
    charger = a_charger()
    issuer = authority.issuer()
    key = a_key()
    from tests.security.papers import Maker

    forged = Maker(issuer.certificate, issuer.key).sign(charger.charge_point_id, key.public_key())
    der = x509.load_pem_x509_certificate(forged.encode()).public_bytes(Encoding.PEM).decode()
    headers = {"x_forwarded_proto": "https", "ssl_client_verify": "SUCCESS"}
    assert came(charger, PROXY, ssl_client_cert=quote(der), **headers) == Turned(
        "unknown_certificate"
    )
