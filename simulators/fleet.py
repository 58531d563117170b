"""Fleet files: JSON that lists the chargers of a site and how lively it is.

{
  "url": "ws://127.0.0.1:9000/ocpp/1.6",   where the server is (--url wins)
  "seed": 7,                               same seed, same cars and times
  "speed": 1,                              simulated seconds per real second
      "spread_s": 1,                           real seconds over which the chargers are switched on
  "configuration": {"MeterValueSampleInterval": "10"},        OCPP keys of all chargers
  "life": {                                absent: no car comes by itself
    "arrive_s": [30, 180],                 between one car's leaving and the next one
    "look_s": [3, 10],                     from plugging in to finding the card
    "charge_s": [240, 900],                until the driver is back
    "linger_s": [10, 60]                   from the end of the session to pulling the plug
  },
  "chargers": [
    {
      "id": "SJ-01",                       charge point id
      "password": "…",                     absent: no Basic authentication
      "connectors": 2, "kind": "DC", "power_w": 60000,        W per connector
      "phases": 3,                         of the supply; absent: 1 up to 7.4 kW of AC, else 3
      "vendor": "…", "model": "…", "serial": "…", "firmware": "…",
      "configuration": {"ConnectionTimeOut": "90"},
      "boot_on_reconnect": false,
      "cards": ["04A1B2C3"],               what drivers here tap
      "offline": true,                     never connects
      "repeat": 500,                       so many of it; "{n}" in id, password, serial, cards
                                           and id_tag counts 1, 2, … ("LOAD-{n:04d}")
      "start": [                           connectors not named: Available, and lively
        {
          "connector": 1,
          "state": "Charging",             Available, Preparing, Charging, SuspendedEV,
                                           Finishing, Faulted, Unavailable
          "id_tag": "04A1B2C3",            for Charging and SuspendedEV
          "soc": 42,                       % in the car's battery
          "error_code": "GroundFailure",   for Faulted
          "stay": true                     kept in this state: no life of its own, and after a
                                           visitor's session it returns to it
        }
      ]
    }
  ]
}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from simulators.charger import Hardware
from simulators.configuration import Configuration
from simulators.connector import ERROR_CODES, Rating

STATES = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "Finishing",
    "Faulted",
    "Unavailable",
)
WITH_CARD = ("Charging", "SuspendedEV")
SINGLE_PHASE_UP_TO_W = 7_400.0
ARRIVING = -1.0  # stands for "as full as an arriving car usually is"
MISSING = object()


class FleetError(ValueError):
    """A fleet file says something impossible; the text names the place."""


@dataclass(slots=True, frozen=True)
class Life:
    """How lively the site is: ranges of simulated seconds, see the module's docstring."""

    arrive_s: tuple[float, float] = (30.0, 180.0)
    look_s: tuple[float, float] = (3.0, 10.0)
    charge_s: tuple[float, float] = (240.0, 900.0)
    linger_s: tuple[float, float] = (10.0, 60.0)


@dataclass(slots=True, frozen=True)
class Start:
    """The state of a connector when the simulation begins; ``soc`` is a share of 1."""

    connector: int
    state: str = "Available"
    id_tag: str = ""
    soc: float | None = None
    error_code: str = "GroundFailure"
    stay: bool = False


@dataclass(slots=True, frozen=True)
class Plan:
    """One charger of the fleet."""

    id: str
    password: str | None = None
    hardware: Hardware = field(default_factory=Hardware)
    configuration: Mapping[str, str] = field(default_factory=dict)
    cards: tuple[str, ...] = ()
    offline: bool = False
    starts: Mapping[int, Start] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Fleet:
    """All of a fleet file."""

    url: str = ""
    seed: int = 1
    speed: float = 1.0
    spread_s: float = 1.0
    life: Life | None = None
    chargers: tuple[Plan, ...] = ()


def load_fleet(path: Path) -> Fleet:
    """Read a fleet file. Raises FleetError with file, place and reason."""
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise FleetError(f"{path}: not JSON: {error}") from None
    return parse_fleet(document, str(path))


def parse_fleet(document: object, name: str = "fleet") -> Fleet:
    """Check a document and make a Fleet of it. Raises FleetError."""
    top = _Fields(document, name)
    shared = _configuration(top)
    life = _life(top)
    fleet = Fleet(
        url=top.text("url", ""),
        seed=int(top.number("seed", 1)),
        speed=top.number("speed", 1.0, above=0.0),
        spread_s=top.number("spread_s", 1.0),
        life=life,
        chargers=tuple(
            plan for entry in top.items("chargers") for plan in _plans(entry, shared, life)
        ),
    )
    top.end()
    _check_ids(fleet, name)
    return fleet


def _check_ids(fleet: Fleet, name: str) -> None:
    if not fleet.chargers:
        raise FleetError(f"{name}.chargers: a fleet needs a charger")
    seen: set[str] = set()
    for plan in fleet.chargers:
        if plan.id in seen:
            raise FleetError(f"{name}.chargers: two chargers are called {plan.id}")
        seen.add(plan.id)


