"""What people are told. A row first; a sender takes it from there."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from users.models.company import Company
from users.models.customer import Customer


class MessageStatus(models.TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    NO_CHANNEL = (
        "no_channel"  # the person has given no way to be reached; shown in the product only
    )


class Message(models.Model):
    """One thing to tell one person, once: ``key`` makes a repeated fact tell it only once."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="messages"
    )
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    language = models.CharField(max_length=2)
    channel = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=120, blank=True)
    payload = models.JSONField(default=dict)
    status = models.CharField(
        max_length=10, choices=MessageStatus.choices, default=MessageStatus.QUEUED
    )
    due = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["due"], name="message_due", condition=Q(due__isnull=False))]

    def __str__(self) -> str:
        return f"{self.kind} → {self.customer_id}"
