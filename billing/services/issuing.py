"""Writes a document: the next number of its series, a copy of everything, the fact. Nothing else does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing import documents
from billing.documents import Sums
from billing.models import DocumentCover, DocumentKind, DocumentState, TaxDocument
from core import outbox
from stations.models import Session
from users.models import Customer, TaxEntity

LOCAL = ZoneInfo(settings.LOCAL_ZONE)
# ETDA ขมธอ.3-2560: receipts that are tax invoices too, as a charge is paid when they are issued.
TYPE_CODES: dict[str, str] = {
    DocumentKind.ABBREVIATED: "T06",
    DocumentKind.FULL: "T03",
    DocumentKind.CREDIT_NOTE: "81",
    DocumentKind.RECEIPT: "T01",
    DocumentKind.BILLING_NOTE: "380",
}


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What to issue. ``more`` are fields of the row as they are; ``sessions`` what a sale covers."""

    entity: TaxEntity
    kind: DocumentKind
    tax_point: date
    sums: Sums
    rate: Decimal
    buyer: dict[str, Any] = field(default_factory=dict)
    customer: Customer | None = None
    sessions: Sequence[int] = ()
    by: str = "system"
    more: dict[str, Any] = field(default_factory=dict)


def local_day(at: datetime) -> date:
    """The day at the station's wall."""
    return at.astimezone(LOCAL).date()


def write(new: NewDocument) -> TaxDocument:
    """Issue it, within the caller's transaction: the series stays locked until that commits."""
    entity, month = new.entity, documents.period(new.tax_point)
    series, sequence = next_number(entity, new.kind, month)
    return keep(
        new,
        series_id=series,
        sequence=sequence,
        number=documents.number(new.kind, entity.branch_code, month, sequence),
    )


def keep(new: NewDocument, **numbered: Any) -> TaxDocument:
    """The row, what it covers, and the fact."""
    made = TaxDocument.objects.create(
        company_id=new.entity.company_id,
        tax_entity=new.entity,
        kind=new.kind,
        type_code=TYPE_CODES[new.kind],
        seller=seller_of(new.entity),
        buyer=new.buyer,
        customer=new.customer,
        lines=new.sums.lines,
        total=new.sums.total,
        base=new.sums.base,
        vat=new.sums.vat,
        vat_rate=new.rate,
        tax_point=new.tax_point,
        issued_by=new.by[:120],
        **numbered,
        **new.more,
    )
    if made.of_a_sale:
        DocumentCover.objects.bulk_create(
            DocumentCover(document=made, session_id=pk) for pk in new.sessions
        )
    tell(made)
    return made


def close(document: TaxDocument, state: DocumentState, *, by: str, reason: str) -> None:
    """Void or replaced: once, with who, when and why."""
    document.state, document.closed_at = state, timezone.now()
    document.closed_by, document.closed_reason = by[:120], reason[:300]
    document.save(update_fields=["state", "closed_at", "closed_by", "closed_reason"])


def tell(document: TaxDocument) -> None:
    """``invoice_issued`` and ``invoice_changed`` alike: pages about it look again."""
    about: dict[str, int | None] = {"session": document.session_id}
    topic = ""
    if document.session_id is not None:
        session = Session.objects.get(pk=document.session_id)
        about |= {
            "station": session.station_id,
            "charger": session.charger_id,
            "connector": session.connector_id,
        }
        topic = f"charger:{session.charger_id}"
    data = {"number": document.number, "document": document.kind, "total": document.total, **about}
    kind = "invoice_issued" if document.is_live else "invoice_changed"
    outbox.publish_many(
        [outbox.News(kind, document.pk, document.company_id, topic=topic, data=data)]
    )


def next_number(entity: TaxEntity, kind: str, month: str) -> tuple[int, int]:
    """(series, number): taken in one statement; a roll-back gives it back."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [entity.pk, entity.branch_code, kind, month])
        series, number = cursor.fetchone()
    return int(series), int(number)


_NEXT = """
    INSERT INTO billing_documentseries AS s (tax_entity_id, branch_code, kind, period, last)
    VALUES (%s, %s, %s, %s, 1)
    ON CONFLICT (tax_entity_id, branch_code, kind, period) DO UPDATE SET last = s.last + 1
    RETURNING id, last
"""


def seller_of(entity: TaxEntity) -> dict[str, Any]:
    """A copy of the issuer as it is now."""
    return {
        "name": entity.name,
        "name_en": entity.name_en,
        "tax_id": entity.tax_id,
        "id_scheme": "TXID",
        "branch_code": entity.branch_code,
        "branch_name": entity.branch_name,
        "address": entity.address_parts,
        "phone": entity.phone,
        "email": entity.email,
    }
