"""A lively site: chargers in their first states, then cars that come, charge and leave."""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from simulators.car import Car, a_car
from simulators.charger import ChargePoint
from simulators.clock import TimeSource
from simulators.faults import chaos
from simulators.fleet import Fleet, Life, Plan, Start
from simulators.ocpp_link import Endpoint

PLUG_AFTER_S = 5.0  # somebody who has paid or tapped puts the cable in
VISITOR_LINGER_S = (20.0, 40.0)
RECONNECT_WITHIN_S = 10.0  # so that a restarted server has its site back while one looks on
JOURNAL_LENGTH = 20  # a message with its values takes some 4 kB


class Bay:
    """One connector and the people and cars in front of it."""

    def __init__(
        self,
        site: "Site",
        point: ChargePoint,
        start: Start,
        life: Life | None,
        cards: tuple[str, ...],
    ) -> None:
        self._site = site
        self._point = point
        self._start = start
        self._life = life
        self._cards = cards
        self._connector = point.connector(start.connector)
        self._is_first_car = True
        # Its own dice: what happens in one bay does not change what happens in another.
        self._rng = random.Random(f"{site.fleet.seed}/{point.identity}/{start.connector}")

    @property
    def _is_lively(self) -> bool:
        return self._life is not None and not self._start.stay

    async def live(self) -> None:
        """From the first state on, for ever."""
        await self._arrange()
        while True:
            if self._connector.car is None:
                await self._await_car()
            if self._connector.session is None:
                await self._get_started()
            await self._charge()
            await self._leave()

    async def _arrange(self) -> None:
        """Bring about the state in which the simulation finds the connector."""
        start, number = self._start, self._start.connector
        if start.state == "Faulted":
            self._point.fault(number, start.error_code)
        elif start.state == "Unavailable":
            self._connector.operative = False
            self._point.refresh()
        elif start.state == "Finishing":
            self._point.finish(number, self._new_car())
        elif start.state != "Available":
            self._point.plug(number, self._new_car())
            if start.id_tag:
                await self._tap(start.id_tag)

    def _new_car(self) -> Car:
        """The listed car, at first and always in a bay that stays as it is; else whichever comes."""
        is_listed = self._is_first_car or self._start.stay
        self._is_first_car = False
        soc = self._start.soc if is_listed else None
        car = a_car(self._rng, soc, self._point.hardware.rating.direct)
        car.paused = is_listed and self._start.state == "SuspendedEV"
        return car

    async def _tap(self, id_tag: str) -> None:
        status = await self._point.tap(id_tag, self._start.connector)
        if status not in ("Accepted", "Stopped"):
            self._point.say(f"connector {self._start.connector}: {id_tag} may not charge: {status}")

    async def _await_car(self) -> None:
        """A car comes: a visitor's after a start from the page or a card, or one of our own."""
        connector, state = self._connector, self._start.state
        comes_by_itself = self._is_lively or state not in ("Available", "Faulted", "Unavailable")
        gap = self._range(self._life.arrive_s if self._life else VISITOR_LINGER_S)
        visited = await self._until(
            lambda: connector.authorisation is not None or connector.car is not None,
            gap if comes_by_itself else None,
        )
        if visited and connector.car is None:
            await self._point.time.sleep(PLUG_AFTER_S)
        is_awaited = (
            connector.authorisation is not None if visited else connector.status == "Available"
        )
        if connector.car is None and is_awaited:
            if state == "Finishing" and self._start.stay and not visited:
                self._point.finish(connector.number, self._new_car())
            else:
                self._point.plug(connector.number, self._new_car())

    async def _get_started(self) -> None:
        """A driver of ours looks for the card and taps it; a visitor starts when they like."""
        connector = self._connector
        card = self._card()
        if connector.car is None:
            return
        if card is None:
            await self._until(lambda: connector.session is not None or connector.car is None, None)
            return
        look_s = self._range(self._life.look_s if self._life else (1.0, 1.0))
        if not await self._until(lambda: connector.session is not None, look_s):
            await self._tap(card)

    def _card(self) -> str | None:
        """The card of the driver in front of this bay; a lively bay's driver brings a free one."""
        if not self._is_lively:
            return self._start.id_tag or None
        used = {id_tag.casefold() for id_tag in self._site.cards_in_use()}
        free = [card for card in self._cards if card.casefold() not in used]
        return self._rng.choice(free) if free else None

    async def _charge(self) -> None:
        """Until the driver is back and taps, or, for a visitor, until the car is full."""
        session, car = self._connector.session, self._connector.car
        if session is None or car is None:
            return
        patience = self._range(self._life.charge_s) if self._life else None
        is_ours = self._is_lively and session.id_tag in self._cards
        await self._until(
            lambda: self._connector.session is not session or car.is_full,
            patience if is_ours else None,
        )
        if is_ours and self._connector.session is session:
            await self._tap(session.id_tag)
            await self._until(lambda: self._connector.session is not session, None)

    async def _leave(self) -> None:
        """After a while the cable comes out, unless somebody starts anew."""
        before = self._connector.session
        linger = self._life.linger_s if self._is_lively and self._life else VISITOR_LINGER_S
        again = await self._until(
            lambda: self._connector.session not in (None, before), self._range(linger)
        )
        if not again and self._connector.car is not None:
            self._point.unplug(self._connector.number)

    def _range(self, span: tuple[float, float]) -> float:
        return self._rng.uniform(*span)

    async def _until(self, probe: Callable[[], bool], seconds: float | None) -> bool:
        """Whether ``probe`` comes true within so many simulated seconds."""
        timeout = None if seconds is None else seconds / self._point.time.speed
        try:
            await self._point.journal.until(lambda: probe() or None, timeout, lambda: "")
        except TimeoutError:
            return False
        return True


