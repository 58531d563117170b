"""Who is let in over TLS, with which certificate, and what is said to whom when not."""

import ssl
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from core.audit import SYSTEM
from evbilling.supervisor.config import free_port
from stations.models import Charger, ChargerCertificate, Knock
from stations.services import authority, certificates
from tests.factories import a_charger, a_company, a_station
from tests.security.papers import a_context, a_csr, a_key, a_maker, pem
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire


class Owned:
    """A charger with a certificate that we signed for it."""

    def __init__(self, charger: Charger, folder: Path) -> None:
        self.charger, self.key, self.folder = charger, a_key(), folder
        self.row = self.signed(a_csr(charger.charge_point_id, key=self.key))

    def signed(self, csr: str) -> ChargerCertificate:
        assert certificates.take_request(self.charger.pk, csr)
        row = ChargerCertificate.objects.filter(charger=self.charger).first()
        assert row is not None
        return eventually(lambda: self._sent(row))  # type: ignore[no-any-return]

    def _sent(self, row: ChargerCertificate) -> ChargerCertificate | None:
        row.refresh_from_db()
        if row.fingerprint and row.state == "failed":  # the charger was away: as if it had it
            ChargerCertificate.objects.filter(pk=row.pk).update(state="installed")
            row.refresh_from_db()
        return row if row.state == "installed" else None

    @property
    def context(self) -> ssl.SSLContext:
        return a_context(authority.root_pem(), self.folder, self.row.certificate, self.key)


def refused(connect: Callable[[], Any]) -> int:
    """The HTTP status of a refusal before the upgrade; 0 where TLS itself refused."""
    try:
        connect().socket.recv(timeout=5)
    except InvalidStatus as error:
        return error.response.status_code
    except (OSError, EOFError, WebSocketException):
        return 0
    raise AssertionError("was let in")


def knock_of(charger: Charger) -> str:
    return eventually(lambda: Knock.objects.filter(charger=charger).first()).reason  # type: ignore[no-any-return]


def log_of(live: Stack) -> str:
    """What the socket process has logged so far."""
    path = live.process_named("sockets").spec.log
    assert path is not None
    return path.read_text()


def profile(charger: Charger, asked: int, least: int = 0) -> None:
    Charger.objects.filter(pk=charger.pk).update(security_profile=asked, least_profile=least)


def test_a_password_over_tls_is_profile_2_and_then_a_plain_line_is_refused(
    live: Stack, tmp_path: Path
) -> None:
    charger = a_charger()
    profile(charger, 2)
    with Point(live.ocpp_url, charger) as plain:  # until it has come with TLS, both are good
        assert plain.boot()["status"] == "Accepted"
    context = a_context(authority.root_pem(), tmp_path)
    with Point(live.ocpp_tls_url, charger, tls=context) as point:
        assert point.boot()["status"] == "Accepted"
    charger.refresh_from_db()
    assert (charger.connection_profile, charger.least_profile) == (2, 2)
    assert charger.connection_tls.startswith("TLSv1.")
    assert refused(lambda: Point(live.ocpp_url, charger)) == 401
    assert knock_of(charger) == "needs_tls"


def test_a_certificate_of_ours_is_profile_3_and_then_a_password_is_not_enough(
    live: Stack, tmp_path: Path
) -> None:
    charger = a_charger()
    profile(charger, 3)
    own = Owned(charger, tmp_path)
    with Point(live.ocpp_tls_url, charger, None, own.context) as point:
        assert point.boot()["status"] == "Accepted"
    charger.refresh_from_db()
    assert (charger.connection_profile, charger.least_profile) == (3, 3)
    assert charger.connection_certificate_id == own.row.pk
    bare = a_context(authority.root_pem(), tmp_path)
    assert refused(lambda: Point(live.ocpp_tls_url, charger, tls=bare)) == 401
    assert knock_of(charger) == "needs_certificate"


def test_a_certificate_opens_one_door_only_its_own(live: Stack, tmp_path: Path) -> None:
    own = Owned(a_charger(), tmp_path)
    other = a_charger(own.charger.station)
    assert refused(lambda: Point(live.ocpp_tls_url, other, tls=own.context)) == 401
    assert knock_of(other) == "wrong_name"


def test_a_revoked_certificate_ends_its_line_and_opens_no_other(
    live: Stack, tmp_path: Path
) -> None:
    own = Owned(a_charger(), tmp_path)
    point = Point(live.ocpp_tls_url, own.charger, None, own.context)
    point.boot()
    certificates.revoke(own.row, actor=SYSTEM)
    with pytest.raises(ConnectionClosed):
        point.receive(timeout=5)
    assert refused(lambda: Point(live.ocpp_tls_url, own.charger, None, own.context)) == 401
    assert knock_of(own.charger) == "revoked"


