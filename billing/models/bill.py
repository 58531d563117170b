"""What a session cost, with everything needed to make the same bill again."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.ledger import Transfer
from billing.models.tariff import Tariff
from stations.models import Session
from users.models import Company, Customer, TaxEntity


class PaymentStatus(models.TextChoices):
    """``unbilled`` has no row: the session still runs or nobody is to pay."""

    PAID = "paid", _("Paid")
    POSTPAID = "postpaid", _("On the monthly bill")
    ARREARS = "arrears", _("In arrears")
    FREE = "free", _("Nothing to pay")


class Bill(models.Model):
    """One per session, never edited but for ``outstanding`` going down as arrears are paid.

    ``tariff_value``, ``usage`` and ``lines`` are the exact values of ``pricing.price``; amounts in
    satang, VAT included. ``unbilled_wh`` was delivered beyond what was bought and is the owner's;
    ``uncollected`` is what the lines come to beyond a guest's money: nobody owes it, it is no income.
    """

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="bill")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="bills")
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, null=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="bills"
    )
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, null=True)
    transfer = models.OneToOneField(
        Transfer, on_delete=models.PROTECT, null=True, related_name="bill"
    )
    tariff_value = models.JSONField()
    usage = models.JSONField()
    lines = models.JSONField()
    wh = models.BigIntegerField()
    unbilled_wh = models.BigIntegerField(default=0)
    total = models.BigIntegerField()
    uncollected = models.BigIntegerField(default=0)
    vat = models.BigIntegerField(default=0)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=4, default=0)
    from_wallet = models.BigIntegerField(default=0)
    outstanding = models.BigIntegerField(default=0)
    payment_status = models.CharField(max_length=10, choices=PaymentStatus.choices)
    billed_at = models.DateTimeField(default=timezone.now)

    company_path = "company"
    station_path = "session__station"

    class Meta:
        ordering = ["-billed_at", "-id"]
        indexes = [
            models.Index(
                fields=["customer", "billed_at"],
                name="bill_outstanding",
                condition=Q(outstanding__gt=0),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=0) & Q(vat__gte=0), name="bill_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(uncollected__gte=0), name="bill_uncollected_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(outstanding__gte=0) & Q(outstanding__lte=F("total")),
                name="bill_outstanding_range",
            ),
            models.CheckConstraint(
                condition=Q(payment_status__in=PaymentStatus.values),
                name="bill_payment_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"bill of session {self.session_id}: {self.total}"
