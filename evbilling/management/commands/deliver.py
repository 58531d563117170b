"""``manage.py deliver``: facts to their handlers, and the sweeps that cannot wait for Celery."""

import logging
import select
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from core import outbox
from meaoscp.services import acceptance
from stations.services import (
    campaigns,
    commands,
    commissioning,
    links,
    local_lists,
    reservations,
    stopping,
    transfers,
)

log = logging.getLogger(__name__)
SWEEP_SECONDS = 1.0
RETRY_SECONDS = 0.5
LOOK_SECONDS = 0.2


class Command(BaseCommand):
    help = "Deliver facts to their handlers until told to stop. Any number may run."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.running = True
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while self.running:
            try:
                self._work()
            except (OperationalError, InterfaceError, psycopg2.Error) as error:
                log.warning("database away", extra={"why": str(error)[:200]})
                connection.close()
                time.sleep(RETRY_SECONDS)

    def _work(self) -> None:
        """Deliver what is due, then sleep until a nudge, the next due moment, or the sweep."""
        ear = _listen()
        try:
            swept = looked = 0.0
            attentive = False
            while self.running:
                while outbox.deliver_one():
                    if not self.running:
                        return
                if time.monotonic() - swept >= SWEEP_SECONDS:
                    swept = time.monotonic()
                    _sweep()
                if time.monotonic() - looked >= (LOOK_SECONDS if attentive else SWEEP_SECONDS):
                    looked = time.monotonic()
                    attentive = _look()
                _sleep(ear, min(_seconds_to_next(), LOOK_SECONDS if attentive else SWEEP_SECONDS))
        finally:
            ear.close()

    def _stop(self, *args: Any) -> None:
        self.running = False


def _listen() -> Any:
    ear = psycopg2.connect(**connection.get_connection_params())
    ear.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with ear.cursor() as cursor:
        cursor.execute(f"LISTEN {outbox.CHANNEL}")
    return ear


def _sleep(ear: Any, seconds: float) -> None:
    if select.select([ear], [], [], seconds)[0]:
        ear.poll()
        ear.notifies.clear()


def _seconds_to_next() -> float:
    due = outbox.next_due()
    if due is None:
        return SWEEP_SECONDS
    return min(max((due - timezone.now()).total_seconds(), 0.0), SWEEP_SECONDS)


SWEEPS: tuple[Callable[[], int], ...] = (
    links.drop_dead_holders,
    commands.expire_overdue,
    stopping.close_silent,
    transfers.close_overdue,
    campaigns.sweep,
    reservations.tidy,
    local_lists.push_due,
    commissioning.wake,
)


# What a person stands beside and waits for: looked at more often while there is any.
LOOKS: tuple[Callable[[], int], ...] = (acceptance.look,)


def _look() -> bool:
    """Whether anybody is waiting."""
    return sum(look() for look in LOOKS) > 0


def _sweep() -> None:
    """Each sweep takes what is overdue and is harmless when several deliverers run it."""
    for sweep in SWEEPS:
        if found := sweep():
            log.info("sweep", extra={"sweep": sweep.__name__, "found": found})
