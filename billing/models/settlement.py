"""What gateways report afterwards, and what they say that cannot be believed."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.ledger import Transfer
from billing.models.payment import GatewayName, Payment
from users.models import Company, TaxEntity


class DoubtKind(models.TextChoices):
    AMOUNT = "amount", _("The gateway names another amount or currency")
    KEY = "key", _("The charge belongs to another payment")
    CAPTURE = "capture", _("The card was not charged")
    RELEASED = "released", _("The hold on the card was given up")
    REFUND = "refund", _("The gateway refused a refund")
    BACKWARDS = "backwards", _("The gateway takes back what it said")


class PaymentDoubt(models.Model):
    """Something a gateway said that does not fit: money stays where it was until a person has looked."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="payment_doubts")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="doubts")
    kind = models.CharField(max_length=10, choices=DoubtKind.choices)
    key = models.CharField(max_length=200, unique=True)
    evidence = models.JSONField(default=dict)
    seen_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=300, blank=True)

    company_path = "company"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["company", "-id"],
                name="payment_doubt_open",
                condition=Q(resolved_at__isnull=True),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=DoubtKind.values), name="payment_doubt_kind_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of payment {self.payment_id}"


class SettlementRow(models.Model):
    """One line of a gateway's settlement file, posted once. Satang; ``amount`` less fees is ``net``.

    ``amount`` is negative where the gateway took a refund back. ``difference`` says in a word what
    does not fit our payment, and is empty where all does.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="settlement_rows")
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, null=True)
    gateway = models.CharField(max_length=8, choices=GatewayName.choices)
    ref = models.CharField(max_length=120)  # the gateway's name of the line
    charge_ref = models.CharField(max_length=120, blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="settlement_rows"
    )
    amount = models.BigIntegerField()
    fee = models.BigIntegerField(default=0)
    fee_vat = models.BigIntegerField(default=0)
    net = models.BigIntegerField()
    paid_on = models.DateField()
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT, null=True)
    difference = models.CharField(max_length=20, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)
    imported_by = models.CharField(max_length=120, blank=True)

    company_path = "company"

    class Meta:
        ordering = ["-paid_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "gateway", "ref"], name="settlement_row_once"
            ),
            models.CheckConstraint(
                condition=Q(gateway__in=GatewayName.values), name="settlement_gateway_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.ref}: {self.net}"
