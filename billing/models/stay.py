"""A car that stays at the plug, and a reservation that nobody used: what they are billed by."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.ledger import Transfer
from stations.models import Connector, Reservation, Session
from users.models import Company, Customer, TaxEntity


class IdleBy(models.TextChoices):
    """How the end of charging is known."""

    STOP = "stop", _("the charge was stopped")
    CAR = "car", _("the car took no more")


class StayEnd(models.TextChoices):
    """How the end of a stay is known."""

    FREE = "free", _("the charger reported the plug free")
    FAULT = "fault", _("the plug had a fault from then on")
    NEXT = "next", _("the next charge began")
    OFFLINE = "offline", _("the charger was offline from then on")
    LIMIT = "limit", _("nothing was heard for a day")


class Stay(models.Model):
    """One per charge whose price list has parking or penalty prices, from its start until the plug is free.

    ``idle_from``: charging had ended. ``evidence`` is ``[{"at", "status", "says"}]``: what the
    charger reported of the plug, as it came.
    """

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="stay")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="stays")
    idle_from = models.DateTimeField(null=True)
    idle_by = models.CharField(max_length=4, blank=True, choices=IdleBy.choices)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=7, blank=True, choices=StayEnd.choices)
    evidence = models.JSONField(default=list)
    look_at = models.DateTimeField(null=True)  # when it is looked at next
    created_at = models.DateTimeField(default=timezone.now)

    company_path = "session__company"
    station_path = "session__station"

    class Meta:
        indexes = [
            models.Index(fields=["connector"], name="stay_open", condition=Q(ended_at__isnull=True))
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by="")
                | (Q(ended_at__isnull=False) & ~Q(ended_by="")),
                name="stay_ended_by_something",
            ),
            models.CheckConstraint(
                condition=Q(idle_from__isnull=True, idle_by="")
                | (Q(idle_from__isnull=False) & ~Q(idle_by="")),
                name="stay_idle_by_something",
            ),
        ]

    def __str__(self) -> str:
        return f"stay of session {self.session_id}"


class ReservationFee(models.Model):
    """What a reservation cost that no charge came of. Never edited but for ``outstanding`` going down.

    A reservation that was used stands on the bill of its charge instead.
    """

    reservation = models.OneToOneField(Reservation, on_delete=models.PROTECT, related_name="fee")
    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="reservation_fees"
    )
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, null=True)
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT)
    total = models.BigIntegerField()
    vat = models.BigIntegerField(default=0)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=4, default=0)
    from_wallet = models.BigIntegerField(default=0)
    outstanding = models.BigIntegerField(default=0)
    billed_at = models.DateTimeField(default=timezone.now)

    company_path = "company"
    station_path = "reservation__charger__station"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(total__gt=0), name="reservation_fee_above_zero"),
            models.CheckConstraint(
                condition=Q(outstanding__gte=0) & Q(outstanding__lte=F("total")),
                name="reservation_fee_outstanding",
            ),
        ]

    def __str__(self) -> str:
        return f"fee of reservation {self.reservation_id}: {self.total}"
