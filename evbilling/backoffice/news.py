"""What happened lately, over all chargers, in one line each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from core.models import Fact
from evbilling.backoffice.board import Seen
from evbilling.backoffice.timeline import Happening, happenings
from evbilling.states import STATES
from stations.models import ConnectorStatus

LATELY = timedelta(hours=24)
# What is told by another fact already: a charge's start and end say that a plug began and stopped.
SILENT_STATUSES = (ConnectorStatus.CHARGING, ConnectorStatus.AVAILABLE)
KINDS = (
    "charger_online",
    "charger_offline",
    "connector_changed",
    "session_started",
    "session_ended",
    "session_billed",
    "case_opened",
)


@dataclass(frozen=True, slots=True)
class Item:
    """A happening with the plug it happened at."""

    name: str
    happening: Happening


def recent(
    facts: QuerySet[Fact], seen: Sequence[Seen], stations: list[int] | None, most: int
) -> list[Item]:
    """The newest facts of a company, within ``stations`` where not all may be seen."""
    since = timezone.now() - LATELY
    found = facts.filter(at__gte=since, kind__in=KINDS).exclude(
        kind="connector_changed", data__status__in=SILENT_STATUSES
    )
    if stations is not None:
        found = found.filter(data__station__in=stations)
    found = found.exclude(Q(kind="connector_changed") & Q(data__number=0))
    names = _names(seen)
    items = []
    for fact in found.order_by("-id")[:most]:
        name = names.get(("connector", fact.data.get("connector") or 0)) or names.get(
            ("charger", fact.data.get("charger") or 0), ""
        )
        items += [Item(name, _short(fact, happening)) for happening in happenings([fact])]
    return items


def _short(fact: Fact, happening: Happening) -> Happening:
    """The plug's name stands before it, so its number need not."""
    state = STATES.get(str(fact.data.get("status"))) if fact.kind == "connector_changed" else None
    return replace(happening, text=str(state.word)) if state else happening


def _names(seen: Sequence[Seen]) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    for one in seen:
        connector = one.plug.connector
        found[("connector", connector.pk)] = one.name
        found[("charger", connector.charger_id)] = connector.charger.charge_point_id
    return found