class _Fields:
    """One JSON object being read: every wrong, missing or unknown field is named with its place."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise FleetError(f"{place}: must be an object, not {_shown(value)}")
        self.place = place
        self._value: dict[str, Any] = dict(value)

    def _take(self, name: str, default: object) -> object:
        if name in self._value:
            return self._value.pop(name)
        if default is MISSING:
            raise FleetError(f"{self.place}.{name}: is missing")
        return default

    def _wrong(self, name: str, wanted: str, value: object) -> FleetError:
        return FleetError(f"{self.place}.{name}: must be {wanted}, not {_shown(value)}")

    def text(self, name: str, default: object = MISSING) -> str:
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a text", value)
        return value

    def number(self, name: str, default: object = MISSING, above: float | None = None) -> float:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number", value)
        if above is not None and value <= above:
            raise self._wrong(name, f"above {above:g}", value)
        return value

    def flag(self, name: str) -> bool:
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def span(self, name: str, default: tuple[float, float]) -> tuple[float, float]:
        match self._take(name, list(default)):
            case [int() | float() as low, int() | float() as high] if 0 <= low <= high:
                return (float(low), float(high))
            case value:
                raise self._wrong(name, "two numbers, the smaller first", value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts", value)
        return tuple(value)

    def items(self, name: str) -> Iterator["_Fields"]:
        value = self._take(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return (_Fields(item, f"{self.place}.{name}[{n}]") for n, item in enumerate(value))

    def part(self, name: str) -> "_Fields | None":
        value = self._take(name, None)
        return None if value is None else _Fields(value, f"{self.place}.{name}")

    def rest(self) -> dict[str, Any]:
        value, self._value = self._value, {}
        return value

    def end(self) -> None:
        """Nothing may be left over: a misspelt field would be ignored in silence."""
        for name in self._value:
            raise FleetError(f"{self.place}.{name}: there is no such field")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _configuration(fields: _Fields) -> dict[str, str]:
    part = fields.part("configuration")
    if part is None:
        return {}
    values = part.rest()
    for name, value in values.items():
        if not isinstance(value, str):
            raise FleetError(f"{part.place}.{name}: must be a text, not {_shown(value)}")
    try:
        Configuration(values)
    except ValueError as error:
        raise FleetError(f"{part.place}: {error}") from None
    return values


def _life(fields: _Fields) -> Life | None:
    part = fields.part("life")
    if part is None:
        return None
    usual = Life()
    life = Life(
        arrive_s=part.span("arrive_s", usual.arrive_s),
        look_s=part.span("look_s", usual.look_s),
        charge_s=part.span("charge_s", usual.charge_s),
        linger_s=part.span("linger_s", usual.linger_s),
    )
    part.end()
    return life


def _plans(fields: _Fields, shared: Mapping[str, str], life: Life | None) -> Iterator[Plan]:
    place = fields.place
    hardware = _hardware(fields)
    starts = [_start(entry, hardware.connectors) for entry in fields.items("start")]
    repeat = int(fields.number("repeat", 0))
    plan = Plan(
        id=fields.text("id"),
        password=fields.text("password", "") or None,
        hardware=hardware,
        configuration={**shared, **_configuration(fields)},
        cards=fields.texts("cards"),
        offline=fields.flag("offline"),
        starts={start.connector: start for start in starts},
    )
    fields.end()
    lively = len(plan.starts) < hardware.connectors or any(not s.stay for s in starts)
    if life is not None and lively and not plan.cards and not plan.offline:
        raise FleetError(f"{place}.cards: a lively charger needs cards for its drivers to tap")
    if repeat == 0:
        yield plan
    for n in range(1, repeat + 1):
        yield _numbered(plan, n, place)


def _hardware(fields: _Fields) -> Hardware:
    kind = fields.text("kind", "AC")
    if kind not in ("AC", "DC"):
        raise FleetError(f"{fields.place}.kind: must be AC or DC, not {kind!r}")
    power_w = float(fields.number("power_w", 22_000.0, above=0))
    single = kind == "AC" and power_w <= SINGLE_PHASE_UP_TO_W
    phases = int(fields.number("phases", 1 if single else 3))
    if phases not in (1, 3):
        raise FleetError(f"{fields.place}.phases: must be 1 or 3, not {phases}")
    usual = Hardware()
    return Hardware(
        connectors=int(fields.number("connectors", 1, above=0)),
        rating=Rating(kind == "DC", power_w, phases),
        vendor=fields.text("vendor", usual.vendor),
        model=fields.text("model", usual.model),
        serial=fields.text("serial", ""),
        firmware=fields.text("firmware", usual.firmware),
        boot_on_reconnect=fields.flag("boot_on_reconnect"),
    )


def _start(fields: _Fields, connectors: int) -> Start:
    soc = fields.number("soc", ARRIVING)
    start = Start(
        connector=int(fields.number("connector")),
        state=fields.text("state", "Available"),
        id_tag=fields.text("id_tag", ""),
        soc=None if soc == ARRIVING else soc / 100,
        error_code=fields.text("error_code", "GroundFailure"),
        stay=fields.flag("stay"),
    )
    fields.end()
    if not 1 <= start.connector <= connectors:
        raise FleetError(f"{fields.place}.connector: must be 1 to {connectors}")
    if soc != ARRIVING and not 0 <= soc <= 100:
        raise FleetError(f"{fields.place}.soc: must be 0 to 100 %, not {soc:g}")
    if start.state not in STATES:
        raise FleetError(f"{fields.place}.state: must be one of {', '.join(STATES)}")
    if start.error_code not in ERROR_CODES:
        raise FleetError(f"{fields.place}.error_code: OCPP has no {start.error_code}")
    if start.state in WITH_CARD and not start.id_tag:
        raise FleetError(f"{fields.place}.id_tag: {start.state} needs the card that began it")
    return start


def _numbered(plan: Plan, n: int, place: str) -> Plan:
    """The ``n``-th of a repeated charger."""

    def fill(text: str) -> str:
        try:
            return text.format(n=n)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise FleetError(f"{place}: {text!r}: only {{n}} can be filled in ({error})") from None

    return replace(
        plan,
        id=fill(plan.id),
        password=None if plan.password is None else fill(plan.password),
        hardware=replace(plan.hardware, serial=fill(plan.hardware.serial)),
        cards=tuple(fill(card) for card in plan.cards),
        starts={k: replace(s, id_tag=fill(s.id_tag)) for k, s in plan.starts.items()},
    )
