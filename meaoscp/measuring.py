"""The measurands that MEA's form asks for: found in MeterValues, written short, held against a limit.

Power.Offered, Power.Active.Import, Current.Import, Voltage, Energy.Active.Import.Register and SoC.
A car tells its state of charge over DC only (ISO 15118, DIN 70121): on AC the form's SoC is a dash.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ENERGY = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
CURRENT = "Current.Import"
VOLTAGE = "Voltage"
SOC = "SoC"
WANTED = ("Power.Offered", POWER, CURRENT, VOLTAGE, ENERGY, SOC)
ENOUGH = 3  # periodic messages: what is in none of them will not come
VOLTS = 230.0
PHASES = 3
KILO = {"kW": 1000.0, "kWh": 1000.0}
UNITS = {"Power.Offered": "W", POWER: "W", CURRENT: "A", VOLTAGE: "V", ENERGY: "Wh", SOC: "%"}
SHORT = {
    "Power.Offered": "Offered",
    POWER: "Active",
    CURRENT: "Current",
    VOLTAGE: "Voltage",
    ENERGY: "Energy",
    SOC: "SOC",
}
Found = dict[str, dict[str, float]]  # measurand → phase or '' → W, A, V, Wh or percent


def samples(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every sampledValue of a MeterValues request, whatever shape it came in."""
    elements = request.get("meterValue")
    found: list[Mapping[str, Any]] = []
    for element in elements if isinstance(elements, list) else []:
        values = element.get("sampledValue") if isinstance(element, dict) else None
        found += [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []
    return found


def is_periodic(request: Mapping[str, Any]) -> bool:
    """Whether it is one of those that come by the clock of the charge (its context's default)."""
    return any(s.get("context", "Sample.Periodic") == "Sample.Periodic" for s in samples(request))


def read(requests: Iterable[Mapping[str, Any]]) -> Found:
    """The newest number of each wanted measurand and phase."""
    found: Found = {}
    for request in requests:
        for sample in samples(request):
            name = str(sample.get("measurand", ENERGY))
            number = _number(sample)
            if name in WANTED and number is not None:
                found.setdefault(name, {})[str(sample.get("phase", ""))] = number
    return found


def _number(sample: Mapping[str, Any]) -> float | None:
    try:
        return float(str(sample.get("value"))) * KILO.get(str(sample.get("unit")), 1.0)
    except ValueError:
        return None


def missing(found: Found, direct: bool) -> list[str]:
    """What the form asks for and nobody has measured."""
    return [name for name in WANTED if name not in found and (direct or name != SOC)]


def remark(found: Found, direct: bool) -> str:
    """The form's Remark: every value with its unit."""
    parts = [f"{SHORT[name]} {_values(name, found[name])}" for name in WANTED if name in found]
    if not direct and SOC not in found:
        parts.append("SOC – (AC)")
    return ", ".join(parts)


def _values(name: str, by_phase: Mapping[str, float]) -> str:
    # Some chargers send a total beside the phases; the phases say more.
    phases = {k: v for k, v in by_phase.items() if k} or by_phase
    numbers = "/".join(f"{value:.10g}" for _phase, value in sorted(phases.items()))
    return f"{numbers} {UNITS[name]}"


def figures(found: Found) -> dict[str, float]:
    """Highest current of a phase (A) and power (W), as far as they were measured."""
    known: dict[str, float] = {}
    if CURRENT in found:
        known["amps"] = max(found[CURRENT].values())
    if POWER in found:
        by_phase = found[POWER]
        known["watts"] = by_phase[""] if "" in by_phase else sum(by_phase.values())
    return known


@dataclass(frozen=True, slots=True)
class Limit:
    """What was ordered: A per phase on AC, W on DC. A tenth, and 1 A or 500 W, is tolerated."""

    value: float
    direct: bool

    def __str__(self) -> str:
        return f"limit {self.value:g} {'W' if self.direct else 'A'}"

    def measured(self, known: Mapping[str, Any]) -> float | None:
        """The measured value that the limit is about, in its unit."""
        if self.direct:
            return known.get("watts")
        if "amps" in known:
            return float(known["amps"])
        watts = known.get("watts")
        return None if watts is None else watts / VOLTS / PHASES

    def holds(self, known: Mapping[str, Any]) -> bool:
        value = self.measured(known)
        return value is not None and value <= self.value * 1.1 + (500.0 if self.direct else 1.0)

    def shown(self, known: Mapping[str, Any]) -> str:
        value = self.measured(known)
        return "–" if value is None else f"{value:.1f} {'W' if self.direct else 'A'}"
