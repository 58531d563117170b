"""The ground of every PDF: embedded Sarabun, Thai shaped, and the same bytes for the same data.

Thai needs a shaping engine: without one a tone mark over a vowel (ที่, ปิ่น, ผู้) lands on top of
it. The creation date is the document's own, never the clock's, so that a paper printed again is
the same file.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.contrib.staticfiles import finders
from fpdf import FPDF

FAMILY = "Sarabun"
FONTS = {"": "Sarabun_400Regular.ttf", "B": "Sarabun_700Bold.ttf"}
FOLDER = "vendor/fonts"
# A line is never broken between a Thai consonant and its vowels or tone mark.
_CLUSTER = re.compile("[\u0e40-\u0e44]?.[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e]*")


class MissingFont(RuntimeError):
    """The fonts are copied by ``scripts/assets.py``; without them no paper can be printed."""


def font_file(name: str) -> Path:
    found = finders.find(f"{FOLDER}/{name}")
    if not isinstance(found, str):
        raise MissingFont(f"static/{FOLDER}/{name} is missing: run make setup")
    return Path(found)


class Paper(FPDF):
    """A sheet in millimetres, Thai and English in one font. Pages break where the caller says.

    ``size``: A4 upright, or width and height in millimetres.
    """

    def __init__(
        self,
        title: str,
        made_at: datetime,
        *,
        language: str = "th",
        size: tuple[float, float] = (210.0, 297.0),
    ) -> None:
        super().__init__(unit="mm", format=size)
        self._measured: dict[tuple[str, float, str], float] = {}
        for style, name in FONTS.items():
            self.add_font(FAMILY, style, font_file(name))
        self.set_text_shaping(True)
        self.set_font(FAMILY, size=10)
        self.set_auto_page_break(False)
        self.set_title(title)
        self.set_lang(language)
        self.set_creator("evbilling")
        self.set_producer("evbilling")
        self.set_creation_date(made_at)

    def write_at(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 10,
        style: str = "",
        align: str = "L",
        width: float = 0,
    ) -> None:
        """One line of text; ``width`` is needed to centre it or to end it at the right."""
        self.set_font(FAMILY, style, size)
        self.set_xy(x, y)
        self.cell(width or None, line_height(size), text, align=align)

    def lines(self, text: str, width: float, size: float, style: str = "") -> list[str]:
        """``text`` broken into lines of ``width``: at spaces, within a word only where it must be."""
        self.set_font(FAMILY, style, size)
        found, line = [], ""
        for word in text.split():
            longer = f"{line} {word}" if line else word
            if self._width(longer, size, style) <= width:
                line = longer
                continue
            if line:
                found.append(line)
            *full, line = self._pieces(word, width, size, style)
            found += full
        return [*found, line] if line else found

    def _pieces(self, word: str, width: float, size: float, style: str) -> list[str]:
        """A word that may be wider than the line; Thai has no spaces within a sentence."""
        found = [""]
        if self._width(word, size, style) <= width:
            return [word]
        for cluster in _CLUSTER.findall(word):
            if found[-1] and self._width(found[-1] + cluster, size, style) > width:
                found.append("")
            found[-1] += cluster
        return found

    def _width(self, text: str, size: float, style: str) -> float:
        """mm. Words come again and again, shaping is what costs: each is measured once."""
        known = self._measured.get((text, size, style))
        if known is None:
            known = self._measured[(text, size, style)] = float(self.get_string_width(text))
        return known

    def paragraph(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        size: float = 10,
        style: str = "",
    ) -> float:
        """Lines one below the other; the y below them."""
        for line in lines:
            self.write_at(x, y, line, size=size, style=style)
            y += line_height(size)
        return y

    def tick(self, x: float, y: float, size: float = 3.0) -> None:
        """A check mark, drawn: no font of ours has one."""
        self.set_line_width(0.4)
        self.polyline([(x, y + size * 0.55), (x + size * 0.35, y + size), (x + size, y)])
        self.set_line_width(0.2)

    def bytes(self) -> bytes:
        return bytes(self.output())

    def discard(self) -> None:
        """Drawn to measure only: let go of the font files."""
        for font in self.fonts.values():
            font.close()  # type: ignore[union-attr]


def line_height(size: float) -> float:
    """mm for a font size in points: room for Thai vowels below and tone marks above."""
    return size * 0.3528 * 1.42
