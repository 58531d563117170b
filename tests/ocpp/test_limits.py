"""A charge stops by itself at what was paid: never short of it, hardly beyond (features A8).

Every charger here is a few lines of arithmetic under a clock that costs nothing; the watch that
stops it is the product's own.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stations.drivers.ocpp import limits
from stations.drivers.ocpp.line import CallRefused, NoAnswer, Running
from stations.services.links import OpenSession
from tests import virtual

Power = Callable[[float], float]  # W at s since the start
STEP_S = 0.25


class Bench:
    """A charger with one car, its line and its hub, as the watch knows them."""

    def __init__(
        self,
        power: Power,
        *,
        sample_s: float,
        allowance_wh: int,
        max_power_w: int,
        answer_s: float = 0.3,
        stop_s: float = 1.5,
        triggers: bool = True,
        profiles: bool = True,
        ignore_stops: int = 0,
    ) -> None:
        self.power, self.sample_s, self.answer_s, self.stop_s = power, sample_s, answer_s, stop_s
        self.triggers, self.profiles, self.ignore_stops = triggers, profiles, ignore_stops
        self.cap_w = float("inf")
        self._wh = 0.0
        self._counted_s = 0.0
        self.ended = asyncio.Event()
        self.asked = self.stops = self.calls_for_help = 0
        self.power_at_stop = 0.0
        self.began = datetime.now(UTC)
        self.running = Running(
            OpenSession(1, 1, 1, 0, 0, 0, None, self.began, allowance_wh, None, None, max_power_w)
        )
        self.hub = SimpleNamespace(spawn=self._spawn, pool=SimpleNamespace(run=self._order))
        line: Any = SimpleNamespace(
            hub=self.hub,
            call=self._call,
            closed=False,
            no_trigger=False,
            no_profile=False,
            charge_point_id="CP",
            pk=1,
            running={1: self.running},
        )
        self.line = line
        self.running.watch = self.watch = limits.Watch(line, self.running)
        self.tasks: set[asyncio.Task[Any]] = set()

    def seconds(self) -> float:
        return (datetime.now(UTC) - self.began).total_seconds()

    def now_w(self) -> float:
        return 0.0 if self.ended.is_set() else min(self.power(self.seconds()), self.cap_w)

    @property
    def wh(self) -> float:
        """Energy so far: the power integrated up to now, under the cap of that stretch."""
        end = self.seconds()
        while self._counted_s < end and not self.ended.is_set():
            step = min(STEP_S, end - self._counted_s)
            self._wh += min(self.power(self._counted_s), self.cap_w) * step / 3600
            self._counted_s += step
        return self._wh

    async def charge(self, at_most_s: float = 40_000) -> float:
        """Let it run until it stops; the Wh delivered."""
        self._spawn(self._sampling())
        await asyncio.wait_for(self.ended.wait(), at_most_s)
        for task in self.tasks:
            task.cancel()
        return self.wh

    def read(self) -> None:
        """A MeterValues arrives: what metering._follow and following.watch do with it."""
        now = datetime.now(UTC)
        gap = (now - self.running.at).total_seconds()
        if gap > 1:
            self.running.sample_gap_s = min(gap, 900.0)
        self.running.register.read(int(self.wh))
        self.running.power_w = int(self.now_w())
        self.running.at = now
        self.watch.look()

    async def _sampling(self) -> None:
        while not self.ended.is_set():
            await asyncio.sleep(self.sample_s)
            self.read()

    async def _call(self, action: str, payload: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        await asyncio.sleep(self.answer_s)
        if action == "TriggerMessage":
            self.asked += 1
            if not self.triggers:
                raise CallRefused("NotImplemented", "")
            asyncio.get_running_loop().call_later(self.answer_s, self.read)
            return {"status": "Accepted"}
        if not self.profiles:
            raise CallRefused("NotSupported", "")
        schedule = payload["csChargingProfiles"]["chargingSchedule"]
        self.cap_w = self.wh and schedule["chargingSchedulePeriod"][0]["limit"]
        return {"status": "Accepted"}

    async def _order(self, work: Any, *args: Any) -> None:
        if work is limits._call_a_person:
            self.calls_for_help += 1
            self.ended.set()
            return
        self.stops += 1
        self.power_at_stop = self.power_at_stop or self.now_w()
        if self.stops > self.ignore_stops:
            asyncio.get_running_loop().call_later(self.stop_s, self._open_contactor)

    def _open_contactor(self) -> None:
        self._wh = self.wh
        self.ended.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def steady(watts: float) -> Power:
    return lambda s: watts * min(s / 20, 1)


def tapering(watts: float) -> Power:
    """Full for a quarter of an hour, then falling by half every ten minutes."""
    return lambda s: watts * min(s / 20, 1) * 0.5 ** (max(s - 900, 0) / 600)


def pausing(watts: float) -> Power:
    """The car takes a minute off every five."""
    return lambda s: 0.0 if int(s) % 300 > 240 else watts


def tolerance(allowance_wh: int, watts: float) -> float:
    return max(100, 0.01 * allowance_wh, watts * 6 / 3600)


@pytest.mark.parametrize("sample_s", [10, 30, 60])
@pytest.mark.parametrize("kilowatts", [3.7, 7.4, 22, 60, 150])
@pytest.mark.parametrize("course", [steady, tapering, pausing], ids=lambda c: c.__name__)
@pytest.mark.parametrize("profiles", [True, False], ids=["takes profiles", "takes none"])
def test_it_stops_at_the_paid_energy(
    kilowatts: float, sample_s: float, course: Callable[[float], Power], profiles: bool
) -> None:
    watts = kilowatts * 1000
    allowance = int(watts * 0.3)  # a good quarter of an hour at full power

    async def charge() -> tuple[float, Bench]:
        bench = Bench(
            course(watts),
            sample_s=sample_s,
            allowance_wh=allowance,
            max_power_w=int(watts),
            profiles=profiles,
        )
        return await bench.charge(), bench

    delivered, bench = virtual.run(charge())
    assert delivered >= allowance
    assert delivered - allowance <= tolerance(allowance, bench.power_at_stop)
    assert bench.asked < 120
    if profiles and course is steady and kilowatts > 22:
        assert bench.power_at_stop <= limits.EASE_TO_W


def test_a_small_car_at_a_large_plug_is_stopped_as_exactly() -> None:
    async def charge() -> float:
        bench = Bench(steady(7_000), sample_s=60, allowance_wh=5_000, max_power_w=150_000)
        return await bench.charge()

    assert 5_000 <= virtual.run(charge()) <= 5_100


def test_a_charger_that_cannot_be_asked_is_stopped_by_its_power_and_not_short() -> None:
    async def charge() -> float:
        bench = Bench(
            steady(22_000), sample_s=60, allowance_wh=10_000, max_power_w=22_000, triggers=False
        )
        return await bench.charge()

    assert 10_000 <= virtual.run(charge()) <= 10_200


def test_a_charger_that_does_not_stop_is_told_again_and_then_a_person_is_called() -> None:
    async def charge(ignored: int) -> Bench:
        bench = Bench(
            steady(7_000), sample_s=10, allowance_wh=1_000, max_power_w=7_400, ignore_stops=ignored
        )
        await bench.charge()
        return bench

    assert virtual.run(charge(2)).stops == 3
    deaf = virtual.run(charge(99))
    assert (deaf.stops, deaf.calls_for_help) == (limits.STOPS_BEFORE_CASE, 1)


def test_a_slow_answer_is_waited_for_and_no_second_request_crowds_it() -> None:
    async def charge() -> Bench:
        bench = Bench(
            steady(7_000), sample_s=60, allowance_wh=2_000, max_power_w=7_400, answer_s=4.0
        )
        await bench.charge()
        return bench

    bench = virtual.run(charge())
    assert bench.wh >= 2_000
    assert bench.asked < 30


def test_more_money_during_the_charge_lets_it_go_on() -> None:
    async def charge() -> float:
        bench = Bench(steady(22_000), sample_s=10, allowance_wh=2_000, max_power_w=22_000)
        loop = asyncio.get_running_loop()

        def top_up() -> None:
            bench.running.allowance_wh = 4_000
            bench.watch.look()

        loop.call_later(200, top_up)
        return await bench.charge()

    assert virtual.run(charge()) >= 4_000


def test_an_allowance_that_was_not_renewed_stops_the_charge_at_its_time() -> None:
    async def charge() -> float:
        bench = Bench(steady(7_200), sample_s=60, allowance_wh=10**9, max_power_w=7_400)
        bench.running.allowance_until = datetime.now(UTC) + timedelta(minutes=10)
        bench.watch.look()
        return await bench.charge()

    assert 1_150 <= virtual.run(charge()) <= 1_260


def test_no_answer_at_all_still_ends_in_a_stop_when_the_samples_say_so() -> None:
    async def charge() -> float:
        bench = Bench(steady(7_200), sample_s=30, allowance_wh=1_000, max_power_w=7_400)

        async def silent(action: str, payload: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            await asyncio.sleep(timeout_s)
            raise NoAnswer("no answer in time")

        bench.line.call = silent
        return await bench.charge()

    assert 1_000 <= virtual.run(charge()) <= 1_080


def test_the_expected_stop_is_known_from_the_newest_reading() -> None:
    begun = datetime(2026, 11, 20, 3, tzinfo=UTC)
    row = OpenSession(1, 1, 1, 0, 1_000, 1_000, 6_000, begun, 4_000, None, None, 22_000)
    assert limits.expected_stop(Running(row)) == begun + timedelta(minutes=30)
    row.power_w = 0
    assert limits.expected_stop(Running(row)) is None
