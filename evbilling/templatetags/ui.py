"""How things are shown: money, energy, power, time, icons. One place, both languages."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from evbilling import charts
from evbilling.states import State, refusal_word

register = template.Library()
LOCAL = ZoneInfo(settings.LOCAL_ZONE)
MONTHS = {
    "th": [
        "ม.ค.",
        "ก.พ.",
        "มี.ค.",
        "เม.ย.",
        "พ.ค.",
        "มิ.ย.",
        "ก.ค.",
        "ส.ค.",
        "ก.ย.",
        "ต.ค.",
        "พ.ย.",
        "ธ.ค.",
    ],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}
BUDDHIST_ERA = 543


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon of ``static/icons.svg``; decoration only, the word stands beside it."""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def pill(state: State) -> SafeString:
    """A state as a pill: icon, word, colour."""
    return format_html('<span class="st {}">{}{}</span>', state.css, icon(state.icon), state.word)


@register.simple_tag
def word(state: State) -> SafeString:
    """A state within a row: icon and short word, coloured."""
    return format_html(
        '<span class="word {}">{}{}</span>', state.css, icon(state.icon), state.short
    )


@register.filter
def refusal(reason: str) -> str:
    """What a charger that was turned away had shown (``Knock.reason``)."""
    return refusal_word(reason)


@register.filter
def named(thing: Any) -> str:
    """A company's or station's name in the reader's language."""
    thai = getattr(thing, "name_th", "") if is_thai() else ""
    return thai or str(thing)


@register.filter
def initials(name: object) -> str:
    """Two letters for a round picture; a leading vowel is no initial."""
    parts = str(name).split()
    letters = [next((c for c in part if c not in "เแโใไ" and c.isalnum()), "") for part in parts]
    return "".join(letters[:2]).upper() or "–"


@register.filter
def baht(satang: int | None) -> str:
    """15400 → ฿154.00; negative with a real minus sign."""
    if satang is None:
        return "–"
    amount = f"{Decimal(abs(satang)).scaleb(-2):,.2f}"
    return f"−฿{amount}" if satang < 0 else f"฿{amount}"


@register.filter
def price(amount: Decimal | str) -> str:
    """A unit price in baht: two decimals, more only where it has them."""
    value = Decimal(amount)
    shown = (
        value.quantize(Decimal("0.01"))
        if value == value.quantize(Decimal("0.01"))
        else value.normalize()
    )
    return f"฿{shown:,f}"


@register.filter
def kwh(wh: int | None, places: int = 2) -> str:
    """Wh as kWh, cut, never rounded up: what is shown has been delivered."""
    if wh is None:
        return "–"
    step = Decimal(1).scaleb(-int(places))
    return f"{(Decimal(wh) / 1000).quantize(step, rounding=ROUND_DOWN):,f}"


@register.filter
def kw(watts: int | None, places: int = 1) -> str:
    """W as kW."""
    return "–" if watts is None else f"{Decimal(watts) / 1000:,.{int(places)}f}"


def local(at: datetime) -> datetime:
    return at.astimezone(LOCAL)


@register.filter
def clock(at: datetime | None) -> str:
    """20:42, at the station's wall."""
    return "–" if at is None else local(at).strftime("%H:%M")


@register.filter
def clock_s(at: datetime | None) -> str:
    """20:42:07"""
    return "–" if at is None else local(at).strftime("%H:%M:%S")


@register.filter
def day(at: datetime | date | None) -> str:
    """20 พ.ย. 2569 or 20 Nov 2026."""
    if at is None:
        return "–"
    found = local(at).date() if isinstance(at, datetime) else at
    return f"{found.day} {month(found)}"


@register.filter
def month(found: date) -> str:
    """พ.ย. 2569 or Nov 2026."""
    return f"{MONTHS['th' if is_thai() else 'en'][found.month - 1]} {year(found)}"


@register.filter
def year(found: date) -> str:
    """The year as the reader counts it."""
    return str(found.year + BUDDHIST_ERA if is_thai() else found.year)


def is_thai() -> bool:
    return (get_language() or "th").startswith("th")


@register.filter
def moment(at: datetime | None) -> str:
    """The time of day; with the day where that is not today."""
    if at is None:
        return "–"
    today = local(timezone.now()).date()
    return clock(at) if local(at).date() == today else f"{day(at)} {clock(at)}"


@register.filter
def duration(length: timedelta | int | float | None) -> str:
    """A length of time in words: 45 s, 12 min, 1 h 20 min, 3 days."""
    if length is None:
        return "–"
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    seconds = max(seconds, 0)
    if seconds < 60:
        return _("%(n)s s") % {"n": seconds}
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    if hours < 24:
        rest = minutes % 60
        text = _("%(n)s h") % {"n": hours}
        return f"{text} {_('%(n)s min') % {'n': rest}}" if rest else text
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


@register.filter
def ago(at: datetime | None) -> str:
    """How long since ``at``: a bare length, for beside a time or a state."""
    return "–" if at is None else duration(timezone.now() - at)


@register.filter
def ago_short(at: datetime | None) -> str:
    """The same in its largest unit, where there is little room."""
    if at is None:
        return "–"
    seconds = int((timezone.now() - at).total_seconds())
    return duration(seconds - seconds % 3600 if 3600 <= seconds < 86400 else seconds)


@register.filter
def since(at: datetime | None) -> str:
    """13:31 · 41 min: a moment and how long ago that is."""
    return "–" if at is None else f"{moment(at)} · {ago(at)}"


STALE_AFTER = timedelta(seconds=90)


@register.simple_tag
def live(at: datetime | None, css: str = "") -> SafeString:
    """Class and time stamp of a live value; it turns grey when it is older than it may be.

    The page's script goes on from here, so a value never looks newer than it is.
    """
    old = at is None or timezone.now() - at > STALE_AFTER
    stamp = int(at.timestamp()) if at else 0
    return format_html('class="{}{}" data-asof="{}"', css, " stale" if old else "", stamp)


@register.simple_tag
def load_bar(
    value: int, most: int, limit: int | None = None, css: str = "chg", label: str = ""
) -> SafeString:
    """Power as a bar under its ceiling (all in W)."""
    words = label or _("%(now)s of %(most)s kW") % {"now": kw(value), "most": kw(most, 0)}
    return charts.load_bar(value, most, limit, css, words)


@register.simple_tag
def meter(value: int | None, most: int) -> SafeString:
    """The power line at the foot of a cell."""
    return charts.meter(value or 0, most)


@register.simple_tag
def kwh_cells(wh: int, target_wh: int | None = None) -> SafeString:
    """A charge as kWh cells."""
    words = (
        _("%(now)s of %(goal)s kWh") % {"now": kwh(wh), "goal": kwh(target_wh)}
        if target_wh
        else _("%(now)s kWh") % {"now": kwh(wh)}
    )
    return charts.cells(wh, target_wh, words)


@register.filter
def epoch(at: datetime | None) -> int:
    """Seconds since 1970, for scripts."""
    return int(at.timestamp()) if at else 0


@register.filter
def iso(at: datetime | None) -> str:
    """For ``<time datetime>`` and scripts."""
    return "" if at is None else at.isoformat()
