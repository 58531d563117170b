"""Days as people in Thailand mean them: from midnight to midnight on the station's wall."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

LOCAL = ZoneInfo(settings.LOCAL_ZONE)


def today() -> date:
    return timezone.localdate(timezone=LOCAL)


def midnight(day: date | None = None) -> datetime:
    """When ``day`` begins; today where it is left out."""
    return datetime.combine(day or today(), time(), LOCAL)


def next_midnight(day: date) -> datetime:
    """The first moment that no longer belongs to ``day``."""
    return midnight(day + timedelta(days=1))


def parse_day(text: str) -> date | None:
    """A day in a URL or form (2026-11-20); None for what is not one, or lies beyond reason."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def parse_moment(text: str) -> datetime | None:
    """A moment in a form (2026-11-20T09:30, on the wall); None for what is not one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 2000 <= found.year <= 2100:
        return None
    return found if found.tzinfo else found.replace(tzinfo=LOCAL)


def parse_clock(text: str) -> time | None:
    """A time of day in a form (21:20)."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None
