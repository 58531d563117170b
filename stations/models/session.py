"""A charge, its readings, what may start it, and what does not add up."""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger, Connector
from stations.models.station import Station
from users.models import Card, Company, Customer


class SessionStatus(models.TextChoices):
    ACTIVE = "active", _("Charging")
    ENDED = "ended", _("Ended")


class Session(models.Model):
    """One charge from plug to end.

    ``transaction_id`` is the OCPP number, unique over all chargers. ``start_key`` is what the
    start message says of itself, so that a start which is sent again finds its session. Times:
    ``*_at`` is what we believe, ``*_device_at`` what the charger claims, ``*_received_at`` when we
    heard. Energy is in Wh. ``refusal`` is set where the answer to the start was not ``Accepted``.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="sessions")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="sessions")
    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="sessions")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="sessions")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="sessions"
    )
    card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True, related_name="sessions")
    level = models.CharField(
        max_length=6, default="guest"
    )  # guest, or the customer's level at the start
    status = models.CharField(
        max_length=6, choices=SessionStatus.choices, default=SessionStatus.ACTIVE
    )
    transaction_id = models.IntegerField(unique=True)
    start_key = models.CharField(max_length=160)
    id_tag = models.CharField(max_length=40)
    refusal = models.CharField(max_length=20, blank=True)
    started_at = models.DateTimeField()
    started_device_at = models.DateTimeField(null=True)
    started_received_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True)
    stopped_device_at = models.DateTimeField(null=True)
    stopped_received_at = models.DateTimeField(null=True)
    meter_start = models.BigIntegerField()
    meter_stop = models.BigIntegerField(null=True)
    energy_wh = models.BigIntegerField(null=True)
    stop_reason = models.CharField(max_length=20, blank=True)
    stop_inferred = models.BooleanField(default=False)
    # what it may draw: null means no limit; set by billing, enforced by the driver
    hold_id = models.BigIntegerField(null=True)
    allowance_wh = models.BigIntegerField(null=True)
    allowance_until = models.DateTimeField(null=True)
    chosen_wh = models.BigIntegerField(null=True)
    chosen_satang = models.BigIntegerField(null=True)

    company_path = "company"
    station_path = "station"

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-started_at", "-id"], name="session_company"),
            models.Index(fields=["station", "-started_at", "-id"], name="session_station"),
            models.Index(fields=["charger", "-started_at", "-id"], name="session_charger"),
            models.Index(fields=["customer", "-started_at", "-id"], name="session_customer"),
            models.Index(
                fields=["card", "status"], name="session_card_active", condition=Q(status="active")
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["charger", "start_key"], name="session_start_once"),
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(status="active", refusal=""),
                name="session_one_per_connector",
            ),
            models.CheckConstraint(
                condition=Q(energy_wh__isnull=True) | Q(energy_wh__gte=0), name="session_energy"
            ),
            models.CheckConstraint(
                condition=Q(status="active", stopped_at__isnull=True)
                | Q(status="ended", stopped_at__isnull=False, energy_wh__isnull=False),
                name="session_ended_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(status__in=SessionStatus.values), name="session_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.transaction_id}"


class SessionLive(models.Model):
    """The newest reading of a session, one narrow row, rewritten with each batch of readings.

    ``stop_due_at`` is when the charge is expected to reach its allowance: renewed by each
    reading, so the stop survives the death of the process that was going to send it.
    """

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, primary_key=True, related_name="live"
    )
    energy_wh = models.BigIntegerField(default=0)
    register_wh = models.BigIntegerField(null=True)
    power_w = models.IntegerField(null=True)
    soc = models.SmallIntegerField(null=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    stop_due_at = models.DateTimeField(null=True)

    company_path = "session__company"
    station_path = "session__station"

    class Meta:
        indexes = [
            models.Index(
                fields=["stop_due_at"], name="live_stop_due", condition=Q(stop_due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"live {self.session_id}"


class MeterValue(models.Model):
    """One MeterValue element as it came: the usual quantities in columns, all of it in ``samples``.

    Written by COPY in groups, so without foreign-key checks. ``at`` is the believed time.
    """

    class Clock(models.IntegerChoices):
        DEVICE = 0  # the charger's own time, believed
        RECEIPT = 1  # the charger's time was impossible; our receipt time stands in
        NO_ZONE = 2  # the charger gave no zone; taken as UTC

    connector = models.ForeignKey(
        Connector, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    session = models.ForeignKey(
        Session,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="readings",
    )
    at = models.DateTimeField()
    device_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    clock = models.SmallIntegerField(choices=Clock.choices, default=Clock.DEVICE)
    register_wh = models.BigIntegerField(null=True)
    power_w = models.IntegerField(null=True)
    soc = models.SmallIntegerField(null=True)
    samples = models.JSONField()

    company_path = "connector__charger__station__company"
    station_path = "connector__charger__station"

    class Meta:
        indexes = [
            BrinIndex(fields=["received_at"], name="meter_value_received"),
            models.Index(fields=["session", "at"], name="meter_value_session"),
        ]

    def __str__(self) -> str:
        return f"{self.register_wh} Wh at {self.at}"


class Authorisation(models.Model):
    """Leave to start on one connector, made before the start: by a page's Confirm or by a payment.

    It carries the hold that was placed for it, so that the start places no second one.
    """

    connector = models.ForeignKey(
        Connector, on_delete=models.PROTECT, related_name="authorisations"
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True)
    id_tag = models.CharField(max_length=20)
    visitor = models.CharField(max_length=43, blank=True)  # the phone it was given to
    hold_id = models.BigIntegerField(null=True)
    chosen_wh = models.BigIntegerField(null=True)
    chosen_satang = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    session = models.OneToOneField(
        Session, on_delete=models.PROTECT, null=True, related_name="authorisation"
    )
    cancelled_at = models.DateTimeField(null=True)

    company_path = "connector__charger__station__company"
    station_path = "connector__charger__station"

    class Meta:
        indexes = [
            models.Index(
                fields=["connector", "id_tag"],
                name="authorisation_open",
                condition=Q(session__isnull=True, cancelled_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.id_tag} on {self.connector_id}"


class VisitStage(models.TextChoices):
    """Where a phone that shows a connector's page stands in the member flow (features A2)."""

    WAITING = "waiting"  # the page says: tap your card
    RECOGNISED = "recognised"  # confirm-first: the card was read, the charge not yet started
    BOUND = "bound"  # this phone speaks for the session


