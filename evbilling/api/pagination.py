"""Lists by cursor: the next page stays the same page while new rows come, and costs no more."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from evbilling.api.errors import BadQuery

PAGE_SIZE, MOST = 50, 500
CURSOR, SIZE = "cursor", "page_size"


@dataclass(frozen=True, slots=True)
class Place:
    """Beside which row a page lies: the row's values of the ordering, and on which side."""

    values: tuple[Any, ...]
    backwards: bool = False

    def __str__(self) -> str:
        parts = [v.isoformat() if isinstance(v, datetime | date) else v for v in self.values]
        return base64.urlsafe_b64encode(orjson.dumps([self.backwards, *parts])).decode().rstrip("=")


def parse(text: str, length: int) -> Place:
    """The place in an address; ``ValueError`` for what nobody was given."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, orjson.JSONDecodeError) as error:
        raise ValueError("no cursor") from error
    if not isinstance(found, list) or len(found) != length + 1:
        raise ValueError("another list's cursor")
    return Place(tuple(found[1:]), bool(found[0]))


class Cursor(BasePagination):
    """``{"results", "next", "previous"}``; ``next`` is the address of the page that follows, or null.

    The view's ``ordering`` goes one way, has an index and ends with the key, so no row is met
    twice and none is passed over, forwards or backwards.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request = request
        self.fields = [name.lstrip("-") for name in view.ordering]
        self.descending = view.ordering[0].startswith("-")
        size = _size(request)
        text = request.query_params.get(CURSOR, "")
        try:
            self.place = parse(text, len(self.fields)) if text else None
            rows = list(self._beside(queryset)[: size + 1])
        except (ValueError, ValidationError):  # a cursor that somebody has made up
            raise BadQuery(CURSOR, _("This cursor leads nowhere.")) from None
        more, rows = len(rows) > size, rows[:size]
        backwards = self.place is not None and self.place.backwards
        if backwards:
            rows.reverse()
        self._set_neighbours(rows, more, backwards)
        return rows

    def _beside(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows on the place's side, the nearest first."""
        place = self.place
        down = self.descending != (place is not None and place.backwards)
        ordered = queryset.order_by(*(f"-{name}" if down else name for name in self.fields))
        if place is None:
            return ordered
        way = "lt" if down else "gt"
        # The first condition is what the index can use; the others settle rows with the same value.
        first = {f"{self.fields[0]}__{way}e": place.values[0]}
        return ordered.filter(**first).filter(_after(self.fields, place.values, way))

    def _set_neighbours(self, rows: Sequence[Any], more: bool, backwards: bool) -> None:
        came_from_there = self.place is not None
        has_next = came_from_there if backwards else more
        has_previous = more if backwards else came_from_there
        self.next = self._place(rows[-1]) if rows and has_next else None
        self.previous = self._place(rows[0], backwards=True) if rows and has_previous else None

    def _place(self, row: Any, *, backwards: bool = False) -> Place:
        return Place(tuple(getattr(row, name) for name in self.fields), backwards)

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self._link(self.next), "previous": self._link(self.previous)}
        return Response({"results": data, **links})

    def _link(self, place: Place | None) -> str | None:
        here = self.request.build_absolute_uri()
        return replace_query_param(here, CURSOR, str(place)) if place is not None else None

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": CURSOR,
                "in": "query",
                "description": "Where a page begins; follow `next` and `previous` instead.",
                "schema": {"type": "string"},
            },
            {
                "name": SIZE,
                "in": "query",
                "description": f"How many at once: {PAGE_SIZE}, at most {MOST}.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
            },
        ]


def _size(request: Request) -> int:
    text = request.query_params.get(SIZE, "")
    if not text:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise BadQuery(SIZE, _("Give a whole number above zero."))
    return min(int(text[:9]), MOST)


def _after(fields: Sequence[str], values: Sequence[Any], way: str) -> Q:
    """Rows beyond ``values`` in the order of ``fields``: (a, b) < (x, y)."""
    found, same = Q(), Q()
    for name, value in zip(fields, values, strict=True):
        found |= same & Q(**{f"{name}__{way}": value})
        same &= Q(**{name: value})
    return found
