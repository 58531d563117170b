"""Tax documents of what a monthly bill listed, and of reservations' fees: when the money came (s.78/1)."""

from decimal import Decimal

from billing import documents as papers
from billing.documents import Item
from billing.models import Bill, DocumentCover, ReservationFee, Statement
from billing.money import to_baht
from billing.services import documents, issuing
from core.models import Fact


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
    item = Item(
        f"{thai} {number}", f"{english} {number}", Decimal(1), *_ONCE, amount, fee.total
    )
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
