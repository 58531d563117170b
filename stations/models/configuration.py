"""What chargers are set to: as last read, as wanted, and how they were set up."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger
from users.models import Company


class ConfigurationTemplate(models.Model):
    """What a company wants of its chargers: key → value as text. Where a charger has no template of
    its own the company's default holds, else the built-in one (``stations/devices``)."""

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="configuration_templates"
    )
    name = models.CharField(max_length=80)
    keys = models.JSONField(default=dict)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_by = models.CharField(max_length=120, blank=True, editable=False)

    company_path = "company"

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("company", Upper("name"), name="template_name_once"),
            models.UniqueConstraint(
                fields=["company"],
                name="template_one_default",
                condition=Q(is_default=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChargerSetup(models.Model):
    """What we know of a charger's configuration as a whole.

    ``features`` are its SupportedFeatureProfiles. ``refused`` are keys (folded) it would not take,
    with its word; ``refused_measurands`` those of MeterValuesSampledData. ``avoid`` holds what it
    restarted over: never asked of the same firmware again.
    """

    charger = models.OneToOneField(Charger, on_delete=models.CASCADE, related_name="setup")
    template = models.ForeignKey(
        ConfigurationTemplate, on_delete=models.SET_NULL, null=True, related_name="setups"
    )
    commissioned_at = models.DateTimeField(null=True)
    firmware_version = models.CharField(max_length=80, blank=True)
    features = models.JSONField(default=list)
    refused = models.JSONField(default=dict)
    refused_measurands = models.JSONField(default=list)
    avoid = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True)  # all keys
    asked_at = models.DateTimeField(null=True)  # when we last asked for all keys
    restart_needed_at = models.DateTimeField(null=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        indexes = [models.Index(fields=["asked_at"], name="setup_asked")]

    def __str__(self) -> str:
        return f"setup of {self.charger_id}"


class ConfigurationKey(models.Model):
    """One key of a charger as last read. ``value`` is null where it shows none: passwords too."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="configuration")
    key = models.CharField(max_length=100)
    value = models.TextField(null=True)
    readonly = models.BooleanField(default=False)
    read_at = models.DateTimeField(default=timezone.now)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint("charger", Upper("key"), name="configuration_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.charger_id}: {self.key}"


class ConfigurationChange(models.Model):
    """A value that became another one: by our order, or noticed when the charger was read again."""

    charger = models.ForeignKey(
        Charger, on_delete=models.CASCADE, related_name="configuration_changes"
    )
    key = models.CharField(max_length=100)
    old = models.TextField(null=True)
    new = models.TextField(null=True)
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=120, blank=True)  # whose order; empty: noticed

    class Meta:
        indexes = [models.Index(fields=["charger", "-id"], name="configuration_history")]

    def __str__(self) -> str:
        return f"{self.charger_id}: {self.key}"


class CommissioningState(models.TextChoices):
    """waiting (for its charger) ⇄ running → done or stopped."""

    WAITING = "waiting", _("Waits for the charger")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")


class CommissioningReason(models.TextChoices):
    FIRST = "first", _("First connection")
    AGAIN = "again", _("Asked for")
    FIRMWARE = "firmware", _("New firmware")
    PUT_RIGHT = "put_right", _("Settings put right")


OPEN_STATES = (CommissioningState.WAITING, CommissioningState.RUNNING)


class Commissioning(models.Model):
    """One run of setting a charger up, moved on by what comes of each order: it survives any kill.

    ``phase`` is where it stands (``services.commissioning.PHASES``). ``epoch`` is the connection on
    which it runs: a boot on a newer one means that the charger restarted in the middle.
    """

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="commissionings")
    state = models.CharField(
        max_length=8, choices=CommissioningState.choices, default=CommissioningState.WAITING
    )
    reason = models.CharField(max_length=10, choices=CommissioningReason.choices)
    renew_password = models.BooleanField(default=False)
    phase = models.CharField(max_length=10, blank=True)
    epoch = models.BigIntegerField(null=True)
    restarts = models.PositiveSmallIntegerField(default=0)
    silences = models.PositiveSmallIntegerField(default=0)
    requested_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=20, blank=True)  # why it stopped: a code

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charger"],
                name="commissioning_one_open",
                condition=Q(state__in=["waiting", "running"]),
            ),
            models.CheckConstraint(
                condition=Q(state__in=CommissioningState.values), name="commissioning_state_known"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=CommissioningReason.values),
                name="commissioning_reason_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["moved_at"],
                name="commissioning_open",
                condition=Q(state__in=["waiting", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"commissioning {self.pk} of {self.charger_id}: {self.state}"


class StepKind(models.TextChoices):
    READ = "read", _("Read")
    TRIGGER = "trigger", _("Ask for a message")
    SET = "set", _("Set")
    PASSWORD = "password", _("New password")


class StepStatus(models.TextChoices):
    """waiting → sent → one of the rest; the last five were never asked of the charger."""

    WAITING = "waiting", _("Comes next")
    SENT = "sent", _("Asking the charger")
    DONE = "done", _("Done")
    RESTART = "restart", _("Taken, holds after a restart")
    REFUSED = "refused", _("The charger refuses")
    SILENT = "silent", _("No answer")
    RESTARTED = "restarted", _("The charger restarted over it")
    ALREADY = "already", _("Is so already")
    READONLY = "readonly", _("Read only in this charger")
    ABSENT = "absent", _("This charger does not have it")
    AVOIDED = "avoided", _("Left alone: it restarted over this before")
    SKIPPED = "skipped", _("Left out")


class CommissioningStep(models.Model):
    """One thing asked of the charger, or found not to need asking, with the charger's words.

    ``key``: of READ and SET the configuration key ("" reads all), of TRIGGER the message.
    ``attempt`` is part of the order's key, so an old order's end is not taken for a newer one's.
    """

    commissioning = models.ForeignKey(Commissioning, on_delete=models.CASCADE, related_name="steps")
    phase = models.CharField(max_length=10)
    kind = models.CharField(max_length=8, choices=StepKind.choices)
    key = models.CharField(max_length=100, blank=True)
    value = models.TextField(blank=True)
    status = models.CharField(max_length=9, choices=StepStatus.choices, default=StepStatus.WAITING)
    said = models.CharField(max_length=300, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=StepKind.values), name="commissioning_step_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=StepStatus.values), name="commissioning_step_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.status}"
