"""How values travel: money as decimal strings, energy in Wh, time in UTC, references by key."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.money import to_baht, to_satang
from users.models import Admin

_AMOUNT = re.compile(r"-?\d{1,13}(\.\d{1,2})?", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,40})?", re.ASCII)
_KEY = re.compile(r"\d{1,18}", re.ASCII)
_PLUS_LOST = re.compile(r" (\d\d:?\d\d)$")  # "+07:00" in a query string that nobody has quoted


@extend_schema_field(
    {"type": "string", "pattern": r"^-?\d+(\.\d{1,2})?$", "examples": ["150.00"]},
)
class Money(serializers.Field[int, Any, str, int]):
    """Satang inside, baht with two decimals outside. A JSON number is taken where it is exact."""

    default_error_messages = {
        "bad_amount": _("Enter an amount in baht with at most two decimals, as a string."),
    }

    def to_representation(self, value: int) -> str:
        return f"{to_baht(value):.2f}"

    def to_internal_value(self, data: Any) -> int:
        number = isinstance(data, int | Decimal) and not isinstance(data, bool)
        if not number and not (isinstance(data, str) and _AMOUNT.fullmatch(data)):
            self.fail("bad_amount")
        try:
            return to_satang(data)
        except ValueError:
            self.fail("bad_amount")


@extend_schema_field({"type": "string", "examples": ["7.70"]})
class UnitPrice(serializers.CharField):
    """Baht with up to four decimals, as text; a JSON number is taken as it was written."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(f"{data:f}" if isinstance(data, Decimal) else data)


class Moment(serializers.DateTimeField):
    """A moment in UTC: ``2026-11-20T09:30:00.000000Z``. One without a zone is taken as UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = _PLUS_LOST.sub(r"+\1", value.strip())
        return super().to_internal_value(value)


@extend_schema_field(OpenApiTypes.DOUBLE)
class Number(serializers.DecimalField):
    """A plain quantity (kW, degrees): a JSON number both ways, rounded to the places we keep."""

    def to_internal_value(self, data: Any) -> Decimal:
        number = isinstance(data, int | float | Decimal) and not isinstance(data, bool)
        text = f"{data:f}" if isinstance(data, Decimal) else str(data)
        if (number or isinstance(data, str)) and _PLAIN_NUMBER.fullmatch(text.strip()):
            step = Decimal(1).scaleb(-int(self.decimal_places or 0))
            data = Decimal(text).quantize(step)
        return super().to_internal_value(data)

    def to_representation(self, value: Any) -> Any:
        return None if value is None else float(value)


@extend_schema_field(OpenApiTypes.INT)
class Owned(serializers.PrimaryKeyRelatedField[Any]):
    """A reference by key to one of the caller's own rows: somebody else's does not exist.

    ``rows`` is a selector: admin → queryset.
    """

    default_error_messages = {
        "does_not_exist": _("There is no such object, or it is not yours."),
        "incorrect_type": _("Give its number."),
        "foreign": _("There is no such object, or it is not yours."),
    }

    def __init__(self, rows: Callable[[Admin], QuerySet[Any]] | None = None, **kwargs: Any) -> None:
        self.rows = rows
        if rows is None:
            kwargs["read_only"] = True
        super().__init__(**kwargs)

    def get_queryset(self) -> QuerySet[Any] | None:
        return self.rows(self.context["request"].user) if self.rows is not None else None

    def to_internal_value(self, data: Any) -> Model:
        written = str(data) if isinstance(data, int | str) and not isinstance(data, bool) else ""
        if not _KEY.fullmatch(written):
            self.fail("incorrect_type")
        mine = self.get_queryset()
        row: Model | None = mine.filter(pk=int(written)).first() if mine is not None else None
        if row is not None:
            return row
        somewhere = mine is not None and mine.model.objects.filter(pk=int(written)).exists()
        self.fail("foreign" if somewhere else "does_not_exist")
