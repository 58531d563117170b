"""The ground of every PDF: embedded Sarabun, Thai shaped, and the same bytes for the same data.

Thai needs a shaping engine: without one a tone mark over a vowel (ที่, ปิ่น, ผู้) lands on top of
it. The creation date is the document's own, never the clock's, so that a paper printed again is
the same file.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from fpdf import FPDF
from fpdf.enums import XPos, YPos

FAMILY = "Sarabun"
FONTS = {"": "Sarabun_400Regular.ttf", "B": "Sarabun_700Bold.ttf"}
FOLDER = "vendor/fonts"


class MissingFont(RuntimeError):
    """The fonts are copied by ``scripts/assets.py``; without them no paper can be printed."""


def font_file(name: str) -> Path:
    found = finders.find(f"{FOLDER}/{name}")
    if not isinstance(found, str):
        raise MissingFont(f"static/{FOLDER}/{name} is missing: run make setup")
    return Path(found)


class Paper(FPDF):
    """An A4 sheet in millimetres, Thai and English in one font. Pages break where the caller says."""

    def __init__(self, title: str, made_at: datetime, *, language: str = "th") -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
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

    def lines(self, text: str, width: float, size: float, style: str = "") -> Sequence[str]:
        """``text`` as it will be broken into lines of ``width``."""
        self.set_font(FAMILY, style, size)
        found: Any = self.multi_cell(width, line_height(size), text, dry_run=True, output="LINES")
        return list(found)

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        width: float,
        *,
        size: float = 10,
        style: str = "",
        align: str = "L",
    ) -> float:
        """Text broken into lines; the y below it."""
        self.set_font(FAMILY, style, size)
        self.set_xy(x, y)
        self.multi_cell(
            width, line_height(size), text, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT
        )
        return float(self.get_y())

    def tick(self, x: float, y: float, size: float = 3.0) -> None:
        """A check mark, drawn: no font of ours has one."""
        self.set_line_width(0.4)
        self.polyline([(x, y + size * 0.55), (x + size * 0.35, y + size), (x + size, y)])
        self.set_line_width(0.2)

    def bytes(self) -> bytes:
        return bytes(self.output())


def line_height(size: float) -> float:
    """mm for a font size in points: room for Thai vowels below and tone marks above."""
    return size * 0.3528 * 1.42
