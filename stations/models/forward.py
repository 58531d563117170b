"""A second central system that gets copies of what a charger says (docs/forwarding.md)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger
from stations.models.session import Session


class ForwardMode(models.TextChoices):
    READ_ONLY = "read_only", _("Copies only")
    COMMANDS = "commands", _("Copies and commands")


class ForwardState(models.TextChoices):
    OFF = "off", _("Off")
    WAITING = "waiting", _("Waiting for the charger")
    CONNECTING = "connecting", _("Connecting")
    CONNECTED = "connected", _("Linked")
    FAILED = "failed", _("Not reached")


class Forward(models.Model):
    """Where one charger's copies go. We stay the charger's only authority.

    The frame log is the queue: ``cursor_at`` is our receipt time of the last frame that is dealt
    with, so what came while that side was away is still there when it is back. ``private`` says
    that an owner or platform staff allowed an address inside our own network.
    """

    charger = models.OneToOneField(Charger, on_delete=models.CASCADE, related_name="forward")
    url = models.CharField(max_length=500)
    identity = models.CharField(max_length=48)
    password_sealed = models.TextField(blank=True, editable=False)
    ca_pem = models.TextField(blank=True)
    mode = models.CharField(
        max_length=9, choices=ForwardMode.choices, default=ForwardMode.READ_ONLY
    )
    enabled = models.BooleanField(default=True)
    private = models.BooleanField(default=False)
    since = models.DateTimeField(default=timezone.now)  # what came before is none of its business
    changed_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(null=True)  # somebody pressed "Connect now"
    # what the forwarding process says of it
    state = models.CharField(
        max_length=10, choices=ForwardState.choices, default=ForwardState.WAITING
    )
    state_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    connected_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    boot_answer = models.JSONField(null=True)
    wishes = models.JSONField(default=dict)  # settings that side asked for, kept from the charger
    cursor_at = models.DateTimeField(default=timezone.now)
    sent = models.BigIntegerField(default=0)
    answered = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(url__startswith="ws://") | Q(url__startswith="wss://"),
                name="forward_is_a_websocket",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=ForwardMode.values), name="forward_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ForwardState.values), name="forward_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.charger_id} → {self.url}"


class ForwardedSession(models.Model):
    """That side's own number for a charge of ours, and how far its start and stop have got.

    One row for each charge whose start was tried. ``attempts`` counts refusals (CALLERROR) of the
    message in turn, the start or the stop.
    """

    forward = models.ForeignKey(Forward, on_delete=models.CASCADE, related_name="sessions")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="forwarded")
    their_id = models.IntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)  # that side has answered the start
    stopped_at = models.DateTimeField(null=True)  # that side has answered the stop
    gave_up = models.BooleanField(default=False)

    company_path = "forward__charger__station__company"
    station_path = "forward__charger__station"

    class Meta:
        indexes = [models.Index(fields=["forward", "their_id"], name="forwarded_theirs")]
        constraints = [
            models.UniqueConstraint(fields=["forward", "session"], name="forwarded_once"),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True, gave_up=False)
                | Q(their_id__isnull=False)
                | Q(gave_up=True),
                name="forwarded_start_has_their_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} → {self.their_id}"
