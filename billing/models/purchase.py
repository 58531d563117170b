"""A charge that somebody pays for before it starts: the choice, the price it was shown, the money."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.payment import Payment
from billing.models.tariff import Tariff
from stations.models import Authorisation, Connector, Station
from users.models import Company, Customer


class PurchaseState(models.TextChoices):
    """In order. ``paid`` and ``charging`` hold the plug: one purchase at a time."""

    PAYING = "paying", _("Waiting for the money")
    PAID = "paid", _("Paid, the charge is about to start")
    CHARGING = "charging", _("Charging")
    DONE = "done", _("Done")
    RETURNED = "returned", _("Money back")  # money had come; no charge came of it
    DROPPED = "dropped", _("Not paid")  # no money came


class Purchase(models.Model):
    """``wh`` and ``satang`` are what was chosen (neither: until full); ``amount`` what is paid or held.

    ``tariff_value`` is what the charge is priced with, whatever the price list says by then:
    under *fixed price* the price in force when it was shown, for all of it (features A4).
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="purchases")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="purchases")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="purchases")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    visitor = models.CharField(max_length=43)
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    id_tag = models.CharField(max_length=20, unique=True)  # what its RemoteStart carries
    language = models.CharField(max_length=2, default="th")
    level = models.CharField(max_length=6, default="guest")
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT)
    tariff_value = models.JSONField()
    fixed_price = models.BooleanField(default=True)
    wh = models.BigIntegerField(null=True)
    satang = models.BigIntegerField(null=True)
    max_wh = models.BigIntegerField()
    amount = models.BigIntegerField()
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, related_name="purchase"
    )
    hold_id = models.BigIntegerField(null=True)
    leave = models.OneToOneField(
        Authorisation, on_delete=models.PROTECT, null=True, related_name="purchase"
    )
    state = models.CharField(
        max_length=8, choices=PurchaseState.choices, default=PurchaseState.PAYING
    )
    problem = models.CharField(max_length=20, blank=True)  # why the money goes back: RefundReason
    quoted_at = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField()  # of the price that was shown
    start_by = models.DateTimeField(null=True)  # plug in until then, or the money goes back
    closed_at = models.DateTimeField(null=True)

    company_path = "company"
    station_path = "station"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["visitor", "connector", "-id"], name="purchase_visitor"),
            models.Index(fields=["start_by"], name="purchase_start_by", condition=Q(state="paid")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(state__in=["paid", "charging"]),
                name="purchase_one_per_plug",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0) & Q(max_wh__gt=0), name="purchase_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(wh__isnull=True) | Q(satang__isnull=True), name="purchase_one_choice"
            ),
            models.CheckConstraint(
                condition=Q(state__in=PurchaseState.values), name="purchase_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"purchase {self.id_tag}: {self.amount} {self.state}"
