"""Who a charger proves to be: certificates, trusted authorities, security events, profile upgrades."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger
from users.models import Company


class Authority(models.Model):
    """The one certificate authority of this installation. Its key is sealed (``core.seal``)."""

    certificate = models.TextField()
    sealed_key = models.TextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    only = models.BooleanField(default=True, unique=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(only=True), name="authority_is_one")]

    def __str__(self) -> str:
        return f"authority of {self.created_at:%Y-%m-%d}"


class TrustedAuthority(models.Model):
    """A maker's authority that a company trusts for its own chargers' certificates."""

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="trusted_authorities"
    )
    name = models.CharField(max_length=120)
    certificate = models.TextField()
    fingerprint = models.CharField(max_length=64)
    not_after = models.DateTimeField()
    added_by = models.CharField(max_length=120)
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "fingerprint"], name="trusted_authority_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class SecurityRules(models.Model):
    """What a company asks of certificate requests. No row: the defaults."""

    company = models.OneToOneField(
        Company, on_delete=models.CASCADE, primary_key=True, related_name="security_rules"
    )
    # What chargers write as organisation (O) into their requests; set in them as CpoName. '': not asked.
    cpo_name = models.CharField(max_length=64, blank=True)
    approve_by_hand = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"security rules of {self.company_id}"


class CertificateState(models.TextChoices):
    """requested → sent → installed, or one of the ends."""

    REQUESTED = "requested", _("Waits for approval")
    SENT = "sent", _("Being sent to the charger")
    INSTALLED = "installed", _("On the charger")
    FAILED = "failed", _("Not taken by the charger")
    REJECTED = "rejected", _("Request refused")


class ChargerCertificate(models.Model):
    """A certificate that a charger asked for, from its request to its revocation.

    ``serial`` is in hex as CertificateHashData has it; ``fingerprint`` is SHA-256 over the DER, and
    what a connection is known by at the door.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="certificates")
    state = models.CharField(
        max_length=9, choices=CertificateState.choices, default=CertificateState.REQUESTED
    )
    csr = models.TextField()
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.CharField(max_length=120, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    serial = models.CharField(max_length=40, blank=True)
    fingerprint = models.CharField(max_length=64, null=True, unique=True)
    certificate = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True)
    not_after = models.DateTimeField(null=True)
    installed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=120, blank=True)
    renewal_asked_at = models.DateTimeField(null=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["charger", "-id"], name="certificate_charger")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=CertificateState.values), name="certificate_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["sent", "installed"]) | Q(fingerprint__isnull=False),
                name="certificate_sent_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"certificate {self.serial or self.pk} of {self.charger_id}"


class RootUse(models.TextChoices):
    """CertificateUse (security extension §5). The values are the standard's words."""

    CENTRAL_SYSTEM = "CentralSystemRootCertificate", _("Trusts this server")
    MANUFACTURER = "ManufacturerRootCertificate", _("Trusts the maker’s firmware")


class InstalledRoot(models.Model):
    """A root certificate on a charger, as it said itself (GetInstalledCertificateIds)."""

    charger = models.ForeignKey(Charger, on_delete=models.CASCADE, related_name="installed_roots")
    use = models.CharField(max_length=30, choices=RootUse.choices)
    hash_algorithm = models.CharField(max_length=6)
    issuer_name_hash = models.CharField(max_length=128)
    issuer_key_hash = models.CharField(max_length=128)
    serial_number = models.CharField(max_length=40)
    seen_at = models.DateTimeField(default=timezone.now)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["use", "pk"]

    def __str__(self) -> str:
        return f"{self.use} {self.serial_number} on {self.charger_id}"


class SecurityEvent(models.Model):
    """A SecurityEventNotification as it came. ``critical`` by the whitepaper's list."""

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="security_events")
    type = models.CharField(max_length=50)
    tech_info = models.CharField(max_length=255, blank=True)
    critical = models.BooleanField(default=False)
    device_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(default=timezone.now)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["charger", "-received_at", "-id"], name="security_event_charger"),
            models.Index(fields=["received_at"], name="security_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.type} at {self.charger_id}"


class UpgradeStep(models.TextChoices):
    """configuring → restarting → reconnecting → done, or failed."""

    CONFIGURING = "configuring", _("Telling the charger")
    RESTARTING = "restarting", _("Restarting the charger")
    RECONNECTING = "reconnecting", _("Waiting for it to come back")
    DONE = "done", _("Done")
    FAILED = "failed", _("Not changed")


UPGRADE_OPEN = (UpgradeStep.CONFIGURING, UpgradeStep.RESTARTING, UpgradeStep.RECONNECTING)


class ProfileUpgrade(models.Model):
    """A charger on its way to a higher security profile; survives every restart of ours.

    ``epoch`` is the charger's connection when it was told: only a newer one can be the new profile.
    """

    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="upgrades")
    target = models.PositiveSmallIntegerField()
    before = models.PositiveSmallIntegerField()
    step = models.CharField(
        max_length=12, choices=UpgradeStep.choices, default=UpgradeStep.CONFIGURING
    )
    detail = models.CharField(max_length=200, blank=True)
    epoch = models.BigIntegerField()
    asked_by = models.CharField(max_length=120)
    started_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["charger"],
                condition=Q(ended_at__isnull=True),
                name="upgrade_one_per_charger",
            ),
            models.CheckConstraint(condition=Q(target__in=[1, 2, 3]), name="upgrade_target_known"),
            models.CheckConstraint(
                condition=Q(step__in=["done", "failed"], ended_at__isnull=False)
                | Q(step__in=["configuring", "restarting", "reconnecting"], ended_at__isnull=True),
                name="upgrade_ended_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"profile {self.target} for {self.charger_id}: {self.step}"