class Visit(models.Model):
    """A phone on a connector's page, known by a random cookie; what ties it to the person who tapped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.CharField(max_length=43)
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="visits")
    stage = models.CharField(max_length=10, choices=VisitStage.choices, default=VisitStage.WAITING)
    waiting_until = models.DateTimeField()
    card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, related_name="visits")
    created_at = models.DateTimeField(default=timezone.now)

    company_path = "connector__charger__station__company"
    station_path = "connector__charger__station"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visitor", "connector"], name="visit_once"),
            models.CheckConstraint(
                condition=Q(stage__in=VisitStage.values), name="visit_stage_known"
            ),
        ]

    def __str__(self) -> str:
        return f"visit {self.stage} on {self.connector_id}"


class CaseKind(models.TextChoices):
    """What a person has to look at; nothing of it is ever dropped or guessed into a bill."""

    UNKNOWN_STOP = "unknown_stop", _("Stop for a charge we do not know")
    REPEATED_STOP = "repeated_stop", _("A second, different stop")
    LATE_STOP = "late_stop", _("Stop after the charge was closed")
    NO_STOP = "no_stop", _("The charge ended without a stop")
    METER_FAULT = "meter_fault", _("The meter ran backwards")
    ENERGY_DISPUTED = "energy_disputed", _("Energy that is not proven")
    UNIT_FAULT = "unit_fault", _("kWh sent as Wh")
    CLOCK_FAULT = "clock_fault", _("The charger's clock is wrong")
    NOT_AUTHORISED = "not_authorised", _("Energy drawn without permission")
    STOP_IGNORED = "stop_ignored", _("The charger did not stop when told")
    SECURITY_EVENT = "security_event", _("The charger reports an attack or a weakness")
    TRANSFER_FAILED = "transfer_failed", _("A file did not get through")
    STAY_UNKNOWN = "stay_unknown", _("When the car left is not known")


class CaseDecision(models.TextChoices):
    """What a person decided about energy that the meter does not prove."""

    KEEP = "keep", _("Keep the bill as it is")
    ACCEPT = "accept", _("Accept the disputed energy too, to be settled by hand")


class Case(models.Model):
    """Something to reconcile, with all the evidence, until a person says what came of it."""

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="cases")
    session = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, related_name="cases")
    kind = models.CharField(max_length=20, choices=CaseKind.choices)
    key = models.CharField(max_length=200, unique=True)
    evidence = models.JSONField(default=dict)
    opened_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=120, blank=True)
    note = models.TextField(blank=True)
    decision = models.CharField(max_length=6, choices=CaseDecision.choices, blank=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes = [
            models.Index(
                fields=["charger", "-opened_at"],
                name="case_open",
                condition=Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.charger_id}"