class Site:
    """All chargers of a fleet in one process."""

    def __init__(
        self,
        fleet: Fleet,
        *,
        time: TimeSource | None = None,
        tls: ssl.SSLContext | None = None,
        say: Callable[[str], None] | None = None,
        registers_wh: Mapping[str, list[float]] | None = None,
        chaos_per_hour: float = 0.0,
        secure_url: str = "",
        root: str = "",
    ) -> None:
        self.fleet = fleet
        self.time = time or TimeSource(fleet.speed)
        self._tls = tls
        self._secure_url, self._root = secure_url, root
        self._say = say
        self._chaos_per_hour = chaos_per_hour
        self._registers = registers_wh or {}
        self._tasks: list[asyncio.Task[None]] = []
        self.points = {plan.id: self._build(plan) for plan in fleet.chargers}

    def _build(self, plan: Plan) -> ChargePoint:
        registers = self._registers.get(plan.id) or self._used_registers(plan)
        return ChargePoint(
            Endpoint(
                self.fleet.url,
                plan.id,
                plan.password,
                self._tls,
                reconnect_max_s=RECONNECT_WITHIN_S,
                secure_url=self._secure_url,
                root=self._root,
            ),
            replace(plan.hardware, registers_wh=tuple(registers)),
            configuration=plan.configuration,
            time=self.time,
            keep=JOURNAL_LENGTH,
            say=self._say,
        )

    def _used_registers(self, plan: Plan) -> list[float]:
        """Meters that have seen some years of use, in Wh."""
        rng = random.Random(f"{self.fleet.seed}/{plan.id}")
        return [rng.randrange(200_000, 30_000_000) for _ in range(plan.hardware.connectors)]

    def registers_wh(self) -> dict[str, list[float]]:
        """What all meters show now, to be handed to the next Site of the same fleet."""
        return {
            name: [connector.meter.true_wh() for connector in point.connectors]
            for name, point in self.points.items()
        }

    def cards_in_use(self) -> Iterator[str]:
        """The cards of the sessions under way."""
        for point in self.points.values():
            for connector in point.connectors:
                if connector.session is not None:
                    yield connector.session.id_tag

    def start(self) -> None:
        """Switch the chargers on, one shortly after the other."""
        loop = asyncio.get_running_loop()
        step_s = self.fleet.spread_s / len(self.fleet.chargers)
        self._tasks = [
            loop.create_task(self._run(plan, n * step_s))
            for n, plan in enumerate(self.fleet.chargers)
            if not plan.offline
        ]

    async def _run(self, plan: Plan, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        point = self.points[plan.id]
        point.start()
        await point.wait_registered(timeout=None)
        if self._chaos_per_hour > 0:
            dice = random.Random(f"{self.fleet.seed}/{plan.id}/chaos")
            point.spawn(chaos(point, self._chaos_per_hour, dice))
        for connector in point.connectors:
            start = plan.starts.get(connector.number)
            if start is None and self.fleet.life is None:
                start = Start(connector.number, stay=True)
            bay = Bay(self, point, start or Start(connector.number), self.fleet.life, plan.cards)
            point.spawn(bay.live())

    async def stop(self, end_sessions_within_s: float = 2.0) -> None:
        """Switch all off; sessions end as at a loss of power, if the server still listens."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(point.stop(end_sessions_within_s) for point in self.points.values()))
