"""Tax documents of charges: which one, when, with which date (thai.md §3; Revenue Code s.78/1, s.86).

Registered for VAT on the tax point: an abbreviated tax invoice for every paid charge, on what is
kept. Not registered: a receipt in a series of its own. What is not paid yet gets its document when
it is; nothing to pay, none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing import documents
from billing.documents import Item
from billing.models import (
    Bill,
    DocumentCover,
    DocumentKind,
    Payment,
    PaymentStatus,
    Purchase,
    TaxDocument,
)
from billing.services import issuing, tariffs
from core.models import Fact
from stations.models import Session
from users.models import Customer, TaxEntity

Size = Literal["a4", "80mm"]


@dataclass(frozen=True, slots=True)
class Sale:
    """Something paid that is no single charge: a monthly bill, a reservation's fee.

    ``source`` (``statement:12``) makes it the same document, however often it is asked for.
    ``buyer``: a checked copy (``buyers.checked``); with one the invoice is a full one.
    """

    entity: TaxEntity
    source: str
    items: Sequence[Item]
    paid_on: date
    customer: Customer | None = None
    sessions: Sequence[int] = ()
    buyer: dict[str, Any] = field(default_factory=dict)
    payment: Payment | None = None
    paid_with: str = ""
    about: dict[str, Any] = field(default_factory=dict)


def on_session_billed(fact: Fact) -> None:
    """A charge that is paid gets its document. Runs again without harm."""
    session = Session.objects.filter(pk=fact.subject_id).first()
    if session is not None:
        issue_for_session(session)


def on_bill_paid(fact: Fact) -> None:
    """Arrears or a monthly bill are paid: now the charge gets its document.

    Charges that were paid by a monthly bill (``statement`` in the fact) are on that one's.
    """
    if fact.data.get("statement"):
        return
    bill = Bill.objects.filter(pk=fact.subject_id).first()
    paid_at = parse_datetime(str(fact.data.get("paid_at", ""))) or fact.at
    if bill is not None:
        issue_when_paid(bill, paid_at)


def issue_for_session(session: Session, at: datetime | None = None) -> TaxDocument | None:
    """The document of a charge, made if it is due: None while unpaid, and where nothing was to pay.

    ``at``: when that was, for charges that are entered afterwards.
    """
    with transaction.atomic():
        bill = Bill.objects.select_for_update().filter(session=session).first()
        return _issue(bill, None, at) if bill is not None else None


def issue_when_paid(bill: Bill, paid_at: datetime) -> TaxDocument | None:
    """The same for a charge that was owed: its tax point is the day the rest was paid."""
    with transaction.atomic():
        return _issue(Bill.objects.select_for_update().get(pk=bill.pk), paid_at)


def issue_sale(sale: Sale) -> TaxDocument | None:
    """The document of a sale, once per ``source``; None for nothing. In a transaction."""
    TaxEntity.objects.select_for_update().get(pk=sale.entity.pk)  # two asking at once
    found = TaxDocument.objects.filter(tax_entity=sale.entity, source=sale.source).first()
    if found is not None:
        return document_of_source(sale.entity, sale.source) or found
    rate = tariffs.vat_rate(sale.entity, sale.paid_on)
    sums = documents.summed(sale.items, rate)
    if sums.total <= 0:
        return None
    return issuing.write(
        issuing.NewDocument(
            entity=sale.entity,
            kind=_kind(sale.entity, sale.paid_on, sale.buyer),
            tax_point=sale.paid_on,
            sums=sums,
            rate=rate,
            buyer=sale.buyer,
            customer=sale.customer,
            sessions=sale.sessions,
            more={
                "source": sale.source,
                "payment": sale.payment,
                "paid_with": sale.paid_with,
                "about": sale.about,
            },
        )
    )


def items_of_bills(bills: Sequence[Bill]) -> list[Item]:
    """One line for each charge, as a monthly bill lists them."""
    return [_item_of(bill) for bill in bills if bill.total]


def document_of_session(session: Session) -> TaxDocument | None:
    """The valid document that covers a charge."""
    return TaxDocument.objects.filter(covers__session=session, covers__live=True).first()


def document_of_source(entity: TaxEntity, source: str) -> TaxDocument | None:
    found = TaxDocument.objects.filter(tax_entity=entity, source=source, corrects__isnull=True)
    return found.filter(state="live").first()


def pdf(document: TaxDocument, paper: Size = "a4", *, copy: bool = False) -> bytes:
    """The paper of a document: the same row gives the same bytes."""
    from billing.papers import invoice, slip  # fonts and shaping: only where a paper is printed

    return slip.printed(document) if paper == "80mm" else invoice.printed(document, copy=copy)


def attached(document_id: int) -> bytes:
    """The A4 paper, made when an e-mail goes out."""
    return pdf(TaxDocument.objects.get(pk=document_id))


def tax_point(bill: Bill, paid_at: datetime | None = None) -> date:
    """The day of the document: when the money came (s.78/1).

    Paid before the charge: the day of that payment. A card that was only held is charged when the
    charge is billed; a wallet is a deposit until then.
    """
    payment = payment_of(bill.session_id)
    if payment is not None and not payment.hold and payment.paid_at is not None:
        return issuing.local_day(payment.paid_at)
    return issuing.local_day(paid_at or bill.billed_at)


def payment_of(session_id: int) -> Payment | None:
    """What a charge was bought with before it began."""
    bought = Purchase.objects.filter(leave__session=session_id).select_related("payment").first()
    return bought.payment if bought is not None else None


def _issue(
    bill: Bill, paid_at: datetime | None, issued_at: datetime | None = None
) -> TaxDocument | None:
    """The bill's row is locked: nobody else issues for this charge meanwhile."""
    entity = bill.tax_entity
    if entity is None or bill.total <= 0 or bill.outstanding > 0:
        return None
    if bill.payment_status != PaymentStatus.PAID:
        return None
    if DocumentCover.objects.filter(session=bill.session_id).exists():
        # Also where it was made void since: a person decided that, and a person issues it again.
        return document_of_session(bill.session)
    day, payment = tax_point(bill, paid_at), payment_of(bill.session_id)
    rate = tariffs.vat_rate(entity, day)
    return issuing.write(
        issuing.NewDocument(
            entity=entity,
            kind=_kind(entity, day, {}),
            tax_point=day,
            sums=documents.summed(documents.items_of_bill(bill.lines, bill.total), rate),
            rate=rate,
            customer=bill.customer,
            sessions=[bill.session_id],
            more={
                "session_id": bill.session_id,
                "payment": payment,
                "paid_with": payment.method if payment is not None else "wallet",
                "about": about(bill.session),
                "issued_at": issued_at or timezone.now(),
            },
        )
    )


