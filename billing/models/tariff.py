"""Price lists and the days and rates they depend on."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import pricing, values
from stations.models import Station, Utility
from users.models import Company


class PriceLevel(models.TextChoices):
    """Whom a price list is for. A level without a list of its own gets the next one up this list."""

    GUEST = "guest", _("Guest")
    MEMBER = "member", _("Member")
    VIP = "vip", _("VIP")


class Tariff(models.Model):
    """One version of one station's prices for one level. Never edited: a change is a new version.

    ``elements`` is ``[{"part", "period", "price"}]`` with prices as decimal strings in baht, VAT
    included. ``terms`` are grace time, exempt hours and limits (``values.terms_from_json``). The
    version in force is the newest whose ``valid_from`` has come.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="tariffs")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="tariffs")
    level = models.CharField(max_length=6, choices=PriceLevel.choices)
    version = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    elements = models.JSONField()
    terms = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=120, blank=True, editable=False)

    company_path = "company"
    station_path = "station"

    class Meta:
        ordering = ["station_id", "level", "-version"]
        indexes = [
            models.Index(
                fields=["station", "level", "-valid_from", "-version"], name="tariff_in_force"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "level", "version"], name="tariff_version_once"
            ),
            models.CheckConstraint(
                condition=Q(level__in=PriceLevel.values), name="tariff_level_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.station_id} {self.level} v{self.version}"

    def as_value(self, calendar: pricing.Calendar) -> pricing.Tariff:
        """The value that prices are made from."""
        elements = elements_from_json(self.elements)
        return pricing.Tariff(elements, calendar, terms=values.terms_from_json(self.terms))


def elements_from_json(rows: list[dict[str, Any]]) -> tuple[pricing.Element, ...]:
    """``[{"part", "period", "price"}]`` to elements; ``ValueError`` for anything else."""
    return tuple(
        pricing.Element(
            pricing.Part(row["part"]),
            Decimal(row["price"]),
            pricing.Period(row.get("period", "any")),
        )
        for row in rows
    )


class TouHoliday(models.Model):
    """A day that is not as its weekday says. Seeded from a library, then the company's own.

    ``off_peak`` false keeps a row visible that a library calls a holiday and the utility does not
    (substitution days, Royal Ploughing Day).
    """

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="tou_holidays")
    utility = models.CharField(max_length=3, choices=Utility.choices)
    date = models.DateField()
    name = models.CharField(max_length=120)
    name_th = models.CharField(max_length=120, blank=True)
    off_peak = models.BooleanField(default=True)
    source = models.CharField(max_length=40, default="admin")
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_by = models.CharField(max_length=120, blank=True, editable=False)

    company_path = "company"

    class Meta:
        ordering = ["date"]
        constraints = [
            models.UniqueConstraint(fields=["company", "utility", "date"], name="tou_holiday_once")
        ]

    def __str__(self) -> str:
        return f"{self.utility} {self.date} {self.name}"


class VatRate(models.Model):
    """The VAT rate from a tax point on: it hangs on a yearly royal decree (Revenue Code s.80)."""

    valid_from = models.DateField(unique=True)
    rate = models.DecimalField(max_digits=5, decimal_places=4)
    source = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(rate__gte=0) & Q(rate__lt=1), name="vat_rate_range")
        ]

    def __str__(self) -> str:
        return f"{self.rate} from {self.valid_from}"
