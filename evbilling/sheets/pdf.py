"""Sheets as a PDF, a page each: text that can be found and copied, the same bytes for the same data."""

from collections.abc import Sequence
from datetime import UTC, datetime

from core.pdf import FAMILY, Paper
from evbilling import qr
from evbilling.sheets import outlines
from evbilling.sheets.shapes import Box, Code, Disc, Polygon, Shape, Sheet, Text

POINTS = 72 / 25.4
BASE_LINE = 0.8  # of a cell as high as its font, from the top (fpdf2: half the cell + 0.3)
# A sheet says nothing of time: printed again it is the same file.
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def drawn(sheets: Sequence[Sheet], title: str, language: str) -> bytes:
    paper = Paper(title, MADE_AT, language=language)
    for sheet in sheets:
        paper.add_page(format=(sheet.width, sheet.height))
        for shape in sheet.shapes:
            _shape(paper, shape)
    return paper.bytes()


def _shape(paper: Paper, shape: Shape) -> None:
    if isinstance(shape, Text):
        _text(paper, shape)
    elif isinstance(shape, Code):
        _code(paper, shape)
    else:
        paper.set_fill_color(shape.fill)
        if isinstance(shape, Box):
            _box(paper, shape)
        elif isinstance(shape, Disc):
            paper.circle(shape.x, shape.y, shape.radius, style="F")
        elif isinstance(shape, Polygon):
            paper.polygon(list(shape.points), style="F")


def _box(paper: Paper, box: Box) -> None:
    if box.radius:
        paper.rect(
            box.x,
            box.y,
            box.width,
            box.height,
            style="F",
            round_corners=True,
            corner_radius=box.radius,
        )
    else:
        paper.rect(box.x, box.y, box.width, box.height, style="F")


def _code(paper: Paper, code: Code) -> None:
    paper.set_fill_color("#000000")
    step = code.size / len(code.modules)
    for y, row in enumerate(code.modules):
        for start, length in qr.runs(row):
            paper.rect(
                code.x + start * step, code.y + y * step, length * step, step * 1.01, style="F"
            )


def _text(paper: Paper, text: Text) -> None:
    """By ``cell``, never by ``text``: only the first shapes, and without that tone marks are lost."""
    wide = outlines.width(text.text, text.size, bold=text.bold)
    x = text.x - {"L": 0.0, "C": wide / 2, "R": wide}[text.align]
    paper.set_text_color(text.fill)
    paper.set_font(FAMILY, "B" if text.bold else "", text.size * POINTS)
    paper.set_xy(x - paper.c_margin, text.y - BASE_LINE * text.size)
    paper.cell(wide + 2 * paper.c_margin, text.size, text.text)
