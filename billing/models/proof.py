"""When the ledger was proven, and what came of it."""

from django.db import models
from django.utils import timezone


class LedgerProof(models.Model):
    """One proof over all companies. ``examined``: rows by table; ``wrong``: check → how many do not fit.

    ``wrong`` is empty when everything adds up, so an old proof is known by its rows, not by a flag.
    """

    at = models.DateTimeField(default=timezone.now)
    took_ms = models.PositiveIntegerField()
    examined = models.JSONField(default=dict)
    wrong = models.JSONField(default=dict)
    asked_by = models.CharField(max_length=120, blank=True)  # '': by the timetable

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"proof of {self.at:%Y-%m-%d %H:%M}: {self.wrong or 'sound'}"

    @property
    def sound(self) -> bool:
        return not self.wrong
