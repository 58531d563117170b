"""A new charger on the wire: from the door to being set up, whatever dies on the way."""

import threading
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.audit import SYSTEM
from stations.models import (
    Charger,
    ChargerSetup,
    Commissioning,
    ConfigurationKey,
    Frame,
    Knock,
    StepStatus,
)
from stations.selectors import configuration as selectors
from stations.services import adoption, chargers
from tests.factories import a_charger, a_station
from tests.stack import Stack, eventually
from tests.stations.talking import FACTORY
from tests.wire import Point

pytestmark = pytest.mark.wire
PASSWORD = "typed-in-at-the-factory"
MEASURANDS = "MeterValuesSampledData"


class Configured(Point):
    """A charge point with settings, served by a thread until it is told to hang up."""

    def __init__(self, url: str, name: str, password: str, keys: dict[str, str]) -> None:
        super().__init__(url, name, password)
        self.keys = keys
        self.new_password = ""
        self.hang_up_on = ""
        self.asked = 0
        self.leave = threading.Semaphore(1_000_000)  # to answer, once each
        self.answers["GetConfiguration"] = self._get
        self.answers["ChangeConfiguration"] = self._change
        self.boot()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        try:
            while True:
                self.take(self.receive(timeout=60))
        except (ConnectionClosed, TimeoutError):
            pass

    def take(self, frame: Any) -> None:
        if frame[0] == 2:
            self.asked += 1
            self.leave.acquire()
            self._answer(frame)

    def _get(self, payload: dict[str, Any]) -> dict[str, Any]:
        asked = payload.get("key") or list(self.keys)
        rows: list[dict[str, Any]] = [
            {"key": key, "readonly": False, "value": self.keys[key]}
            for key in asked
            if key in self.keys
        ]
        return {
            "configurationKey": rows,
            "unknownKey": [key for key in asked if key not in self.keys],
        }

    def _change(self, payload: dict[str, Any]) -> dict[str, str] | None:
        key, value = payload["key"], payload["value"]
        if key == self.hang_up_on:
            self.socket.close()
            return None
        if key == "AuthorizationKey":
            self.new_password = value
        elif key not in self.keys:
            return {"status": "NotSupported"}
        else:
            self.keys[key] = value
        return {"status": "Accepted"}

    def wait_until_asked(self, times: int) -> None:
        eventually(lambda: self.asked == times, seconds=30)

    def end(self) -> None:
        self.socket.close()
        self.thread.join(timeout=5)


def run_of(name: str) -> Commissioning:
    return Commissioning.objects.filter(charger__charge_point_id=name).latest("pk")


def done(name: str, state: str = "done") -> Commissioning:
    def check() -> Commissioning | None:
        run = run_of(name)
        return run if run.state == state else None

    found = eventually(check, seconds=20)
    assert isinstance(found, Commissioning)
    return found


@pytest.fixture
def name(live: Stack) -> str:
    return f"NEW-{a_charger().pk}"


def refused(url: str, name: str, password: str) -> int:
    with pytest.raises(InvalidStatus) as told:
        Point(url, name, password)
    return int(told.value.response.status_code)


def comes_in(url: str, name: str, password: str) -> bool:
    try:
        Point(url, name, password).socket.close()
    except InvalidStatus:
        return False
    return True


def test_a_stranger_is_adopted_comes_in_is_set_up_and_gets_a_password_that_nobody_knows(
    live: Stack, name: str
) -> None:
    assert refused(live.ocpp_url, name, PASSWORD) == 404
    knock = Knock.objects.get(charge_point_id=name)
    assert knock.user_agent.startswith("Python")
    adoption.adopt(knock, a_station(), {}, actor=SYSTEM)

    keys = dict(FACTORY)
    point = Configured(live.ocpp_url, name, PASSWORD, keys)
    done(name)
    eventually(lambda: point.new_password)
    assert all(keys[key] == value for key, value in selectors.built_in().items())
    assert (
        ConfigurationKey.objects.get(charger__charge_point_id=name, key="LocalPreAuthorize").value
        == "false"
    )
    point.end()

    # With the new one it comes in; from then on the old one is worth nothing.
    eventually(lambda: comes_in(live.ocpp_url, name, point.new_password))
    assert refused(live.ocpp_url, name, PASSWORD) == 401
    frames = Frame.objects.filter(charger_id=Charger.objects.get(charge_point_id=name).pk)
    eventually(lambda: frames.filter(payload__contains="AuthorizationKey").exists())
    everything = str(list(frames.values_list("payload", "answer")))
    assert point.new_password not in everything
    assert PASSWORD not in everything


def test_the_deliverer_may_be_killed_between_any_two_steps(live: Stack, name: str) -> None:
    chargers.create(a_station(), name, {"password": PASSWORD}, actor=SYSTEM)
    keys = dict(FACTORY)
    point = Configured(live.ocpp_url, name, PASSWORD, keys)
    point.leave = threading.Semaphore(0)
    deliver = live.process_named("deliver")
    for asked in (1, 4):
        point.wait_until_asked(asked)
        deliver.kill9()
        point.leave.release()  # the answer comes while nobody is there to go on
        deliver.start()
        deliver.wait_ready()
        for n in range(asked + 1, asked + 3):
            point.wait_until_asked(n)
            point.leave.release()
        point.wait_until_asked(asked + 3)
    point.leave.release(1_000)
    run = done(name)
    point.end()
    assert all(keys[key] == value for key, value in selectors.built_in().items())
    # Nothing was asked twice.
    changed = [p["key"] for action, p in point.heard if action == "ChangeConfiguration"]
    assert len(changed) == len(set(changed)) == 11
    assert not run.steps.filter(status=StepStatus.SILENT).exists()


def test_a_charger_that_restarts_over_the_measurands_is_not_asked_again(
    live: Stack, name: str
) -> None:
    chargers.create(a_station(), name, {"password": PASSWORD}, actor=SYSTEM)
    keys = dict(FACTORY)
    point = Configured(live.ocpp_url, name, PASSWORD, keys)
    point.hang_up_on = MEASURANDS
    eventually(lambda: not point.thread.is_alive(), seconds=20)
    eventually(lambda: not Charger.objects.get(charge_point_id=name).connection_holder)
    again = Configured(live.ocpp_url, name, PASSWORD, keys)
    run = done(name)
    again.end()
    assert run.steps.get(key=MEASURANDS).status == "restarted"
    assert MEASURANDS not in [p.get("key") for _, p in again.heard]
    assert keys["LocalPreAuthorize"] == "false"
    assert MEASURANDS.lower() in ChargerSetup.objects.get(charger=run.charger).avoid


def test_a_charger_that_was_not_made_through_the_product_hears_nothing_of_it(live: Stack) -> None:
    charger = a_charger()
    with Point(live.ocpp_url, charger) as point:
        point.boot()
        point.status("Available")
        with pytest.raises(TimeoutError):
            point.receive(timeout=1.5)
