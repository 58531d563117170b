"""The tenant and its legal faces."""

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.thai import sort_key

tax_id_validator = RegexValidator(r"^\d{13}$", _("A tax id has 13 digits."), code="tax_id")
branch_validator = RegexValidator(
    r"^\d{5}$", _("A branch code has 5 digits; 00000 is the head office."), code="branch"
)


class Company(models.Model):
    """An owner of stations: everything else hangs on exactly one company."""

    name = models.CharField(max_length=120)
    name_th = models.CharField(max_length=120, blank=True)
    slug = models.SlugField(max_length=40, unique=True)
    sort_key = models.CharField(max_length=300, editable=False)
    self_registration = models.BooleanField(default=True)  # members may make their own account
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    company_path = "pk"

    class Meta:
        ordering = ["sort_key"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_key = sort_key(self.name_th or self.name)
        super().save(*args, **kwargs)


class TaxEntity(models.Model):
    """A legal person that issues documents: number series belong to (entity, branch, kind).

    Registered for VAT from a date, or not at all (Revenue Code s.86, s.105).
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="tax_entities")
    name = models.CharField(max_length=160)
    tax_id = models.CharField(max_length=13, validators=[tax_id_validator])
    branch_code = models.CharField(max_length=5, default="00000", validators=[branch_validator])
    address = models.TextField(blank=True)
    vat_registered_from = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "tax_id", "branch_code"], name="tax_entity_once"
            ),
            models.CheckConstraint(
                condition=models.Q(tax_id__regex=r"^\d{13}$"), name="tax_id_13_digits"
            ),
            models.CheckConstraint(
                condition=models.Q(branch_code__regex=r"^\d{5}$"), name="branch_5_digits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.branch_code})"
