"""How a limit is said to a charger: charging profiles of OCPP 1.6 (§3.13, §5.16, §7.8 ff.). Pure.

Chargers differ in what they take: the stack level, the purpose, the unit, the kind. ``ways`` gives
the ways worth trying, the best for the device first; ``request`` puts one into a payload. A limit is
never rounded up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any

from stations.devices import Quirks

VOLTS = 230
USUAL_STACK = 1  # above what an installer may have left at 0
PROFILE_IDS = 4_000  # ours are 4000 + connector; a session's own are its transaction number


class Purpose(StrEnum):
    """ChargingProfilePurposeType (OCPP 1.6 §7.10)."""

    MAX = "ChargePointMaxProfile"
    DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


@dataclass(frozen=True, slots=True)
class Way:
    """One way of saying a limit."""

    purpose: Purpose
    stack: int
    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be drawn, in A per phase or in W; ``until`` None: for good.

    ``phases``: those of the plug; 0 where it is not known, and then A are turned into W as if
    there were one, because a car on one phase may draw all of it there.
    """

    amps: Decimal | None = None
    watts: int | None = None
    until: datetime | None = None
    phases: int = 0

    @property
    def is_zero(self) -> bool:
        return (self.amps if self.amps is not None else self.watts) == 0

    def value(self, unit: str) -> float:
        """The limit in "A" or "W", one decimal (§7.14: multiples of 0.1), never rounded up."""
        if self.amps is None and self.watts is None:
            raise ValueError("no limit has no value")
        if unit == "A":
            exact = self.amps
            if exact is None:
                exact = Decimal(self.watts or 0) / (VOLTS * (self.phases or 3))
        else:
            exact = Decimal(self.watts if self.watts is not None else 0)
            if self.amps is not None:
                exact = self.amps * VOLTS * (self.phases or 1)
        return float(exact.quantize(Decimal("0.1"), ROUND_FLOOR))


def ways(
    quirks: Quirks, limit: Limit, *, whole: bool, charging: bool, units: Sequence[str] = ("A", "W")
) -> list[Way]:
    """The ways to try, in order. ``whole``: for the charger as a whole (connector 0); ``charging``:
    a transaction runs; ``units``: what the charger says it takes, the best first."""
    unit = _unit(quirks, limit, units)
    stack = USUAL_STACK if quirks.stack_level_most is None else quirks.stack_level_most
    stack = min(stack, USUAL_STACK)
    purpose = Purpose.MAX if whole and not quirks.max_profile_as_default else Purpose.DEFAULT
    first = Way(purpose, stack, quirks.profile_kind, unit)
    other_unit = "W" if unit == "A" else "A"
    other_kind = "Relative" if quirks.profile_kind == "Absolute" else "Absolute"
    then = _fallback(purpose, charging=charging)
    found = [
        first,
        Way(purpose, 0, first.kind, unit),
        Way(then, 0, first.kind, unit),
        Way(purpose, 0, first.kind, other_unit),
        Way(then, 0, first.kind, other_unit),
        Way(purpose, 0, other_kind, unit),
        Way(then, 0, other_kind, unit),
    ]
    return list(dict.fromkeys(found))


def ways_for_charge(quirks: Quirks) -> list[Way]:
    """The ways to lower the power of the charge that runs: one step that counts from its start, so
    that no clock matters."""
    first = "W" if quirks.limit_unit == "auto" else quirks.limit_unit
    units = (first, "A" if first == "W" else "W")
    return [Way(Purpose.TX, 0, "Relative", unit) for unit in units]


def _unit(quirks: Quirks, limit: Limit, units: Sequence[str]) -> str:
    if quirks.limit_unit != "auto":
        return quirks.limit_unit
    wished = "A" if limit.amps is not None else "W"
    return wished if wished in units or not units else units[0]


def _fallback(purpose: Purpose, *, charging: bool) -> Purpose:
    """What may do where a purpose is refused: Max → TxDefault, TxDefault → the charge itself."""
    if purpose == Purpose.MAX:
        return Purpose.DEFAULT
    return Purpose.TX if charging else Purpose.DEFAULT


def request(
    way: Way,
    limit: Limit,
    *,
    connector: int,
    now: datetime,
    transaction_id: int | None = None,
    started_at: datetime | None = None,
) -> dict[str, Any]:
    """The payload of SetChargingProfile."""
    unit = way.unit
    schedule: dict[str, Any] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit.value(unit)}],
    }
    profile: dict[str, Any] = {
        "chargingProfileId": PROFILE_IDS + connector,
        "stackLevel": way.stack,
        "chargingProfilePurpose": str(way.purpose),
        "chargingProfileKind": way.kind,
        "chargingSchedule": schedule,
    }
    if way.kind == "Absolute":
        schedule["startSchedule"] = _zulu(now)
    if limit.until is not None:
        profile["validTo"] = _zulu(limit.until)
        # A relative schedule counts from the start of the charge, of a next one as well (§3.13.4).
        if way.kind == "Absolute":
            schedule["duration"] = max(int((limit.until - now).total_seconds()), 1)
    if way.purpose == Purpose.TX and transaction_id is not None:
        profile["transactionId"] = transaction_id
        profile["chargingProfileId"] = transaction_id
    return {"connectorId": connector, "csChargingProfiles": profile}


def clearing(connector: int) -> dict[str, Any]:
    """The payload of ClearChargingProfile that lifts our limit of a connector."""
    return {"id": PROFILE_IDS + connector}


def refused_for(tried: Way, taken: Way) -> str:
    """The finding that tells why another way was needed."""
    if tried.unit != taken.unit:
        return "profile_unit"
    if tried.kind != taken.kind:
        return "profile_kind"
    if tried.purpose != taken.purpose:
        return "profile_purpose"
    return "profile_stack_level"


def _zulu(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def rate_units(said: Mapping[str, str]) -> tuple[str, ...]:
    """What ChargingScheduleAllowedChargingRateUnit says (§9.4), in the words that chargers use for
    it: Current, Power, A, W, in any case, with quotes and spaces (quirk 26)."""
    words = said.get("chargingscheduleallowedchargingrateunit", "")
    known = {"current": "A", "a": "A", "amp": "A", "amps": "A", "power": "W", "w": "W", "watt": "W"}
    found = [known.get(word.strip(" \"'[]").lower(), "") for word in words.split(",")]
    return tuple(dict.fromkeys(unit for unit in found if unit))
