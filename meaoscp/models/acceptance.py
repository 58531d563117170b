"""One filling of MEA's acceptance form FM-OCPP-T-01, and each of its lines."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models import Charger
from users.models import Card


class RunState(models.TextChoices):
    """``paused``: a step has failed and a person decides. ``incomplete``: nothing failed, but steps
    were skipped or not asked for."""

    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Waits for a decision")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    INCOMPLETE = "incomplete", _("Incomplete")
    ABORTED = "aborted", _("Aborted")


OPEN_STATES = (RunState.RUNNING, RunState.PAUSED)


class AcceptanceRun(models.Model):
    """One run against one charger. ``patience`` holds the time limits in seconds by name.

    ``limit`` is what tests 9 to 11 order: A per phase on AC, W on DC. ``tests`` are those that
    were asked for; only a run of all eleven can pass as a whole.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="acceptance_runs")
    connectors = models.JSONField(default=list)
    tests = models.JSONField(default=list)
    direct = models.BooleanField(default=False)
    project = models.CharField(max_length=120, blank=True)
    brand_model = models.CharField(max_length=120, blank=True)
    tested_by = models.CharField(max_length=80, blank=True)
    witnesses = models.JSONField(default=list)
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="+")
    stop_card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True, related_name="+")
    invalid_id_tag = models.CharField(max_length=20, blank=True)
    limit = models.DecimalField(max_digits=8, decimal_places=1)
    reservation_seconds = models.PositiveIntegerField(default=120)
    patience = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    started_by = models.CharField(max_length=120, blank=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["charger", "-id"], name="acceptance_charger")]
        constraints = [
            models.UniqueConstraint(
                fields=["charger"],
                condition=Q(state__in=["running", "paused"]),
                name="acceptance_one_open_per_charger",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RunState.values), name="acceptance_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused"]) ^ Q(ended_at__isnull=False),
                name="acceptance_ended_or_open",
            ),
        ]

    def __str__(self) -> str:
        return f"FM-OCPP-T-01 {self.charger_id}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class StepState(models.TextChoices):
    """``left_out``: never reached, because a step before it failed or the run was aborted."""

    WAITING = "waiting", _("To do")
    NOW = "now", _("Now")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")
    LEFT_OUT = "left_out", _("Not reached")


class AcceptanceStep(models.Model):
    """One line of the form, for one connector (0: the charger as a whole).

    ``evidence_at`` is when the message that decided came, by the frame log; ``messages`` are the
    ids of the messages, ``values`` what later steps need. ``reason`` is a code of ``meaoscp.words``.
    """

    run = models.ForeignKey(AcceptanceRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    connector_id = models.PositiveSmallIntegerField(default=0)
    test = models.PositiveSmallIntegerField()
    number = models.CharField(max_length=6)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    send_now = models.BooleanField(default=False)
    began_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    evidence_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    remark = models.TextField(blank=True)
    values = models.JSONField(default=dict)
    messages = models.JSONField(default=list)
    reason = models.CharField(max_length=40, blank=True)
    reason_values = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)

    company_path = "run__charger__station__company"
    station_path = "run__charger__station"

    class Meta:
        ordering = ["run_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="acceptance_step_once"),
            models.UniqueConstraint(
                fields=["run"], condition=Q(state="now"), name="acceptance_one_step_now"
            ),
            models.CheckConstraint(
                condition=Q(state__in=StepState.values), name="acceptance_step_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="skipped") | ~Q(note=""), name="acceptance_skip_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"
