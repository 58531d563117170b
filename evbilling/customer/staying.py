"""A car that stands at the plug after charging: until when it may, what it costs so far, what comes."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.selectors import stays
from billing.selectors.stays import StayView
from evbilling.templatetags.ui import moment as at_time
from evbilling.templatetags.ui import price
from stations.models import Session


@dataclass(frozen=True, slots=True)
class Stay:
    """``css`` as of notes; ``until``: the moment that the page counts down to, if one matters."""

    css: str
    title: str
    text: str
    until: datetime | None
    left: str
    cost: int


def stay_of(session: Session, now: datetime) -> Stay | None:
    """What the phone says of the stay; None while the car charges and where staying costs nothing."""
    found = stays.of_session(session, now)
    if found is None or not found.is_open:
        return None
    css, title, text, until = _words(found, now)
    left = ""
    if until is not None:
        seconds = max(int((until - now).total_seconds()), 0)
        left = f"{seconds // 60}:{seconds % 60:02d}"
    return Stay(css, title, text, until, left, found.cost)


def _words(found: StayView, now: datetime) -> tuple[str, str, str, datetime | None]:
    each = price(found.per_minute)
    if found.penalty_from is not None and now < found.penalty_from:
        at = at_time(found.penalty_from)
        title = _("Charging has ended. Unplug by %(at)s") % {"at": at}
        text = _("From then on it costs %(each)s per minute until the plug is free.")
        return "wait", title, text % {"each": each}, found.penalty_from
    if found.penalty_now and found.per_minute:
        title = _("Unplug now: %(each)s per minute") % {"each": each}
        return "bad", title, _("It counts until the plug is free."), None
    if found.penalty_from is not None and found.free_until is not None:
        title = _("No overstay price until %(at)s") % {"at": at_time(found.free_until)}
        return "wait", title, _("Unplug by then, so that the next car can charge here."), None
    title = _("Charging has ended. Please unplug")
    if found.parking_per_hour:
        hour = price(found.parking_per_hour)
        text = _("Parking costs %(each)s per hour until the plug is free.") % {"each": hour}
        return "wait", title, text, None
    return "wait", title, _("The next car can then charge here."), None
