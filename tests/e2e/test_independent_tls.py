"""Charge points that nobody here wrote charge over TLS with a client certificate and are billed."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.models import Bill
from stations.models import Charger, Session
from stations.services import authority
from tests.e2e.test_independent_charge_point import ROOT, node, utc
from tests.factories import CHARGER_PASSWORD, a_card, a_charger, a_customer
from tests.security.papers import pem
from tests.security.test_door import Owned, profile
from tests.stack import Stack, eventually

pytestmark = pytest.mark.wire


def billed(charger: Charger) -> tuple[int, bool]:
    """(energy in Wh, whether money was asked for it) of the charger's one charge."""
    session = Session.objects.get(charger=charger)
    bill = eventually(lambda: Bill.objects.filter(session=session).first())
    session.refresh_from_db()
    return session.energy_wh or 0, bill.total > 0


def a_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_ocpp_rpc_charges_with_a_client_certificate(live: Stack, tmp_path: Path) -> None:
    charger = a_charger()
    profile(charger, 3)
    card = a_card(a_customer(charger.station.company, balance=500_00))
    own = Owned(charger, tmp_path)
    files = {
        "ca": a_file(tmp_path, "ca.pem", authority.root_pem()),
        "cert": a_file(tmp_path, "cert.pem", own.row.certificate),
        "key": a_file(tmp_path, "private.pem", pem(own.key)),
    }
    with node(live, charger, "", **files) as point:
        assert point("connect")["protocol"] == "ocpp1.6"
        boot = {"chargePointVendor": "Independent", "chargePointModel": "RPC"}
        assert point("call", "BootNotification", boot)["status"] == "Accepted"
        now = utc(datetime.now(UTC))
        start = {"connectorId": 1, "idTag": card.id_tag, "meterStart": 1_000, "timestamp": now}
        begun = point("call", "StartTransaction", start)
        assert begun["idTagInfo"]["status"] == "Accepted"
        values = [{"value": "1900"}]
        meter = {"connectorId": 1, "transactionId": "$transactionId"}
        reading = [{"timestamp": now, "sampledValue": values}]
        point("call", "MeterValues", meter | {"meterValue": reading})
        stop = {"transactionId": "$transactionId", "meterStop": 3_000, "timestamp": now}
        point("call", "StopTransaction", stop)
    assert billed(charger) == (2_000, True)
    charger.refresh_from_db()
    assert (charger.connection_profile, charger.least_profile) == (3, 3)


def test_the_em_simulator_has_its_key_signed_and_charges_with_the_certificate(
    live: Stack, tmp_path: Path
) -> None:
    charger = a_charger()
    profile(charger, 3)
    card = a_card(a_customer(charger.station.company, balance=500_00))
    name = charger.charge_point_id
    root = a_file(tmp_path, "ca.pem", authority.root_pem())
    # It knows no password, but its websocket library takes one in the address.
    url = live.ocpp_tls_url.replace("wss://", f"wss://{name}:{CHARGER_PASSWORD}@") + name
    script = "tests/e2e/em_session.cjs"
    main = "node_modules/em-ocpp-chargepoint-simulator/build/src/main.js"
    done = subprocess.run(
        ["node", main, script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ
        | {
            "NODE_EXTRA_CA_CERTS": str(root),
            "SSL_CLIENT_KEYSTORE_ROOT": str(tmp_path),
            "URL_WITH_PASSWORD": url,
            "ID_TAG": card.id_tag,
            "NAME": name,
        },
    )
    said: dict[str, Any] = {}
    for line in done.stderr.splitlines():
        if line.startswith("SAID "):
            said |= json.loads(line.removeprefix("SAID "))
    assert said.get("done"), done.stderr[-2000:] + done.stdout[-2000:]
    assert said["sign"] == {"status": "Accepted"}
    assert said["start"]["idTagInfo"]["status"] == "Accepted"
    assert billed(charger) == (1_500, True)
    charger.refresh_from_db()
    assert (charger.connection_profile, charger.least_profile) == (3, 3)
