"""A charger's configuration as it says it (GetConfiguration.conf, OCPP 1.6 §6.24): read leniently. Pure.

Keys come in any case, values as strings, numbers or truth values, lists with spaces and quotes
(quirks 10 and 26).
"""

from collections.abc import Mapping
from typing import Any


def read(answer: Any) -> dict[str, str]:
    """Lower-case key -> value as text, of what can be read of a GetConfiguration.conf."""
    rows = answer.get("configurationKey") if isinstance(answer, Mapping) else None
    found: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get("key"), str):
            found[row["key"].strip().lower()] = as_text(row.get("value"))
    return found


def as_text(value: Any) -> str:
    """A value as the standard would have it: text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value)
    return str(value).strip()


def as_list(text: str) -> list[str]:
    """A comma-separated list without the spaces, quotes and brackets that some put around."""
    return [item for part in text.split(",") if (item := part.strip(" \t\"'[]"))]
