"""A database of the benchmark's own beside the one DATABASE_URL names, and what is in it.

Django is set up by ``opened``; import models only after it.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from benchmarks.generator import (
    FIRST_REGISTER,
    FIRST_TRANSACTION,
    NAME,
    PASSWORD,
    CannotMeasure,
)

CHARGERS = 10_000
CHARGING = 200
STATIONS = 50
ALLOWANCE_WH = 60_000


@contextmanager
def opened() -> Iterator[None]:
    """Make the database, point DATABASE_URL at it, migrate; drop it in the end."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        raise CannotMeasure("DATABASE_URL names no server: run the benchmarks with `make bench`.")
    name = f"evbilling_bench_{os.getpid()}"
    _on_server(given, f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
        os.environ.setdefault("SECRET_KEY", secrets.token_hex(20))
        os.environ["DJANGO_SETTINGS_MODULE"] = "evbilling.settings"
        _migrate()
        yield
    finally:
        _close()
        os.environ["DATABASE_URL"] = given
        _on_server(given, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _on_server(url: str, statement: str) -> None:
    import dj_database_url
    import psycopg2

    settings: dict[str, Any] = {**dj_database_url.parse(url)}
    words = {
        "host": "HOST",
        "port": "PORT",
        "user": "USER",
        "password": "PASSWORD",
        "dbname": "NAME",
    }
    given = {ours: value for ours, theirs in words.items() if (value := settings.get(theirs))}
    link = psycopg2.connect(**given)
    try:
        link.autocommit = True
        with link.cursor() as cursor:
            cursor.execute(statement)
    finally:
        link.close()


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _close() -> None:
    from django.db import connections

    connections.close_all()


def execute(statement: str, *words: Any) -> list[tuple[Any, ...]]:
    """One statement on the benchmark's database; its rows, if it has any."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, words)
        return list(cursor.fetchall()) if cursor.description else []


def populate(chargers: int = CHARGERS) -> None:
    """A company with ``chargers`` chargers of one plug each, spread over stations."""
    from stations.models import Charger, Connector, Station
    from stations.services.links import password_digest
    from users.models import Company

    company = Company.objects.create(name="Benchmark", slug="benchmark")
    stations = Station.objects.bulk_create(
        Station(company=company, name=f"Station {n}", sort_key=f"{n:05d}") for n in range(STATIONS)
    )
    names = [f"{NAME}{n:05d}" for n in range(chargers)]
    made = Charger.objects.bulk_create(
        Charger(
            station=stations[n % STATIONS],
            charge_point_id=name,
            password_hmac=password_digest(name, PASSWORD),
        )
        for n, name in enumerate(names)
    )
    Connector.objects.bulk_create(
        Connector(charger=charger, connector_id=1, status="Charging", max_power_w=22_000)
        for charger in made
    )
    _start_charging()
    execute("ANALYZE")


def _start_charging(count: int = CHARGING) -> None:
    """The first ``count`` chargers have a running charge with an allowance."""
    from django.utils import timezone

    from stations.models import Connector, Session, SessionLive

    now = timezone.now()
    plugs = Connector.objects.select_related("charger__station").order_by(
        "charger__charge_point_id"
    )
    sessions = Session.objects.bulk_create(
        Session(
            company_id=plug.charger.station.company_id,
            station=plug.charger.station,
            charger=plug.charger,
            connector=plug,
            transaction_id=FIRST_TRANSACTION + n,
            start_key=f"benchmark-{n}",
            id_tag="BENCH",
            started_at=now,
            meter_start=FIRST_REGISTER,
            allowance_wh=ALLOWANCE_WH,
            allowance_until=now + timedelta(hours=12),
        )
        for n, plug in enumerate(plugs[:count])
    )
    SessionLive.objects.bulk_create(
        SessionLive(session=session, register_wh=FIRST_REGISTER, at=now, received_at=now)
        for session in sessions
    )


def rewind() -> None:
    """No readings, no frames, every running charge at its start: each round begins alike."""
    execute("TRUNCATE stations_metervalue, stations_frame")
    execute(
        "UPDATE stations_sessionlive SET energy_wh = 0, register_wh = %s, power_w = NULL,"
        " at = now(), received_at = now(), stop_due_at = NULL",
        FIRST_REGISTER,
    )
    execute("VACUUM FULL stations_sessionlive")
    execute("CHECKPOINT")


def connections_cpu() -> dict[int, float]:
    """CPU seconds of PostgreSQL's process for each connection to our database; none if it is remote."""
    from benchmarks.machine import cpu_seconds

    found = {}
    for (pid,) in execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ):
        try:
            found[pid] = cpu_seconds(pid)
        except OSError:
            return {}
    return found