def _kind(entity: TaxEntity, day: date, buyer: dict[str, Any]) -> DocumentKind:
    if not entity.vat_registered_on(day):
        return DocumentKind.RECEIPT
    return DocumentKind.FULL if buyer else DocumentKind.ABBREVIATED


def about(session: Session) -> dict[str, Any]:
    """What a charge's document says of the charge."""
    station = session.station
    return {
        "station": station.name,
        "station_th": station.name_th or station.name,
        "charger": session.charger.charge_point_id,
        "connector": session.connector.connector_id,
        "transaction": session.transaction_id,
        "started_at": session.started_at.isoformat(),
        "stopped_at": session.stopped_at.isoformat() if session.stopped_at else None,
    }


def _item_of(bill: Bill) -> Item:
    day = issuing.local_day(bill.session.started_at)
    when = f"{day.day:02d}/{day.month:02d}/{day.year + documents.BUDDHIST_ERA}"
    station = bill.session.station
    kwh = (Decimal(bill.wh) / 1000).normalize()
    thai = f"ค่าบริการชาร์จไฟฟ้า {when} {station.name_th or station.name} {kwh:f} kWh"
    english = f"EV charging {when} {station.name} {kwh:f} kWh"
    amount = Decimal(bill.total).scaleb(-2)
    return Item(thai, english, Decimal(1), "ครั้ง", "C62", amount, bill.total)
