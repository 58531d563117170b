"""Charging profiles of OCPP 1.6 §5.16: which of them holds at a moment, and what it allows."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.car import VOLTS
from simulators.journal import Payload

STATION_MAX = "ChargePointMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"
_RECURRENCE_S = {"Daily": 86_400.0, "Weekly": 604_800.0}


@dataclass(slots=True, frozen=True)
class Limit:
    """A limit as a schedule says it: amperes per phase or watts in all."""

    value: float
    unit: str
    phases: int | None = None

    def watts(self, phases: int) -> float:
        """In W, at a supply of ``phases`` unless the schedule names another number."""
        return self.value * VOLTS * (self.phases or phases) if self.unit == "A" else self.value

    def amps(self, phases: int) -> float:
        """In A per phase."""
        return self.value if self.unit == "A" else self.value / (VOLTS * (self.phases or phases))

    def shared_by(self, count: int) -> "Limit":
        """An equal part of it."""
        return Limit(self.value / count, self.unit, self.phases)


@dataclass(slots=True, frozen=True)
class Profile:
    """One installed profile; times in simulated Unix seconds."""

    id: int
    connector: int
    purpose: str
    kind: str
    stack_level: int
    unit: str
    periods: tuple[tuple[float, float, int | None], ...]
    start: float | None
    duration: float
    recurrence_s: float
    valid_from: float
    valid_to: float
    transaction_id: int | None

    @classmethod
    def parse(cls, connector: int, payload: Payload, now: float) -> "Profile":
        """Read csChargingProfiles. Raises KeyError, TypeError or ValueError on what is illegal."""
        schedule = payload["chargingSchedule"]
        start = seconds_of(schedule["startSchedule"]) if "startSchedule" in schedule else None
        if start is None and payload["chargingProfilePurpose"] == STATION_MAX:
            start = now  # no session starts it, so it counts from its arrival
        profile = cls(
            id=int(payload["chargingProfileId"]),
            connector=connector,
            purpose=str(payload["chargingProfilePurpose"]),
            kind=str(payload["chargingProfileKind"]),
            stack_level=int(payload["stackLevel"]),
            unit=str(schedule["chargingRateUnit"]),
            periods=tuple(
                (float(p["startPeriod"]), float(p["limit"]), p.get("numberPhases"))
                for p in schedule["chargingSchedulePeriod"]
            ),
            start=start,
            duration=float(schedule.get("duration") or math.inf),
            recurrence_s=_RECURRENCE_S.get(payload.get("recurrencyKind", ""), 0.0),
            valid_from=seconds_of(payload["validFrom"]) if "validFrom" in payload else -math.inf,
            valid_to=seconds_of(payload["validTo"]) if "validTo" in payload else math.inf,
            transaction_id=payload.get("transactionId"),
        )
        if not profile.periods:
            raise ValueError("a schedule needs a period")
        return profile

    def limit_at(self, now: float, session_start: float | None) -> Limit | None:
        """What it allows at ``now``, or ``None`` when it does not apply then."""
        base = self._base(now, session_start)
        if base is None or not self.valid_from <= now < self.valid_to:
            return None
        passed = now - base
        if not 0 <= passed < self.duration:
            return None
        current = None
        for start, value, phases in self.periods:
            if start <= passed:
                current = Limit(value, self.unit, phases)
        return current

    def edges(self, now: float, session_start: float | None) -> Iterator[float]:
        """The moments at which it may change, some of them past."""
        yield self.valid_from
        yield self.valid_to
        base = self._base(now, session_start)
        if base is not None:
            yield base + self.duration
            yield from (base + start for start, _, _ in self.periods)
            if self.kind == "Recurring":
                yield base + self.recurrence_s

    def _base(self, now: float, session_start: float | None) -> float | None:
        """The moment from which the periods count."""
        if self.kind == "Recurring" and self.start is not None and self.recurrence_s:
            return self.start + (now - self.start) // self.recurrence_s * self.recurrence_s
        if self.kind == "Absolute" and self.start is not None:
            return self.start
        return session_start


class Profiles:
    """The profiles installed in one charge point."""

    def __init__(self) -> None:
        self.installed: list[Profile] = []

    def install(self, profile: Profile) -> None:
        """Add it; one of the same id, or of the same connector, purpose and level, gives way."""
        place = (profile.connector, profile.purpose, profile.stack_level)
        self.installed = [
            p
            for p in self.installed
            if p.id != profile.id and (p.connector, p.purpose, p.stack_level) != place
        ]
        self.installed.append(profile)

    def clear(
        self,
        *,
        profile_id: int | None = None,
        connector: int | None = None,
        purpose: str | None = None,
        stack_level: int | None = None,
    ) -> int:
        """Remove those that match every given criterion; returns how many that were."""

        def matches(p: Profile) -> bool:
            if profile_id is not None:
                return p.id == profile_id
            return (
                (connector is None or p.connector == connector)
                and (purpose is None or p.purpose == purpose)
                and (stack_level is None or p.stack_level == stack_level)
            )

        kept = [p for p in self.installed if not matches(p)]
        removed = len(self.installed) - len(kept)
        self.installed = kept
        return removed

    def station_limit(self, now: float) -> Limit | None:
        """The cap of the whole charge point."""
        return _highest((p for p in self.installed if p.purpose == STATION_MAX), now, None)

    def connector_limit(
        self,
        connector: int,
        now: float,
        session_start: float | None,
        transaction_id: int | None,
    ) -> Limit | None:
        """What holds for one connector: its transaction's profile, else its default, else 0's."""
        if session_start is not None:
            own = (
                p
                for p in self.installed
                if p.purpose == TX
                and p.connector == connector
                and p.transaction_id in (None, transaction_id)
            )
            if (limit := _highest(own, now, session_start)) is not None:
                return limit
        for number in (connector, 0):
            default = (
                p for p in self.installed if p.purpose == TX_DEFAULT and p.connector == number
            )
            if (limit := _highest(default, now, session_start)) is not None:
                return limit
        return None

    def next_edge(self, now: float, session_starts: Iterable[float | None]) -> float:
        """The next moment after ``now`` at which any limit may change; infinite if never."""
        starts = [None, *session_starts]
        edges = (edge for p in self.installed for start in starts for edge in p.edges(now, start))
        return min((edge for edge in edges if edge > now), default=math.inf)


def _highest(profiles: Iterable[Profile], now: float, session_start: float | None) -> Limit | None:
    """The limit of the highest stack level that says anything now."""
    for profile in sorted(profiles, key=lambda p: -p.stack_level):
        if (limit := profile.limit_at(now, session_start)) is not None:
            return limit
    return None


def tighter(first: Limit | None, second: Limit | None, phases: int) -> Limit | None:
    """The smaller of two limits at a supply of ``phases``; ``None`` is no limit."""
    if first is None or second is None:
        return first or second
    return min(first, second, key=lambda limit: limit.watts(phases))


def seconds_of(text: str) -> float:
    """ISO 8601 to Unix seconds; a time without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
