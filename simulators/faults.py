"""What can go wrong on demand: on the wire, in the clock and meter, in the charger's manners."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulators.clock import ClockStyle
from simulators.journal import Payload

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

ANY = "*"


@dataclass(slots=True)
class WireFaults:
    """Switches that the link and the command table look at."""

    renew_message_ids: bool = False
    disorder_next: bool = False
    ignore_remote_stop: bool = False
    ignore_profiles: bool = False
    forget_reservations: bool = False
    keep_reservations: bool = False
    left_out: dict[str, set[str]] = field(default_factory=dict)
    reject: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    late_s: dict[str, float] = field(default_factory=dict)
    lost_replies: Counter[str] = field(default_factory=Counter)

    def loses_reply_to(self, action: str) -> bool:
        """Whether this reply vanishes; each announced loss happens once."""
        for name in (action, ANY):
            if self.lost_replies[name] > 0:
                self.lost_replies[name] -= 1
                return True
        return False

    def answer_delay_s(self, action: str) -> float | None:
        """Real seconds before the answer to a server's CALL; ``None``: it never comes."""
        if action in self.silent or ANY in self.silent:
            return None
        return self.late_s.get(action, self.late_s.get(ANY, 0.0))


class Faults:
    """The faults of one charge point; every method takes effect at once.

    Actions are OCPP names, ``"*"`` means any. Seconds are real ones.
    """

    def __init__(self, charge_point: "ChargePoint") -> None:
        self.switches = WireFaults()
        self.reset_registers_on_reboot = False
        self._point = charge_point

    # The line

    def drop_link(self, offline_s: float | None = 0.0) -> None:
        """Cut the TCP connection with a reset; ``None`` stays away until ``come_back``."""
        self._point.link.drop(offline_s)

    def come_back(self) -> None:
        """Connect again after ``drop_link(None)``."""
        self._point.link.resume()

    def half_open(self) -> None:
        """Leave the old connection open and deaf, and connect a second time."""
        self._point.link.leave_half_open()

    def lose_replies(self, action: str = ANY, count: int = 1) -> None:
        """Behave as if the next ``count`` replies to ``action`` never came."""
        self.switches.lost_replies[action] += count

    def renew_message_ids(self, renew: bool = True) -> None:
        """Give a message that is sent again a new id, as some firmware does."""
        self.switches.renew_message_ids = renew

    def disorder(self) -> None:
        """The next message is held back and goes out behind the one that follows it."""
        self.switches.disorder_next = True

    async def resend(
        self, action: str, *, new_id: bool = False, next_connection: bool = False
    ) -> Payload:
        """Send the last acknowledged ``action`` once more and return the second result.

        ``next_connection`` cuts the line first. Raises LookupError if there was none, and
        CallFailed when the server does not give a CALLRESULT.
        """
        journal = self._point.journal
        last = next((a for a in reversed(journal.acknowledged) if a.action == action), None)
        if last is None:
            raise LookupError(f"no {action} was acknowledged yet")
        if next_connection:
            self._point.link.drop()
        return await self._point.link.call(
            last.action, last.payload, kept=True, message_id="" if new_id else last.message_id
        )

    # Manners

    def never_answer(self, action: str) -> None:
        """Stay silent when the server asks for ``action``, and do nothing."""
        self.switches.silent.add(action)

    def reject(self, action: str) -> None:
        """Refuse ``action``: Rejected where the standard has that word, else a CALLERROR."""
        self.switches.reject.add(action)

    def answer_late(self, action: str, seconds: float) -> None:
        """Answer ``action`` only after ``seconds``, and act only then."""
        self.switches.late_s[action] = seconds

    def ignore_remote_stop(self, ignore: bool = True) -> None:
        """Accept RemoteStopTransaction and go on charging."""
        self.switches.ignore_remote_stop = ignore

    def ignore_profiles(self, ignore: bool = True) -> None:
        """Accept SetChargingProfile and go on as before."""
        self.switches.ignore_profiles = ignore

    def forget_reservations(self, forget: bool = True) -> None:
        """Accept ReserveNow and reserve nothing."""
        self.switches.forget_reservations = forget

    def keep_reservations(self, keep: bool = True) -> None:
        """Hold a reservation beyond its expiryDate."""
        self.switches.keep_reservations = keep

    def leave_out(self, action: str, *names: str) -> None:
        """Send ``action`` without these fields."""
        self.switches.left_out[action] = set(names)

    def behave(self) -> None:
        """End all faults of manners and of the wire (not of clock and meter)."""
        fresh = WireFaults()
        for name in WireFaults.__slots__:
            setattr(self.switches, name, getattr(fresh, name))

    # Clock and meter

    def wrong_clock(self, style: ClockStyle = ClockStyle.UTC, offset_s: float = 0.0) -> None:
        """Write timestamps in ``style`` and ``offset_s`` seconds ahead; no arguments heal it."""
        self._point.clock.style = style
        self._point.clock.offset_s = offset_s

    def reset_register(self, connector: int) -> None:
        """The energy register starts again at 0, also in the middle of a session."""
        self._point.connector(connector).meter.reset()

    def stick_meter(self, connector: int, stuck: bool = True) -> None:
        """The register stands still while energy flows."""
        self._point.connector(connector).meter.stick(stuck)

    def spike_meter(self, connector: int, wh: int) -> None:
        """The next reading alone is ``wh`` too high."""
        self._point.connector(connector).meter.spike(wh)


async def chaos(point: "ChargePoint", per_hour: float, rng: random.Random) -> None:
    """Let random faults happen to ``point``, ``per_hour`` real hours on average, for ever."""
    while True:
        await asyncio.sleep(rng.expovariate(per_hour / 3600))
        number = rng.choice(point.connectors).number
        happen = rng.choice((_line, _words, _meter, _device))
        point.say(f"chaos: {happen(point, number, rng)}")


def _line(point: "ChargePoint", number: int, rng: random.Random) -> str:
    if rng.random() < 0.3:
        point.faults.half_open()
        return "the line is half open"
    away_s = rng.choice((0.0, 5.0, 60.0))
    point.faults.drop_link(away_s / point.time.speed)
    return f"the line is cut for {away_s:g} s"


def _words(point: "ChargePoint", number: int, rng: random.Random) -> str:
    faults = point.faults
    faults.renew_message_ids(rng.random() < 0.5)
    if rng.random() < 0.5:
        faults.lose_replies(count=rng.randint(1, 3))
        return "replies are lost"
    faults.disorder()
    return "messages change places"


def _meter(point: "ChargePoint", number: int, rng: random.Random) -> str:
    if rng.random() < 0.5:
        point.faults.spike_meter(number, 100_000)
        return f"meter {number} jumps once"
    point.faults.stick_meter(number)
    point.time.call_later(60, lambda: point.faults.stick_meter(number, False))
    return f"meter {number} sticks for a minute"


def _device(point: "ChargePoint", number: int, rng: random.Random) -> str:
    if rng.random() < 0.5:
        point.pause_car(number)
        point.time.call_later(60, lambda: point.pause_car(number, False))
        return f"the car at {number} pauses for a minute"
    point.fault(number, "GroundFailure")
    point.time.call_later(60, lambda: point.fault(number, "NoError"))
    return f"connector {number} has a ground fault for a minute"