def test_an_expired_certificate_and_one_of_a_stranger_are_refused_in_the_handshake(
    live: Stack, tmp_path: Path
) -> None:
    charger = a_charger()
    station = charger.station
    key, maker = a_key(), a_maker()
    root = authority.root_pem()
    foreign = a_context(root, tmp_path, maker.sign(charger.charge_point_id, key.public_key()), key)
    assert refused(lambda: Point(live.ocpp_tls_url, charger, tls=foreign)) == 0
    authority.trust(station.company, maker.pem, actor=SYSTEM)
    old = maker.sign(charger.charge_point_id, key.public_key(), days=(-30, -1))
    expired = a_context(root, tmp_path, old, key)

    def said_expired() -> bool:  # the authority is taken a moment after it was added
        assert refused(lambda: Point(live.ocpp_tls_url, charger, tls=expired)) == 0
        return '"address":"127.0.0.1","reason":"expired"' in log_of(live)

    assert eventually(said_expired)
    assert '"address":"127.0.0.1","reason":"untrusted"' in log_of(live)


def test_a_makers_authority_is_trusted_while_running_for_its_company_only(
    live: Stack, tmp_path: Path
) -> None:
    charger = a_charger()
    stranger = a_charger(a_station(a_company()))
    key, maker = a_key(), a_maker("Wallbox Maker")
    trusted = authority.trust(charger.station.company, maker.pem, actor=SYSTEM)

    def context(name: str) -> ssl.SSLContext:
        shown = maker.sign(name, key.public_key())
        return a_context(authority.root_pem(), tmp_path, shown, key)

    def enters() -> bool:
        try:
            with Point(live.ocpp_tls_url, charger, None, context(charger.charge_point_id)) as point:
                return bool(point.boot())
        except (OSError, EOFError, WebSocketException):
            return False

    assert eventually(enters)
    name = stranger.charge_point_id
    assert refused(lambda: Point(live.ocpp_tls_url, stranger, None, context(name))) == 401
    assert knock_of(stranger) == "unknown_certificate"
    authority.distrust(trusted, actor=SYSTEM)
    assert eventually(lambda: not enters())


def test_a_certificate_past_its_day_is_refused_at_the_door_too(live: Stack, tmp_path: Path) -> None:
    """Where a proxy's clock or ours lets it through the handshake, the row's own day counts."""
    own = Owned(a_charger(), tmp_path)
    past = timezone.now() - timedelta(minutes=1)
    ChargerCertificate.objects.filter(pk=own.row.pk).update(not_after=past)
    assert refused(lambda: Point(live.ocpp_tls_url, own.charger, None, own.context)) == 401
    assert knock_of(own.charger) == "expired"


def test_a_certificate_whose_delivery_was_not_answered_counts_once_it_was_used(
    live: Stack, tmp_path: Path
) -> None:
    own = Owned(a_charger(), tmp_path)
    ChargerCertificate.objects.filter(pk=own.row.pk).update(state="sent", installed_at=None)
    with Point(live.ocpp_tls_url, own.charger, None, own.context) as point:
        point.boot()
        installed = ChargerCertificate.objects.filter(pk=own.row.pk, state="installed")
        eventually(installed.exists)


def test_a_port_for_tls_speaks_nothing_else(live: Stack) -> None:
    charger = a_charger()
    plain = live.ocpp_tls_url.replace("wss://", "ws://")
    assert refused(lambda: Point(plain, charger)) == 0


def test_tls_below_1_2_is_not_spoken(live: Stack, tmp_path: Path) -> None:
    charger = a_charger()
    context = a_context(authority.root_pem(), tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert refused(lambda: Point(live.ocpp_tls_url, charger, tls=context)) == 0
    eventually(lambda: "UNSUPPORTED_PROTOCOL" in log_of(live))


def test_with_a_certificate_of_its_own_and_no_second_port_the_one_port_speaks_tls(
    live: Stack, tmp_path: Path
) -> None:
    maker, key, port = a_maker("Public CA"), a_key(), free_port()
    chain, secret = tmp_path / "server.pem", tmp_path / "server.key"
    chain.write_text(maker.sign("127.0.0.1", key.public_key(), address="127.0.0.1"))
    secret.write_text(pem(key))
    process = live.servers.process(
        "sockets",
        OCPP_PORT=str(port),
        OCPP_TLS_PORT="",
        TLS_CERT=str(chain),
        TLS_KEY=str(secret),
    ).start()
    try:
        process.wait_ready()
        charger = a_charger()
        context = a_context(maker.pem, tmp_path)
        with Point(f"wss://127.0.0.1:{port}/ocpp/1.6/", charger, tls=context) as point:
            assert point.boot()["status"] == "Accepted"
        assert refused(lambda: Point(f"ws://127.0.0.1:{port}/ocpp/1.6/", charger)) == 0
    finally:
        process.stop()
