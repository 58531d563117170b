"""What would this charge cost? The same pure ``price()`` that makes the bills, on an imagined charge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from billing import pricing
from billing.models import PriceLevel
from billing.pricing import Usage
from billing.selectors import tariffs
from billing.selectors.tariffs import LevelPrice, Quote
from evbilling.backoffice.moments import LOCAL, parse_clock, parse_day, today
from evbilling.backoffice.session_page import CURVE_CSS
from evbilling.explained import PERIODS, part_word, quantity_word
from evbilling.templatetags.ui import clock
from stations.models import Station

MOST_KWH = Decimal(500)
LEAST_GAP = 12  # percent between two times under the strip
# An evening charge over the border at 22:00 shows best what a price list does.
USUAL = {"from": "21:20", "until": "22:15", "left": "22:50", "kwh": "32"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the imagined charge in one period, in percent of its length."""

    css: str
    x: str
    width: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    detail: str
    unit_price: Decimal
    amount: int
    per_hour: bool = False
    capped: bool = False


@dataclass(slots=True)
class WhatIf:
    """The question as typed, and its answer where it makes sense."""

    level: str
    day: date
    start: str
    until: str
    left: str
    kwh: str
    ends: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    quote: Quote | None = None
    lines: list[Line] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)
    before: int | None = None  # with a draft: what it costs at the prices in force

    @property
    def change(self) -> int | None:
        if self.before is None or self.quote is None:
            return None
        return self.quote.bill.total - self.before


def answer(
    params: Mapping[str, str],
    station: Station,
    prices: list[LevelPrice],
    *,
    level: str = "",
    draft: pricing.Tariff | None = None,
) -> dict[str, Any]:
    """The calculator's part of a page. ``draft``: prices that are being typed, for ``level``."""
    asked = _asked(params, level or params.get("level", ""))
    usage = _usage(asked, params)
    mine = next(p for p in prices if p.level == asked.level)
    value = draft or mine.value
    if usage is not None and value is not None:
        _fill(asked, station, value, usage)
        asked.others = [
            (str(PriceLevel(p.level).label), pricing.price(usage, p.value).total)
            for p in prices
            if p.value is not None and p.level != asked.level and not p.borrowed
        ]
        if draft is not None and mine.value is not None:
            asked.before = pricing.price(usage, mine.value).total
    return {
        "whatif": asked,
        "levels": [(key, PriceLevel(key).label) for key in PriceLevel.values],
    }


def _asked(params: Mapping[str, str], level: str) -> WhatIf:
    return WhatIf(
        level=level if level in PriceLevel.values else PriceLevel.GUEST,
        day=parse_day(params.get("on", "")) or today(),
        start=params.get("from", USUAL["from"])[:8],
        until=params.get("until", USUAL["until"])[:8],
        left=params.get("left", "" if "until" in params else USUAL["left"])[:8],
        kwh=params.get("kwh", USUAL["kwh"])[:12],
    )


def _usage(asked: WhatIf, params: Mapping[str, str]) -> Usage | None:
    """The imagined charge: even power from start to end, then the car stands there until ``left``.

    A time before the one it follows is the next day's; without ``left`` the plug is free at the end.
    """
    start, until = parse_clock(asked.start), parse_clock(asked.until)
    wh = _wh(asked.kwh)
    if start is None or until is None:
        asked.errors["from"] = _("Enter both times, such as 21:20 and 22:15.")
    if wh is None:
        asked.errors["kwh"] = _("Enter between 0 and 500 kWh.")
    left = parse_clock(asked.left) if asked.left else until
    if left is None:
        asked.errors["left"] = _("Enter when the car was unplugged, such as 22:50.")
    if params.get("on") and parse_day(params["on"]) is None:
        asked.errors["on"] = _("Enter a day.")
    if asked.errors or start is None or until is None or wh is None or left is None:
        return None
    first = _at(asked.day, start)
    last = _after(first, until, at_once=False)
    return Usage(first, last, wh, idle_from=last, unplugged_at=_after(last, left, at_once=True))


def _after(moment: datetime, clock_time: time, *, at_once: bool) -> datetime:
    """The next time that the clock shows it; ``at_once``: perhaps this very moment."""
    found = _at(moment.astimezone(LOCAL).date(), clock_time)
    later = found >= moment if at_once else found > moment
    return found if later else found + timedelta(days=1)


def _fill(asked: WhatIf, station: Station, value: pricing.Tariff, usage: Usage) -> None:
    asked.quote = tariffs.quote(
        station, asked.level, value, usage, usage.end.astimezone(LOCAL).date()
    )
    asked.lines = [
        Line(
            part_word(line.part, line.period),
            quantity_word(line.part, line.quantity),
            line.unit_price,
            line.amount,
            line.part is pricing.Part.PARKING,
            line.capped,
        )
        for line in asked.quote.bill.lines
    ]
    asked.ends = clock(usage.left)
    _draw(asked, value, usage)


def _draw(asked: WhatIf, value: pricing.Tariff, usage: Usage) -> None:
    """The charge by its periods, then the stay: free of a penalty, then at the price of one."""
    span = (usage.left - usage.start).total_seconds()

    def add(css: str, start: datetime, end: datetime, label: str) -> None:
        x = (start - usage.start).total_seconds() / span * 100
        width = (end - start).total_seconds() / span * 100
        asked.stretches.append(Stretch(css, f"{x:.3f}", f"{width:.3f}", label))
        crowded = asked.marks and x - float(asked.marks[-1][0]) < LEAST_GAP
        if LEAST_GAP < x < 100 - LEAST_GAP and not crowded:
            asked.marks.append((f"{x:.3f}", clock(start)))

    for segment in pricing.split(usage, value.calendar):
        add(CURVE_CSS[segment.period], segment.start, segment.end, PERIODS[segment.period])
    if usage.left > usage.end:
        add("idle", usage.end, usage.left, _("at the plug"))
    for line in asked.quote.bill.lines if asked.quote else ():
        if line.part is pricing.Part.PENALTY:
            for piece in line.segments:
                add("late", piece.start, piece.end, _("overstay"))


def _wh(text: str) -> int | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return int(amount * 1000) if amount.is_finite() and 0 <= amount <= MOST_KWH else None


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment.replace(tzinfo=None), LOCAL)
