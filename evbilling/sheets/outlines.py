"""Text as outlines: an SVG looks the same in every print shop, whatever fonts they have.

Shaped by HarfBuzz, so that Thai tone marks stand where they belong.
"""

from functools import cache, lru_cache

import uharfbuzz as hb

from core.pdf import FONTS, font_file


@cache
def _font(bold: bool) -> tuple[hb.Font, int]:
    face = hb.Face(hb.Blob.from_file_path(str(font_file(FONTS["B" if bold else ""]))))
    return hb.Font(face), face.upem


@lru_cache(maxsize=2048)
def _shaped(text: str, bold: bool) -> tuple[tuple[int, int, int, int], ...]:
    """(glyph, advance, x offset, y offset) in font units."""
    if not text:
        return ()
    font, _ = _font(bold)
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(font, buffer)
    return tuple(
        (info.codepoint, at.x_advance, at.x_offset, at.y_offset)
        for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    )


def width(text: str, size: float, *, bold: bool = False) -> float:
    """mm of a line set ``size`` mm high."""
    total: int = sum(advance for _, advance, _, _ in _shaped(text, bold))
    return float(total * size / _font(bold)[1])


def outline(text: str, x: float, y: float, size: float, *, bold: bool = False) -> str:
    """SVG path of a line that begins at ``x`` and sits on ``y``, in mm."""
    font, units = _font(bold)
    pen = _Pen(x, y, size / units)
    at = 0
    for glyph, advance, dx, dy in _shaped(text, bold):
        pen.origin = (at + dx, dy)
        font.draw_glyph_with_pen(glyph, pen)
        at += advance
    return "".join(pen.parts)


class _Pen:
    """Collects path commands; font units upward become millimetres downward."""

    def __init__(self, x: float, y: float, scale: float) -> None:
        self.x, self.y, self.scale = x, y, scale
        self.origin = (0, 0)
        self.parts: list[str] = []

    def _points(self, command: str, *points: tuple[float, float]) -> None:
        told = " ".join(
            f"{self.x + (px + self.origin[0]) * self.scale:.3f}"
            f" {self.y - (py + self.origin[1]) * self.scale:.3f}"
            for px, py in points
        )
        self.parts.append(f"{command}{told}")

    def moveTo(self, point: tuple[float, float]) -> None:
        self._points("M", point)

    def lineTo(self, point: tuple[float, float]) -> None:
        self._points("L", point)

    def qCurveTo(self, *points: tuple[float, float]) -> None:
        self._points("Q", *points)

    def curveTo(self, *points: tuple[float, float]) -> None:
        self._points("C", *points)

    def closePath(self) -> None:
        self.parts.append("Z")

    endPath = closePath
