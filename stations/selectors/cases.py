"""Cases as pages read them: what waits for a person, and what came of the rest."""

from django.db.models import QuerySet

from stations.models import Case, CaseKind
from stations.selectors import keyset

MOST_OPEN = 200


def open_cases(cases: QuerySet[Case], kind: str = "") -> list[Case]:
    """What waits for a person, the oldest last."""
    found = cases.filter(resolved_at__isnull=True)
    if kind in CaseKind.values:
        found = found.filter(kind=kind)
    found = found.select_related("charger__station", "session", "session__customer")
    return list(found.order_by("-opened_at", "-id")[:MOST_OPEN])


def resolved(
    cases: QuerySet[Case], cursor: keyset.Cursor | None, kind: str = ""
) -> keyset.Page[Case]:
    """What somebody has looked at, newest first."""
    found = cases.filter(resolved_at__isnull=False)
    if kind in CaseKind.values:
        found = found.filter(kind=kind)
    found = found.select_related("charger__station", "session", "session__customer")
    return keyset.page(found, "opened_at", cursor, 30)


def count_open(cases: QuerySet[Case]) -> int:
    return cases.filter(resolved_at__isnull=True).count()


def of_charger(cases: QuerySet[Case], charger_id: int) -> list[Case]:
    """What waits at one charger."""
    return open_cases(cases.filter(charger_id=charger_id))


def of_station(cases: QuerySet[Case], station_id: int) -> list[Case]:
    """What waits at one station."""
    return open_cases(cases.filter(charger__station_id=station_id))
