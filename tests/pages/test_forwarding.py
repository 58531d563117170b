"""Where copies of a charger's messages go: the form, its rules, what it never shows."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.models import AuditEntry, Lease
from core.seal import unseal
from stations.models import Charger, Forward
from tests.factories import a_charger, a_company, a_forward, a_station, an_admin
from tests.pages.people import HTMX, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db
URL = "/chargers/SJ-01/forwarding/"
GIVEN = {"url": "wss://central.example/ocpp/", "mode": "read_only", "enabled": "on"}


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names lead to; nothing is asked of the real resolver."""
    known = {"central.example": "93.184.215.14", "inside.example": "10.1.2.3"}

    def resolve(host: str, port: int, **more: Any) -> list[Any]:
        address = known.get(host, host)
        if not address[0].isdigit() and ":" not in address:
            raise socket.gaierror
        return [(2, 1, 6, "", (address, port))]

    monkeypatch.setattr("stations.services.forward_targets.socket.getaddrinfo", resolve)
    return known


def saved(charger: Charger, level: str = Level.OWNER, **more: str) -> Any:
    client = signed_in(an_admin(charger.station.company, level))
    return client.post(f"{URL}set/", GIVEN | more)


def test_copies_begin_where_the_form_says_and_the_password_is_sealed(charger: Charger) -> None:
    assert saved(charger, password="their secret").status_code == 302
    row = Forward.objects.get()
    assert (row.url, row.identity) == ("wss://central.example/ocpp", "SJ-01")
    assert (row.mode, row.enabled, row.private) == ("read_only", True, False)
    assert unseal(row.password_sealed) == "their secret"
    entry = AuditEntry.objects.get(action="forward_charger")
    assert entry.new is not None
    assert entry.new["password"] == "***"
    page = text_of(signed_in(an_admin(charger.station.company)).get(URL))
    assert "their secret" not in page
    assert "never shown" in page


def test_an_empty_password_box_keeps_the_password_and_the_tick_takes_it_away(
    charger: Charger,
) -> None:
    saved(charger, password="their secret")
    saved(charger, mode="commands")
    row = Forward.objects.get()
    assert (row.mode, bool(row.password_sealed)) == ("commands", True)
    saved(charger, no_password="on")
    assert Forward.objects.get().password_sealed == ""


def test_addresses_as_offices_write_them_become_websockets(charger: Charger) -> None:
    saved(charger, url=" https://Central.example:2931/EV/Srv/JSON/1.6/ ")
    assert Forward.objects.get().url == "wss://central.example:2931/EV/Srv/JSON/1.6"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "central.example",
        "ftp://central.example/",
        "wss://",
        "wss://name:secret@central.example/",
        "wss://central.example/?a=1",
        "wss://central.example:99999/",
        "wss://169.254.169.254/latest",
        "ws://0.0.0.0/",
        "ws://[fe80::1]/",
        "ws://224.0.0.1/",
        "ws://[::ffff:169.254.169.254]/",
    ],
)
def test_what_cannot_be_a_central_system_is_refused_beside_its_box(
    charger: Charger, url: str
) -> None:
    response = saved(charger, url=url)
    assert response.status_code == 422
    assert 'id="id_url_error"' in text_of(response)
    assert not Forward.objects.exists()


@pytest.mark.parametrize(
    "url",
    ["ws://127.0.0.1:9000/ocpp", "wss://inside.example/", "ws://[::1]/", "ws://192.168.1.9:80/x"],
)
def test_inside_a_private_network_only_an_owner_may_send_copies(charger: Charger, url: str) -> None:
    refused = saved(charger, Level.MANAGER, url=url)
    assert refused.status_code == 422
    assert "Only an owner" in text_of(refused)
    assert saved(charger, Level.OWNER, url=url).status_code == 302
    assert Forward.objects.get().private
    # What an owner allowed a manager may still switch off.
    off = signed_in(an_admin(charger.station.company, Level.MANAGER))
    given = {k: v for k, v in GIVEN.items() if k != "enabled"} | {"url": url}
    assert off.post(f"{URL}set/", given).status_code == 302
    row = Forward.objects.get()
    assert (row.enabled, row.state) == (False, "off")


def test_another_side_gets_none_of_the_first_sides_numbers(charger: Charger) -> None:
    row = a_forward(charger, sent=9, wishes={"HeartbeatInterval": "60"})
    before = row.since
    saved(charger, url="wss://other.example/")
    row.refresh_from_db()
    assert (row.sent, row.wishes) == (0, {})
    assert row.since > before


@pytest.mark.parametrize("pem", ["hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_certificate_that_is_none_is_refused_beside_its_box(charger: Charger, pem: str) -> None:
    response = saved(charger, ca_pem=pem)
    assert response.status_code == 422
    assert 'id="id_ca_pem_error"' in text_of(response)


def test_an_operator_sees_the_state_and_cannot_change_it(charger: Charger) -> None:
    a_forward(charger)
    client = signed_in(an_admin(charger.station.company, Level.OPERATOR))
    page = text_of(client.get(URL))
    assert "wss://central.example/ocpp" in page
    assert "<form" not in page.partition("How it goes")[2].partition("</section>")[0]
    assert client.post(f"{URL}set/", GIVEN).status_code == 403
    assert client.post(f"{URL}remove/").status_code == 403


def test_the_state_says_what_went_wrong_and_what_to_do(charger: Charger) -> None:
    a_forward(charger, state="failed", last_error="http 401")
    client = signed_in(an_admin(charger.station.company))
    page = text_of(client.get(URL))
    assert "The forwarding process does not run" in page
    Lease.objects.create(
        name="forward", holder="x", expires_at=timezone.now() + timedelta(minutes=1)
    )
    page = text_of(client.get(URL))
    assert "Check address, name and password" in page
    assert "http 401" in page


def test_connect_now_asks_the_process_and_shows_that_it_is_under_way(charger: Charger) -> None:
    row = a_forward(charger, state="failed", last_error="refused")
    Lease.objects.create(
        name="forward", holder="x", expires_at=timezone.now() + timedelta(minutes=1)
    )
    client = signed_in(an_admin(charger.station.company))
    part = text_of(client.post(f"{URL}try/", headers=HTMX))
    assert "Dialling" in part
    assert "every 1s" in part
    assert "<html" not in part
    row.refresh_from_db()
    assert row.asked_at is not None


def test_removed_it_is_forgotten(charger: Charger) -> None:
    a_forward(charger)
    client = signed_in(an_admin(charger.station.company))
    assert client.post(f"{URL}remove/").status_code == 302
    assert not Forward.objects.exists()
    assert "Nothing is forwarded" in text_of(client.get(URL))
    assert client.post(f"{URL}remove/").status_code == 404


def test_a_charger_that_speaks_no_ocpp_cannot_be_forwarded() -> None:
    charger = a_charger(a_station(), charge_point_id="SJ-01", protocol="mqtt")
    response = saved(charger)
    assert response.status_code == 422
    assert "Only OCPP chargers" in text_of(response)
