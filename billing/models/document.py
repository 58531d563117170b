"""Tax documents: full copies of what they say, numbered without gaps, never changed.

Revenue Code s.86 (numbers by place of business), s.86/4 (full), s.86/6 (abbreviated), s.86/10
(credit note), s.105 (receipt). The rules stand in the database: ``billing/migrations/0007_documents``.
Codes are those of ETDA ขมธอ.3-2560, so that an electronic document can be made of each row.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.payment import Payment
from stations.models import Session
from users.models import Company, Customer, TaxEntity


class DocumentKind(models.TextChoices):
    """The first letters of a number."""

    ABBREVIATED = "ABB", _("Abbreviated tax invoice")
    FULL = "TAX", _("Full tax invoice")
    CREDIT_NOTE = "CRN", _("Credit note")
    RECEIPT = "RCT", _("Receipt")
    BILLING_NOTE = "INV", _("Billing note")


# Of a sale there is one of these, not more.
OF_A_SALE = (DocumentKind.ABBREVIATED, DocumentKind.FULL, DocumentKind.RECEIPT)
# What the sales-tax report counts.
IN_SALES_TAX = (DocumentKind.ABBREVIATED, DocumentKind.FULL, DocumentKind.CREDIT_NOTE)


class DocumentState(models.TextChoices):
    LIVE = "live", _("Valid")
    REPLACED = "replaced", _("Replaced")
    VOID = "void", _("Void")


class DocumentSeries(models.Model):
    """The last number of one place of business, kind and month. Grows by one with each document.

    The row is locked from a number's allocation to the commit, so a number that is not used goes
    back: no gap, no double. ``period`` is the Buddhist-era month of the tax point, ``256911``.
    """

    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, related_name="series")
    branch_code = models.CharField(max_length=5)
    kind = models.CharField(max_length=3, choices=DocumentKind.choices)
    period = models.CharField(max_length=6)
    last = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tax_entity", "branch_code", "kind", "period"], name="document_series_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=DocumentKind.values), name="document_series_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}-{self.branch_code}-{self.period}"


class TaxDocument(models.Model):
    """One document as it was issued. Only ``state`` changes, once, with who, when and why.

    Amounts are satang; ``base`` + ``vat`` = ``total``, VAT included. Of a credit note they are the
    difference, ``original_value`` and ``correct_value`` the values without VAT before and after.

    ``seller`` and ``buyer``: ``{name, name_en, tax_id, id_scheme, branch_code, branch_name, address:
    {…, line}, phone, email}`` (buyer empty: nobody asked). ``lines``: ``[{name, name_en, quantity, unit,
    unit_code, unit_price, amount, base, vat}]`` with quantities and prices as decimal strings and UN/ECE
    recommendation 20 unit codes. ``about``: what it is about, for people (station, charger, times).

    ``source`` names what it is of where that is no single charge: ``statement:12``, ``fee:7``.
    ``tax_point`` is the document's date, Bangkok: the day the money came. ``outside``: issued on
    paper or by another system; the number was entered by hand and belongs to no series here.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="documents")
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, related_name="documents")
    series = models.ForeignKey(
        DocumentSeries, on_delete=models.PROTECT, null=True, related_name="documents"
    )
    sequence = models.PositiveIntegerField(null=True)
    number = models.CharField(max_length=40)
    kind = models.CharField(max_length=3, choices=DocumentKind.choices)
    type_code = models.CharField(max_length=3)
    purpose_code = models.CharField(max_length=6, blank=True)
    purpose = models.CharField(max_length=300, blank=True)
    seller = models.JSONField()
    buyer = models.JSONField(default=dict)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="documents"
    )
    lines = models.JSONField()
    currency = models.CharField(max_length=3, default="THB")
    total = models.BigIntegerField()
    base = models.BigIntegerField()
    vat = models.BigIntegerField()
    vat_rate = models.DecimalField(max_digits=5, decimal_places=4)
    original_value = models.BigIntegerField(null=True)
    correct_value = models.BigIntegerField(null=True)
    tax_point = models.DateField()
    due_on = models.DateField(null=True)
    issued_at = models.DateTimeField(default=timezone.now)
    issued_by = models.CharField(max_length=120, blank=True)
    paid_with = models.CharField(max_length=16, blank=True)
    plate = models.CharField(max_length=40, blank=True)
    about = models.JSONField(default=dict)
    note = models.CharField(max_length=400, blank=True)
    outside = models.BooleanField(default=False)
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, null=True, related_name="documents"
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="documents"
    )
    source = models.CharField(max_length=60, blank=True)
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="replacement"
    )
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="corrections"
    )
    state = models.CharField(
        max_length=8, choices=DocumentState.choices, default=DocumentState.LIVE
    )
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=120, blank=True)
    closed_reason = models.CharField(max_length=300, blank=True)

    company_path = "company"
    station_path = "session__station"

    class Meta:
        ordering = ["-issued_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-issued_at", "-id"], name="document_company"),
            models.Index(fields=["tax_entity", "tax_point", "id"], name="document_tax_point"),
            models.Index(
                fields=["customer", "-id"],
                name="document_customer",
                condition=Q(customer__isnull=False),
            ),
            models.Index(fields=["session"], name="document_session"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="document_sequence_once"),
            models.UniqueConstraint(fields=["tax_entity", "number"], name="document_number_once"),
            models.UniqueConstraint(
                fields=["tax_entity", "source"],
                condition=Q(state="live", corrects__isnull=True) & ~Q(source=""),
                name="document_one_live_of_a_source",
            ),
            models.CheckConstraint(
                condition=Q(total=F("base") + F("vat")) & Q(total__gt=0) & Q(vat__gte=0),
                name="document_adds_up",
            ),
            models.CheckConstraint(
                condition=~Q(kind="RCT") | Q(vat=0, vat_rate=0), name="document_receipt_no_vat"
            ),
            models.CheckConstraint(
                condition=Q(outside=True, series__isnull=True, sequence__isnull=True)
                | Q(outside=False, series__isnull=False, sequence__gt=0),
                name="document_numbered_here_or_outside",
            ),
            models.CheckConstraint(
                condition=Q(state="live", closed_at__isnull=True)
                | Q(state__in=["void", "replaced"], closed_at__isnull=False),
                name="document_closed_with_its_time",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="CRN",
                    corrects__isnull=False,
                    original_value=F("correct_value") + F("base"),
                    correct_value__gte=0,
                )
                | (~Q(kind="CRN") & Q(corrects__isnull=True)),
                name="document_credit_note_says_both_values",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=DocumentKind.values), name="document_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_live(self) -> bool:
        return self.state == DocumentState.LIVE

    @property
    def of_a_sale(self) -> bool:
        return self.kind in OF_A_SALE

    @property
    def counted(self) -> int:
        """+1 where the sales-tax report adds it, -1 where it takes it off, 0 where it only names it."""
        if not self.is_live or self.kind not in IN_SALES_TAX:
            return 0
        return -1 if self.kind == DocumentKind.CREDIT_NOTE else 1

    @property
    def buyer_name(self) -> str:
        return str(self.buyer.get("name", ""))

    def address_of(self, party: dict[str, Any]) -> str:
        return str(party.get("address", {}).get("line", ""))


class DocumentCover(models.Model):
    """Which charges a document of a sale covers. Of a charge at most one such document is live.

    ``live`` follows the document's state by a trigger.
    """

    document = models.ForeignKey(TaxDocument, on_delete=models.PROTECT, related_name="covers")
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="covers")
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "session"], name="document_covers_once"),
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(live=True),
                name="one_live_tax_document_per_session",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} covers {self.session_id}"
