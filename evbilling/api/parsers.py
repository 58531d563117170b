"""JSON as it was sent: numbers exact, size and depth bounded, nothing that a database refuses."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MOST_BYTES = 1024 * 1024


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = _("The request is larger than 1 MB.")


class ExactJson(BaseParser):
    """Numbers with a decimal point become ``Decimal``: 0.1 baht is 10 satang, never 0.1000000001."""

    media_type = "application/json"
    number: Any = Decimal

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge
        try:
            found = json.loads(raw.decode(), parse_float=self.number, parse_constant=_refuse)
            if b"\\u" in raw or b"\0" in raw:
                _check_text(found)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ValueError:
            raise ParseError(_("This is not valid JSON.")) from None
        return found


class PlainJson(ExactJson):
    """For payloads that are passed on as they are: chargers know no decimals."""

    number = float


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _check_text(value: Any) -> None:
    """No NUL and no half of a surrogate pair: PostgreSQL stores neither."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("NUL")
        value.encode()
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
