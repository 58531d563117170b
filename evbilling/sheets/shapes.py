"""What a sheet is drawn of. Millimetres from the top left; text sits on its base line.

One list of shapes, two painters (``pdf``, ``svg``): both papers look the same.
"""

from dataclasses import dataclass
from typing import Literal

from evbilling.qr import Matrix

INK, INK_2, BRAND, WASH, WHITE, PALE = (
    "#12211d",
    "#44524d",
    "#0f3f38",
    "#e4eeea",
    "#ffffff",
    "#c9dcd5",
)
Align = Literal["L", "C", "R"]


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle, its corners round where ``radius`` says so."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    radius: float = 0


@dataclass(frozen=True, slots=True)
class Disc:
    """``x``, ``y``: its middle."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True, slots=True)
class Polygon:
    points: tuple[tuple[float, float], ...]
    fill: str


@dataclass(frozen=True, slots=True)
class Text:
    """One line. ``size`` is the height of the font in mm; ``x`` is its left, middle or right end."""

    x: float
    y: float
    text: str
    size: float
    fill: str = INK
    bold: bool = False
    align: Align = "L"


@dataclass(frozen=True, slots=True)
class Code:
    """A QR with its quiet zone."""

    x: float
    y: float
    size: float
    modules: Matrix


Shape = Box | Disc | Polygon | Text | Code


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page in mm. ``title`` names it for whoever opens the file."""

    title: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
