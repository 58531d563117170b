"""Chargers, their connectors, and strangers that knock."""

import secrets
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import LiveManager, SoftDeleted
from stations.models.station import Station

# No 0/O, 1/I/L, U/V: a code is read aloud and typed from a sticker.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"


def new_code() -> str:
    """A connector's public code: 10 of 29 characters, 48 bits; guessing is hopeless at our rate limits."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(10))


class Protocol(models.TextChoices):
    OCPP16 = "ocpp1.6", "OCPP 1.6J"
    MQTT = "mqtt", "MQTT"
    MODBUS = "modbus", "Modbus"


class SecurityProfile(models.IntegerChoices):
    """How a charger proves itself (Improved security for OCPP 1.6-J §3)."""

    ANY = 0, _("Not set")
    BASIC = 1, _("1 · password")
    TLS = 2, _("2 · password over TLS")
    CERTIFICATE = 3, _("3 · certificate over TLS")


class Charger(SoftDeleted, models.Model):
    """A charge point. ``charge_point_id`` is compared without regard to case.

    ``connection_epoch`` grows with every socket that is accepted, so the newest socket wins in
    whichever process it is; ``connection_holder`` is that process's lease, so a process that dies
    takes its chargers offline with it.
    """

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="chargers")
    charge_point_id = models.CharField(max_length=48)
    name = models.CharField(max_length=80, blank=True)
    place = models.CharField(max_length=120, blank=True)
    protocol = models.CharField(max_length=8, choices=Protocol.choices, default=Protocol.OCPP16)
    device = models.CharField(max_length=60, default="generic")
    password_hmac = models.CharField(max_length=64, blank=True, editable=False)
    # Passwords on their way to it: each is as good as the present one until one of them was used.
    next_password_hmacs = ArrayField(
        models.CharField(max_length=64), default=list, blank=True, editable=False
    )
    password_changed_at = models.DateTimeField(null=True, editable=False)
    # Asked for by an admin; what it has shown once, below which it is not let in; how it came last.
    security_profile = models.PositiveSmallIntegerField(
        choices=SecurityProfile.choices, default=SecurityProfile.ANY, editable=False
    )
    least_profile = models.PositiveSmallIntegerField(default=0, editable=False)
    connection_profile = models.PositiveSmallIntegerField(default=0, editable=False)
    connection_tls = models.CharField(max_length=10, blank=True, editable=False)
    connection_certificate = models.ForeignKey(
        "stations.ChargerCertificate",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # what the charger says of itself (BootNotification)
    vendor = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=80, blank=True)
    serial_number = models.CharField(max_length=80, blank=True)
    firmware_version = models.CharField(max_length=80, blank=True)
    boot_info = models.JSONField(default=dict, editable=False)
    booted_at = models.DateTimeField(null=True, editable=False)
    # the link
    connection_epoch = models.BigIntegerField(default=0, editable=False)
    connection_holder = models.CharField(max_length=120, blank=True, editable=False)
    connected_at = models.DateTimeField(null=True, editable=False)
    disconnected_at = models.DateTimeField(null=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)

    objects = LiveManager()
    all_objects: ClassVar[models.Manager["Charger"]] = models.Manager()
    company_path = "station__company"
    station_path = "station"

    class Meta:
        ordering = ["charge_point_id"]
        indexes = [models.Index(fields=["connection_holder"], name="charger_holder")]
        constraints = [
            models.UniqueConstraint(
                Upper("charge_point_id"),
                name="charger_id_once",
                condition=Q(deleted_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(charge_point_id__regex=r"^[A-Za-z0-9*_=:+|@.\-]{1,48}$"),
                name="charger_id_characters",
            ),
            models.CheckConstraint(
                condition=Q(protocol__in=Protocol.values), name="charger_protocol_known"
            ),
            models.CheckConstraint(
                condition=Q(security_profile__in=SecurityProfile.values)
                & Q(least_profile__lte=models.F("security_profile")),
                name="charger_security_profile",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.charge_point_id


class ConnectorStatus(models.TextChoices):
    """ChargePointStatus (OCPP 1.6 §7.7). The values are the standard's words."""

    AVAILABLE = "Available", _("Available")
    PREPARING = "Preparing", _("Plugged in")
    CHARGING = "Charging", _("Charging")
    SUSPENDED_EV = "SuspendedEV", _("Paused by car")
    SUSPENDED_EVSE = "SuspendedEVSE", _("Paused by charger")
    FINISHING = "Finishing", _("Finished, unplug")
    RESERVED = "Reserved", _("Reserved")
    UNAVAILABLE = "Unavailable", _("Out of service")
    FAULTED = "Faulted", _("Fault")


class Connector(models.Model):
    """One plug. ``connector_id`` counts from 1; 0 is the charger as a whole and has no code of use."""

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="connectors")
    connector_id = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=12, unique=True, default=new_code, editable=False)
    kind = models.CharField(max_length=20, blank=True)  # Type 2, CCS2, CHAdeMO …
    max_power_w = models.PositiveIntegerField(default=22_000)
    status = models.CharField(
        max_length=14, choices=ConnectorStatus.choices, default=ConnectorStatus.UNAVAILABLE
    )
    error_code = models.CharField(max_length=40, default="NoError")
    info = models.CharField(max_length=120, blank=True)
    vendor_error_code = models.CharField(max_length=60, blank=True)
    status_at = models.DateTimeField(default=timezone.now)
    status_device_at = models.DateTimeField(null=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["charger_id", "connector_id"]
        constraints = [
            models.UniqueConstraint(fields=["charger", "connector_id"], name="connector_once"),
            models.CheckConstraint(
                condition=Q(status__in=ConnectorStatus.values), name="connector_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.charger_id}/{self.connector_id}"


class Knock(models.Model):
    """A charger we do not know, or one with a wrong password, at the door. It creates nothing."""

    charge_point_id = models.CharField(max_length=48, unique=True)
    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, null=True, related_name="knocks")
    reason = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    attempts = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.reason}"
