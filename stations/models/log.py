"""Every frame, both ways. The table is partitioned by our receipt time (see its migration)."""

from django.db import models

from stations.models.charger import Charger


class Frame(models.Model):
    """One OCPP-J frame. A CALL of the charger carries our answer in the same row.

    Secrets are ``***`` before they get here. ``id`` is unique together with ``at``.
    """

    class Direction(models.TextChoices):
        IN = "in"  # from the charger
        OUT = "out"  # to the charger

    class Kind(models.TextChoices):
        CALL = "call"
        RESULT = "result"
        ERROR = "error"
        BROKEN = "broken"  # could not be parsed

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    charger = models.ForeignKey(
        Charger,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="frames",
    )
    direction = models.CharField(max_length=3, choices=Direction.choices)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    action = models.CharField(max_length=50)
    message_id = models.CharField(max_length=60)
    payload = models.TextField()
    error = models.CharField(max_length=40, blank=True)
    answer = models.TextField(null=True)
    answer_after_us = models.IntegerField(null=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        managed = False
        db_table = "stations_frame"

    def __str__(self) -> str:
        return f"{self.direction} {self.action} {self.message_id}"


class RejectedFrame(models.Model):
    """A frame that PostgreSQL refused when its batch was redone row by row."""

    at = models.DateTimeField()
    charger = models.ForeignKey(Charger, on_delete=models.DO_NOTHING, db_constraint=False)
    message_id = models.CharField(max_length=60)
    frame = models.TextField()
    error = models.TextField()

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        db_table = "stations_frame_rejected"

    def __str__(self) -> str:
        return f"{self.message_id}: {self.error[:60]}"
