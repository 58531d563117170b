"""Runs of the acceptance form as pages and the judge need them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db.models import QuerySet

from meaoscp.judging import Exchange
from meaoscp.models import AcceptanceRun
from meaoscp.models.acceptance import OPEN_STATES
from stations.models import Charger, Connector, Frame

MOST_FRAMES = 3000
# Kinds of connector that give direct current, by the beginning of their name.
DIRECT = ("CCS", "CHA", "GB/T DC", "DC")


def open_run(charger: Charger) -> AcceptanceRun | None:
    """The run that is under way at a charger."""
    return _runs().filter(charger=charger, state__in=OPEN_STATES).first()


def runs_of(charger: Charger) -> QuerySet[AcceptanceRun]:
    """All runs of a charger, newest first."""
    return _runs().filter(charger=charger).order_by("-id")


def _runs() -> QuerySet[AcceptanceRun]:
    return AcceptanceRun.objects.select_related("charger__station", "card", "stop_card")


def plugs(charger: Charger) -> list[Connector]:
    return list(charger.connectors.filter(connector_id__gt=0).order_by("connector_id"))


def gives_direct_current(connectors: Sequence[Connector]) -> bool:
    """What the start form assumes; the admin may say otherwise."""
    return any(c.kind.upper().startswith(DIRECT) for c in connectors)


def said_since(charger_id: int, since: datetime) -> list[Exchange]:
    """What went over a charger's line from ``since`` on, oldest first, answers with their calls.

    The frame log is written a quarter second behind the replies.
    """
    rows = Frame.objects.filter(charger_id=charger_id, at__gte=since).order_by("at", "id")
    frames = list(rows[:MOST_FRAMES])
    answers = {
        f.message_id: f
        for f in frames
        if f.direction == Frame.Direction.IN and f.kind in (Frame.Kind.RESULT, Frame.Kind.ERROR)
    }
    return [_exchange(f, answers) for f in frames if f.kind == Frame.Kind.CALL]


def _exchange(call: Frame, answers: dict[str, Frame]) -> Exchange:
    inward = call.direction == Frame.Direction.IN
    if inward:
        answer, error = call.answer, call.error
    else:
        reply = answers.get(call.message_id)
        answer, error = (reply.payload, reply.error) if reply else (None, "")
    return Exchange(
        call.at,
        call.message_id,
        inward,
        call.action,
        _object(call.payload) or {},
        None if answer is None else _object(answer),
        error,
    )


def _object(text: str) -> dict[str, Any] | None:
    """A payload as stored: cut where it was too long, so it may not be JSON any more."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


CALL_MARGIN = timedelta(seconds=1)  # between the database's clock and that of the sockets
