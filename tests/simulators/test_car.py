"""The car and the meter are exact: no time steps, no energy lost or invented."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.car import Car
from simulators.meter import Charging, Meter, RampDown

pytestmark = pytest.mark.pure

offers = st.floats(0.0, 400_000.0)
spans = st.lists(st.floats(0.0, 7_200.0), max_size=8)


@st.composite
def cars(draw: st.DrawFn) -> Car:
    return Car(
        battery_kwh=draw(st.floats(10.0, 120.0)),
        soc=draw(st.floats(0.0, 1.0)),
        max_ac_w=draw(st.floats(3_000.0, 22_000.0)),
        max_dc_w=draw(st.floats(20_000.0, 350_000.0)),
        target_soc=draw(st.sampled_from([0.5, 0.8, 0.9, 1.0])),
        efficiency=draw(st.floats(0.8, 1.0)),
    )


def stored_wh(car: Car) -> float:
    return car.soc * car.battery_kwh * 1000


@given(cars(), offers, spans, st.booleans())
def test_what_the_socket_gives_arrives_in_the_battery_less_the_losses(
    car: Car, offer: float, seconds: list[float], direct: bool
) -> None:
    before = stored_wh(car)
    drawn = sum(car.charge(offer, span, direct) for span in seconds)
    assert stored_wh(car) - before == pytest.approx(drawn * car.efficiency, abs=1e-3)


@given(cars(), offers, st.floats(0.0, 14_400.0), st.floats(0.0, 1.0), st.booleans())
def test_an_hour_in_pieces_is_the_same_hour(
    car: Car, offer: float, seconds: float, share: float, direct: bool
) -> None:
    twin = Car(**{name: getattr(car, name) for name in Car.__slots__})
    whole = car.charge(offer, seconds, direct)
    first = twin.charge(offer, seconds * share, direct)
    second = twin.charge(offer, seconds * (1 - share), direct)
    assert first + second == pytest.approx(whole, rel=1e-6, abs=1e-3)


@given(cars(), st.floats(1_400.0, 400_000.0), st.booleans())
def test_a_car_is_full_exactly_when_it_said_it_would_be(
    car: Car, offer: float, direct: bool
) -> None:
    seconds = car.seconds_to_target(offer, direct)
    if seconds == math.inf:
        assert car.is_full
        return
    car.charge(offer, seconds * 0.99, direct)
    assert not car.is_full or seconds < 0.1
    car.charge(offer, seconds * 0.01 + 0.01, direct)
    assert car.is_full
    assert car.charge(offer, 3_600, direct) == pytest.approx(0.0, abs=1e-2)


def test_power_is_flat_up_to_eighty_percent_and_falls_to_a_trickle() -> None:
    powers = [Car(soc=soc, max_dc_w=100_000).power_w(400_000, True) for soc in (0.2, 0.8, 0.9)]
    assert powers == pytest.approx([100_000, 100_000, 52_500])
    assert Car(soc=0.9999, max_dc_w=100_000).power_w(400_000, True) < 6_000


def test_an_ac_car_draws_what_its_on_board_charger_takes() -> None:
    assert Car(max_ac_w=6_600).power_w(22_000, False) == 6_600
    assert Car(max_ac_w=11_000).power_w(3_680, False) == 3_680


def test_a_paused_car_draws_nothing() -> None:
    car = Car(paused=True)
    assert car.power_w(22_000, False) == 0
    assert car.seconds_to_target(22_000, False) == math.inf


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_the_register_counts_exactly_at_any_reading_rhythm() -> None:
    clock = Clock()
    meter = Meter(clock, register_wh=500.0)
    meter.attach(Charging(Car(soc=0.1, battery_kwh=100), 11_000, direct=False))
    for _ in range(3_600):
        clock.now += 1.0
        meter.settle()
    assert meter.read_wh() == 11_500


def test_a_ramp_down_of_one_second_gives_half_a_second_of_power() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.attach(RampDown(Car(soc=0.1), from_w=60_000, seconds=1.0))
    clock.now += 0.5
    assert meter.power_w() == pytest.approx(30_000)
    clock.now += 10
    assert meter.power_w() == 0
    assert meter.total_wh == pytest.approx(60_000 * 0.5 / 3600)


def test_a_stuck_register_hides_energy_that_flows() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.attach(Charging(Car(soc=0.1), 11_000, direct=False))
    meter.stick(True)
    clock.now += 3600
    assert (meter.read_wh(), round(meter.true_wh())) == (0, 11_000)
    meter.stick(False)
    assert meter.read_wh() == 11_000


def test_a_spike_is_in_one_reading_only() -> None:
    meter = Meter(Clock(), register_wh=100)
    meter.spike(5_000)
    assert [meter.read_wh(), meter.read_wh()] == [5_100, 100]


def test_a_reset_register_begins_again_at_zero() -> None:
    meter = Meter(Clock(), register_wh=987_654)
    meter.reset()
    assert meter.read_wh() == 0
