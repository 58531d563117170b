"""Trying the customer's page without hardware: in the demo the simulator holds a card to the reader."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from evbilling.supervisor.config import free_port
from stations.models import Charger, Connector, Session
from tests.factories import CHARGER_PASSWORD, a_card, a_charger, a_customer, a_station
from tests.stack import Stack, eventually

pytestmark = pytest.mark.wire


@contextmanager
def simulator(url: str, charger: Charger) -> Iterator[int]:
    """A simulated charger of that id; its control port."""
    port = free_port()
    program = (sys.executable, "-m", "simulators.charger", "--quiet", "--url", url)
    who = ("--id", charger.charge_point_id, "--password", CHARGER_PASSWORD)
    process = subprocess.Popen([*program, *who, "--control-port", str(port)])
    try:
        plugs = Connector.objects.filter(charger=charger, status_device_at__isnull=False)
        eventually(plugs.filter(connector_id=1).exists)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_the_demo_plugs_a_car_and_taps_a_card_that_can_pay(live: Stack, settings: Any) -> None:
    station = a_station()
    a_card(a_customer(station.company, balance=400_00))
    able = a_card(a_customer(station.company, balance=900_00))
    a_card(a_customer(station.company, balance=0))
    charger = a_charger(station)
    page = f"/demo/card/{charger.connectors.get(connector_id=1).code}"
    assert Client().post(page).status_code == 404, "outside the demo there is no such thing"

    settings.DEMO = True
    with simulator(live.ocpp_url, charger) as settings.DEMO_CONTROL_PORT:
        assert Client().post(page).status_code == 302
        eventually(lambda: Session.objects.filter(card=able, status="active", refusal="").first())
        none_left = Client().post(page, headers={"Accept": "application/json"})
    assert (none_left.status_code, none_left.json()["code"]) == (409, "demo_card")

    settings.DEMO_CONTROL_PORT = free_port()
    silent = Client().post(f"{page}?lang=en", headers={"Accept": "application/json"})
    assert "does not answer" in silent.json()["detail"]
