"""One request of the API that gives an order to 1,000 chargers: until every frame is on the wire."""

import json
import statistics
import time
from typing import Any

from benchmarks import processes, world
from benchmarks.generator import CannotMeasure, Generator
from benchmarks.options import Options
from benchmarks.report import Part, Row

CHARGERS = 1_000
GOAL_SECONDS = 3.0
PATIENCE_SECONDS = 30.0
ACTION = "SetChargingProfile"
PROFILE = {
    "connectorId": 0,
    "csChargingProfiles": {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    },
}


def run(options: Options) -> Part:
    from stations.models import Charger

    with (
        processes.sockets(options.folder) as server,
        Generator(options.folder, server, CHARGERS),
    ):
        ask = _caller()
        online = Charger.objects.exclude(connection_holder="").order_by("pk")
        names = list(online.values_list("charge_point_id", flat=True))
        _round(ask, names[:10])  # the address book of the API is made with its first request
        found = [_round(ask, names) for _ in range(options.rounds)]
    wire, answered = (statistics.median(times) for times in zip(*found, strict=True))
    row = Row(
        f"{ACTION} to {CHARGERS:,} chargers by one request: all frames on the wire",
        f"≤ {GOAL_SECONDS:.0f} s",
        f"{wire:.2f} s",
        wire <= GOAL_SECONDS,
    )
    note = (
        f"median of {len(found)} rounds; with the answer of the last charger written {answered:.2f} s;"
        " the request itself runs in the benchmark's own process"
    )
    return Part("fan_out", (row,), (note,))


def _caller() -> Any:
    """A function that posts to the API as an owner."""
    from django.test import Client

    from users import tokens
    from users.models import Admin, Company

    company = Company.objects.get(slug="benchmark")
    admin, _made = Admin.objects.get_or_create(
        username="benchmark", defaults={"company": company, "name": "Benchmark", "level": "owner"}
    )
    client, token = Client(), tokens.create(admin)

    def ask(names: list[str]) -> Any:
        return client.post(
            f"/api/v1/commands/{ACTION}/",
            json.dumps({"chargers": names, "payload": PROFILE}),
            content_type="application/json",
            headers={"Authorization": f"Token {token}"},
        )

    return ask


def _round(ask: Any, names: list[str]) -> tuple[float, float]:
    """Seconds from the request to the last frame on the wire, and to the last answer written."""
    began = time.time()
    response = ask(names)
    if response.status_code != 202:
        raise CannotMeasure(f"The request was refused: {response.content[:200]!r}")
    batch = response.json()["batch"]
    _wait("SELECT count(*) FROM stations_command WHERE batch = %s AND answered_at IS NULL", batch)
    states = world.execute("SELECT DISTINCT status FROM stations_command WHERE batch = %s", batch)
    if states != [("accepted",)]:
        raise CannotMeasure(f"Not every order was accepted: {states}")
    written = world.execute("SELECT max(answered_at) FROM stations_command WHERE batch = %s", batch)
    return _last_frame(began, len(names)) - began, written[0][0].timestamp() - began


def _last_frame(began: float, count: int) -> float:
    """When the last frame was handed to its socket, by the frame log, which is written behind."""
    since = "FROM stations_frame WHERE action = %s AND direction = 'out' AND at >= to_timestamp(%s)"
    _wait(f"SELECT %s - count(*) {since}", count, ACTION, began)
    found = world.execute(f"SELECT max(at) {since}", ACTION, began)
    return float(found[0][0].timestamp())


def _wait(statement: str, *words: Any) -> None:
    """Until the statement counts nothing any more."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while world.execute(statement, *words)[0][0]:
        if time.monotonic() > give_up:
            raise CannotMeasure("The orders did not all get through.")
        time.sleep(0.02)
