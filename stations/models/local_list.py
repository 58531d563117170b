"""The cards that a charger knows by itself: its local authorisation list (OCPP 1.6 §3.5)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger


class ListState(models.TextChoices):
    """``known``: ``entries`` is what the charger holds. ``unknown``: the next update is Full."""

    UNKNOWN = "unknown", _("Not known")
    KNOWN = "known", _("Known")
    FAILED = "failed", _("The charger did not take it")
    UNSUPPORTED = "unsupported", _("The charger keeps no list")


class ListStep(models.TextChoices):
    """The order that is out; one at a time."""

    IDLE = "", _("nothing")
    LIMITS = "limits", _("asking how much fits")
    ENABLE = "enable", _("switching the list on")
    VERSION = "version", _("asking for the version")
    SEND = "send", _("sending cards")


class LocalList(models.Model):
    """What a charger confirmed that it holds, and where the next update stands.

    ``entries``: idTag → IdTagInfo as sent. ``version``: what the charger confirmed; ``top_version``:
    the highest that was ever sent to it or heard from it. ``sending``: the part that is out. ``due_at``:
    when to look whether anything differs; null when nothing has changed since. ``error`` is a code:
    ``no_answer``, ``not_supported``, ``refused:`` and ``error:`` with the charger's word.
    """

    charger = models.OneToOneField(
        Charger, on_delete=models.PROTECT, primary_key=True, related_name="local_list"
    )
    state = models.CharField(max_length=11, choices=ListState.choices, default=ListState.UNKNOWN)
    step = models.CharField(max_length=7, blank=True, choices=ListStep.choices)
    version = models.IntegerField(default=0)
    top_version = models.IntegerField(default=0)
    entries = models.JSONField(default=dict)
    sending = models.JSONField(default=dict)
    verify = models.BooleanField(default=True)  # compare versions before the next update
    orders = models.IntegerField(default=0)  # how many orders were given; part of their keys
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    most_entries = models.PositiveIntegerField(null=True)  # LocalAuthListMaxLength
    most_sent = models.PositiveIntegerField(null=True)  # SendLocalListMaxLength
    limits_at = models.DateTimeField(null=True)
    left_out = models.PositiveIntegerField(default=0)  # cards for which there was no room
    pushed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="local_list_due",
                condition=Q(due_at__isnull=False, step=""),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ListState.values), name="local_list_state_known"
            ),
            models.CheckConstraint(
                condition=Q(step__in=ListStep.values), name="local_list_step_known"
            ),
            models.CheckConstraint(
                condition=Q(version__gte=0, top_version__gte=models.F("version")),
                name="local_list_version_grows",
            ),
        ]

    def __str__(self) -> str:
        return f"local list of {self.charger_id}: {self.version}"
