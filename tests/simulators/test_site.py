"""A whole site in one process: first states, the life that goes on, and the door for visitors."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulators import cli
from simulators.control import Control
from simulators.fleet import Fleet, load_fleet, parse_fleet
from simulators.scenario import Site
from tests.simulators.server import CentralSystem
from tests.simulators.world import story

# Wire tests that need nothing of the running product: they get a worker of their own.
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("simulators")]

QUICK = {"arrive_s": [5, 20], "look_s": [1, 3], "charge_s": [60, 120], "linger_s": [5, 10]}


def fleet(server: CentralSystem, *chargers: dict[str, Any], **top: Any) -> Fleet:
    return parse_fleet({"url": server.url, "spread_s": 0, **top, "chargers": [*chargers]})


async def until(site: Site, name: str, probe: Callable[[], bool]) -> None:
    """Until ``probe`` is true, asked at every event of charger ``name``."""
    await site.points[name].journal.until(lambda: probe() or None, 10, lambda: f"{name}: never")


@story
async def test_two_hundred_chargers_boot_and_charge_in_one_process(server: CentralSystem) -> None:
    one = {
        "id": "L-{n:03d}",
        "repeat": 200,
        "start": [{"connector": 1, "state": "Charging", "id_tag": "K{n}", "stay": True}],
    }
    site = Site(fleet(server, one, spread_s=0.2))
    site.start()
    await asyncio.gather(*(point.wait_status(1, "Charging") for point in site.points.values()))
    assert len(server.sockets) == 200
    await site.stop()
    assert len(server.of("StartTransaction")) == len(server.of("StopTransaction")) == 200
    assert {stop["reason"] for stop in server.of("StopTransaction")} == {"PowerLoss"}


@story
async def test_the_demo_shows_its_listed_states_at_once(server: CentralSystem) -> None:
    site = Site(replace(load_fleet(cli.DEMO), url=server.url, spread_s=0.0))
    site.start()
    listed = [
        (plan.id, start.connector, start.state)
        for plan in site.fleet.chargers
        for start in plan.starts.values()
    ]
    await asyncio.gather(
        *(site.points[name].wait_status(number, state) for name, number, state in listed)
    )
    assert "BCP-04" not in server.sockets
    assert len(server.sockets) == len(site.points) - 1
    await site.stop()


@story
async def test_cars_come_charge_and_leave_with_free_cards(server: CentralSystem) -> None:
    lively = {"id": "A", "connectors": 2, "cards": ["K1", "K2", "K3"]}
    site = Site(fleet(server, lively, life=QUICK, speed=3_600))
    site.start()
    await until(site, "A", lambda: len(server.of("StopTransaction")) >= 6)
    await site.stop()
    assert {start["idTag"] for start in server.of("StartTransaction")} <= {"K1", "K2", "K3"}
    reasons = [stop["reason"] for stop in server.of("StopTransaction")]
    assert reasons.count("Local") >= 6
    assert {f.payload["status"] for f in server.frames if f.action == "StatusNotification"} >= {
        "Available",
        "Preparing",
        "Charging",
        "Finishing",
    }


@story
async def test_a_refused_driver_leaves_again(server: CentralSystem) -> None:
    server.answers["Authorize"] = lambda _: {"idTagInfo": {"status": "Invalid"}}
    site = Site(fleet(server, {"id": "A", "cards": ["K1"]}, life=QUICK, speed=3_600))
    site.start()

    def has_left_twice() -> bool:
        told = [p["status"] for p in server.of("StatusNotification") if p["connectorId"] == 1]
        return told.count("Available") >= 3

    await until(site, "A", has_left_twice)
    await site.stop()
    assert server.of("StartTransaction") == []


@story
async def test_a_visitor_who_starts_from_the_page_gets_a_car_and_leaves_the_bay_as_it_was(
    server: CentralSystem,
) -> None:
    start = {"connector": 1, "state": "Available", "stay": True}
    site = Site(fleet(server, {"id": "A", "start": [start]}, life=QUICK, speed=200))
    site.start()
    point = site.points["A"]
    await point.wait_status(1, "Available")
    wish = {"idTag": "WEB", "connectorId": 1}
    assert await server.call("A", "RemoteStartTransaction", wish) == {"status": "Accepted"}
    await point.wait_status(1, "Charging")
    await server.call("A", "RemoteStopTransaction", {"transactionId": 1})
    await point.wait_session_end(1)
    await point.wait_status(1, "Available")
    await site.stop()
    assert len(server.of("StartTransaction")) == 1


@story
async def test_a_plugged_in_bay_has_a_new_plugged_in_car_after_a_visitor(
    server: CentralSystem,
) -> None:
    start = {"connector": 1, "state": "Preparing", "soc": 30, "stay": True}
    site = Site(fleet(server, {"id": "A", "start": [start]}, speed=600))
    site.start()
    point = site.points["A"]
    await point.wait_status(1, "Preparing")
    for transaction in (1, 2):
        wish = {"idTag": "WEB", "connectorId": 1}
        await server.call("A", "RemoteStartTransaction", wish)
        await point.wait_status(1, "Charging")
        await server.call("A", "RemoteStopTransaction", {"transactionId": transaction})
        await point.wait_status(1, "Available")
        await point.wait_status(1, "Preparing")
    await site.stop()


@story
async def test_an_overstaying_car_is_followed_by_another_one(server: CentralSystem) -> None:
    start = {"connector": 1, "state": "Finishing", "soc": 99.9, "stay": True}
    site = Site(fleet(server, {"id": "A", "start": [start]}, speed=600))
    site.start()
    point = site.points["A"]
    await point.wait_status(1, "Finishing")
    await server.call("A", "RemoteStartTransaction", {"idTag": "WEB", "connectorId": 1})
    for status in ("SuspendedEV", "Available", "Finishing"):
        await point.wait_status(1, status)
    await site.stop()
    assert [stop["reason"] for stop in server.of("StopTransaction")] == ["EVDisconnected"]


@story
async def test_the_same_seed_brings_the_same_cars(server: CentralSystem) -> None:
    start = {"connector": 1, "state": "Preparing"}
    chargers = {"id": "A-{n}", "repeat": 5, "start": [start]}
    seen: list[list[tuple[str, float]]] = []
    for seed in (1, 1, 2):
        site = Site(fleet(server, chargers, seed=seed))
        site.start()
        await asyncio.gather(*(point.wait_status(1, "Preparing") for point in site.points.values()))
        cars = [point.connector(1).car for point in site.points.values()]
        seen.append([(car.name, car.soc) for car in cars if car is not None])
        await site.stop()
    assert len(seen[0]) == 5
    assert seen[0] == seen[1] != seen[2]


async def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """One HTTP exchange with the control endpoint."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    content = b"" if body is None else json.dumps(body).encode()
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
    )
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), json.loads(answer)


