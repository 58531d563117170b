"""How many LINE messages are left this month. LINE counts; we read it and add what we sent since."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from users.messages import line
from users.models import Channel, LineQuota, Message, MessageStatus

WARN_AT, KEEP_BACK_AT = Decimal("0.80"), Decimal("0.95")
STALE = timedelta(days=2)
COUNTED_IN = ZoneInfo("Asia/Tokyo")  # LINE's month begins in Japan


def row() -> LineQuota:
    return LineQuota.objects.get_or_create(pk=1)[0]


def read() -> LineQuota:
    """Ask LINE (a task calls this). What it refuses stays on the row for the admin to see."""
    found = row()
    found.tried_at = timezone.now()
    try:
        counted = line.count()
    except line.LineSaidNo as error:
        found.error = str(error)[:300]
        found.save(update_fields=["tried_at", "error"])
        return found
    found.most, found.used, found.read_at, found.error = (
        counted.most,
        counted.used,
        found.tried_at,
        "",
    )
    found.save()
    return found


def used_up() -> None:
    """LINE refused a message for the monthly limit: do not ask it again for every message."""
    found = row()
    if found.most is not None:
        found.used = max(found.used, found.most)
        found.read_at = timezone.now()
        found.save(update_fields=["used", "read_at"])


def used_now(found: LineQuota) -> int:
    """What LINE counted, and what we have sent since; nothing of last month."""
    since = found.read_at or month_start(timezone.now())
    used = found.used
    if since < (start := month_start(timezone.now())):
        since, used = start, 0
    sent = Message.objects.filter(
        channel=Channel.LINE, status=MessageStatus.SENT, sent_at__gt=since
    )
    return used + sent.count()


def share(found: LineQuota) -> Decimal:
    """0 to 1 and more; 0 where there is no limit or it is not known."""
    return Decimal(used_now(found)) / found.most if found.most else Decimal(0)


def keeps_back(*, important: bool) -> bool:
    """The last twentieth is for what costs people money or leaves them standing."""
    if important:
        return False
    found = LineQuota.objects.filter(pk=1).first()
    return found is not None and share(found) >= KEEP_BACK_AT


def month_start(now: datetime) -> datetime:
    local = now.astimezone(COUNTED_IN)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
