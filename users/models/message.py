"""What people are told. A row first; a sender takes it from there."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models.company import Company
from users.models.customer import Customer

RETRY_SPACE = uuid.UUID("6f1cb7f6-6a0f-4a5c-9b8e-5d1f1c3a7e20")


class MessageStatus(models.TextChoices):
    QUEUED = "queued", _("About to be sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Not delivered")
    HELD_BACK = "held_back", _("Kept back: LINE’s quota is nearly used up")
    # The person has given no way to be reached; shown in the product only.
    NO_CHANNEL = "no_channel", _("No channel")


class Channel(models.TextChoices):
    LINE = "line", "LINE"
    EMAIL = "email", _("E-mail")


class Message(models.Model):
    """One thing to tell one person, once: ``key`` makes a repeated fact tell it only once.

    ``address`` is a LINE user id or an e-mail address. ``due``: when it is sent or tried next;
    after ``valid_until`` nobody wants to know any more. ``request_ref`` is the sender's own number.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="messages"
    )
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    language = models.CharField(max_length=2)
    channel = models.CharField(max_length=10, blank=True, choices=Channel.choices)
    address = models.CharField(max_length=254, blank=True)
    payload = models.JSONField(default=dict)
    status = models.CharField(
        max_length=10, choices=MessageStatus.choices, default=MessageStatus.QUEUED
    )
    due = models.DateTimeField(null=True, default=timezone.now)
    valid_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    request_ref = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    company_path = "company"

    class Meta:
        indexes = [
            models.Index(fields=["due"], name="message_due", condition=Q(due__isnull=False)),
            models.Index(fields=["company", "-id"], name="message_company"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.customer_id}"

    @property
    def retry_key(self) -> uuid.UUID:
        """The same for every try, so that a repeat after a lost answer is not a second message."""
        return uuid.uuid5(RETRY_SPACE, self.key)
