"""Orders to chargers."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from stations.models.charger import Charger
from stations.models.session import Session


class CommandStatus(models.TextChoices):
    """queued → sent → one of the rest. ``offline``: the charger was away and never saw it."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    OFFLINE = "offline"
    ERROR = "error"


OPEN = (CommandStatus.QUEUED, CommandStatus.SENT)


class Command(models.Model):
    """One order. The process that holds the charger claims it; ``epoch`` is the connection's.

    ``expires_at`` bounds the wait in the queue: an order is never delivered late by surprise.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="commands")
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, null=True, related_name="commands"
    )
    key = models.CharField(max_length=120, null=True, unique=True)
    # The request that gave this order to many chargers at once
    batch = models.UUIDField(null=True, editable=False)
    action = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    status = models.CharField(
        max_length=8, choices=CommandStatus.choices, default=CommandStatus.QUEUED
    )
    requested_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    answer_timeout_s = models.PositiveSmallIntegerField(default=30)
    epoch = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    response = models.JSONField(null=True)
    detail = models.CharField(max_length=300, blank=True)
    # Fields of the payload that are nobody's to read, until they are sent: see services.commands
    sealed = models.TextField(blank=True, editable=False)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        indexes = [
            models.Index(fields=["charger", "-id"], name="command_charger"),
            models.Index(
                fields=["created_at"],
                name="command_open",
                condition=Q(status__in=["queued", "sent"]),
            ),
            models.Index(fields=["batch"], name="command_batch", condition=Q(batch__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=CommandStatus.values), name="command_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} → {self.charger_id}: {self.status}"
