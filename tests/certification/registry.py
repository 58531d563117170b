"""Which test is which case."""

import importlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_NAME = re.compile(r"test_tc_(\d{3}(?:_\d)?)_[a-z]")


def number_of(test: str) -> str | None:
    """``004_1`` of ``test_tc_004_1_a_session_begins_with_the_card``."""
    found = _NAME.match(test)
    return found.group(1) if found else None


@cache
def in_order() -> tuple[tuple[str, Callable[..., None]], ...]:
    """(number, test) of every case's test, in the order of files and lines."""
    here = Path(__file__).parent
    found = []
    for path in sorted(here.glob("test_*.py")):
        module: Any = importlib.import_module(f"tests.certification.{path.stem}")
        for name, value in vars(module).items():
            if (number := number_of(name)) is not None:
                found.append((number, value))
    return tuple(found)
