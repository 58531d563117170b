"""What a part found, and the table of it all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One goal: what was reached, in words, and whether that is enough."""

    what: str
    goal: str
    reached: str
    passed: bool

    @property
    def verdict(self) -> str:
        return "PASS" if self.passed else "MISS"


@dataclass(frozen=True)
class Part:
    """The rows of one benchmark, and what should be known beside them."""

    name: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())


HEADER = ("what", "goal", "reached", "")


def table(parts: Sequence[Part]) -> str:
    """For a terminal."""
    lines = [HEADER, *(_cells(row) for part in parts for row in part.rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEADER))]
    text = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    notes = [f"{part.name}: {note}" for part in parts for note in part.notes]
    return "\n".join([*(line.rstrip() for line in text), "", *notes])


def markdown(parts: Sequence[Part], about: Sequence[str]) -> str:
    """For docs/benchmarks.md."""
    rows = ["| what | goal | reached | |", "|---|---|---|---|"]
    rows += ["| " + " | ".join(_cells(row)) + " |" for part in parts for row in part.rows]
    notes = [f"- {part.name}: {note}" for part in parts for note in part.notes]
    return "\n".join([*(f"{line}  " for line in about), "", *rows, "", *notes])


def _cells(row: Row) -> tuple[str, str, str, str]:
    return row.what, row.goal, row.reached, row.verdict


BEGIN, END = "<!-- figures: written by make bench ARGS=--write -->", "<!-- end of figures -->"


def write(path: Path, text: str) -> None:
    """Put ``text`` between the markers of ``path``."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