@story
async def test_the_door_for_visitors_taps_plugs_breaks_and_tells(server: CentralSystem) -> None:
    site = Site(fleet(server, {"id": "A", "connectors": 2}, speed=60))
    control = Control(site, 0)
    await control.start()
    site.start()
    point, bay = site.points["A"], {"id": "A", "connector": 2}
    await point.wait_status(2, "Available")

    async def post(path: str, **more: object) -> tuple[int, Any]:
        return await ask(control.port, "POST", path, {**bay, **more})

    assert await post("/plug", soc=55) == (200, {"status": "Plugged"})
    assert (await post("/plug"))[0] == 409
    assert await post("/tap", id_tag="K1") == (200, {"status": "Accepted"})
    await point.wait_status(2, "Charging")
    status, state = await ask(control.port, "GET", "/state?id=A")
    connector = state["chargers"][0]["connectors"][1]
    assert (status, connector["status"], connector["session"]["id_tag"]) == (200, "Charging", "K1")
    assert connector["power_w"] == 11_000
    assert connector["car"]["soc"] >= 55
    assert await post("/tap", id_tag="K1") == (200, {"status": "Stopped"})
    await point.wait_session_end(2)
    assert (await post("/unplug"))[0] == 200
    await point.wait_status(2, "Available")
    await post("/fault")
    await point.wait_status(2, "Faulted")
    await post("/fault", error_code="NoError")
    await point.wait_status(2, "Available")
    old = server.sockets["A"]
    assert await post("/drop", seconds=0) == (200, {"status": "Dropped"})
    await old.wait_closed()
    await control.stop()
    await site.stop()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("GET", "/nowhere", None, 404, "there is no /nowhere"),
        ("POST", "/state", {}, 405, "/state is read with GET"),
        ("GET", "/tap", None, 405, "/tap wants POST"),
        ("POST", "/tap", [], 400, "the body must be a JSON object"),
        ("POST", "/tap", {}, 400, "id must be a text"),
        ("POST", "/tap", {"id": "Z"}, 404, "there is no charger Z"),
        ("POST", "/tap", {"id": "A", "id_tag": "K"}, 400, "connector must be a number"),
        ("POST", "/plug", {"id": "A", "connector": 7}, 404, "A has no connector 7"),
        ("POST", "/fault", {"id": "A", "connector": 1, "error_code": "Gremlins"}, 400, "Gremlins"),
    ],
)
def test_the_door_says_what_is_wrong(
    method: str, path: str, body: object, status: int, sentence: str
) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        control = Control(Site(fleet(server, {"id": "A"})), 0)
        await control.start()
        got, answer = await ask(control.port, method, path, body)
        await control.stop()
        assert got == status
        assert sentence in answer["error"]

    tell()


@story
async def test_the_door_survives_what_is_no_http(server: CentralSystem) -> None:
    control = Control(Site(fleet(server, {"id": "A"})), 0)
    await control.start()
    for noise in (b"hello\r\n\r\n", b"POST /tap HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", control.port)
        writer.write(noise)
        assert (await reader.read()).startswith(b"HTTP/1.1 4")
        writer.close()
        await writer.wait_closed()
    assert (await ask(control.port, "GET", "/state"))[0] == 200
    await control.stop()


def test_the_program_stops_cleanly_and_its_meters_go_on_next_time(tmp_path: Path) -> None:
    @story
    async def tell(server: CentralSystem) -> None:
        start = {"connector": 1, "state": "Charging", "id_tag": "K1", "stay": True}
        document = {"url": server.url, "chargers": [{"id": "A", "start": [start]}]}
        (tmp_path / "fleet.json").write_text(json.dumps(document))
        files = ["--fleet", str(tmp_path / "fleet.json"), "--state", str(tmp_path / "meters.json")]
        for run in (1, 2):
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "simulators.charger", "--quiet", "--speed", "60", *files
            )
            await server.hear("StartTransaction", run)
            program.send_signal(signal.SIGTERM)
            assert await program.wait() == 0
        first, second = server.of("StopTransaction")
        assert first["reason"] == second["reason"] == "PowerLoss"
        assert server.of("StartTransaction")[1]["meterStart"] == first["meterStop"]

    tell()
