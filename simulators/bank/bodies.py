"""Recorded bodies, filled in only where they have a field."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"

Body = dict[str, Any]


def body(recording: str, /, **values: Any) -> Body:
    """A copy of ``recorded/RECORDING.json`` with ``values``; KeyError where it has no such field."""
    return fill(copy.deepcopy(_recorded(recording)), **values)


def fill(into: Body, /, **values: Any) -> Body:
    """Change fields of a body that it has; a dictionary goes into the field's own dictionary."""
    for name, value in values.items():
        if name not in into:
            raise KeyError(f"the recorded {into.get('object', 'body')} has no {name}")
        into[name] = value
    return into


@cache
def _recorded(name: str) -> Body:
    found: Body = json.loads((FOLDER / f"{name}.json").read_text())
    return found
