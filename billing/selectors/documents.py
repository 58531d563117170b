"""Documents as pages read them, and the sales-tax report (รายงานภาษีขาย, Revenue Code s.87)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, QuerySet

from billing.models import DocumentState, TaxDocument
from billing.models.document import IN_SALES_TAX
from users.models import TaxEntity


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What a list shows; empty narrows nothing. ``who`` and ``number`` are parts of what is meant."""

    kind: str = ""
    state: str = ""
    number: str = ""
    who: str = ""
    entity_id: int | None = None
    first: date | None = None
    last: date | None = None

    def narrow(self, rows: QuerySet[TaxDocument]) -> QuerySet[TaxDocument]:
        exact = {
            "kind": self.kind,
            "state": self.state,
            "tax_entity": self.entity_id,
            "tax_point__gte": self.first,
            "tax_point__lte": self.last,
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if self.number:
            rows = rows.filter(number__icontains=self.number)
        if self.who:
            rows = rows.filter(
                Q(buyer__name__icontains=self.who)
                | Q(buyer__tax_id__startswith=self.who)
                | Q(customer__name__icontains=self.who)
                | Q(customer__phone__contains=self.who)
            )
        return rows


@dataclass(frozen=True, slots=True)
class Money:
    """Sums of what counts: credit notes take off, cancelled ones do not count."""

    documents: int = 0
    base: int = 0
    vat: int = 0

    @property
    def total(self) -> int:
        return self.base + self.vat


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A line of the report. Cancelled documents stand in it with zeros and a note."""

    n: int
    document: TaxDocument
    base: int
    vat: int
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """One issuer's month, by tax point."""

    entity: TaxEntity
    year: int
    month: int
    rows: tuple[ReportRow, ...]
    sums: Money


def of_session(session_id: int) -> QuerySet[TaxDocument]:
    """Every document about a charge, the newest first."""
    found = TaxDocument.objects.filter(Q(covers__session=session_id) | Q(session=session_id))
    return found.distinct().order_by("-id")


def newest(document: TaxDocument) -> TaxDocument:
    """The one that is in its place now; itself where there is none."""
    found = document
    while (following := TaxDocument.objects.filter(replaces=found).first()) is not None:
        found = following
    return found


def totals(rows: Iterable[TaxDocument]) -> Money:
    n = base = vat = 0
    for row in rows:
        n += 1
        base += row.counted * row.base
        vat += row.counted * row.vat
    return Money(n, base, vat)


def sales_tax(entity: TaxEntity, year: int, month: int) -> Report:
    """All that belongs to a tax month, in the order of day and number (s.87: within 3 working days)."""
    first = date(year, month, 1)
    following = (first + timedelta(days=32)).replace(day=1)
    found = (
        TaxDocument.objects.filter(
            tax_entity=entity,
            kind__in=IN_SALES_TAX,
            tax_point__gte=first,
            tax_point__lt=following,
        )
        .select_related("replacement", "replaces", "corrects", "customer")
        .order_by("tax_point", "kind", "number")
    )
    documents = list(found)
    rows = tuple(
        ReportRow(n, row, row.counted * row.base, row.counted * row.vat, note_of(row))
        for n, row in enumerate(documents, start=1)
    )
    return Report(entity, year, month, rows, totals(documents))


def note_of(document: TaxDocument) -> str:
    """What the report says beside a document, in Thai as the report is."""
    if document.state == DocumentState.VOID:
        return f"ยกเลิก: {document.closed_reason}"
    if document.state == DocumentState.REPLACED:
        made = getattr(document, "replacement", None)
        return f"ยกเลิก ออกใหม่แทนเลขที่ {made.number}" if made else "ยกเลิก"
    if document.replaces is not None:
        return f"ออกแทนเลขที่ {document.replaces.number}"
    if document.corrects is not None:
        return f"ใบลดหนี้ของเลขที่ {document.corrects.number}"
    return ""
