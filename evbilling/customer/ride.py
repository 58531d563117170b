"""A running charge as its own phone sees it. Every figure carries the time it was read at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.services.wallets import Standing
from evbilling.customer import drawing, words
from evbilling.customer.money import Money
from evbilling.customer.words import Note
from evbilling.templatetags.ui import kwh
from stations.clock import GUARD
from stations.models import Command, CommandStatus, Session, SessionLive
from stations.selectors import visits
from stations.selectors.visits import Place, Trace

FRESH = timedelta(seconds=90)  # a value older than the sampling interval allows is not live
STOP_SAYS = timedelta(minutes=2)  # how long an order to stop explains what the page shows
LEAST_POWER_W = 300  # below it the end cannot be told from the power
LEAST_SOC = 3  # percentage points of battery that must have come in before they tell the rest


@dataclass(frozen=True, slots=True)
class Ride:
    """All figures of a running charge. Wh, W, satang."""

    session: Session
    wh: int
    target_wh: int | None
    power_w: int | None
    soc: int | None
    soc_start: int | None
    ends_at: datetime | None
    as_of: datetime
    stale: bool
    cost: int | None
    held: int | None
    standing: Standing | None
    cells: SafeString | None
    spark: SafeString | None
    note: Note | None
    stopping: Note | None
    stop_is_on_its_way: bool

    @property
    def rest_wh(self) -> int:
        return max((self.target_wh or 0) - self.wh, 0)

    @property
    def elapsed(self) -> timedelta:
        return self.as_of - self.session.started_at

    @property
    def comes_back(self) -> int | None:
        """What a stop now would leave of the money that is set aside."""
        if self.cost is None or self.held is None:
            return None
        return max(self.held - self.cost, 0)


def ride(session: Session, place: Place, money: Money, now: datetime) -> Ride:
    """The charge as of its newest reading."""
    live = session.live
    trace = visits.trace(session)
    as_of = read_at(live)
    target = _target(session)
    soc, soc_start = _battery(live, trace)
    order = visits.last_stop(session, STOP_SAYS)
    stale = not place.online or is_stale(live, now)
    return Ride(
        session=session,
        wh=live.energy_wh,
        target_wh=target,
        power_w=live.power_w,
        soc=soc,
        soc_start=soc_start,
        ends_at=None if stale else _ends_at(live, as_of, target, soc, soc_start),
        as_of=as_of,
        stale=stale,
        cost=money.cost,
        held=money.hold.amount if money.hold else None,
        standing=money.standing,
        cells=_cells(live.energy_wh, target),
        spark=drawing.spark([(t.at, max(t.power_w, 0)) for t in trace if t.power_w is not None]),
        note=words.riding(place, soc),
        stopping=_stopping(order),
        stop_is_on_its_way=order is not None and order.status in _ON_ITS_WAY,
    )


def read_at(live: SessionLive) -> datetime:
    """The time of the newest reading, never later than we heard it."""
    return min(live.at, live.received_at)


def is_stale(live: SessionLive, now: datetime) -> bool:
    """Whether the newest reading is too old to be called live. A charger's clock may be off within
    its guard; a reading from before that was kept back while the line was down."""
    kept_back = live.received_at - live.at > GUARD
    return now - (live.at if kept_back else live.received_at) > FRESH


def fresh_from(live: SessionLive) -> datetime:
    """The moment from which ``FRESH`` counts: for the phone to go on by itself."""
    kept_back = live.received_at - live.at > GUARD
    return live.at if kept_back else live.received_at


def free_at(session: Session, now: datetime) -> datetime | None:
    """When somebody else's charge will probably end; nothing else of it is told."""
    if is_stale(session.live, now):
        return None
    return _ends_at(session.live, read_at(session.live), _target(session), None, None)


def _target(session: Session) -> int | None:
    """What was chosen, in Wh; for money what it buys. None: until the car is full."""
    if session.chosen_wh is not None:
        return session.chosen_wh
    return session.allowance_wh if session.chosen_satang is not None else None


def _battery(live: SessionLive, trace: Sequence[Trace]) -> tuple[int | None, int | None]:
    """The newest and the first state of charge the car has told."""
    told = [t.soc for t in trace if t.soc is not None]
    newest = live.soc if live.soc is not None else (told[-1] if told else None)
    return newest, told[0] if told else newest


def _ends_at(
    live: SessionLive, as_of: datetime, target: int | None, soc: int | None, soc_start: int | None
) -> datetime | None:
    """When it will be done at the power of the newest reading; None where nobody can tell."""
    power = live.power_w or 0
    if power < LEAST_POWER_W:
        return None
    rest = target - live.energy_wh if target is not None else None
    if soc is not None and soc_start is not None and soc - soc_start >= LEAST_SOC:
        until_full = (100 - soc) * live.energy_wh // (soc - soc_start)
        rest = until_full if rest is None else min(rest, until_full)
    if rest is None:
        return None
    return as_of + timedelta(hours=max(rest, 0) / power)


def _cells(wh: int, target: int | None) -> SafeString | None:
    if not target:
        return None
    label = _("%(now)s of %(goal)s kWh") % {"now": kwh(wh), "goal": kwh(target)}
    return drawing.cells(wh, target, label)


_ON_ITS_WAY = frozenset({CommandStatus.QUEUED, CommandStatus.SENT, CommandStatus.ACCEPTED})


def _stopping(order: Command | None) -> Note | None:
    if order is None:
        return None
    if order.status in _ON_ITS_WAY:
        return Note("plug", "loader-2", _("Stopping"), _("The charger is lowering the power."))
    return Note(
        "bad",
        "alert-circle",
        _("The charger has not stopped"),
        _("Try again, or tap the card at the charger to stop there."),
    )
