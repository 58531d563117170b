"""Energy, money and charges of a period against the one before, and a bar for each hour, day or month.

Today counts what was metered, billed and begun since midnight, against the same weekday last week
until the same time. Longer periods count the charges that began in them, with all they drew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDay, TruncMonth
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.models import Bill
from evbilling import charts
from evbilling.backoffice import periods
from evbilling.backoffice.moments import LOCAL, midnight
from evbilling.backoffice.periods import Days, Wanted
from evbilling.charts import Bar
from evbilling.templatetags.ui import baht, day, kwh, month, year
from stations.models import Session
from stations.selectors.live import LONGEST, Drawn, drawn_between, energy_between

HOURS = 24
NOW, BEFORE = "now", "before"


@dataclass(frozen=True, slots=True)
class Figures:
    wh: int = 0
    satang: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What the block shows; ``axis`` names the ends and the middle of the bars."""

    wanted: Wanted
    title: str
    compared: str
    now: Figures
    before: Figures
    bars: tuple[Bar, ...]
    axis: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """(word, figure, unit, change)."""
        now, before = self.now, self.before
        return [
            (_("Energy sold"), kwh(now.wh, 1), "kWh", charts.change(now.wh, before.wh)),
            (_("Income"), baht(now.satang), "", charts.change(now.satang, before.satang)),
            (
                _("Charges"),
                f"{now.sessions:,}",
                _("in all"),
                charts.change(now.sessions, before.sessions),
            ),
        ]

    @property
    def picture(self) -> SafeString:
        return charts.bars(self.bars, [f"{kwh(bar.value, 1)} kWh" for bar in self.bars])


def totals(
    sessions: QuerySet[Session],
    bills: QuerySet[Bill],
    cycle_days: dict[int, int],
    wanted: Wanted,
    now: datetime,
) -> Totals:
    """``sessions`` and ``bills`` of the stations that are shown; ``cycle_days``: station → its day."""
    if wanted.kind == "today":
        return _today(sessions, bills, wanted, now)
    return _longer(sessions, bills, cycle_days, wanted, now)


def _today(
    sessions: QuerySet[Session], bills: QuerySet[Bill], wanted: Wanted, now: datetime
) -> Totals:
    start = midnight(now.astimezone(LOCAL).date())
    last_start, last_now = start - periods.WEEK, now - periods.WEEK
    windows = [(last_start, last_now), (start, now)]
    charges = drawn_between(sessions, windows)
    borders = [start + timedelta(hours=n) for n in range(HOURS + 1)]
    reached = [at for at in borders if at < now] + [now]
    energy = energy_between(charges, [last_start, last_now, *reached])
    hours = energy[2:] + [0] * (HOURS - len(energy[2:]))
    money = _billed(bills, windows)
    return Totals(
        wanted,
        day(start),
        _("against last %(weekday)s until the same time") % {"weekday": _weekday(last_start)},
        Figures(sum(hours), money[1], _begun(charges, start, now)),
        Figures(energy[0], money[0], _begun(charges, last_start, last_now)),
        tuple(Bar(f"{n:02}:00", wh, growing=n == len(reached) - 2) for n, wh in enumerate(hours)),
        ("00", "06", "12", "18", _("24 h")),
    )


def _begun(charges: Sequence[Drawn], start: datetime, end: datetime) -> int:
    return sum(start <= charge.start < end for charge in charges)


