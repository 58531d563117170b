"""The tenant and its legal faces."""

from datetime import date
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.thai import sort_key

BANGKOK = ("กรุงเทพมหานคร", "กรุงเทพฯ", "กทม.", "Bangkok")
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

    Registered for VAT from a date, perhaps until one, or not at all (Revenue Code s.86, s.105).
    ``name`` is the registered name, in Thai where there is one. The parts of the address are those
    of an electronic tax invoice (ETDA ขมธอ.3-2560); ``address`` is the old single text, used while
    the parts are empty.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="tax_entities")
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160, blank=True)
    tax_id = models.CharField(max_length=13, validators=[tax_id_validator])
    branch_code = models.CharField(max_length=5, default="00000", validators=[branch_validator])
    branch_name = models.CharField(max_length=120, blank=True)
    address = models.TextField(blank=True)
    building = models.CharField(max_length=120, blank=True)
    house_number = models.CharField(max_length=40, blank=True)
    street = models.CharField(max_length=120, blank=True)
    subdistrict = models.CharField(max_length=80, blank=True)
    district = models.CharField(max_length=80, blank=True)
    province = models.CharField(max_length=80, blank=True)
    postcode = models.CharField(max_length=5, blank=True)
    country = models.CharField(max_length=2, default="TH")
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    vat_registered_from = models.DateField(null=True, blank=True)
    vat_registered_to = models.DateField(null=True, blank=True)

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
            models.CheckConstraint(
                condition=models.Q(vat_registered_to__isnull=True)
                | models.Q(vat_registered_to__gte=models.F("vat_registered_from")),
                name="tax_entity_vat_dates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.branch_code})"

    def vat_registered_on(self, day: date) -> bool:
        """Whether it must charge VAT, and may issue tax invoices, on that day."""
        begun = self.vat_registered_from is not None and day >= self.vat_registered_from
        return begun and (self.vat_registered_to is None or day <= self.vat_registered_to)

    @property
    def address_parts(self) -> dict[str, str]:
        """The address as an electronic document needs it; ``line`` is it all in one."""
        names = ("building", "house_number", "street", "subdistrict", "district", "province")
        parts = {name: getattr(self, name) for name in (*names, "postcode", "country")}
        return parts | {"line": self.address_line}

    @property
    def address_line(self) -> str:
        """As it is written on paper: the parts, with แขวง/เขต in Bangkok and ตำบล/อำเภอ elsewhere."""
        bangkok = self.province in BANGKOK
        small, large = ("แขวง", "เขต") if bangkok else ("ตำบล", "อำเภอ")
        province = self.province if bangkok or not self.province else f"จังหวัด{self.province}"
        written = (
            self.house_number,
            self.building,
            self.street,
            f"{small}{self.subdistrict}" if self.subdistrict else "",
            f"{large}{self.district}" if self.district else "",
            province,
            self.postcode,
        )
        return " ".join(part for part in written if part) or " ".join(self.address.split())
