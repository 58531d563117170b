"""One order to many chargers by one request: each gets it once, in turn with its other orders."""

import select
import threading
from functools import partial
from typing import Any

import httpx
import psycopg2
import pytest
from django.db import connection

from stations.models import Charger, Command
from stations.services import commands
from tests.factories import a_charger, a_station, an_admin
from tests.stack import Stack, eventually
from tests.wire import Point
from users import tokens

pytestmark = pytest.mark.wire
HOW_MANY = 30
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


def ended(batch: Any) -> list[Command] | None:
    found = list(Command.objects.filter(batch=batch).order_by("pk"))
    return found if all(c.status not in ("queued", "sent") for c in found) else None


def test_one_request_puts_a_frame_on_every_line_and_keeps_each_answer(office: Stack) -> None:
    station = a_station()
    admin = an_admin(station.company)
    chargers = [a_charger(station) for _ in range(HOW_MANY)]
    away = a_charger(station)
    points = [Point(office.ocpp_url, charger) for charger in chargers]
    for n, point in enumerate(points):
        status = "Rejected" if n == 3 else "Accepted"
        point.answers["SetChargingProfile"] = {"status": status}
    servers = [
        threading.Thread(target=point.expect, args=("SetChargingProfile", 40)) for point in points
    ]
    for server in servers:
        server.start()
    headers = {"Authorization": f"Token {tokens.create(admin)}"}
    names = [charger.charge_point_id.lower() for charger in (*chargers, away)]
    answer = httpx.post(
        f"{office.url}/api/v1/commands/SetChargingProfile/",
        json={"chargers": names, "payload": PROFILE},
        headers=headers,
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert [row["charge_point_id"] for row in told["commands"]] == [
        c.charge_point_id for c in (*chargers, away)
    ]
    for server in servers:
        server.join()
    found = eventually(lambda: ended(told["batch"]))
    statuses = [c.status for c in found]
    assert sorted(set(statuses)) == ["accepted", "offline", "rejected"]
    assert statuses.count("accepted") == HOW_MANY - 1
    assert Command.objects.get(batch=told["batch"], charger=chargers[3]).status == "rejected"
    page = httpx.get(f"{office.url}/api/v1/command-batches/{told['batch']}/", headers=headers)
    assert page.json()["open"] == 0
    assert page.json()["counts"] == {"accepted": HOW_MANY - 1, "offline": 1, "rejected": 1}
    for point in points:
        assert [action for action, _ in point.heard] == ["SetChargingProfile"]
        point.socket.close()


def test_the_process_that_holds_the_lines_is_nudged_once_for_all_of_them(office: Stack) -> None:
    """Not only found by its sweep, and not by a message for each."""
    station = a_station()
    chargers = [a_charger(station) for _ in range(5)]
    points = [Point(office.ocpp_url, charger) for charger in chargers]
    ear = psycopg2.connect(**connection.get_connection_params())
    ear.autocommit = True
    holder = Charger.objects.get(pk=chargers[0].pk).connection_holder
    with ear.cursor() as cursor:
        cursor.execute(f'LISTEN "{holder}"')
    commands.request_many([c.pk for c in chargers], "ClearCache", {}, by="x")
    assert select.select([ear], [], [], 10)[0]
    ear.poll()
    assert [note.payload for note in ear.notifies] == ['{"orders":true}']
    ear.close()
    for point in points:
        point.expect("ClearCache")
        point.socket.close()


def test_orders_of_two_requests_to_one_charger_still_go_one_after_the_other(
    office: Stack,
) -> None:
    charger = a_charger()
    with Point(office.ocpp_url, charger) as point:
        point.boot()
        batches = [
            commands.request_many([charger.pk], "ClearCache", {}, by="x")[0] for _ in range(3)
        ]
        for _ in batches:
            frame = point.receive()
            with pytest.raises(TimeoutError):
                point.receive(timeout=0.1)
            point.socket.send(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')
        found = [eventually(partial(ended, batch)) for batch in batches]
    assert [command.status for (command,) in found] == ["accepted"] * 3


def test_a_charger_that_does_not_answer_holds_up_nobody_else(office: Stack) -> None:
    station = a_station()
    silent, willing = a_charger(station), a_charger(station)
    with Point(office.ocpp_url, silent) as first, Point(office.ocpp_url, willing) as second:
        first.answers["ClearCache"] = lambda payload: None
        batch, made = commands.request_many(
            [silent.pk, willing.pk], "ClearCache", {}, by="x", answer_timeout_s=2
        )
        second.expect("ClearCache")
        first.expect("ClearCache")
        eventually(lambda: Command.objects.get(pk=made[1].pk).status == "accepted")
        found = eventually(lambda: ended(batch))
    assert [c.status for c in found] == ["timeout", "accepted"]


def test_chargers_of_the_trash_and_twice_named_ones_get_no_second_order(office: Stack) -> None:
    charger = a_charger()
    gone = a_charger()
    Charger.objects.filter(pk=gone.pk).update(deleted_at="2026-01-01T00:00:00Z")
    _, made = commands.request_many([charger.pk, charger.pk, gone.pk], "ClearCache", {}, by="x")
    assert [(c.charger_id, c.status) for c in made] == [(charger.pk, "offline")]
