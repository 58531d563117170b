"""One connector: the facts about it, the status that follows from them, and the power it gives."""

import math
from dataclasses import dataclass, field

from simulators.car import MIN_AMPS, VOLTS, Car
from simulators.clock import Timer, TimeSource
from simulators.journal import Payload
from simulators.meter import Charging, Meter, RampDown
from simulators.profiles import Limit, Profile

NO_ERROR = "NoError"
ERROR_CODES = frozenset(
    (
        "ConnectorLockFailure",
        "EVCommunicationError",
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "LocalListConflict",
        NO_ERROR,
        "OtherError",
        "OverCurrentFailure",
        "OverVoltage",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "WeakSignal",
    )
)


@dataclass(slots=True, frozen=True)
class Rating:
    """What the hardware can do: ``direct`` current or AC, W per connector, phases of the supply."""

    direct: bool = False
    power_w: float = 22_000.0
    phases: int = 3

    @property
    def max_amps(self) -> float:
        """Per phase, for AC."""
        return self.power_w / (VOLTS * self.phases)


@dataclass(slots=True, eq=False)
class Session:
    """One transaction as the charger knows it; times in simulated Unix seconds, registers in Wh.

    ``transaction_id`` comes with StartTransaction.conf, which offline may be much later.
    """

    connector: int
    id_tag: str
    started_at: float
    meter_start: int
    parent_id_tag: str = ""
    transaction_id: int | None = None
    blocked: bool = False  # refused by the server, yet kept by StopTransactionOnInvalidId=false
    samples: list[Payload] = field(default_factory=list)
    stop_reason: str = ""  # set when the end has begun
    stop_id_tag: str = ""
    stopped_at: float | None = None
    meter_stop: int | None = None
    acknowledged: bool = False  # StopTransaction.conf has come

    @property
    def energy_wh(self) -> int | None:
        """What the Stop says was taken; ``None`` while it goes on."""
        return None if self.meter_stop is None else self.meter_stop - self.meter_start


@dataclass(slots=True, frozen=True)
class Reservation:
    """Who may come, and until when (simulated Unix seconds)."""

    id: int
    id_tag: str
    parent_id_tag: str
    expires_at: float


@dataclass(slots=True, frozen=True)
class Authorisation:
    """A card or a server has said yes, and a car is awaited."""

    id_tag: str
    parent_id_tag: str = ""
    profile: Profile | None = None


class Connector:
    """Facts in, status and power out; what to tell the server is decided elsewhere."""

    def __init__(
        self, number: int, rating: Rating, clock: TimeSource, register_wh: float = 0.0
    ) -> None:
        self.number = number
        self.rating = rating
        self.meter = Meter(clock.seconds, register_wh)
        self.car: Car | None = None
        self.session: Session | None = None
        self.last_session: Session | None = None
        self.authorisation: Authorisation | None = None
        self.reservation: Reservation | None = None
        self.error_code = NO_ERROR
        self.operative = True
        self.operative_later: bool | None = None  # a change that waits for the session's end
        self.finishing = False  # a session has ended and the cable is still in
        self.offered_w = rating.power_w
        self.offered_amps = 0.0 if rating.direct else rating.max_amps
        self.announced: tuple[str, str] | None = None  # status and error last put on this link
        self.reported: tuple[str, str] | None = None  # the same, as the server has acknowledged it
        self.settling: tuple[str, str] | None = None  # waits for MinimumStatusDuration
        self.timers: dict[str, Timer] = {}
        self._clock = clock
        self._ramp: RampDown | None = None

    @property
    def status(self) -> str:
        """The OCPP status, which is a consequence of the facts and never set."""
        if self.error_code != NO_ERROR:
            return "Faulted"
        if self.session is not None:
            return self._session_status(self.session)
        if not self.operative:
            return "Unavailable"
        if self.car is not None or self.authorisation is not None:
            return "Finishing" if self.finishing else "Preparing"
        return "Reserved" if self.reservation is not None else "Available"

    def _session_status(self, session: Session) -> str:
        if session.blocked or self.offered_w <= 0:
            return "SuspendedEVSE"
        if self._ramp is None and self._car_power_w() <= 0:
            return "SuspendedEV"
        return "Charging"

    def _car_power_w(self) -> float:
        if self.car is None:
            return 0.0
        return self.car.power_w(self.car_offer_w, self.rating.direct)

    @property
    def car_offer_w(self) -> float:
        """What this very car may draw: a single-phase car gets one phase's worth."""
        if self.rating.direct or self.car is None:
            return self.offered_w
        return self.offered_amps * VOLTS * min(self.car.phases, self.rating.phases)

    def offer(self, limit: Limit | None) -> None:
        """Set what the connector offers: its rating, or less where ``limit`` says so."""
        self.offered_w, self.offered_amps = self.rating.power_w, self.rating.max_amps
        if limit is not None and self.rating.direct:
            self.offered_w = min(self.offered_w, limit.watts(self.rating.phases))
        elif limit is not None:
            amps = min(self.offered_amps, limit.amps(self.rating.phases))
            self.offered_amps = amps if amps >= MIN_AMPS - 1e-6 else 0.0
            self.offered_w = self.offered_amps * VOLTS * self.rating.phases
        self.supply()

    def supply(self) -> None:
        """Let the meter run with what is drawn under the facts of this moment."""
        self.meter.settle()
        if self._ramp is not None:
            return
        session = self.session
        if session is None or self.car is None or session.blocked or self.error_code != NO_ERROR:
            self.meter.attach(None)
        else:
            self.meter.attach(Charging(self.car, self.car_offer_w, self.rating.direct))

    def begin(self, session: Session) -> None:
        """A session starts now."""
        self.session = session
        self.authorisation = None
        self.finishing = False
        self.supply()

    def ramp_down(self, seconds: float) -> None:
        """The car has been told to stop and lets go within ``seconds``."""
        power_w = self.meter.power_w()
        if self.car is not None and power_w > 0 and seconds > 0:
            self._ramp = RampDown(self.car, power_w, seconds)
            self.meter.attach(self._ramp)

    def end(self) -> None:
        """The session is over now."""
        self.last_session, self.session = self.session, None
        self._ramp = None
        self.finishing = self.car is not None
        self.supply()
        if self.operative_later is not None:
            self.operative, self.operative_later = self.operative_later, None

    def seconds_to_full(self) -> float:
        """Until the car is content; infinite when nothing flows."""
        if self.session is None or self.car is None or self._ramp is not None:
            return math.inf
        return self.car.seconds_to_target(self.car_offer_w, self.rating.direct)

    def set_timer(self, name: str, timer: Timer | None) -> None:
        """Replace the timer ``name``; each connector has at most one of each."""
        old = self.timers.pop(name, None)
        if old is not None:
            old.cancel()
        if timer is not None:
            self.timers[name] = timer

    def cancel_timers(self) -> None:
        """Nothing planned happens any more."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
