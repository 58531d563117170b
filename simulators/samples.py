"""What the meter of a connector shows, as the ``sampledValue`` entries of OCPP 1.6 §7.42."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from simulators.car import VOLTS
from simulators.connector import Connector
from simulators.journal import Payload

# value, unit, phase or "" and further fields
_Value = tuple[str, str, str]


@dataclass(slots=True, frozen=True)
class Reading:
    """One look at the meter. Wh, W, A, V; ``amps`` and ``volts`` by phase, one entry for DC."""

    direct: bool
    register_wh: int
    power_w: float
    offered_w: float
    offered_amps: float
    amps: tuple[float, ...]
    volts: tuple[float, ...]
    soc: float | None
    celsius: float


def read(connector: Connector, at: float) -> Reading:
    """Look at the meter at the simulated Unix second ``at``."""
    rating, car = connector.rating, connector.car
    power_w = connector.meter.power_w()
    charging = connector.session is not None
    if rating.direct:
        pack_v = 330.0 + 90.0 * car.soc if car is not None and charging else 0.0
        volts: tuple[float, ...] = (pack_v,)
        amps: tuple[float, ...] = (power_w / pack_v if pack_v else 0.0,)
        offered_amps = connector.offered_w / pack_v if pack_v else 0.0
    else:
        drawing = min(car.phases, rating.phases) if car is not None else rating.phases
        # Mains voltage wanders by a volt or two within minutes, each phase at its own time.
        volts = tuple(VOLTS + 2 * math.sin(at / 60 + n) for n in range(rating.phases))
        amps = tuple(power_w / drawing / v if n < drawing else 0.0 for n, v in enumerate(volts))
        offered_amps = connector.offered_amps
    return Reading(
        direct=rating.direct,
        register_wh=connector.meter.read_wh(),
        power_w=power_w,
        offered_w=connector.offered_w if charging else 0.0,
        offered_amps=offered_amps if charging else 0.0,
        amps=amps,
        volts=volts,
        soc=car.soc if car is not None and rating.direct and charging else None,
        celsius=32.0 + 18.0 * power_w / rating.power_w,
    )


def _by_phase(values: tuple[float, ...], unit: str, reading: Reading, suffix: str) -> list[_Value]:
    if reading.direct:
        return [(f"{values[0]:.1f}", unit, "")]
    return [(f"{value:.1f}", unit, f"L{n}{suffix}") for n, value in enumerate(values, 1)]


_MEASURANDS: dict[str, Callable[[Reading], list[_Value]]] = {
    "Energy.Active.Import.Register": lambda r: [(str(r.register_wh), "Wh", "")],
    "Power.Active.Import": lambda r: [(f"{r.power_w:.1f}", "W", "")],
    "Power.Offered": lambda r: [(f"{r.offered_w:.1f}", "W", "")],
    "Current.Import": lambda r: _by_phase(r.amps, "A", r, ""),
    "Current.Offered": lambda r: [(f"{r.offered_amps:.1f}", "A", "")],
    "Voltage": lambda r: _by_phase(r.volts, "V", r, "-N"),
    "Frequency": lambda r: [("50.0", "Hertz", "")],
    "Temperature": lambda r: [(f"{r.celsius:.1f}", "Celsius", "")],
    "SoC": lambda r: [] if r.soc is None else [(f"{r.soc * 100:.0f}", "Percent", "")],
}
_PLACES = {"SoC": "EV", "Temperature": "Body"}


def sampled_values(reading: Reading, measurands: Iterable[str], context: str) -> list[Payload]:
    """The entries for ``measurands``; those the connector cannot measure are left out."""
    entries: list[Payload] = []
    for measurand in measurands:
        for value, unit, phase in _MEASURANDS[measurand](reading):
            entry = {
                "value": value,
                "context": context,
                "measurand": measurand,
                "location": _PLACES.get(measurand, "Outlet"),
                "unit": unit,
            }
            if phase:
                entry["phase"] = phase
            entries.append(entry)
    return entries
