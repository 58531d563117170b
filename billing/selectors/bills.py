"""Bills as pages read them: every satang of a charge with where it came from (features C8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from billing import pricing, values
from billing.models import Bill, Entry, Hold, Tariff
from billing.money import to_baht, vat_within
from billing.pricing import Part, Period, Reading, Segment
from billing.selectors.costs import usage_of
from billing.selectors.stays import completed
from billing.services import tariffs
from billing.services.bills import bought_wh, recompute
from stations.models import Session, SessionStatus
from stations.selectors.live import LONGEST
from users.models import TaxEntity


@dataclass(frozen=True, slots=True)
class Money:
    """Sums over bills in satang, VAT included."""

    bills: int = 0
    total: int = 0
    vat: int = 0
    outstanding: int = 0


@dataclass(frozen=True, slots=True)
class Border:
    """Where the price changed: how much had been delivered then, and how that is known.

    Between two readings it is worked out by time; ``before`` and ``after`` are those readings.
    """

    at: datetime
    wh: int
    measured: bool
    before: Reading | None
    after: Reading | None


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """A line of the bill with the amount before it was rounded to a satang."""

    line: pricing.Line
    exact: Decimal

    @property
    def amount(self) -> Decimal:
        return to_baht(self.line.amount)

    @property
    def rounded(self) -> bool:
        return self.exact != self.amount


@dataclass(frozen=True, slots=True)
class Explanation:
    """How an amount came about. ``final`` is False while the charge runs or its bill is not made."""

    lines: tuple[ExplainedLine, ...]
    borders: tuple[Border, ...]
    segments: tuple[Segment, ...]
    usage: pricing.Usage
    tariff: pricing.Tariff
    total: int
    vat: int
    vat_rate: Decimal
    final: bool
    same_again: bool | None = None

    @property
    def net(self) -> int:
        return self.total - self.vat


def of_sessions(session_ids: Iterable[int]) -> dict[int, Bill]:
    """Bills by session, without the long values that only the explanation needs."""
    found = Bill.objects.filter(session_id__in=list(session_ids))
    return {
        bill.session_id: bill for bill in found.defer("usage", "lines", "tariff_value").order_by()
    }


def totals(sessions: QuerySet[Session]) -> Money:
    """What the bills of ``sessions`` add up to."""
    found = (
        Bill.objects.filter(session__in=sessions.order_by())
        .order_by()
        .aggregate(
            n=Count("pk"),
            total=Sum("total", default=0),
            vat=Sum("vat", default=0),
            outstanding=Sum("outstanding", default=0),
        )
    )
    return Money(found["n"], found["total"], found["vat"], found["outstanding"])


def by_station(station_ids: Sequence[int], since: datetime) -> dict[int, int]:
    """Satang billed since then, by station.

    In two steps, each by its index: left to one join, the planner reads all bills there are.
    """
    recent = Session.objects.filter(
        station_id__in=station_ids, started_at__gte=since - LONGEST
    ).order_by()
    station_of = dict(recent.values_list("pk", "station_id"))
    billed = Bill.objects.filter(session_id__in=list(station_of), billed_at__gte=since).order_by()
    found = dict.fromkeys(station_ids, 0)
    for session_id, total in billed.values_list("session_id", "total"):
        found[station_of[session_id]] += total
    return found


def explain(bill: Bill) -> Explanation:
    """The bill as it was made, from its stored values, and whether pricing them again gives the same."""
    tariff = values.tariff_from_json(bill.tariff_value)
    usage = values.usage_from_json(bill.usage)
    again = recompute(bill)
    same = (
        again.total == bill.total + bill.uncollected and values.lines_to_json(again) == bill.lines
    )
    made = pricing.Bill(again.lines if same else _stored_lines(bill), bill.total, bill.wh)
    return _explain(made, usage, tariff, bill.vat, bill.vat_rate, final=True, same_again=same)


def explain_so_far(session: Session) -> tuple[Explanation, Tariff] | None:
    """The same for a charge without a bill: what it would be now. None where no price list applies."""
    found = tariffs.of_session(session)
    if found is None:
        return None
    row, tariff = found
    usage = usage_of(session, cap_wh=bought_wh(session))
    usage = completed(session, usage, tariff, timezone.now())
    return explain_usage(usage, tariff, session.station.tax_entity), row


def explain_usage(
    usage: pricing.Usage, tariff: pricing.Tariff, entity: TaxEntity | None
) -> Explanation:
    """What an amount of energy over a time would cost: a charge without a bill, or an imagined one."""
    rate = tariffs.vat_rate(entity, usage.end.astimezone(tariff.calendar.tz).date())
    priced = pricing.price(usage, tariff)
    vat = vat_within(priced.total, rate)
    return _explain(priced, usage, tariff, vat, rate, final=False)


def hold_of(session: Session) -> Hold | None:
    if session.hold_id is None:
        return None
    return Hold.objects.select_related("account").filter(pk=session.hold_id).first()


def entries_of(bill: Bill) -> list[Entry]:
    """The postings of a bill: which accounts it moved."""
    if bill.transfer_id is None:
        return []
    found = Entry.objects.filter(transfer_id=bill.transfer_id).select_related("account")
    return list(found.order_by("-amount", "pk"))


def is_running(session: Session) -> bool:
    return session.status == SessionStatus.ACTIVE


def _explain(
    priced: pricing.Bill,
    usage: pricing.Usage,
    tariff: pricing.Tariff,
    vat: int,
    rate: Decimal,
    *,
    final: bool,
    same_again: bool | None = None,
) -> Explanation:
    segments = pricing.split(usage, tariff.calendar)
    return Explanation(
        lines=tuple(ExplainedLine(line, _exact(line)) for line in priced.lines),
        borders=_borders(usage, segments),
        segments=segments,
        usage=usage,
        tariff=tariff,
        total=priced.total,
        vat=vat,
        vat_rate=rate,
        final=final,
        same_again=same_again,
    )


def _stored_lines(bill: Bill) -> tuple[pricing.Line, ...]:
    """What was billed, where pricing it again would say something else: the bill is what counts."""
    return tuple(
        pricing.Line(
            Part(row["part"]),
            Period(row["period"]),
            row["quantity"],
            Decimal(row["unit_price"]),
            row["amount"],
            capped=row.get("capped", False),
        )
        for row in bill.lines
    )


def _exact(line: pricing.Line) -> Decimal:
    """Baht before rounding; a penalty at its most is that."""
    if line.capped:
        return to_baht(line.amount)
    return line.unit_price * line.quantity / pricing.PER.get(line.part, 1)


def _borders(usage: pricing.Usage, segments: Sequence[Segment]) -> tuple[Border, ...]:
    found = []
    for segment in segments[1:]:
        before = max((r for r in usage.curve if r.at <= segment.start), key=lambda r: r.at)
        after = min((r for r in usage.curve if r.at >= segment.start), key=lambda r: r.at)
        measured = segment.start_measured
        found.append(
            Border(
                segment.start,
                segment.wh_from,
                measured,
                None if measured else before,
                None if measured else after,
            )
        )
    return tuple(found)
