"""People who charge, and their RFID cards."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import LiveManager, SoftDeleted
from core.thai import sort_key
from users.models.company import Company


class CustomerLevel(models.TextChoices):
    """The price list a customer gets; a guest has no row."""

    MEMBER = "member", _("Member")
    VIP = "vip", _("VIP")


class BillingMode(models.TextChoices):
    PREPAID = "prepaid", _("Prepaid")
    POSTPAID = "postpaid", _("Postpaid")


class Customer(SoftDeleted, models.Model):
    """A member of one company. The same person at another company is another row.

    ``credit_limit`` is in satang and counts for postpaid customers only. ``buyer`` is what the
    customer's full tax invoices are made out to (``billing.services.buyers``); empty: nobody said.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="customers")
    name = models.CharField(max_length=120)
    sort_key = models.CharField(max_length=300, editable=False)
    phone = models.CharField(max_length=16, null=True, blank=True)  # E.164
    level = models.CharField(
        max_length=8, choices=CustomerLevel.choices, default=CustomerLevel.MEMBER
    )
    billing_mode = models.CharField(
        max_length=8, choices=BillingMode.choices, default=BillingMode.PREPAID
    )
    credit_limit = models.BigIntegerField(default=0)
    language = models.CharField(max_length=2, default="th")
    enabled = models.BooleanField(default=True)
    marketing_since = models.DateTimeField(
        null=True, editable=False
    )  # consent, apart and revocable
    buyer = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LiveManager()
    all_objects: ClassVar[models.Manager["Customer"]] = models.Manager()

    class Meta:
        ordering = ["sort_key", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "phone"],
                name="customer_phone_once",
                condition=Q(deleted_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(credit_limit__gte=0), name="customer_credit_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(phone__isnull=True) | Q(phone__regex=r"^\+[1-9]\d{7,14}$"),
                name="customer_phone_e164",
            ),
            models.CheckConstraint(
                condition=Q(level__in=CustomerLevel.values), name="customer_level_known"
            ),
            models.CheckConstraint(
                condition=Q(billing_mode__in=BillingMode.values), name="customer_mode_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_key = sort_key(self.name)
        super().save(*args, **kwargs)


class CardStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    BLOCKED = "blocked", _("Blocked")


class Card(SoftDeleted, models.Model):
    """An RFID card. ``key`` is the idTag without regard to case (CiString20Type, OCPP 1.6 §7.8)."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="cards")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="cards"
    )
    id_tag = models.CharField(max_length=20)
    key = models.CharField(max_length=20, editable=False)
    parent_id_tag = models.CharField(max_length=20, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=CardStatus.choices, default=CardStatus.ACTIVE)
    max_active_sessions = models.PositiveSmallIntegerField(null=True, blank=True, default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LiveManager()
    all_objects: ClassVar[models.Manager["Card"]] = models.Manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "key"], name="card_once", condition=Q(deleted_at__isnull=True)
            ),
            models.CheckConstraint(condition=~Q(id_tag=""), name="card_id_tag_not_empty"),
            models.CheckConstraint(
                condition=Q(status__in=CardStatus.values), name="card_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"•••• {self.id_tag[-4:]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = card_key(self.id_tag)
        super().save(*args, **kwargs)


def card_key(id_tag: str) -> str:
    """The form under which an idTag is looked up: some readers add control bytes or spaces."""
    return "".join(c for c in id_tag if c.isprintable()).strip().upper()[:20]
