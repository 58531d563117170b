"""Curves as numbers for inline SVG: no library, no inline style, sharp at every width. Pure.

The plot is 1000 × 100 units and stretched to its box; everything that carries text stands beside it
in percent, so letters keep their size. Numbers are strings: a template must not localise them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

WIDTH, HEIGHT = 1000, 100
MOST_POINTS = 240
STEPS_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, ``at`` percent along it."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded stretch of time."""

    css: str
    x: str
    width: str
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """``line`` and ``area`` are point lists. ``ceiling`` is what the value can at most be."""

    line: str
    area: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    ceiling: Tick | None = None
    bands: tuple[Band, ...] = ()
    marks: tuple[Tick, ...] = ()


Point = tuple[datetime, float]


def curve(
    points: Sequence[Point],
    start: datetime,
    end: datetime,
    *,
    zone: tzinfo,
    ceiling: float | None = None,
    ceiling_label: str = "",
    bands: Sequence[tuple[str, datetime, datetime, str]] = (),
    marks: Sequence[tuple[datetime, str]] = (),
) -> Curve | None:
    """A curve of ``points`` from ``start`` to ``end``; None where there is nothing to draw."""
    shown = thin([p for p in points if start <= p[0] <= end])
    if end <= start or len(shown) < 2:
        return None
    # Room above the ceiling for its words.
    highest = max(*(value for _, value in shown), (ceiling or 0) * 1.15)
    box = _Box(start, (end - start).total_seconds(), nice_top(highest))
    line = " ".join(f"{box.x(at) * WIDTH:.1f},{box.y(value) * HEIGHT:.2f}" for at, value in shown)
    first, last = (f"{box.x(at) * WIDTH:.1f},{HEIGHT}" for at in (shown[0][0], shown[-1][0]))
    return Curve(
        line=line,
        area=f"{first} {line} {last}",
        x_ticks=tuple(box.tick(at, label) for at, label in time_ticks(start, end, zone)),
        y_ticks=tuple(box.level(box.top * n / 2) for n in (0, 1, 2)),
        ceiling=box.level(ceiling, ceiling_label) if ceiling else None,
        bands=tuple(box.band(*band) for band in bands),
        marks=tuple(box.tick(at, label) for at, label in marks),
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """Where time and value lie in the plot: shares of its width and height, from the top left."""

    start: datetime
    span: float
    top: float

    def x(self, at: datetime) -> float:
        return min(max((at - self.start).total_seconds() / self.span, 0), 1)

    def y(self, value: float) -> float:
        return 1 - value / self.top

    def tick(self, at: datetime, label: str) -> Tick:
        return Tick(f"{self.x(at) * 100:.3f}", label)

    def level(self, value: float, label: str = "") -> Tick:
        return Tick(f"{self.y(value) * 100:.2f}", label or f"{value:g}")

    def band(self, css: str, start: datetime, end: datetime, label: str) -> Band:
        left, right = self.x(start) * 100, self.x(end) * 100
        return Band(css, f"{left:.3f}", f"{right - left:.3f}", label)


def thin(points: Sequence[Point]) -> list[Point]:
    """At most ``MOST_POINTS``: of each bucket the highest, so that no peak is lost; the last stays."""
    if len(points) <= MOST_POINTS:
        return list(points)
    size = -(-len(points) // MOST_POINTS)
    kept = [max(points[n : n + size], key=lambda p: p[1]) for n in range(0, len(points) - 1, size)]
    return [points[0], *kept[1:], points[-1]]


def nice_top(value: float) -> float:
    """The smallest of 1, 2, 4, 6, 8, 10 times a power of ten that holds ``value``."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * n for n in (1, 1.2, 1.6, 2, 2.4, 3, 4, 6, 8, 10) if power * n >= value)


def time_ticks(start: datetime, end: datetime, zone: tzinfo) -> list[tuple[datetime, str]]:
    """Round moments on the wall clock, at most six, none crowding the ends."""
    local = start.astimezone(zone)
    minutes = (end - start).total_seconds() / 60
    step = next((s for s in STEPS_MINUTES if minutes / s <= 6), STEPS_MINUTES[-1])
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((local - midnight).total_seconds() // 60)
    at = midnight + timedelta(minutes=passed - passed % step)
    found = []
    margin = (end - start) * 0.03
    while at <= end:
        if start + margin <= at <= end - margin:
            found.append((at, at.strftime("%H:%M")))
        at += timedelta(minutes=step)
    return found
