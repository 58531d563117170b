"""A charge point that nobody here wrote (npm ocpp-rpc, strict) charges over the 22:00 border."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.models import Bill
from billing.services import wallets
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Session
from tests.billing.test_pricing import at
from tests.factories import CHARGER_PASSWORD, a_card, a_charger, a_customer
from tests.stack import Stack, eventually

pytestmark = pytest.mark.wire
ROOT = Path(__file__).resolve().parents[2]


class Node:
    """The running charge point: one step in, one answer out."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def __call__(self, *step: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(step) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "ok" in answer, f"{step}: {answer}"
        return dict(answer["ok"])


@contextmanager
def node(
    live: Stack, charger: Charger, password: str = CHARGER_PASSWORD, **tls: Path
) -> Iterator[Node]:
    """``tls``: ca, cert and key of a connection over TLS."""
    script = ROOT / "tests" / "e2e" / "charge_point.cjs"
    endpoint = (live.ocpp_tls_url if tls else live.ocpp_url).rstrip("/")
    command = ["node", str(script), endpoint, charger.charge_point_id, password]
    files = {name.upper(): str(path) for name, path in tls.items()}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | files,
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()


def last_working_evening() -> date:
    """The last On-Peak evening that lies wholly in the past."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    while day.weekday() >= 5:
        day -= timedelta(days=1)
    return day


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sample(moment: datetime, register: int) -> dict[str, Any]:
    values = [{"value": str(register), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
    return {
        "connectorId": 1,
        "transactionId": "$transactionId",
        "meterValue": [{"timestamp": utc(moment), "sampledValue": values}],
    }


def test_it_boots_authorises_and_is_billed_over_the_border_to_the_satang(live: Stack) -> None:
    """By hand, at 7.70 On-Peak and 6.00 Off-Peak, start register 1,000,000 Wh:

    21:40 start; 21:50 1,003,500; 21:59:30 1,006,900; 22:00:30 1,007,261; 22:15 stop 1,012,345.
    The border lies half way between two readings 361 Wh apart: 180 Wh before it (the odd Wh goes
    to the later side), so On-Peak 6,900 + 180 = 7,080 Wh, Off-Peak 12,345 - 7,080 = 5,265 Wh.
    7.080 × 7.70 = 54.516 → 54.52; 5.265 × 6.00 = 31.59; together 86.11, of it VAT 5.63.
    """
    charger = a_charger()
    card = a_card(a_customer(charger.station.company, balance=500_00))
    evening = last_working_evening()
    with node(live, charger) as point:
        assert point("connect")["protocol"] == "ocpp1.6"
        boot = {"chargePointVendor": "Independent", "chargePointModel": "RPC"}
        assert point("call", "BootNotification", boot)["status"] == "Accepted"
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
        point("call", "StatusNotification", status)
        tapped = point("call", "Authorize", {"idTag": card.id_tag})
        assert tapped["idTagInfo"]["status"] == "Accepted"
        start = {
            "connectorId": 1,
            "idTag": card.id_tag,
            "meterStart": 1_000_000,
            "timestamp": utc(at(21, 40, day=evening)),
        }
        begun = point("call", "StartTransaction", start)
        assert begun["idTagInfo"]["status"] == "Accepted"
        point("call", "MeterValues", sample(at(21, 50, day=evening), 1_003_500))
        point("call", "MeterValues", sample(at(21, 59, 30, day=evening), 1_006_900))
        point("call", "MeterValues", sample(at(22, 0, 30, day=evening), 1_007_261))
        stop = {
            "transactionId": "$transactionId",
            "meterStop": 1_012_345,
            "timestamp": utc(at(22, 15, day=evening)),
            "reason": "Local",
        }
        point("call", "StopTransaction", stop)
        point("call", "Heartbeat", {})
    session = Session.objects.get(transaction_id=begun["transactionId"])
    bill = eventually(lambda: Bill.objects.filter(session=session).first())
    lines = [(line["period"], line["quantity"], line["amount"]) for line in bill.lines]
    assert lines == [("on_peak", 7_080, 54_52), ("off_peak", 5_265, 31_59)]
    assert (bill.total, bill.vat) == (86_11, 5_63)
    assert session.customer is not None
    assert wallets.standing(session.customer).wallet == 500_00 - 86_11


def test_it_obeys_a_remote_start_and_a_remote_stop(live: Stack) -> None:
    charger = a_charger()
    card = a_card(a_customer(charger.station.company, balance=500_00))
    with node(live, charger) as point:
        point("connect")
        point("call", "BootNotification", {"chargePointVendor": "I", "chargePointModel": "R"})
        payload = {"idTag": card.id_tag, "connectorId": 1}
        command = OcppDriver().send(charger, "RemoteStartTransaction", payload, by="test")
        assert point("await", "RemoteStartTransaction") == payload
        start = {
            "connectorId": 1,
            "idTag": card.id_tag,
            "meterStart": 5,
            "timestamp": utc(datetime.now(UTC)),
        }
        begun = point("call", "StartTransaction", start)
        session = Session.objects.get(transaction_id=begun["transactionId"])
        OcppDriver().stop(session, by="test")
        assert point("await", "RemoteStopTransaction") == {"transactionId": begun["transactionId"]}
    command.refresh_from_db()
    assert command.status == "accepted"


def test_stops_that_are_sent_again_or_belong_to_nobody_are_answered_and_a_second_socket_is_served(
    live: Stack,
) -> None:
    charger = a_charger()
    card = a_card(a_customer(charger.station.company, balance=500_00))
    now = utc(datetime.now(UTC))
    with node(live, charger) as point, node(live, charger) as second:
        point("connect")
        start = {"connectorId": 1, "idTag": card.id_tag, "meterStart": 5, "timestamp": now}
        begun = point("call", "StartTransaction", start)
        stop = {"transactionId": "$transactionId", "meterStop": 9, "timestamp": now}
        for payload in (
            stop,
            stop,
            stop | {"transactionId": 999_999},
            stop | {"transactionId": -1},
        ):
            point("call", "StopTransaction", payload)
        second("connect")
        assert "currentTime" in second("call", "Heartbeat", {})
    assert Session.objects.get(transaction_id=begun["transactionId"]).energy_wh == 4
