"""Monthly bills as pages, members and the gate read them."""

from collections.abc import Iterable
from datetime import date

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.models import Bill, ReservationFee, Statement, StatementLine, StatementState
from users.models import Customer

UNPAID = (StatementState.OPEN, StatementState.OVERDUE)


def of_customer(customer: Customer) -> QuerySet[Statement]:
    """The customer's statements, newest first, each with ``outstanding`` in satang."""
    return with_outstanding(Statement.objects.filter(customer=customer))


def with_outstanding(statements: QuerySet[Statement]) -> QuerySet[Statement]:
    """Each with ``outstanding``: what the bills on it still owe, in satang."""
    live = Q(lines__live=True)
    return statements.annotate(
        outstanding=Coalesce(Sum("lines__bill__outstanding", filter=live), 0)
        + Coalesce(Sum("lines__fee__outstanding", filter=live), 0)
    )


def outstanding_of(statement: Statement) -> int:
    """Satang still to be paid."""
    sums = StatementLine.objects.filter(statement=statement, live=True).aggregate(
        bills=Coalesce(Sum("bill__outstanding"), 0), fees=Coalesce(Sum("fee__outstanding"), 0)
    )
    return int(sums["bills"] + sums["fees"])


def is_overdue(customer: Customer, day: date) -> bool:
    """Whether a bill that was due before ``day`` is not paid: no new charge until it is."""
    late = Statement.objects.filter(customer=customer, state__in=UNPAID, due_on__lt=day)
    owing = Q(lines__bill__outstanding__gt=0) | Q(lines__fee__outstanding__gt=0)
    return late.filter(owing, lines__live=True).exists()


def unstated_bills(customer: Customer) -> QuerySet[Bill]:
    """Bills that are owed and on no statement yet, the oldest first."""
    stated = StatementLine.objects.filter(live=True, bill__isnull=False).values("bill_id")
    owed = Bill.objects.filter(customer=customer, outstanding__gt=0).exclude(pk__in=stated)
    return owed.order_by("billed_at", "pk")


def unstated_fees(customer: Customer) -> QuerySet[ReservationFee]:
    stated = StatementLine.objects.filter(live=True, fee__isnull=False).values("fee_id")
    owed = ReservationFee.objects.filter(customer=customer, outstanding__gt=0)
    return owed.exclude(pk__in=stated).order_by("billed_at", "pk")


def statement_of_bills(bill_ids: Iterable[int]) -> dict[int, int]:
    """The statement that counts, by bill."""
    lines = StatementLine.objects.filter(bill_id__in=list(bill_ids), live=True)
    return dict(lines.values_list("bill_id", "statement_id"))


def entities_owed(customer: Customer) -> set[int]:
    """Legal entities that the customer owes something which is on no statement."""
    found = set(unstated_bills(customer).values_list(F("tax_entity_id"), flat=True))
    found |= set(unstated_fees(customer).values_list(F("tax_entity_id"), flat=True))
    return {pk for pk in found if pk is not None}
