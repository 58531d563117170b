"""A car as the charger sees it: a battery that takes less and less power as it fills."""

import math
import random
from dataclasses import dataclass

VOLTS = 230.0  # phase to neutral
MIN_AMPS = 6.0  # IEC 61851-1: below this an AC car must not draw at all
TAPER_FROM = 0.8  # state of charge above which the battery accepts less
FULL_WITHIN = 1e-8  # of the state of charge: absorbs the rounding of binary fractions
TAPER_END = 0.05  # share of full power still accepted at 100 %


@dataclass(slots=True)
class Car:
    """Battery and limits. Power and energy are counted at the socket, losses are the car's.

    ``soc`` and ``target_soc`` are shares of 1; ``efficiency`` is what of the socket's energy
    arrives in the battery (about 0.9 through the on-board charger, more by DC).
    """

    name: str = "Car"
    battery_kwh: float = 60.0
    soc: float = 0.3
    max_ac_w: float = 11_000.0
    max_dc_w: float = 100_000.0
    phases: int = 3
    target_soc: float = 1.0
    efficiency: float = 0.92
    paused: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it has all its driver asked for."""
        return self.target_soc - self.soc < FULL_WITHIN

    def power_w(self, offered_w: float, direct: bool) -> float:
        """What it draws now when ``offered_w`` is there for the taking."""
        if self.paused or offered_w <= 0 or self.is_full:
            return 0.0
        return min(self._flat_w(offered_w, direct), self._accepted_w())

    def charge(self, offered_w: float, seconds: float, direct: bool) -> float:
        """Charge for a while and return the watt-hours drawn, exactly (closed form, no steps)."""
        if self.power_w(offered_w, direct) <= 0:
            return 0.0
        flat_w = self._flat_w(offered_w, direct)
        seconds = max(0.0, seconds)
        flat_s = min(seconds, self._flat_seconds(flat_w))
        drawn = self._take(flat_w * flat_s / 3600)
        if seconds > flat_s and not self.is_full:
            drawn += self._charge_tapering(seconds - flat_s)
        return drawn

    def seconds_to_target(self, offered_w: float, direct: bool) -> float:
        """How long until ``target_soc`` at this offer; infinite when it draws nothing."""
        if self.power_w(offered_w, direct) <= 0:
            return math.inf
        flat_w = self._flat_w(offered_w, direct)
        knee = max(self.soc, min(self._knee(flat_w), self.target_soc))
        seconds = self._wh_between(self.soc, knee) / flat_w * 3600
        if knee < self.target_soc:
            ratio = self._accepted_w(knee) / self._accepted_w(self.target_soc)
            seconds += math.log(ratio) / self._decay()
        return seconds

    def take(self, wh: float) -> float:
        """Put ``wh`` of the socket into the battery, as a ramp does; never beyond full."""
        return self._take(min(wh, self._wh_between(self.soc, 1.0)))

    def _take(self, wh: float) -> float:
        self.soc = min(1.0, self.soc + wh * self.efficiency / (self.battery_kwh * 1000))
        return wh

    def _charge_tapering(self, seconds: float) -> float:
        start_w = self._accepted_w()
        decay = self._decay()
        wh = start_w / decay * -math.expm1(-decay * seconds) / 3600
        return self._take(min(wh, self._wh_between(self.soc, self.target_soc)))

    def _flat_w(self, offered_w: float, direct: bool) -> float:
        most_w = self.max_dc_w if direct else min(self.max_ac_w, self.max_dc_w)
        return min(offered_w, most_w)

    def _flat_seconds(self, flat_w: float) -> float:
        knee = min(self._knee(flat_w), self.target_soc)
        return max(0.0, self._wh_between(self.soc, knee)) / flat_w * 3600

    def _accepted_w(self, soc: float | None = None) -> float:
        over = max(0.0, (self.soc if soc is None else soc) - TAPER_FROM)
        return self.max_dc_w * (1 - self._slope() * over)

    def _knee(self, flat_w: float) -> float:
        """The state of charge at which the battery, no longer the offer, sets the power."""
        return TAPER_FROM + max(0.0, 1 - flat_w / self.max_dc_w) / self._slope()

    def _decay(self) -> float:
        """Per second, how fast power falls in the taper: dP/dt = -decay · P."""
        gain = self.efficiency / (self.battery_kwh * 1000 * 3600)
        return self.max_dc_w * self._slope() * gain

    @staticmethod
    def _slope() -> float:
        return (1 - TAPER_END) / (1 - TAPER_FROM)

    def _wh_between(self, low: float, high: float) -> float:
        return (high - low) * self.battery_kwh * 1000 / self.efficiency


# Cars common in Thailand, from makers' data sheets, rounded:
# name, usable kWh, on-board charger W, DC W, phases of the on-board charger.
MODELS = (
    ("BYD Atto 3", 60.5, 7_000, 88_000, 1),
    ("BYD Dolphin", 44.9, 7_000, 60_000, 1),
    ("BYD Seal", 82.6, 11_000, 150_000, 3),
    ("ORA Good Cat", 47.8, 6_600, 60_000, 1),
    ("MG4", 51.0, 6_600, 117_000, 1),
    ("MG ZS EV", 50.3, 6_600, 76_000, 1),
    ("Neta V", 38.5, 6_600, 50_000, 1),
    ("Tesla Model 3", 57.5, 11_000, 170_000, 3),
    ("Tesla Model Y", 75.0, 11_000, 250_000, 3),
    ("Volvo EX30", 49.0, 11_000, 134_000, 3),
)


def a_car(rng: random.Random, soc: float | None = None, direct: bool = False) -> Car:
    """One of the usual cars, arriving with 10 to 60 % in its battery unless ``soc`` says so."""
    name, kwh, ac_w, dc_w, phases = rng.choice(MODELS)
    return Car(
        name=name,
        battery_kwh=kwh,
        soc=rng.uniform(0.10, 0.60) if soc is None else soc,
        max_ac_w=ac_w,
        max_dc_w=dc_w,
        phases=phases,
        efficiency=0.96 if direct else 0.90,
    )
