"""A charger under test with somebody in front of it, who does what the run asks for."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from core.audit import Actor
from meaoscp import form
from meaoscp.form import Kind
from meaoscp.models import AcceptanceRun, AcceptanceStep, RunState, StepState
from meaoscp.services import acceptance_runs
from meaoscp.services.acceptance_runs import Wish
from simulators.charger import ChargePoint, Hardware
from simulators.connector import Rating
from simulators.ocpp_link import Endpoint
from stations.models import Charger, Connector
from tests.factories import CHARGER_PASSWORD, a_card, a_charger, a_customer, a_station
from tests.stack import Stack, eventually
from users.models import BillingMode, Card

WHO = Actor("admin", name="Pranee")
UNKNOWN_CARD = "DEADBEEF"
SAMPLE_S = 0.3
AC, DC = Rating(power_w=22_080.0), Rating(direct=True, power_w=60_000.0)
# Seconds; more than a busy machine ever takes: only the step that is to fail has its time cut.
PATIENCE = {"person": 60, "wire": 60, "heartbeat": 60, "meter": 60}
CUT_S = 3.0  # a charger of a test answers within milliseconds, its frames are written within 250


@dataclass
class Bench:
    """``act`` says what the person does at a step; each step is acted on once per try.

    ``cut`` is the step whose time is cut short once the person has done their part.
    """

    charger: Charger
    point: ChargePoint
    loop: asyncio.AbstractEventLoop
    card: Card
    second_card: Card
    done: set[tuple[int, int]] = field(default_factory=set)
    taps_to_stop: Card | None = None
    beats: bool = True
    restarts: bool = False
    cut: str = ""

    def do(self, work: Callable[[], Any]) -> Any:
        """Something that takes no time, in the charger's own loop."""

        async def now() -> Any:
            return work()

        return self.wait(now())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def start(self, *tests: int, **wish: Any) -> AcceptanceRun:
        values: dict[str, Any] = {
            "card": self.card,
            "connectors": [1],
            "direct": self.point.hardware.rating.direct,
            "limit": Decimal(20_000 if self.point.hardware.rating.direct else 10),
            "invalid_id_tag": UNKNOWN_CARD,
            "stop_card": self.taps_to_stop,
            "reservation_seconds": 2,
            "tests": tests or form.TESTS,
            "patience": PATIENCE,
        }
        return acceptance_runs.start(self.charger, Wish(**values | wish), actor=WHO)

    def turn(self, run: AcceptanceRun) -> bool:
        """Do what is asked now; whether the run has ended or waits for a decision."""
        run.refresh_from_db()
        if run.state != RunState.RUNNING:
            return True
        present = run.steps.filter(state=StepState.NOW).first()
        if present is not None and (present.pk, present.tries) not in self.done:
            self.done.add((present.pk, present.tries))
            self.act(present)
            if present.number == self.cut:
                due_at = timezone.now() + timedelta(seconds=CUT_S)
                AcceptanceStep.objects.filter(pk=present.pk).update(due_at=due_at)
        return False

    def play(self, run: AcceptanceRun, seconds: float = 30.0) -> AcceptanceRun:
        """Do what is asked until the run ends or a step has failed."""
        eventually(lambda: self.turn(run), seconds)
        return run

    def act(self, step: AcceptanceStep) -> None:
        line, number = form.STEPS[step.number], step.connector_id
        if line.kind is Kind.FREE:
            self.do(lambda: self.point.unplug(number))
        elif line.kind is Kind.HEARTBEAT and self.beats:
            self.do(lambda: self.point.link.post("Heartbeat", {}))
        elif line.kind is Kind.BOOT and self.restarts:
            self.do(self.point.power_cycle)
        elif line.kind is Kind.CARD_REFUSED:
            self.wait(self.point.tap(UNKNOWN_CARD, 1))
        elif line.kind is Kind.CARD_ACCEPTED:
            self.do(lambda: self.point.plug(number))
            self.wait(self.point.tap(self.card.id_tag, number))
        elif line.kind is Kind.CARD_TO_STOP:
            self.wait(self.point.tap((self.taps_to_stop or self.card).id_tag, number))
        elif line.plug_first or line.reserved:
            self.do(lambda: self.point.plug(number))

    async def sample(self) -> None:
        """Readings a few times a second: the shortest interval of a charger is a whole one."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            for connector in self.point.connectors:
                if connector.session is not None and connector.session.transaction_id is not None:
                    self.point.sessions.send_meter_values(
                        connector, "Sample.Periodic", "MeterValuesSampledData"
                    )


@contextmanager
def bench(
    live: Stack,
    *,
    rating: Rating = AC,
    connectors: int = 1,
    configuration: Mapping[str, str] | None = None,
    asks_to_stop: bool = True,
) -> Iterator[Bench]:
    """A charger that is online, and cards of a customer who pays later."""
    station = a_station()
    charger = a_charger(station, connectors=connectors)
    member = a_customer(station.company, billing_mode=BillingMode.POSTPAID, credit_limit=100_000_00)
    card, second = [
        a_card(member, parent_id_tag="GROUP1", max_active_sessions=None) for _ in range(2)
    ]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="charger", daemon=True)
    thread.start()
    point = ChargePoint(
        Endpoint(live.ocpp_url.rstrip("/"), charger.charge_point_id, CHARGER_PASSWORD),
        Hardware(
            connectors=connectors,
            rating=rating,
            serial="SN-0001",
            stop_ramp_s=0.05,
            reboot_s=0.01,
            asks_to_stop=asks_to_stop,
        ),
        configuration={"MeterValueSampleInterval": "0", **(configuration or {})},
    )
    made = Bench(charger, point, loop, card, second)
    try:
        made.do(point.start)
        made.do(lambda: point.spawn(made.sample()))
        plugs = Connector.objects.filter(charger=charger, status_device_at__isnull=False)
        eventually(lambda: plugs.filter(connector_id__gt=0).count() == connectors)
        yield made
    finally:
        made.wait(point.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
