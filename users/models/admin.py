"""People who run stations: admins of a company in four levels, and platform staff above them."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import SoftDeleted
from core.thai import sort_key
from users.models.company import Company


class Level(models.TextChoices):
    """What an admin may do; the table of rights is ``users/access.py``."""

    PLATFORM = "platform", _("Platform")
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


class AdminManager(BaseUserManager["Admin"]):
    """Admins who can sign in or could again; the trash is ``Admin.all_objects``."""

    def get_queryset(self) -> models.QuerySet["Admin"]:
        return super().get_queryset().filter(deleted_at__isnull=True)

    def get_by_natural_key(self, username: str | None) -> "Admin":
        return self.get(username__iexact=username)


class Admin(SoftDeleted, AbstractBaseUser):
    """Somebody who signs in to the back office."""

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, null=True, blank=True, related_name="admins"
    )
    username = models.CharField(max_length=60)
    name = models.CharField(max_length=120, blank=True)
    sort_key = models.CharField(max_length=300, editable=False)
    level = models.CharField(max_length=10, choices=Level.choices)
    all_stations = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)
    language = models.CharField(max_length=2, default="th")
    totp_secret = models.CharField(max_length=64, blank=True, editable=False)
    totp_confirmed_at = models.DateTimeField(null=True, editable=False)
    totp_last_step = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[AdminManager] = AdminManager()
    all_objects: ClassVar[models.Manager["Admin"]] = models.Manager()
    USERNAME_FIELD = "username"

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="admin_username_once"),
            models.CheckConstraint(
                condition=Q(level="platform", company__isnull=True)
                | (~Q(level="platform") & Q(company__isnull=False)),
                name="admin_has_company_unless_platform",
            ),
            models.CheckConstraint(condition=Q(level__in=Level.values), name="admin_level_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_key = sort_key(self.name or self.username)
        super().save(*args, **kwargs)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.enabled and self.deleted_at is None

    @property
    def has_totp(self) -> bool:
        return self.totp_confirmed_at is not None


class ApiToken(models.Model):
    """A key for other software; only its SHA-256 is kept, so it is shown once."""

    admin = models.ForeignKey(Admin, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.label or 'token'} of {self.admin_id}"
