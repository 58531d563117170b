"""Small pictures as inline SVG, made here because no page may carry inline styles.

Each has words beside it: the bar and the cells an ``aria-label``, the chart a table that screen
readers find in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

MOST_CELLS = 40
OPEN_ENDED_CELLS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name (12:00, 20 Nov), its value, and whether it is still growing."""

    name: str
    value: int
    growing: bool = False


def percent(value: float, most: float) -> float:
    """``value`` as a share of ``most``, between 0 and 100, with one decimal."""
    return round(min(max(value / most * 100, 0.0), 100.0), 1) if most > 0 else 0.0


def load_bar(value: int, most: int, limit: int | None, css: str, label: str) -> SafeString:
    """Power on its scale. The tick is what may be drawn now; none where that is the scale's end."""
    tick = percent(limit, most) if limit is not None and limit < most else None
    return format_html(
        '<svg class="load {}" role="img" aria-label="{}">'
        '<rect class="track" y="4" width="100%" height="8" rx="4"/>'
        '<rect class="fill" y="4" width="{}%" height="8" rx="4"/>{}</svg>',
        css,
        label,
        percent(value, most),
        format_html('<rect class="tick" x="{}%" width="2" height="16"/>', tick)
        if tick is not None
        else "",
    )


def meter(value: int, most: int) -> SafeString:
    """The line at the foot of a board's cell: power against the plug's most."""
    return format_html(
        '<svg class="meter" aria-hidden="true"><rect width="{}%" height="100%"/></svg>',
        percent(value, most),
    )


def cells_of(wh: int, target_wh: int | None) -> list[int]:
    """Tenths of each kWh cell. Without a target the next ten are shown; large charges take more
    than one kWh to a cell."""
    goal = target_wh or (wh // 10_000 + 1) * OPEN_ENDED_CELLS * 1000
    per_cell = 1000 * max(-(-goal // (MOST_CELLS * 1000)), 1)
    count = max(-(-max(goal, wh) // per_cell), 1)
    return [min(max((wh - n * per_cell) * 10 // per_cell, 0), 10) for n in range(count)]


def cells(wh: int, target_wh: int | None, label: str) -> SafeString:
    """A charge as cells that fill, one for each kWh."""
    tenths = cells_of(wh, target_wh)
    drawn = format_html_join(
        "",
        '<i class="{}"></i>',
        (("f10" if t == 10 else f"part f{t}" if t else "",) for t in tenths),
    )
    return format_html('<span class="cells chg" role="img" aria-label="{}">{}</span>', label, drawn)


def bars(series: Sequence[Bar], shown: Sequence[str]) -> SafeString:
    """A column for each bar; ``shown`` are the values in words, for the tooltip."""
    most = max((bar.value for bar in series), default=0)
    width = 100 / max(len(series), 1)
    drawn = format_html_join(
        "",
        '<g><title>{} {}</title><rect class="hit" x="{}%" width="{}%" height="100%"/>'
        '<rect class="bar{}" x="{}%" y="{}%" width="{}%" height="{}%" rx="1.5"/></g>',
        (
            (
                bar.name,
                words,
                round(n * width, 3),
                round(width, 3),
                " now" if bar.growing else "",
                round(n * width + width * 0.11, 3),
                round(100 - percent(bar.value, most), 1),
                round(width * 0.78, 3),
                percent(bar.value, most),
            )
            for n, (bar, words) in enumerate(zip(series, shown, strict=True))
        ),
    )
    return format_html(
        '<svg class="bars" aria-hidden="true"><rect class="base" y="100%" width="100%" height="1"/>{}</svg>',
        drawn,
    )


def change(value: int, before: int) -> str:
    """The change against an earlier figure: +8 %, −3 %, same; empty where there was none."""
    if before <= 0:
        return ""
    moved = round((value - before) * 100 / before)
    if moved == 0:
        return _("same")
    return f"+{moved:,} %" if moved > 0 else f"−{-moved:,} %"
