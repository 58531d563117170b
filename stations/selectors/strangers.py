"""Chargers at the door that nobody has set up, for those who may see them.

A stranger belongs to no company. Where there is one company, whoever knocks is meant for it: its
admins see the list. Where several share an installation the list would tell one owner what another
has just bought, and let them take it; so only platform staff see it, and an owner finds a charger by
its exact id, which stands on the charger in front of them.
"""

from datetime import timedelta

from django.db.models import Exists, QuerySet
from django.utils import timezone

from stations.models import Knock
from users.access import Action, is_platform, may
from users.models import Admin, Company

KNOCK_DAYS = 7
MOST_SHOWN = 100


def strangers() -> QuerySet[Knock]:
    """Those of the last week, the newest first."""
    since = timezone.now() - timedelta(days=KNOCK_DAYS)
    found = Knock.objects.filter(charger__isnull=True, reason="unknown", last_at__gte=since)
    return found.order_by("-last_at", "-id")


def sees_all(admin: Admin) -> bool:
    """Whether the admin sees the whole list: see the top of this file."""
    if not may(admin, Action.EDIT_CHARGER) or not admin.all_stations:
        return False
    return is_platform(admin) or not _others(admin).exists()


def seen_by(admin: Admin, charge_point_id: str = "") -> QuerySet[Knock]:
    """The strangers that the admin may see: of that exact id (in any case), or all where they may."""
    if not may(admin, Action.EDIT_CHARGER):
        return Knock.objects.none()
    if charge_point_id:
        return strangers().filter(charge_point_id__iexact=charge_point_id)
    if not admin.all_stations:
        return Knock.objects.none()
    found = strangers()
    return found if is_platform(admin) else found.filter(~Exists(_others(admin)))


def _others(admin: Admin) -> QuerySet[Company]:
    return Company.objects.exclude(pk=admin.company_id or 0)
