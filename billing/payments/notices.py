"""A webhook's body, read from whoever sent it: bounded depth, and nothing a database would refuse."""

from typing import Any

import orjson

from billing.payments.base import NotANotice


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` is. ``NotANotice`` otherwise."""
    if b"\\u0000" in body:  # PostgreSQL has no such character
        raise NotANotice("no text")
    try:
        found = orjson.loads(body)
    except ValueError:  # also for what is nested too deep
        raise NotANotice("no JSON") from None
    if not isinstance(found, dict):
        raise NotANotice("no JSON object")
    return found
