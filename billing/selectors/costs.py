"""What a charge has used and costs: as metered so far, or finally."""

from dataclasses import dataclass
from datetime import datetime

from billing import pricing
from billing.services import tariffs
from stations.models import Session, SessionStatus
from stations.services import measuring


@dataclass(frozen=True, slots=True)
class CostSoFar:
    """Satang and Wh of a running charge at ``at``, the time of its newest reading."""

    satang: int
    wh: int
    at: datetime


def usage_of(session: Session, *, cap_wh: int | None = None) -> pricing.Usage:
    """The charge as metered. ``cap_wh``: what was delivered beyond it is not priced."""
    found = measuring.find(session)
    metered = found.metered
    ended = session.status == SessionStatus.ENDED
    wh = session.energy_wh if ended and session.energy_wh is not None else metered.wh
    end = session.stopped_at if ended and session.stopped_at else _latest(session, found)
    priced = wh if cap_wh is None else min(wh, cap_wh)
    readings = tuple(pricing.Reading(p.at, p.wh) for p in metered.curve)
    return pricing.Usage(session.started_at, max(end, session.started_at), priced, readings)


def cost_so_far(session: Session) -> CostSoFar | None:
    """The price of what a running session has drawn; None where no price list applies."""
    found = tariffs.of_session(session)
    if found is None:
        return None
    usage = usage_of(session)
    return CostSoFar(pricing.price(usage, found[1]).total, usage.wh, usage.end)


def _latest(session: Session, found: measuring.Found) -> datetime:
    return max((s.at for s in found.samples), default=session.started_at)
