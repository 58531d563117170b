"""Energy from registers: never negative, never invented."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stations.metering import Register, Sample, measure

START = datetime(2026, 11, 20, 3, tzinfo=UTC)


def samples(*registers: int) -> list[Sample]:
    return [Sample(START + timedelta(minutes=n), r) for n, r in enumerate(registers, 1)]


def test_an_honest_register_gives_the_difference() -> None:
    found = measure(1_000, samples(1_500, 2_200), 3_000)
    assert (found.wh, found.faulty) == (2_000, False)
    assert [p.wh for p in found.curve] == [500, 1_200]


def test_a_register_reset_by_a_reboot_loses_and_invents_nothing() -> None:
    found = measure(50_000, samples(52_000, 53_000, 0, 700), 1_500)
    assert (found.wh, found.faulty) == (4_500, True)


def test_a_stop_of_zero_beside_real_readings_says_nothing() -> None:
    found = measure(50_000, samples(52_000, 53_000), 0)
    assert (found.wh, found.faulty) == (3_000, True)


def test_a_stop_that_never_came_ends_at_the_last_reading() -> None:
    found = measure(1_000, samples(1_500, 2_200), None)
    assert (found.wh, found.faulty) == (1_200, False)


def test_a_stop_below_the_start_is_never_negative_energy() -> None:
    assert measure(5_000, [], 100).wh == 0


def test_one_wild_reading_between_honest_ones_does_not_count() -> None:
    assert measure(1_000, samples(1_500, 900_000, 2_200), 3_000).wh == 2_000
    assert measure(1_000, samples(1_500, 900_000, 2_200), None).wh == 1_200
    low = measure(1_000, samples(4_000, 6), 11_000)
    assert (low.wh, low.faulty) == (10_000, True)


def test_a_last_digit_that_wobbles_is_no_fault() -> None:
    assert measure(1_000, samples(1_500, 1_495, 2_200), 3_000).faulty is False


def test_a_live_register_that_comes_back_after_one_wrong_reading_counts_nothing_twice() -> None:
    register = Register(1_000)
    assert [register.read(r) for r in (4_000, 6, 11_000)] == [3_000, 3_000, 10_000]


def test_a_live_register_follows_reading_by_reading() -> None:
    register = Register(1_000)
    assert [register.read(r) for r in (1_400, 1_900, 0, 300)] == [400, 900, 900, 1_200]
    assert register.faulty


def test_a_reset_register_that_later_passes_its_old_place_counts_all_of_it() -> None:
    register = Register(0)
    assert [register.read(r) for r in (5_000, 0, 700, 6_000)] == [5_000, 5_000, 5_700, 11_000]


registers = st.lists(st.integers(0, 10**9), max_size=20)


@given(st.integers(0, 10**9), registers, st.none() | st.integers(0, 10**9))
def test_energy_is_never_negative_and_the_curve_never_falls(
    start: int, found: list[int], stop: int | None
) -> None:
    metered = measure(start, samples(*found), stop)
    assert metered.wh >= 0
    curve = [p.wh for p in metered.curve]
    assert curve == sorted(curve)
    assert not curve or curve[-1] <= metered.wh


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**5), min_size=1, max_size=20))
def test_a_register_that_only_rises_gives_exactly_its_rise(start: int, rises: list[int]) -> None:
    found, register = [], start
    for rise in rises:
        register += rise
        found.append(register)
    metered = measure(start, samples(*found), register)
    assert (metered.wh, metered.faulty) == (sum(rises), False)
