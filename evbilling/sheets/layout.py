"""How a sheet is laid out: read from two metres, scanned from half a metre, typed where neither works.

Drawn once as A6; A4 is the same twice as large. Both languages stand on every sheet, one of them
first. No price: prices change, a sheet hangs for years; the page shows it before anybody pays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from evbilling import qr
from evbilling.sheets import outlines
from evbilling.sheets.shapes import (
    BRAND,
    INK,
    INK_2,
    PALE,
    WASH,
    WHITE,
    Align,
    Box,
    Code,
    Disc,
    Polygon,
    Shape,
    Sheet,
    Text,
)

WIDTH, HEIGHT = 105.0, 148.0  # A6
A4 = (210.0, 297.0)
EDGE = 9.0
BOLT = ((17.3, 6), (17.3, 13.2), (23.5, 13.2), (15.2, 26), (15.2, 18.8), (9, 18.8))
SMALLEST = 0.55  # of its size, before a text is cut

SCAN = _("Scan to charge")
PLUG = _("Plug %(n)s")
UP_TO = _("up to %(kw)s kW")
TYPE = _("or type in the browser")
PAYEE = _("The money goes to %(name)s")
FORGED = _("Another name, or not %(host)s? Do not pay: the code may be forged.")
STEPS = (_("Plug in"), _("Scan, choose, pay"), _("It starts by itself"))


class Paper(StrEnum):
    A4 = "a4"
    A6 = "a6"
    FOUR = "a6x4"  # four A6 on an A4, to cut


@dataclass(frozen=True, slots=True)
class Sticker:
    """What a sheet says. ``url`` is what the code opens; ``power`` in kW as it is written."""

    charger: str
    connector: int
    plug: str
    power: str
    station: str
    station_th: str
    payee: str
    url: str

    @property
    def host(self) -> str:
        return self.typed.split("/")[0]

    @property
    def typed(self) -> str:
        """What a person types: browsers add the rest."""
        return self.url.split("://")[-1]


def sheets(stickers: Sequence[Sticker], paper: Paper, language: str) -> list[Sheet]:
    """A page for each sticker; for ``FOUR`` a page for each four."""
    drawn = [(f"{s.charger} / {s.connector}", _sticker(s, language)) for s in stickers]
    if paper is Paper.A6:
        return [Sheet(title, WIDTH, HEIGHT, shapes) for title, shapes in drawn]
    if paper is Paper.A4:
        return [Sheet(title, *A4, _placed(shapes, 0, 0, 2)) for title, shapes in drawn]
    return [_four(drawn[at : at + 4]) for at in range(0, len(drawn), 4)]


def _four(drawn: Sequence[tuple[str, tuple[Shape, ...]]]) -> Sheet:
    """With hairlines where the scissors go."""
    found: list[Shape] = []
    for n, (_title, shapes) in enumerate(drawn):
        found += _placed(shapes, n % 2 * WIDTH, n // 2 * (A4[1] / 2), 1)
    cuts = (Box(WIDTH - 0.05, 0, 0.1, A4[1], PALE), Box(0, A4[1] / 2 - 0.05, A4[0], 0.1, PALE))
    return Sheet(", ".join(title for title, _ in drawn), *A4, (*found, *cuts))


def _sticker(sticker: Sticker, language: str) -> tuple[Shape, ...]:
    words = _Words(language)
    return (
        *_band(words),
        *_place(sticker, words),
        *_code(sticker, words),
        *_steps(words),
        *_payee(sticker, words),
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """Sentences in the first language of the sheet and in the other."""

    language: str

    def first(self, message: object, **params: object) -> str:
        return self._in(self.language, message, params)

    def second(self, message: object, **params: object) -> str:
        """'' where it would only say the same again."""
        other = self._in("en" if self.language == "th" else "th", message, params)
        return other if other != self.first(message, **params) else ""

    @staticmethod
    def _in(language: str, message: object, params: dict[str, object]) -> str:
        with override(language):
            return str(message) % params if params else str(message)


def _band(words: _Words) -> list[Shape]:
    mark = [(78.5 + x * 0.72, 2.6 + y * 0.72) for x, y in BOLT]
    return [
        Box(0, 0, WIDTH, 28, BRAND),
        _fitted(EDGE, 15, words.first(SCAN), 9.2, 68, WHITE, bold=True),
        _fitted(EDGE, 23, words.second(SCAN), 5, 68, PALE),
        Polygon(tuple(mark), WHITE),
    ]


def _place(sticker: Sticker, words: _Words) -> list[Shape]:
    first = sticker.station_th if words.language == "th" else sticker.station
    name = f"{sticker.charger} · {words.first(PLUG, n=sticker.connector)}"
    power = words.first(UP_TO, kw=sticker.power)
    return [
        _fitted(EDGE, 37, name, 5.6, 52, INK, bold=True),
        _fitted(
            WIDTH - EDGE,
            37,
            " · ".join(filter(None, [sticker.plug, power])),
            3.8,
            34,
            INK,
            align="R",
        ),
        _fitted(EDGE, 43, first or sticker.station, 3.8, WIDTH - 2 * EDGE, INK_2),
    ]


def _code(sticker: Sticker, words: _Words) -> list[Shape]:
    middle, size, top = WIDTH / 2, 57.0, 48.0
    told = " · ".join(filter(None, [words.first(TYPE), words.second(TYPE)]))
    left = middle - size / 2
    return [
        Box(left - 1.2, top - 1.2, size + 2.4, size + 2.4, BRAND, 4),
        Box(left, top, size, size, WHITE, 3),
        Code(left, top, size, qr.matrix(sticker.url, qr.PAPER)),
        _fitted(middle, 110, told, 3.1, WIDTH - 2 * EDGE, INK_2, align="C"),
        _fitted(middle, 116, sticker.typed, 5, WIDTH - 2 * EDGE, INK, bold=True, align="C"),
    ]


def _steps(words: _Words) -> list[Shape]:
    column = (WIDTH - 2 * 5) / 3
    found: list[Shape] = []
    for n, step in enumerate(STEPS):
        x = 5 + n * column
        found += [
            Disc(x + 4.2, 124.6, 2.9, BRAND),
            Text(x + 4.2, 125.85, str(n + 1), 3.6, WHITE, bold=True, align="C"),
            _fitted(x + 8.4, 124.2, words.first(step), 3.1, column - 9, INK, bold=True),
            _fitted(x + 8.4, 128, words.second(step), 2.6, column - 9, INK_2),
        ]
    return found


def _payee(sticker: Sticker, words: _Words) -> list[Shape]:
    wide = WIDTH - 2 * EDGE
    warned = {"host": sticker.host}
    return [
        Box(0, 132.2, WIDTH, HEIGHT - 132.2 + 0.5, WASH),
        _fitted(EDGE, 137.6, words.first(PAYEE, name=sticker.payee), 3.6, wide, INK, bold=True),
        _fitted(EDGE, 141.8, words.first(FORGED, **warned), 2.7, wide, INK_2),
        _fitted(EDGE, 145.4, words.second(FORGED, **warned), 2.5, wide, INK_2),
    ]


def _fitted(
    x: float,
    y: float,
    text: str,
    size: float,
    width: float,
    fill: str,
    *,
    bold: bool = False,
    align: Align = "L",
) -> Text:
    """Smaller where it is too long for ``width``; cut where even that does not help."""
    wide = outlines.width(text, size, bold=bold)
    if wide > width:
        size *= max(width / wide, SMALLEST)
    while text and outlines.width(text, size, bold=bold) > width * 1.001:
        text = f"{text[:-2]}…"
    return Text(x, y, text, round(size, 3), fill, bold, align)


def _placed(shapes: Sequence[Shape], dx: float, dy: float, scale: float) -> tuple[Shape, ...]:
    return tuple(_moved(shape, dx, dy, scale) for shape in shapes)


def _moved(shape: Shape, dx: float, dy: float, scale: float) -> Shape:
    if isinstance(shape, Polygon):
        return replace(
            shape, points=tuple((x * scale + dx, y * scale + dy) for x, y in shape.points)
        )
    x, y = shape.x * scale + dx, shape.y * scale + dy
    if isinstance(shape, Box):
        return replace(
            shape,
            x=x,
            y=y,
            width=shape.width * scale,
            height=shape.height * scale,
            radius=shape.radius * scale,
        )
    if isinstance(shape, Disc):
        return replace(shape, x=x, y=y, radius=shape.radius * scale)
    return replace(shape, x=x, y=y, size=shape.size * scale)
