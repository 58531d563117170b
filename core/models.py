"""Tables of the ground: facts and their deliveries, leases, audit."""

from typing import TypeVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone

Row = TypeVar("Row", bound=models.Model)


class Fact(models.Model):
    """Something that happened, written in the transaction that made it true. Never changed."""

    kind = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    company_id = models.BigIntegerField(null=True)
    topic = models.CharField(
        max_length=60, blank=True
    )  # whose timeline it belongs to, e.g. charger:12
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            BrinIndex(fields=["at"], name="fact_at"),
            models.Index(fields=["topic", "-at"], name="fact_topic"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject_id}"


class Delivery(models.Model):
    """One handler's share of a fact. ``due`` is null when done; ``attempts`` counts failures."""

    ALARM_AFTER = 8

    fact = models.ForeignKey(Fact, on_delete=models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=80)
    due = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due"], name="delivery_due", condition=models.Q(due__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["fact", "handler"], name="delivery_once_per_handler"),
            models.CheckConstraint(
                condition=models.Q(due__isnull=True) ^ models.Q(done_at__isnull=True),
                name="delivery_due_or_done",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} ← {self.fact_id}"

    @property
    def alarming(self) -> bool:
        return self.due is not None and self.attempts >= self.ALARM_AFTER


class Lease(models.Model):
    """Who holds a name now. The epoch grows at every take-over, so a stale holder is recognised."""

    name = models.CharField(max_length=120, primary_key=True)
    holder = models.CharField(max_length=80)
    epoch = models.BigIntegerField(default=1)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.name} → {self.holder} ({self.epoch})"


class AuditEntry(models.Model):
    """Who did, or was refused, what. The actor is kept as text: people leave, the record stays."""

    at = models.DateTimeField(default=timezone.now)
    company_id = models.BigIntegerField(null=True, db_index=True)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_name = models.CharField(max_length=120, blank=True)
    address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80, blank=True)
    refused = models.BooleanField(default=False)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)

    class Meta:
        indexes = [
            BrinIndex(fields=["at"], name="audit_at"),
            models.Index(fields=["subject", "-at"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or self.actor_kind} {self.action} {self.subject}"


class LiveManager(models.Manager[Row]):
    """Rows that nobody has put in the trash."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().filter(deleted_at__isnull=True)


class SoftDeleted(models.Model):
    """A row that can be put in the trash and taken out again, but never deleted for good."""

    deleted_at = models.DateTimeField(null=True, editable=False)
    deleted_by = models.CharField(max_length=120, blank=True, editable=False)

    class Meta:
        abstract = True
