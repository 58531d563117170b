"""What a member sees of their own: charges and money, newest first, by month of the station's wall."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import AccountKind, Bill, Entry, Transfer
from evbilling.templatetags.ui import LOCAL, local
from stations.models import Session, SessionStatus
from users.models import Customer

OWN = [AccountKind.WALLET, AccountKind.RECEIVABLE]
# What stands in the history beside the charges, which stand for themselves.
KINDS: dict[str, str | Promise] = {
    "top_up": _("Top-up"),
    "withdraw": _("Paid out"),
    "refund": _("Money back"),
}
OTHERWISE = _("Correction")
OF_A_CHARGE = ("charge",)


@dataclass(frozen=True, slots=True)
class Row:
    """A charge or a movement of money. ``satang`` as the member sees it: minus is spent."""

    at: datetime
    satang: int | None
    session: Session | None = None
    word: str | Promise = ""
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """Sums of a calendar month: Wh, satang, charges."""

    first: date
    wh: int
    satang: int
    charges: int


def history(customer: Customer, first: date | None = None, most: int = 200) -> Sequence[Row]:
    """Charges and money of a month, or the newest of all."""
    found = [*_charges(customer, first, most), *_money(customer, first, most)]
    return sorted(found, key=lambda row: row.at, reverse=True)[:most]


def month(customer: Customer, first: date) -> Month:
    """What was charged in a month and what it cost."""
    since, until = bounds(first)
    sums = Session.objects.filter(
        customer=customer,
        status=SessionStatus.ENDED,
        refusal="",
        started_at__gte=since,
        started_at__lt=until,
    ).aggregate(wh=Sum("energy_wh"), satang=Sum("bill__total"), charges=Count("pk"))
    return Month(first, sums["wh"] or 0, sums["satang"] or 0, sums["charges"])


def months(customer: Customer, now: datetime, most: int = 24) -> Sequence[date]:
    """The months of this member, newest first: from the first charge, or joining, until now."""
    first = local(customer.created_at).date().replace(day=1)
    oldest = customer.sessions.order_by("started_at").values_list("started_at", flat=True).first()
    if oldest is not None:
        first = min(first, local(oldest).date().replace(day=1))
    found, at = [], local(now).date().replace(day=1)
    while at >= first and len(found) < most:
        found.append(at)
        at = (at - timedelta(days=1)).replace(day=1)
    return found


def bounds(first: date) -> tuple[datetime, datetime]:
    """From the first of the month to the first of the next, at the station's wall."""
    start = datetime(first.year, first.month, 1, tzinfo=LOCAL)
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start, datetime(after.year, after.month, 1, tzinfo=LOCAL)


def charge(customer: Customer, pk: int) -> Session | None:
    """One of the member's own charges that has ended."""
    return (
        Session.objects.select_related("connector__charger__station", "station__tax_entity")
        .select_related("customer")
        .filter(customer=customer, pk=pk, status=SessionStatus.ENDED)
        .first()
    )


def running(customer: Customer) -> Sequence[Session]:
    """Charges of the member that run now."""
    return list(
        Session.objects.select_related("connector__charger", "station", "live").filter(
            customer=customer, status=SessionStatus.ACTIVE, refusal=""
        )
    )


def unpaid(customer: Customer) -> Sequence[Bill]:
    """Bills that are still owed, the oldest first: in this order they are paid."""
    rows = Bill.objects.select_related("session__station").filter(
        customer=customer, outstanding__gt=0
    )
    return list(rows.order_by("billed_at", "pk"))


def _charges(customer: Customer, first: date | None, most: int) -> list[Row]:
    rows = Session.objects.select_related("station", "bill").filter(
        customer=customer, status=SessionStatus.ENDED, refusal=""
    )
    if first is not None:
        since, until = bounds(first)
        rows = rows.filter(started_at__gte=since, started_at__lt=until)
    found = []
    for session in rows.order_by("-started_at")[:most]:
        bill = getattr(session, "bill", None)
        found.append(
            Row(
                session.started_at,
                -bill.total if bill else None,
                session,
                owed=bill.outstanding if bill else 0,
            )
        )
    return found


def _money(customer: Customer, first: date | None, most: int) -> list[Row]:
    """Movements on the member's accounts that no charge made: a credit there is the member's gain."""
    mine = Q(entries__account__customer=customer, entries__account__kind__in=OWN)
    rows = Transfer.objects.filter(customer=customer).exclude(kind__in=OF_A_CHARGE)
    if first is not None:
        since, until = bounds(first)
        rows = rows.filter(at__gte=since, at__lt=until)
    rows = rows.annotate(gain=-Sum(F("entries__amount"), filter=mine)).filter(gain__isnull=False)
    return [
        Row(row.at, row.gain, word=KINDS.get(row.kind, OTHERWISE))
        for row in rows.exclude(gain=0).order_by("-at")[:most]
    ]


def entries(customer: Customer) -> Sequence[Entry]:
    """Every entry on the member's own accounts, for the copy of their data."""
    rows = Entry.objects.select_related("transfer", "account").filter(
        account__customer=customer, account__kind__in=OWN
    )
    return list(rows.order_by("pk"))