def _billed(bills: QuerySet[Bill], windows: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """Satang billed in each window. The index on the start of charges keeps it short."""
    began, sums = Q(pk__in=[]), {}
    for n, (start, end) in enumerate(windows):
        began |= Q(session__started_at__range=(start - LONGEST, end))
        sums[f"w{n}"] = Sum("total", default=0, filter=Q(billed_at__range=(start, end)))
    found = bills.filter(began).order_by().aggregate(**sums)
    return [found[f"w{n}"] for n in range(len(windows))]


def _longer(
    sessions: QuerySet[Session],
    bills: QuerySet[Bill],
    cycle_days: dict[int, int],
    wanted: Wanted,
    now: datetime,
) -> Totals:
    today = now.astimezone(LOCAL).date()
    spans = _spans(cycle_days, wanted, today)
    shown = _extent([span[NOW] for span in spans.values()])
    yearly = wanted.kind == "year"
    bucket = (TruncMonth if yearly else TruncDay)("started_at", tzinfo=LOCAL)
    rows = list(
        _in_spans(sessions.filter(refusal=""), spans)
        .values("which", bucket=bucket)
        .annotate(n=Count("pk"), wh=Sum(Coalesce("energy_wh", "live__energy_wh", 0)))
    )
    of_these = _in_spans(bills, spans, "session__").values_list("which")
    money: dict[str, int] = dict(of_these.annotate(satang=Sum("total")))
    bars = _by_month(rows, shown, today) if yearly else _by_day(rows, shown, today)
    return Totals(
        wanted,
        _title(wanted, shown, len(set(cycle_days.values())) > 1),
        _compared(wanted),
        _figures(rows, NOW, money),
        _figures(rows, BEFORE, money),
        bars,
        _axis(bars),
    )


Spans = dict[tuple[int, ...], dict[str, Days]]


def _spans(cycle_days: dict[int, int], wanted: Wanted, today: date) -> Spans:
    """The days shown and compared, for the stations that share a cycle day; () stands for all."""
    if wanted.kind != "cycle":
        shown = periods.days_of(wanted, today)
        return {(): {NOW: shown, BEFORE: periods.before(wanted, shown, today)}}
    found: Spans = {}
    for begins in periods.cycle_days(cycle_days.values()):
        stations = tuple(pk for pk, own in cycle_days.items() if own == begins)
        shown = periods.days_of(wanted, today, begins)
        found[stations or (0,)] = {NOW: shown, BEFORE: periods.before(wanted, shown, today, begins)}
    return found


def _in_spans(queryset: QuerySet[Any], spans: Spans, path: str = "") -> Any:
    """Rows whose charge began in one of the spans, with ``which``. ``path`` leads to the charge."""
    now, earlier = _began(spans, NOW, path), _began(spans, BEFORE, path)
    which = Case(When(now, then=Value(NOW)), default=Value(BEFORE))
    return queryset.filter(now | earlier).annotate(which=which).order_by()


def _began(spans: Spans, which: str, path: str) -> Q:
    found = Q(pk__in=[])
    for stations, span in spans.items():
        days = span[which]
        began = Q(**{f"{path}started_at__gte": days.start, f"{path}started_at__lt": days.end})
        found |= began & Q(**{f"{path}station__in": stations}) if stations else began
    return found


def _extent(spans: Sequence[Days]) -> Days:
    return Days(min(s.first for s in spans), max(s.last for s in spans))


def _figures(rows: Sequence[dict[str, Any]], which: str, money: dict[str, int]) -> Figures:
    mine = [row for row in rows if row["which"] == which]
    return Figures(sum(r["wh"] for r in mine), money.get(which, 0), sum(r["n"] for r in mine))


def _by_day(rows: Sequence[dict[str, Any]], shown: Days, today: date) -> tuple[Bar, ...]:
    found = {r["bucket"].date(): r["wh"] for r in rows if r["which"] == NOW}
    count = (shown.last - shown.first).days + 1
    days = [shown.first + timedelta(days=n) for n in range(count)]
    return tuple(Bar(day(d), found.get(d, 0), growing=d == today) for d in days)


def _by_month(rows: Sequence[dict[str, Any]], shown: Days, today: date) -> tuple[Bar, ...]:
    found = {r["bucket"].month: r["wh"] for r in rows if r["which"] == NOW}
    running = today.month if today.year == shown.first.year else 0
    return tuple(
        Bar(month(date(shown.first.year, n, 1)), found.get(n, 0), growing=n == running)
        for n in range(1, 13)
    )


def _axis(bars: Sequence[Bar]) -> tuple[str, ...]:
    return (bars[0].name, bars[-1].name) if len(bars) > 1 else (bars[0].name,)


def _title(wanted: Wanted, shown: Days, several: bool) -> str:
    if wanted.kind == "month":
        return month(shown.first)
    if wanted.kind == "year":
        return year(shown.first)
    if wanted.kind == "cycle" and several:
        return _("Each station's own cycle")
    return f"{day(shown.first)} – {day(shown.last)}"


def _compared(wanted: Wanted) -> str:
    return {
        "cycle": _("against the cycle before"),
        "month": _("against the month before"),
        "year": _("against the year before"),
    }.get(wanted.kind, _("against as many days before"))


def _weekday(at: datetime) -> str:
    names = (
        _("Monday"),
        _("Tuesday"),
        _("Wednesday"),
        _("Thursday"),
        _("Friday"),
        _("Saturday"),
        _("Sunday"),
    )
    return names[at.astimezone(LOCAL).weekday()]


def moments(wanted: Wanted, now: datetime) -> list[tuple[int, str]]:
    """What the page offers for a cycle, month or year: (how many back, its name)."""
    today = now.astimezone(LOCAL).date()
    found = []
    for back in range(periods.BACK.get(wanted.kind, 0)):
        shown = periods.days_of(Wanted(wanted.kind, back), today)
        if wanted.kind == "cycle":
            found.append((back, _cycle_name(back)))
        else:
            found.append(
                (back, month(shown.first) if wanted.kind == "month" else year(shown.first))
            )
    return found


def _cycle_name(back: int) -> str:
    if back == 0:
        return _("This cycle")
    return _("Last cycle") if back == 1 else _("%(n)s cycles ago") % {"n": back}
