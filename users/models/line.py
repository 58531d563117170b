"""LINE: whose account is linked, what LINE told us, how many messages are left this month."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models.company import Company
from users.models.customer import Customer

NONCE_LASTS = timedelta(minutes=10)  # as long as LINE's own link token


class LinkedBy(models.TextChoices):
    LOGIN = "login", _("LINE Login")
    ACCOUNT_LINK = "account_link", _("From the chat")


class LineLink(models.Model):
    """A member's LINE account. ``friend``: the official account may write to it."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    customer = models.OneToOneField(Customer, on_delete=models.PROTECT, related_name="line")
    line_user_id = models.CharField(max_length=64)
    friend = models.BooleanField(default=True)
    linked_by = models.CharField(max_length=12, choices=LinkedBy.choices)
    linked_at = models.DateTimeField(default=timezone.now)

    company_path = "company"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company", "line_user_id"], name="line_user_once"),
            models.CheckConstraint(
                condition=Q(linked_by__in=LinkedBy.values), name="line_linked_by_known"
            ),
        ]
        indexes = [models.Index(fields=["line_user_id"], name="line_user")]

    def __str__(self) -> str:
        return f"LINE of customer {self.customer_id}"


class LineGuest(models.Model):
    """Somebody without an account who asked, by a tap of their own, to be told of one charge.

    ``subject`` is ``session:<pk>`` or ``purchase:<pk>``; nothing else is ever told to them.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    subject = models.CharField(max_length=40)
    line_user_id = models.CharField(max_length=64)
    language = models.CharField(max_length=2)
    friend = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    company_path = "company"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "line_user_id"], name="line_guest_once")
        ]
        indexes = [models.Index(fields=["line_user_id"], name="line_guest_user")]

    def __str__(self) -> str:
        return f"LINE of a guest, {self.subject}"


class LineNonce(models.Model):
    """Proof that a member agreed to the link, on its way through LINE. Random, used once."""

    nonce = models.CharField(max_length=64, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"nonce of customer {self.customer_id}"


class LineEvent(models.Model):
    """A webhook event as it came, once per ``webhookEventId``. ``due``: when it is seen to next."""

    event_id = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=40)
    line_user_id = models.CharField(max_length=64, blank=True)
    body = models.JSONField()
    received_at = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due"], name="line_event_due", condition=Q(due__isnull=False)),
            models.Index(fields=["received_at"], name="line_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class LineQuota(models.Model):
    """This month's messages of the official account as LINE counts them: one row. ``most`` null: no limit."""

    most = models.PositiveIntegerField(null=True)
    used = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"LINE {self.used} of {self.most}"
