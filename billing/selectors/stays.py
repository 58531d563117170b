"""A stay at the plug as pages and bills read it: since when the car idles, what it costs, what comes."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from billing import pricing
from billing.models import Stay
from billing.pricing import Part, Period
from billing.selectors.costs import usage_of
from billing.services import tariffs
from stations.models import Reservation, Session


@dataclass(frozen=True, slots=True)
class StayView:
    """A car at the plug whose charging has ended. Satang; ``cost`` is the whole charge's so far.

    ``penalty_from``: when the grace time is over, None where the price list has no penalty.
    ``free_until``: the end of the exempt hours that hold now, if some do.
    """

    stay: Stay
    idle_from: datetime
    penalty_from: datetime | None
    penalty_now: bool
    per_minute: Decimal
    parking_per_hour: Decimal
    cost: int
    parking: int
    penalty: int
    free_until: datetime | None

    @property
    def is_open(self) -> bool:
        return self.stay.ended_at is None


def completed(
    session: Session, usage: pricing.Usage, tariff: pricing.Tariff, now: datetime | None = None
) -> pricing.Usage:
    """The charge with its stay and its reservation. ``now``: until when a stay counts that goes on."""
    if tariff.has(Part.RESERVATION):
        kept = Reservation.objects.filter(session=session, reserved_at__isnull=False).first()
        usage = replace(usage, reserved_at=kept.reserved_at if kept else None)
    if not tariff.minds_the_plug:
        return usage
    stay = Stay.objects.filter(session=session).first()
    if stay is None:
        return usage
    return replace(usage, idle_from=stay.idle_from, unplugged_at=stay.ended_at or now)


def of_session(session: Session, now: datetime | None = None) -> StayView | None:
    """How the stay stands; None while the car charges, and where staying costs nothing."""
    stay = Stay.objects.filter(session=session).first()
    if stay is None or stay.idle_from is None:
        return None
    found = tariffs.of_session(session)
    return view(stay, session, found[1], now or timezone.now()) if found else None


def view(stay: Stay, session: Session, tariff: pricing.Tariff, now: datetime) -> StayView:
    """``stay.idle_from`` is known."""
    assert stay.idle_from is not None  # noqa: S101 - the caller has looked
    until = stay.ended_at or now
    usage = replace(completed(session, usage_of(session), tariff), unplugged_at=until)
    bill = pricing.price(usage, tariff)
    begins = pricing.penalty_from(usage, tariff) if tariff.has(Part.PENALTY) else None
    period = tariff.calendar.period_at(max(until, begins or until))
    free_until = pricing.exempt_until(tariff, until)
    return StayView(
        stay=stay,
        idle_from=stay.idle_from,
        penalty_from=begins,
        penalty_now=begins is not None and until >= begins and free_until is None,
        per_minute=tariff.unit_price(Part.PENALTY, period),
        parking_per_hour=tariff.unit_price(Part.PARKING, tariff.calendar.period_at(until)),
        cost=bill.total,
        parking=_sum(bill, Part.PARKING),
        penalty=_sum(bill, Part.PENALTY),
        free_until=free_until,
    )


def exempt_at(session: Session, at: datetime) -> bool:
    """Whether exempt hours hold at ``at`` under the charge's price list."""
    found = tariffs.of_session(session)
    return found is not None and pricing.exempt_until(found[1], at) is not None


def quiet_since(usage: pricing.Usage, jitter_wh: int) -> datetime:
    """From which reading on no more energy came than a register wobbles by."""
    return next(r.at for r in usage.curve if r.wh >= usage.wh - jitter_wh)


def prices_of(tariff: pricing.Tariff, part: Part) -> tuple[Decimal, Decimal]:
    """On-Peak and Off-Peak."""
    return tariff.unit_price(part, Period.ON_PEAK), tariff.unit_price(part, Period.OFF_PEAK)


def _sum(bill: pricing.Bill, part: Part) -> int:
    return sum(line.amount for line in bill.lines if line.part is part)
