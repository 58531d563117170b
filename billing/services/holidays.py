"""The table of days that are Off-Peak though their weekday is not. Seeded by a rule, then the owner's.

Rule (research: Thai tariffs §4.1): public holidays of the ``holidays`` package, without
substitution days ("in lieu") and without days the cabinet added ("Bridge"); the Royal Ploughing
Day is a government holiday only and never in the list. MEA/PEA treat those as working days.
"""

from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from zoneinfo import ZoneInfo

import holidays
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import TouHoliday
from core import audit
from core.errors import Conflict
from stations.models import Utility
from users.models import Company

SOURCE = f"holidays {version('holidays')}"
_NOT_OFF_PEAK = ("(in lieu)", "Bridge")


def seed(company: Company, years: Iterable[int]) -> int:
    """Add the days of ``years`` that the company has no row for. Its own rows are never touched."""
    english = holidays.country_holidays("TH", years=list(years), language="en_US")
    thai = holidays.country_holidays("TH", years=list(years), language="th")
    rows = [
        TouHoliday(
            company=company,
            utility=utility,
            date=day,
            name="; ".join(english.get_list(day))[:120],
            name_th="; ".join(thai.get_list(day))[:120],
            off_peak=is_off_peak(english.get_list(day)),
            source=SOURCE,
        )
        for day in sorted(english)
        for utility in Utility.values
    ]
    before = TouHoliday.objects.filter(company=company).count()
    TouHoliday.objects.bulk_create(rows, ignore_conflicts=True)
    return TouHoliday.objects.filter(company=company).count() - before


def is_off_peak(names: Iterable[str]) -> bool:
    """Whether any of the day's names is a real public holiday."""
    return any(not any(word in name for word in _NOT_OFF_PEAK) for name in names)


def set_day(
    company: Company, utility: str, day: date, *, name: str, off_peak: bool, actor: audit.Actor
) -> TouHoliday:
    """Add or change a day. Days that have begun are settled: charges have been priced by them."""
    if day <= timezone.localdate(timezone=ZoneInfo(settings.LOCAL_ZONE)):
        raise Conflict(
            _("Days up to today are settled and cannot be changed."),
            code="day_settled",
            field="date",
        )
    with transaction.atomic():
        old = TouHoliday.objects.filter(company=company, utility=utility, date=day).first()
        # A day that only changes between On-Peak and Off-Peak keeps its name in both languages.
        kept = old if old is not None and name in (old.name, old.name_th) else None
        row, _created = TouHoliday.objects.update_or_create(
            company=company,
            utility=utility,
            date=day,
            defaults={
                "name": kept.name if kept else name,
                "name_th": kept.name_th if kept else name,
                "off_peak": off_peak,
                "source": "admin",
                "changed_at": timezone.now(),
                "changed_by": actor.name,
            },
        )
        audit.record(
            actor,
            "edit_tou_holiday",
            f"company:{company.pk}",
            company_id=company.pk,
            old={"name": old.name, "off_peak": old.off_peak} if old else None,
            new={"date": day.isoformat(), "utility": utility, "name": name, "off_peak": off_peak},
        )
    return row
