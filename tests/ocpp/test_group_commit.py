"""Group commit: one bad item fails alone, a broken line loses and doubles nothing."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError, connection

from stations.drivers.ocpp import hub
from stations.drivers.ocpp.writer import DatabaseAway, GroupWriter
from stations.models import Connector, MeterValue
from stations.services.readings import Reading
from tests.factories import a_charger
from tests.stack import Stack

pytestmark = pytest.mark.wire


def a_reading(connector: Connector, register: int) -> hub.MeterItem:
    at = datetime.now(UTC)
    row = Reading(connector.pk, None, at, at, time.time(), 0, register, None, None, "[]")
    return [row], None


@contextmanager
def poison(register: int) -> Iterator[None]:
    """Make PostgreSQL refuse one register."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE stations_metervalue ADD CONSTRAINT poison"
            f" CHECK (register_wh <> {register}) NOT VALID"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE stations_metervalue DROP CONSTRAINT poison")


def test_one_poisoned_row_among_five_hundred_in_one_group_fails_alone(live: Stack) -> None:
    plug = a_charger().connectors.get()

    async def send() -> tuple[int, list[object]]:
        writer = GroupWriter("test", hub._write_meter, hub._meter_happened)
        futures = [writer.submit(a_reading(plug, n)) for n in range(501)]
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        writer.close()
        return writer.groups, list(outcomes)

    with poison(250):
        groups, outcomes = asyncio.run(send())
    assert groups == 1
    assert [n for n, o in enumerate(outcomes) if o is not None] == [250]
    assert isinstance(outcomes[250], IntegrityError)
    stored = MeterValue.objects.filter(connector=plug).values_list("register_wh", flat=True)
    assert sorted(n for n in stored if n is not None) == [n for n in range(501) if n != 250]


def test_a_commit_without_an_answer_is_looked_up_and_not_written_twice(live: Stack) -> None:
    plug = a_charger().connectors.get()
    broken_once: list[bool] = []

    def commits_then_breaks(items: Sequence[hub.MeterItem]) -> Sequence[None]:
        results = hub._write_meter(items)
        if not broken_once:
            broken_once.append(True)
            raise OperationalError("server closed the connection unexpectedly")
        return results

    async def send() -> None:
        writer = GroupWriter("test", commits_then_breaks, hub._meter_happened)
        await writer.submit(a_reading(plug, 7))
        writer.close()

    asyncio.run(send())
    assert MeterValue.objects.filter(connector=plug).count() == 1


def test_a_database_that_stays_away_is_said_and_nothing_is_acknowledged(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stations.drivers.ocpp.writer.PATIENCE_SECONDS", 0.2)

    def away(items: Sequence[int]) -> Sequence[None]:
        raise OperationalError("no route")

    async def send() -> list[object]:
        writer = GroupWriter("test", away)
        found = await asyncio.gather(*(writer.submit(n) for n in range(3)), return_exceptions=True)
        writer.close()
        return list(found)

    assert all(isinstance(outcome, DatabaseAway) for outcome in asyncio.run(send()))
