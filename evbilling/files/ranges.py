"""Which bytes a request wants (RFC 9110 §13.1.5, §14)."""

import re
from dataclasses import dataclass

_SPEC = re.compile(r"(\d*)-(\d*)", re.ASCII)
LONGEST = 200  # of the header; an honest one has a fifth of it


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``first`` to ``last``, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


class Unsatisfiable(Exception):
    """The range begins behind the end: 416."""


def wanted(header: str, size: int) -> Span | None:
    """The one range that ``Range`` asks for; None where the whole is to be sent.

    Several ranges, other units and what is no range at all are answered with the whole, as the
    standard lets a server do (§14.2).
    """
    unit, _, text = header.strip().partition("=")
    if unit.strip().lower() != "bytes" or len(header) > LONGEST:
        return None
    found = _SPEC.fullmatch(text.strip())
    if found is None or found[0] == "-":
        return None
    if not found[1]:  # the last n bytes
        length = min(int(found[2]), size)
        if not length:
            raise Unsatisfiable
        return Span(size - length, size - 1)
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return Span(first, last)


def still_same(if_range: str, etag: str, modified: str) -> bool:
    """Whether what the client has a part of is what we have: else it gets the whole (§13.1.5)."""
    return not if_range or if_range.strip() in (etag, modified)
