"""The page's small pictures as inline SVG: styles by class, places by attribute (our CSP allows no more).

Each has words of its own beside it or in its label.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from re import findall, sub

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from billing.selectors.quotes import Stretch

MOST_CELLS = 40
GAP = 0.9  # % of the width between two cells
DAY_S = 24 * 3600
SPARK_WIDTH, SPARK_HEIGHT = 140, 26
SPARK_POINTS = 48


@cache
def _symbols() -> dict[str, str]:
    """name -> the inside of each symbol of the product's icon sheet."""
    sheet = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    shapes = dict(findall(r'<symbol id="([^"]+)"[^>]*>(.*?)</symbol>', sheet))
    # Each begins with an empty box that says how large it is; the viewBox does that here.
    return {
        name: sub(r'<path stroke="none"[^>]*/> ?', "", inside) for name, inside in shapes.items()
    }


def sign(name: str, css: str = "") -> SafeString:
    """An icon drawn in place: the phone need not fetch a sheet of ninety before it shows six."""
    shapes = mark_safe(_symbols()[name])  # noqa: S308 - our own file
    classes = f"i {css}" if css else "i"
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">{}</svg>',
        classes,
        shapes,
    )


def day_strip(stretches: Sequence[Stretch], now: datetime, label: str) -> SafeString:
    """Twenty-four hours with the dearer ones dark, the hours where the price changes, and a needle."""
    start = stretches[0].start

    def share(at: datetime) -> float:
        return round((at - start).total_seconds() / DAY_S * 100, 2)

    dear = format_html_join(
        "",
        '<rect class="dear" x="{}%" y="5" width="{}%" height="10"/>',
        ((share(s.start), round(share(s.end) - share(s.start), 2)) for s in stretches if s.dear),
    )
    ticks = format_html_join(
        "",
        '<text x="{}%" y="34">{}</text>',
        ((share(s.start), f"{s.start:%H:%M}") for s in stretches[1:]),
    )
    return format_html(
        '<svg class="day" role="img" aria-label="{}">'
        '<rect class="cheap" y="5" width="100%" height="10" rx="5"/>{}'
        '<rect class="needle" x="{}%" width="3" height="20" rx="1.5"/>{}</svg>',
        label,
        dear,
        share(now),
        ticks,
    )


def cells(wh: int, target_wh: int, label: str) -> SafeString:
    """One cell for each kWh that fills as it comes; from 41 kWh on each stands for several."""
    per_cell = kwh_per_cell(target_wh) * 1000
    count = max(-(-target_wh // per_cell), 1)
    width = (100 - GAP * (count - 1)) / count

    def drawn(n: int) -> tuple[float, float, float]:
        filled = min(max(wh - n * per_cell, 0), per_cell) / per_cell
        return round(n * (width + GAP), 3), round(width, 3), round(width * filled, 3)

    boxes = [drawn(n) for n in range(count)]
    return format_html(
        '<svg class="cells" role="img" aria-label="{}">{}{}</svg>',
        label,
        format_html_join(
            "",
            '<rect class="cell" x="{}%" width="{}%" height="100%" rx="3"/>',
            ((x, w) for x, w, _ in boxes),
        ),
        format_html_join(
            "",
            '<rect class="full" x="{}%" width="{}%" height="100%" rx="3"/>',
            ((x, f) for x, _, f in boxes if f > 0),
        ),
    )


def kwh_per_cell(target_wh: int) -> int:
    """1, 2, 5, 10 … so that at most forty cells are drawn."""
    kwh = -(-target_wh // 1000)
    for size in (1, 2, 5, 10, 20, 50):
        if kwh <= size * MOST_CELLS:
            return size
    return 100


def spark(points: Sequence[tuple[datetime, int]]) -> SafeString | None:
    """Power over the charge so far; nothing until there are three readings."""
    if len(points) < 3:
        return None
    start, end = points[0][0], points[-1][0]
    span = max((end - start).total_seconds(), 1.0)
    most = max(max(power for _, power in points), 1)
    thinned = points[:: max(len(points) // SPARK_POINTS, 1)]
    if thinned[-1] != points[-1]:
        thinned = [*thinned, points[-1]]
    line = "L".join(
        f"{(at - start).total_seconds() / span * SPARK_WIDTH:.0f} "
        f"{SPARK_HEIGHT - 2 - power / most * (SPARK_HEIGHT - 6):.0f}"
        for at, power in thinned
    )
    base = SPARK_HEIGHT - 1
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="under" d="M0 {}L{}L{} {}Z"/><path class="line" d="M{}"/></svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        base,
        line,
        SPARK_WIDTH,
        base,
        line,
    )
