"""``kill -9`` of any process at any moment inside the write path: nothing acknowledged is lost.

Charge points charge without end; again and again, a few milliseconds after a certain message has
left one of them, a process is killed and started again. In the end the rows are held against the
charge points' own lists of what was acknowledged.
"""

import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from billing.models import Bill
from billing.services import bills, ledger, wallets
from core.models import Delivery
from evbilling.supervisor.errors import Refused
from stations.models import MeterValue, Session
from tests import stack as stacks
from tests.e2e.tireless import STEP_WH, Site
from tests.factories import a_card, a_charger, a_customer, a_station
from tests.stack import eventually
from users.models import Customer

VICTIMS = ("sockets", "postgres", "deliver", "web", "worker", "redis")
MOMENTS = ("MeterValues", "StartTransaction", "StopTransaction")
POINTS = 10
OPENING = 5_000_000_00


@pytest.fixture
def own(
    django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> Iterator[stacks.OwnServers]:
    """A stack with servers of its own, so that these may be killed too."""
    with django_db_blocker.unblock():
        running = stacks.OwnServers(tmp_path)
        try:
            running.start("sockets", "deliver", "web", "worker")
            yield running
        finally:
            running.stop()


@pytest.fixture
def site(own: stacks.OwnServers, django_db_blocker: Any) -> Iterator[tuple[Site, list[Customer]]]:
    with django_db_blocker.unblock(), stacks.using(own):
        station = a_station()
        cards, customers = {}, []
        for _ in range(POINTS):
            customer = a_customer(station.company, balance=OPENING)
            customers.append(customer)
            cards[a_charger(station).charge_point_id] = a_card(customer).id_tag
        with Site(own.ocpp_url, cards) as running:
            yield running, customers


def kill(own: stacks.OwnServers, name: str) -> None:
    """Kill and start again at once, as the supervisor does."""
    process = own.process_named(name)
    process.kill9()

    def up() -> bool:
        try:
            process.start().wait_ready(60)
        except Refused:  # the last backends of a killed PostgreSQL still let go of its memory
            return False
        return True

    eventually(up, 30)


def kills(count: int, seed: int) -> list[tuple[str, str, float]]:
    """(victim, message, ms after it left) in an order that mixes all of them."""
    choice = random.Random(seed)
    plan = [
        (VICTIMS[n % len(VICTIMS)], MOMENTS[n // len(VICTIMS) % len(MOMENTS)]) for n in range(count)
    ]
    choice.shuffle(plan)
    return [(victim, moment, choice.choice((0, 0.5, 1, 2, 4, 8, 15))) for victim, moment in plan]


def torment(own: stacks.OwnServers, running: Site, count: int) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))
    print(f"KILL_SEED={seed}")  # noqa: T201 (a failing run can be made again)
    for victim, moment, milliseconds in kills(count, seed):
        running.wait_sent(moment)
        time.sleep(milliseconds / 1000)
        kill(own, victim)
        goal = running.progress() + POINTS
        eventually(partial(_has_passed, running, goal), 30)
        assert running.error is None


def _has_passed(running: Site, goal: int) -> bool:
    return running.progress() > goal


def check(running: Site, customers: list[Customer]) -> None:
    """Hold the rows against what the charge points were told."""
    sent_again = sum(point.sent_again for point in running.points)
    assert sent_again >= POINTS, "the kills did not hit anything under way"
    print(f"{running.progress()} acknowledged, {sent_again} sent again")  # noqa: T201
    connection.close()
    eventually(
        lambda: not Delivery.objects.filter(due__isnull=False, fact__kind="session_ended").exists(),
        30,
    )
    told = _told(running)
    sessions = {s.transaction_id: s for s in Session.objects.all()}
    assert set(sessions) == set(told)
    stored: dict[int, set[int | None]] = defaultdict(set)
    for session_id, register in MeterValue.objects.values_list("session_id", "register_wh"):
        stored[session_id or 0].add(register)
    made = {bill.session_id: bill for bill in Bill.objects.all()}
    assert len(made) == len(sessions)
    for transaction, session in sessions.items():
        _check_session(session, told[transaction], stored[session.pk], made[session.pk])
    assert not any(ledger.prove().values()), ledger.prove()
    for customer in customers:
        billed = sum(b.total for b in made.values() if b.customer_id == customer.pk)
        assert wallets.standing(customer) == wallets.Standing(OPENING - billed, 0, 0, 0, True)


def _told(running: Site) -> dict[int, dict[str, Any]]:
    """What the charge points know, by transaction."""
    told: dict[int, dict[str, Any]] = {}
    for point in running.points:
        for action, payload, answer in point.acknowledged:
            if action == "StartTransaction":
                assert answer["idTagInfo"]["status"] == "Accepted"
                told[answer["transactionId"]] = {"start": payload, "readings": set()}
            elif action == "MeterValues":
                register = int(payload["meterValue"][0]["sampledValue"][0]["value"])
                told[payload["transactionId"]]["readings"].add(register)
            else:
                told[payload["transactionId"]]["stop"] = payload
    return told


def _check_session(
    session: Session, told: dict[str, Any], stored: set[int | None], bill: Bill
) -> None:
    lost = told["readings"] - stored
    assert not lost, f"acknowledged readings are lost: {lost}"
    assert stored == told["readings"], "a reading appeared that nobody sent"
    assert session.meter_start == told["start"]["meterStart"]
    assert session.status == "ended"
    assert session.energy_wh == told["stop"]["meterStop"] - session.meter_start
    assert session.energy_wh == len(told["readings"]) * STEP_WH
    assert bill.wh == session.energy_wh
    assert bills.recompute(bill).total == bill.total


@pytest.mark.wire
@pytest.mark.xdist_group("kills")
def test_thirty_kills_lose_nothing_and_bill_once(
    own: stacks.OwnServers, site: tuple[Site, list[Customer]]
) -> None:
    running, customers = site
    torment(own, running, 30)
    running.finish()
    check(running, customers)


@pytest.mark.soak
@pytest.mark.xdist_group("kills")
def test_three_hundred_kills_lose_nothing_and_bill_once(
    own: stacks.OwnServers, site: tuple[Site, list[Customer]]
) -> None:
    running, customers = site
    torment(own, running, 300)
    running.finish(120)
    check(running, customers)
    report = Path(os.environ.get("SOAK_REPORT") or "/dev/null")
    sessions = sum(
        1 for p in running.points for a, _, _ in p.acknowledged if a == "StopTransaction"
    )
    report.write_text(
        f"300 kills, {sessions} sessions, {running.progress()} acknowledged messages, none lost\n"
    )
