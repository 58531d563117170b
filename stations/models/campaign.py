"""One thing done at many chargers: who is in it, and how far each is."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger
from stations.models.command import Command
from stations.models.transfer import FirmwareImage, Transfer
from users.models import Company


class CampaignKind(models.TextChoices):
    FIRMWARE = "firmware", _("New firmware")
    CONFIGURATION = "configuration", _("Change settings")
    ORDER = "order", _("One order")


class CampaignState(models.TextChoices):
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    DONE = "done", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


class Campaign(models.Model):
    """What is done, how many at a time, and until when chargers that are away are waited for.

    ``steps`` are the orders for each charger, one after the other: [{"action", "payload"}]. For
    firmware and for files that chargers send, the address is added for each charger.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=13, choices=CampaignKind.choices)
    state = models.CharField(
        max_length=9, choices=CampaignState.choices, default=CampaignState.RUNNING
    )
    firmware = models.ForeignKey(
        FirmwareImage, on_delete=models.PROTECT, null=True, related_name="campaigns"
    )
    steps = models.JSONField(default=list)
    max_parallel = models.PositiveSmallIntegerField(default=10)
    while_charging = models.BooleanField(default=False)
    deadline = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=120, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["deadline"],
                name="campaign_open",
                condition=Q(state__in=["running", "paused"]),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=CampaignKind.values), name="campaign_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=CampaignState.values), name="campaign_state_known"
            ),
            models.CheckConstraint(
                condition=Q(max_parallel__gte=1) & Q(max_parallel__lte=200),
                name="campaign_parallel_sane",
            ),
            models.CheckConstraint(
                condition=Q(kind="firmware") ^ Q(firmware__isnull=True),
                name="campaign_firmware_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TargetState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    WORKING = "working", _("Under way")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    MISSED = "missed", _("Not reached in time")
    CANCELLED = "cancelled", _("Cancelled")


class CampaignTarget(models.Model):
    """One charger of a campaign. ``attempt`` counts how often its present step was begun."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="targets")
    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="campaign_targets")
    state = models.CharField(max_length=9, choices=TargetState.choices, default=TargetState.WAITING)
    step = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    command = models.ForeignKey(
        Command, on_delete=models.PROTECT, null=True, related_name="campaign_targets"
    )
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, null=True, related_name="campaign_targets"
    )
    detail = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["charger"],
                name="campaign_target_waiting",
                condition=Q(state="waiting"),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "charger"], name="campaign_target_once"),
            models.CheckConstraint(
                condition=Q(state__in=TargetState.values), name="campaign_target_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.charger_id}: {self.state}"
