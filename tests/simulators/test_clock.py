"""Simulated time: planned moments are met exactly, at any speed."""

import asyncio
from datetime import UTC, datetime

import pytest

from simulators.clock import ClockStyle, DeviceClock, TimeSource

pytestmark = pytest.mark.pure

EVENING = datetime(2026, 11, 20, 14, 59, 30, tzinfo=UTC)  # 21:59:30 in Bangkok


def test_what_is_planned_happens_in_order_and_at_its_own_time() -> None:
    async def main() -> list[float]:
        source = TimeSource(3_600, EVENING)
        start, seen, done = source.seconds(), [], asyncio.Event()

        def note() -> None:
            seen.append(source.seconds() - EVENING.timestamp())
            if len(seen) == 3:
                done.set()

        for due in (90.0, 30.0, 60.0):
            source.call_at(EVENING.timestamp() + due, note)
        source.call_later(45, lambda: seen.append(-1)).cancel()
        async with asyncio.timeout(5):
            await done.wait()
        assert source.seconds() >= start + 90
        return seen

    assert asyncio.run(main()) == [30.0, 60.0, 90.0]


def test_time_does_not_pass_a_planned_moment_before_it_has_happened() -> None:
    async def main() -> None:
        source = TimeSource(1e9, EVENING)
        due = source.seconds() + 1
        seen: list[float] = []
        source.call_at(due, lambda: seen.append(source.seconds()))
        while not seen:
            await asyncio.sleep(0)
            assert source.seconds() <= due or seen
        assert seen == [due]
        await asyncio.sleep(0)
        assert source.seconds() > due

    asyncio.run(main())


def test_what_happens_together_has_one_time() -> None:
    async def main() -> None:
        source = TimeSource(1e9)
        first = source.seconds()
        assert source.seconds() == first
        await asyncio.sleep(0)
        assert source.seconds() > first

    asyncio.run(main())


def test_many_cancelled_timers_are_swept_out() -> None:
    async def main() -> int:
        source = TimeSource()
        for _ in range(1_000):
            source.call_later(3_600, lambda: None).cancel()
        return len(source._planned)

    assert asyncio.run(main()) < 300


def test_a_speed_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="speed must be positive"):
        TimeSource(0)


@pytest.mark.parametrize(
    ("style", "offset_s", "text"),
    [
        (ClockStyle.UTC, 0, "2026-11-20T15:00:00.000Z"),
        (ClockStyle.UTC, -90, "2026-11-20T14:58:30.000Z"),
        (ClockStyle.LOCAL_AS_UTC, 0, "2026-11-20T22:00:00.000Z"),
        (ClockStyle.WITH_OFFSET, 0, "2026-11-20T22:00:00.000+07:00"),
        (ClockStyle.NO_ZONE, 0, "2026-11-20T15:00:00.000"),
        (ClockStyle.UNSYNCED, 0, "1970-01-01T00:00:30.000Z"),
    ],
)
def test_a_charger_writes_time_as_its_clock_believes(
    style: ClockStyle, offset_s: float, text: str
) -> None:
    source = TimeSource(1e-9, EVENING)
    clock = DeviceClock(source)
    clock.style, clock.offset_s = style, offset_s
    assert clock.stamp(EVENING.timestamp() + 30) == text
