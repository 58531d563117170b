"""Whatever a meter does: energy is never negative, never invented, and right where it can be known."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stations.metering import Metered, Plug, Register, Sample, looks_like_kwh, measure

pytestmark = pytest.mark.pure
START = datetime(2026, 11, 20, 3, tzinfo=UTC)
PLUG = Plug(22_000)
STEP = timedelta(minutes=5)
FULL_STEP_WH = 22_000 * 5 // 60
LIFETIME = 4_076_000


@dataclass
class Story:
    """What truly flowed, and what the meter says of it."""

    truth: list[int]  # Wh since the start at each reading; the last is the stop
    start: int
    said: list[int | None]  # registers; None: the reading is lost
    stop: int | None
    plug: Plug = PLUG
    heard_late: bool = False
    notes: list[str] = field(default_factory=list)

    def measured(self) -> Metered:
        times = [START + STEP * n for n in range(1, len(self.said) + 1)]
        late = START + STEP * (len(self.said) + 5)
        samples = [
            Sample(at, register, late if self.heard_late else at)
            for at, register in zip(times, self.said, strict=True)
            if register is not None
        ]
        end = START + STEP * (len(self.said) + 1)
        stop = (
            None if self.stop is None else Sample(end, self.stop, late if self.heard_late else end)
        )
        start = Sample(START, self.start, START)
        return measure(self.start, samples, self.stop, start=start, stop=stop, plug=self.plug)

    @property
    def flowed(self) -> int:
        return self.truth[-1]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """An honest charge of 20 minutes to four hours."""
    steps = draw(st.lists(st.integers(0, FULL_STEP_WH), min_size=4, max_size=48))
    base = draw(st.sampled_from([0, 7_000, LIFETIME]))
    truth, height = [], 0
    for step in steps:
        height += step
        truth.append(height)
    registers: list[int | None] = [base + wh for wh in truth[:-1]]
    return Story(truth, base, registers, base + truth[-1])


Lie = Callable[[Story, random.Random], None]


def lost(story: Story, rng: random.Random) -> None:
    story.said[rng.randrange(len(story.said))] = None


def late(story: Story, rng: random.Random) -> None:
    story.heard_late = True


def spike(story: Story, rng: random.Random) -> None:
    n = rng.randrange(len(story.said))
    if story.said[n] is not None:
        story.said[n] = (story.said[n] or 0) + rng.randrange(200_000, 10**9)


def drop(story: Story, rng: random.Random) -> None:
    """One reading far too low."""
    n = rng.randrange(len(story.said))
    if story.start >= 1_000 and story.said[n] is not None:
        story.said[n] = rng.randrange(0, story.start // 2)


def reset(story: Story, rng: random.Random) -> None:
    """A reboot somewhere: from there on the register counts from 0."""
    n = rng.randrange(1, len(story.said))
    before = story.truth[n - 1]
    for later in range(n, len(story.said)):
        if story.said[later] is not None:
            story.said[later] = story.truth[later] - before
    if story.stop is not None:
        story.stop = story.flowed - before


def relative(story: Story, rng: random.Random) -> None:
    """Start and stop of the lifetime register, readings counted from the start of the charge."""
    story.said = [None if r is None else wh for r, wh in zip(story.said, story.truth, strict=False)]


def zero_stop(story: Story, rng: random.Random) -> None:
    story.stop = 0


def stop_is_start(story: Story, rng: random.Random) -> None:
    story.stop = story.start


def no_stop(story: Story, rng: random.Random) -> None:
    story.stop = None


def zero_start(story: Story, rng: random.Random) -> None:
    """Begun offline: 0 instead of the lifetime register (Iocharger)."""
    if story.start == LIFETIME:
        story.start = 0


def wild_stop(story: Story, rng: random.Random) -> None:
    story.stop = LIFETIME * 1_000


def labelled_wh(story: Story, rng: random.Random) -> None:
    """Readings in kWh, labelled Wh, beside an honest start and stop."""
    story.said = [None if r is None else r // 1_000 for r in story.said]


LIES: list[Lie] = [
    lost,
    late,
    spike,
    drop,
    reset,
    relative,
    zero_stop,
    stop_is_start,
    no_stop,
    zero_start,
    wild_stop,
    labelled_wh,
]
TOLERANCE_WH = 20


@given(stories(), st.lists(st.sampled_from(LIES), max_size=3, unique=True), st.randoms())
def test_no_lie_and_no_three_lies_together_bill_more_than_flowed(
    story: Story, lies: list[Lie], rng: random.Random
) -> None:
    # 0 at the start and a small register ever after is what an honest new meter says too.
    assume(not {zero_start, labelled_wh} <= set(lies))
    for lie in lies:
        lie(story, rng)
    found = story.measured()
    assert 0 <= found.wh <= story.flowed + TOLERANCE_WH
    curve = [p.wh for p in found.curve]
    assert curve == sorted(curve)
    assert all(0 <= wh <= found.wh for wh in curve)
    assert found.disputed_wh >= 0


@given(stories(), st.sampled_from([lost, late, spike, drop, relative]), st.randoms())
def test_what_start_and_stop_prove_is_billed_to_the_wh(
    story: Story, lie: Lie, rng: random.Random
) -> None:
    lie(story, rng)
    assert story.measured().wh == story.flowed


@given(stories(), st.randoms())
def test_a_model_known_to_begin_at_zero_is_billed_to_the_wh(
    story: Story, rng: random.Random
) -> None:
    if story.start == 0:
        story.start, story.stop = 7_000, 7_000 + story.flowed
        story.said = [7_000 + (r or 0) for r in story.said]
    story.plug = Plug(22_000, counts_from_zero=True)
    story.start += 10**7  # far above anything that a reset register reaches in a charge
    story.said = [None if r is None else r + 10**7 for r in story.said]
    assert story.stop is not None
    story.stop += 10**7
    reset(story, rng)
    found = story.measured()
    assert found.wh == story.flowed
    assert found.faults == ()


@given(stories(), st.sampled_from([zero_stop, stop_is_start, no_stop]), st.randoms())
def test_without_a_usable_stop_the_last_reading_decides(
    story: Story, lie: Lie, rng: random.Random
) -> None:
    if story.start == 0 and lie is not no_stop:
        return  # then 0 is the start itself, and says the same as an honest stop of nothing
    lie(story, rng)
    last = story.truth[-2]
    assert last - FULL_STEP_WH <= story.measured().wh <= last


@given(stories())
def test_live_and_final_energy_agree_where_the_meter_is_honest(story: Story) -> None:
    register = Register(story.start)
    most = PLUG.most_wh(STEP.total_seconds())
    for said in story.said:
        register.read(said or 0, most)
    register.read(story.stop or 0, most)
    found = story.measured()
    assert register.energy_wh == found.wh == story.flowed
    assert not register.faulty
    assert (found.faults, found.disputed_wh) == ((), 0)


@given(stories(), st.integers(10**6, 10**9))
def test_a_live_register_believes_no_jump_and_goes_on_from_either_side(
    story: Story, jump: int
) -> None:
    """The last honest reading, a wild one, then honest ones again: or the new place for good."""
    most = PLUG.most_wh(STEP.total_seconds())
    back, stays = Register(story.start), Register(story.start)
    registers = [r for r in story.said if r is not None]
    half = len(registers) // 2
    for n, said in enumerate(registers):
        wild = n == half
        back.read(said + jump if wild else said, most)
        stays.read(said + jump if n >= half else said, most)
    missed = 2 * FULL_STEP_WH
    assert 0 <= story.truth[-2] - back.energy_wh <= missed
    assert 0 <= story.truth[-2] - stays.energy_wh <= missed
    assert back.faulty
    assert stays.faulty


def test_a_jump_that_the_plug_cannot_give_is_disputed_up_to_what_it_could() -> None:
    story = Story([5_000], 0, [None] * 11, LIFETIME)
    found = story.measured()
    assert (found.wh, found.claimed_wh) == (0, LIFETIME)
    assert found.faults == ("impossible_rise",)
    assert 22_000 < found.disputed_wh < 28_500  # an hour at full power, with margin


def test_a_register_that_passes_its_old_place_after_a_reset_leaves_the_rest_to_a_person() -> None:
    story = Story([7_200], 0, [800, 1_600, 2_400, 0, 800, 1_600, 2_400], 3_200)
    found = story.measured()
    assert found.wh == 3_200
    assert found.disputed_wh > 0


def test_power_over_time_gives_a_register_in_kwh_away() -> None:
    assert looks_like_kwh(7, 7_000)
    assert not looks_like_kwh(7_000, 7_000)
    assert not looks_like_kwh(0, 100)
    assert not looks_like_kwh(60, 7_000)


def test_noise_of_seventeen_thousand_readings_is_measured_in_a_moment() -> None:
    rng = random.Random(7)
    noise = [Sample(START + timedelta(seconds=10 * n), rng.randrange(10**7)) for n in range(17_000)]
    began = datetime.now(UTC)
    assert measure(0, noise, 5, start=Sample(START, 0), plug=PLUG).wh >= 0
    assert datetime.now(UTC) - began < timedelta(seconds=5)
