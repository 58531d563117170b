"""Papers of monthly bills: the bill itself (ใบแจ้งหนี้), and tax documents when the money came (s.78/1)."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing import documents as papers
from billing.documents import Item
from billing.models import (
    Bill,
    DocumentCover,
    DocumentKind,
    DocumentState,
    ReservationFee,
    Statement,
    TaxDocument,
)
from billing.money import to_baht
from billing.papers import words
from billing.services import documents, issuing, tariffs
from core.models import Fact
from users.models import Customer, TaxEntity


def issue_note(
    customer: Customer,
    entity: TaxEntity,
    lines: Sequence[dict[str, Any]],
    *,
    day: date,
    due_on: date,
    by: str,
) -> TaxDocument:
    """The monthly bill's own document, with the next number of its series. No tax invoice."""
    rate = tariffs.vat_rate(entity, day)
    return issuing.write(
        issuing.NewDocument(
            entity=entity,
            kind=DocumentKind.BILLING_NOTE,
            tax_point=day,
            sums=papers.summed([_item(line) for line in lines], rate),
            rate=rate,
            buyer={"name": customer.name, "phone": customer.phone or "", **customer.buyer},
            customer=customer,
            by=by,
            more={"due_on": due_on},
        )
    )


def void_note(statement: Statement, *, by: str, reason: str) -> None:
    issuing.close(statement.document, DocumentState.VOID, by=by, reason=reason)


def pdf(statement: Statement) -> bytes:
    """The paper; the same statement gives the same bytes."""
    return documents.pdf(statement.document)


def on_bill_paid(fact: Fact) -> None:
    """One document for all charges of a monthly bill that one payment paid."""
    if not (pk := fact.data.get("statement")):
        return
    statement = (
        Statement.objects.select_for_update(of=("self",))
        .select_related("tax_entity", "customer")
        .get(pk=pk)
    )
    paid = list(
        Bill.objects.filter(
            statement_lines__statement=statement, statement_lines__live=True, outstanding=0
        )
        .select_related("session__station")
        .order_by("billed_at", "pk")
    )
    sessions = [bill.session_id for bill in paid]
    covered = DocumentCover.objects.filter(session_id__in=sessions)
    have = set(covered.values_list("session_id", flat=True))
    fresh = [bill for bill in paid if bill.session_id not in have and bill.total]
    if not fresh:
        return
    documents.issue_sale(
        documents.Sale(
            entity=statement.tax_entity,
            source=f"statement:{statement.pk}:{fresh[0].pk}",
            items=documents.items_of_bills(fresh),
            paid_on=issuing.local_day(fact.at),
            customer=statement.customer,
            sessions=[bill.session_id for bill in fresh],
            buyer=statement.customer.buyer,
            about={"statement": statement.number},
        )
    )


def on_fee_paid(fact: Fact) -> None:
    """The document of a reservation's fee."""
    fee = ReservationFee.objects.select_related(
        "tax_entity", "customer", "reservation__charger__station"
    ).get(pk=fact.subject_id)
    if fee.tax_entity is None or fee.outstanding:
        return
    thai, english = papers.NAMES["reservation"]
    number = fee.reservation.number
    amount = to_baht(fee.total)
    item = Item(f"{thai} {number}", f"{english} {number}", Decimal(1), *_ONCE, amount, fee.total)
    documents.issue_sale(
        documents.Sale(
            entity=fee.tax_entity,
            source=f"reservation:{fee.reservation_id}",
            items=[item],
            paid_on=issuing.local_day(fact.at),
            customer=fee.customer,
            buyer=fee.customer.buyer,
        )
    )


_ONCE = papers.ONCE[1:]


def _item(line: dict[str, Any]) -> Item:
    when = words.moment(datetime.fromisoformat(line["at"]))
    if line["kind"] == "charge":
        kwh = f"{(Decimal(line['wh']) / 1000).normalize():f}"
        thai = f"ค่าบริการชาร์จไฟฟ้า {when} {line['station_th']} {kwh} kWh"
        english = f"EV charging #{line['transaction']} {line['station']}"
    else:
        thai, english = (f"{name} {line['reservation']}" for name in papers.NAMES["reservation"])
        thai, english = f"{thai} {when} {line['station_th']}", f"{english} {line['station']}"
    if line["paid"]:
        rest = words.amount(line["paid"])
        thai, english = f"{thai} (ชำระแล้ว {rest})", f"{english} (paid {rest})"
    amount = to_baht(line["amount"])
    return Item(thai, english, Decimal(1), *_ONCE, amount, line["amount"])
