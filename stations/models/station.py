"""A site with chargers."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import LiveManager, SoftDeleted
from core.thai import sort_key
from users.models import Company, TaxEntity


class Utility(models.TextChoices):
    MEA = "MEA", _("MEA")
    PEA = "PEA", _("PEA")


class TapMode(models.TextChoices):
    """What a card tapped at a charger does (features A2)."""

    TAP_STARTS = "tap_starts", _("The tap starts the charge")
    CONFIRM_FIRST = "confirm_first", _("Confirm on the page first")


class Station(SoftDeleted, models.Model):
    """One place with one meter of the utility. Its tax entity issues its documents."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="stations")
    tax_entity = models.ForeignKey(
        TaxEntity, on_delete=models.PROTECT, null=True, blank=True, related_name="stations"
    )
    name = models.CharField(max_length=120)
    name_th = models.CharField(max_length=120, blank=True)
    sort_key = models.CharField(max_length=300, editable=False)
    address = models.TextField(blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    utility = models.CharField(max_length=3, choices=Utility.choices, default=Utility.MEA)
    utility_meter_number = models.CharField(max_length=40, blank=True)
    voltage_level = models.CharField(max_length=20, blank=True)
    contracted_kw = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True)
    billing_cycle_day = models.PositiveSmallIntegerField(default=1)
    tap_mode = models.CharField(max_length=13, choices=TapMode.choices, default=TapMode.TAP_STARTS)
    max_session_kwh = models.PositiveSmallIntegerField(default=100)
    customers_reserve = models.BooleanField(default=False)  # on the connector's page
    max_reservation_min = models.PositiveSmallIntegerField(default=15)
    local_lists = models.BooleanField(default=False)  # chargers know cards while they are offline
    # THB in satang that a prepaid card may draw offline; 0: prepaid cards stay out of the lists
    offline_credit = models.BigIntegerField(default=0)
    # Who pays before the charge: one price for all of it (else the dearest case, the rest comes
    # back), and how long the plug is kept for them to plug in.
    prepaid_fixed_price = models.BooleanField(default=True)
    plug_in_within_min = models.PositiveSmallIntegerField(default=15)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    limited_admins = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="limited_stations", blank=True
    )

    objects = LiveManager()
    all_objects: ClassVar[models.Manager["Station"]] = models.Manager()
    company_path = "company"
    station_path = "pk"

    class Meta:
        ordering = ["sort_key", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(billing_cycle_day__range=(1, 28)), name="station_cycle_day"
            ),
            models.CheckConstraint(
                condition=Q(utility__in=Utility.values), name="station_utility_known"
            ),
            models.CheckConstraint(
                condition=Q(tap_mode__in=TapMode.values), name="station_tap_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(max_session_kwh__range=(1, 500)), name="station_max_kwh"
            ),
            models.CheckConstraint(
                condition=Q(max_reservation_min__range=(1, 240)), name="station_max_reservation"
            ),
            models.CheckConstraint(
                condition=Q(plug_in_within_min__range=(1, 120)), name="station_plug_in_within"
            ),
            models.CheckConstraint(
                condition=Q(offline_credit__range=(0, 100_000_00)), name="station_offline_credit"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_key = sort_key(self.name_th or self.name)
        super().save(*args, **kwargs)
