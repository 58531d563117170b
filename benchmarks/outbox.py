"""A fact's way from its commit to the commit of what its handler did, at a steady rate."""

import select
import statistics
import time
from threading import Thread
from typing import Any

from benchmarks import processes, world
from benchmarks.generator import CannotMeasure
from benchmarks.options import Options
from benchmarks.report import Part, Row

FACTS_A_SECOND = 100
SECONDS = 10.0
GOAL_MS = 50.0
CUSTOMERS = 20
WARM = 50
BURST = 100
PATIENCE_SECONDS = 10.0

# PostgreSQL sends it when the transaction that marks the delivery as done commits.
_TELL = """
CREATE FUNCTION benchmark_done() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('benchmark_done', NEW.fact_id::text); RETURN NULL; END $$;
CREATE TRIGGER benchmark_done AFTER UPDATE ON core_delivery
    FOR EACH ROW WHEN (NEW.done_at IS NOT NULL) EXECUTE FUNCTION benchmark_done();
"""
_DO_NOT_TELL = "DROP TRIGGER benchmark_done ON core_delivery; DROP FUNCTION benchmark_done"


class Ear(Thread):
    """Notes when the handler of each fact had committed."""

    def __init__(self, words: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        import psycopg2

        self.done: dict[int, float] = {}
        self.link = psycopg2.connect(**words)
        self.link.autocommit = True
        with self.link.cursor() as cursor:
            cursor.execute("LISTEN benchmark_done")
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            if select.select([self.link], [], [], 0.2)[0]:
                self.link.poll()
                at = time.perf_counter()
                notes, self.link.notifies[:] = list(self.link.notifies), []
                self.done.update((int(note.payload), at) for note in notes)

    def stop(self) -> None:
        self.stopped = True
        self.join()
        self.link.close()


def run(options: Options) -> Part:
    from django.db import connection

    seconds = SECONDS / 5 if options.quick else SECONDS
    commands, customers = _finished_commands(), _charging_customers()
    world.execute(_TELL)
    ear = Ear(connection.get_connection_params())
    ear.start()
    try:
        with processes.deliver(options.folder):
            _wait_for(ear, _publish("command_finished", commands, WARM))
            steady = _publish("command_finished", commands, int(FACTS_A_SECOND * seconds))
            _wait_for(ear, steady)
            burst = _publish("wallet_changed", customers, BURST, a_second=10_000)
            _wait_for(ear, burst)
    finally:
        ear.stop()
        world.execute(_DO_NOT_TELL)
    cuts = statistics.quantiles(((ear.done[n] - at) * 1000 for n, at in steady.items()), n=100)
    row = Row(
        f"{FACTS_A_SECOND} facts/s: commit until the handler has committed, p99",
        f"≤ {GOAL_MS:.0f} ms",
        f"{cuts[98]:.1f} ms (p50 {cuts[49]:.1f} ms)",
        cuts[98] <= GOAL_MS,
    )
    times = sorted(ear.done[n] for n in burst)
    rate = (BURST - 1) / (times[-1] - times[0])
    note = (
        "the dearest handler, which prices a running charge anew,"
        f" takes one deliverer {rate:.0f} facts/s at most"
    )
    return Part("outbox", (row,), (note,))


def _publish(
    kind: str, subjects: list[int], count: int, a_second: int = FACTS_A_SECOND
) -> dict[int, float]:
    """Publish facts one by one; when each of them was about to be committed."""
    from django.db import transaction

    from core import outbox

    start, found = time.perf_counter(), {}
    for n in range(count):
        time.sleep(max(start + n / a_second - time.perf_counter(), 0))
        with transaction.atomic():
            outbox.publish(kind, subjects[n % len(subjects)])
            [(fact,)] = world.execute("SELECT currval(pg_get_serial_sequence('core_fact', 'id'))")
            found[fact] = time.perf_counter()
    return found


def _wait_for(ear: Ear, published: dict[int, float]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while missing := published.keys() - ear.done.keys():
        if time.monotonic() > give_up:
            raise CannotMeasure(f"{len(missing)} of {len(published)} facts were not handled.")
        time.sleep(0.05)


def _finished_commands() -> list[int]:
    """What most facts that wake a handler are about."""
    from django.utils import timezone

    from stations.models import Charger, Command

    now = timezone.now()
    made = Command.objects.bulk_create(
        Command(charger=charger, action="Reset", status="accepted", expires_at=now)
        for charger in Charger.objects.all()[:CUSTOMERS]
    )
    return [command.pk for command in made]


def _charging_customers() -> list[int]:
    """Members with money, a price list and a running charge that was started by the product."""
    from django.utils import timezone

    from billing.services import tariffs, wallets
    from core.audit import SYSTEM
    from stations.clock import Claim, Clock
    from stations.models import Charger
    from stations.services.starting import Start, start_session
    from users.models import Card, Customer

    chargers = list(Charger.objects.select_related("station__company").order_by("-pk")[:CUSTOMERS])
    for station in {charger.station for charger in chargers}:
        prices = [{"part": "energy", "period": "any", "price": "7.00"}]
        tariffs.new_version(station, "member", prices, actor=SYSTEM)
    found = []
    for n, charger in enumerate(chargers):
        company = charger.station.company
        customer = Customer.objects.create(company=company, name=f"Customer {n}")
        wallets.top_up(customer, 500_00, key=f"benchmark-{n}", reason="benchmark", actor=SYSTEM)
        Card.objects.create(company=company, customer=customer, id_tag=f"OUTBOX{n}")
        now = timezone.now()
        claim = Claim(now, now, Clock.DEVICE)
        start = Start(1, f"OUTBOX{n}", 1_000, now.isoformat(), claim, now)
        started = start_session(charger.pk, start)
        if started.session.hold_id is None:
            raise CannotMeasure(f"A charge was refused: {started.info}")
        found.append(customer.pk)
    return found
