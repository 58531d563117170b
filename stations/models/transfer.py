"""Files that go to a charger (firmware) or come from it (diagnostics, logs), and how far they are."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import LiveManager, SoftDeleted
from stations.models.charger import Charger
from stations.models.command import Command
from users.models import Company


class FirmwareImage(SoftDeleted, models.Model):
    """A maker's firmware as it was uploaded. Blank ``vendor`` or ``model``: it fits any.

    ``version`` is what the charger calls it in its BootNotification once it runs. ``signature`` is
    base64, ``signing_certificate`` PEM: with both it may go as SignedUpdateFirmware.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="firmware_images")
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=80)
    vendor = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=80, blank=True)
    file_name = models.CharField(max_length=120)
    stored_name = models.CharField(max_length=64, unique=True, editable=False)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    signature = models.CharField(max_length=800, blank=True)
    signing_certificate = models.TextField(blank=True)
    uploaded_at = models.DateTimeField(default=timezone.now, editable=False)
    uploaded_by = models.CharField(max_length=120, blank=True, editable=False)

    objects = LiveManager()
    all_objects: ClassVar[models.Manager["FirmwareImage"]] = models.Manager()

    class Meta:
        ordering = ["-uploaded_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0), name="firmware_not_empty"),
            models.CheckConstraint(
                condition=Q(signature="") ^ ~Q(signing_certificate=""),
                name="firmware_signature_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def signed(self) -> bool:
        return bool(self.signature)


class TransferKind(models.TextChoices):
    """What moves; each is an order of its own to the charger."""

    FIRMWARE = "firmware", _("Firmware")
    SIGNED_FIRMWARE = "signed_firmware", _("Signed firmware")
    DIAGNOSTICS = "diagnostics", _("Diagnostics")
    DIAGNOSTICS_LOG = "diagnostics_log", _("Diagnostics log")
    SECURITY_LOG = "security_log", _("Security log")


class TransferState(models.TextChoices):
    """Whether anything is still to come. The words of the standard are in ``Transfer.status``."""

    REQUESTED = "requested", _("Requested")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


OPEN_TRANSFER = (TransferState.REQUESTED, TransferState.RUNNING)


class Transfer(models.Model):
    """One order to fetch or send a file, with an address of its own that ends at ``expires_at``.

    ``status`` is the standard's last word (OCPP 1.6 §7.24, §7.25, security extension §4) or one of
    ours before and beside it (``services.transfers``). The address's secret
    is stored as its SHA-256 only.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="transfers")
    kind = models.CharField(max_length=16, choices=TransferKind.choices)
    firmware = models.ForeignKey(
        FirmwareImage, on_delete=models.PROTECT, null=True, related_name="transfers"
    )
    version_before = models.CharField(max_length=80, blank=True)
    command = models.OneToOneField(
        Command, on_delete=models.PROTECT, null=True, related_name="transfer"
    )
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(
        max_length=9, choices=TransferState.choices, default=TransferState.REQUESTED
    )
    status = models.CharField(max_length=40, default="Requested")
    detail = models.CharField(max_length=300, blank=True)
    file_name = models.CharField(max_length=255, blank=True)  # as the charger answered
    requested_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charger", "-id"], name="transfer_charger"),
            models.Index(
                fields=["expires_at"],
                name="transfer_open",
                condition=Q(state__in=["requested", "running"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=TransferKind.values), name="transfer_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=TransferState.values), name="transfer_state_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["firmware", "signed_firmware"]) ^ Q(firmware__isnull=True),
                name="transfer_firmware_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.charger_id}: {self.status}"

    @property
    def is_firmware(self) -> bool:
        return self.firmware_id is not None


class TransferReport(models.Model):
    """What a charger said of a file. Without ``transfer``: of one that we did not ask for."""

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="transfer_reports")
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, null=True, related_name="reports"
    )
    action = models.CharField(max_length=40)
    status = models.CharField(max_length=40)
    request_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["charger", "-at"], name="transfer_report_charger")]

    def __str__(self) -> str:
        return f"{self.action} {self.status}"


class Download(models.Model):
    """One request for a firmware's bytes: from ``first`` on, ``sent`` of ``wanted``."""

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="downloads")
    address = models.CharField(max_length=45, blank=True)
    first = models.BigIntegerField()
    wanted = models.BigIntegerField()
    sent = models.BigIntegerField(default=0)
    finished = models.BooleanField(default=False)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.first}+{self.sent}/{self.wanted}"


class UploadState(models.TextChoices):
    RECEIVING = "receiving", _("Arriving")
    COMPLETE = "complete", _("Complete")
    TOO_LARGE = "too_large", _("Cut off: too large")
    BROKEN = "broken", _("Broken off")
    REMOVED = "removed", _("Removed after its time")


class Upload(models.Model):
    """One attempt of a charger to send its file. Only a complete one has a file on the disk."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="uploads")
    address = models.CharField(max_length=45, blank=True)
    file_name = models.CharField(max_length=120, blank=True)
    stored_name = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(
        max_length=10, choices=UploadState.choices, default=UploadState.RECEIVING
    )
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    company_path = "transfer__charger__station__company"
    station_path = "transfer__charger__station"

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "started_at"], name="upload_state")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=UploadState.values), name="upload_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.state}"
