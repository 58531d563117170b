"""Chargers and their plugs as pages read them: who is online, what runs, who knocked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from core.models import Fact, Lease
from stations.models import Charger, Command, Connector, Knock, Session, SessionStatus
from users.models import Card

STALE_AFTER = timedelta(seconds=90)  # a reading older than this is no longer what flows now
KNOCK_DAYS = 7
MOST_FACTS = 60
MOST_CARDS = 200


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector with what it is doing now. ``last`` is the charge before, where one is known."""

    connector: Connector
    online: bool
    session: Session | None = None
    last: Session | None = None

    @property
    def power_w(self) -> int:
        """Power drawn now; nothing where the charger is away or has been silent too long."""
        if not self.online or self.session is None or self.stale:
            return 0
        return max(self.session.live.power_w or 0, 0)

    @property
    def stale(self) -> bool:
        """Whether the newest reading is too old to be called live."""
        if self.session is None:
            return False
        return timezone.now() - self.session.live.received_at > STALE_AFTER


@dataclass(frozen=True, slots=True)
class ChargerRow:
    """A charger in the list with its plugs."""

    charger: Charger
    online: bool
    plugs: list[Connector]


def with_online(chargers: QuerySet[Charger]) -> QuerySet[Charger]:
    """``chargers`` with their station and whether they are online (``online_of``)."""
    return chargers.select_related("station").annotate(online=is_online())


def is_online(holder: str = "connection_holder") -> Exists:
    """Whether a living process holds the line: one that died took its chargers offline with it."""
    return Exists(Lease.objects.filter(name=OuterRef(holder), expires_at__gt=timezone.now()))


def listed(chargers: QuerySet[Charger]) -> list[ChargerRow]:
    """All of them in the order people look for them: by station, then by name on the sticker."""
    found = list(
        with_online(chargers).order_by("station__sort_key", "station_id", "charge_point_id")
    )
    plugs_of: dict[int, list[Connector]] = {}
    rows = Connector.objects.filter(charger__in=found, connector_id__gt=0)
    for plug in rows.order_by("charger_id", "connector_id"):
        plugs_of.setdefault(plug.charger_id, []).append(plug)
    return [ChargerRow(c, online_of(c), plugs_of.get(c.pk, [])) for c in found]


def online_of(row: Charger | Connector) -> bool:
    """What ``is_online`` has found for a row that was read with it."""
    return bool(getattr(row, "online", False))


def plugs(connectors: Iterable[Connector], *, with_last: bool = False) -> list[Plug]:
    """Connectors with the charges that run on them. One query more with ``with_last``."""
    rows = list(connectors)
    running = _running(rows)
    last = _last(rows) if with_last else {}
    return [Plug(row, online_of(row), running.get(row.pk), last.get(row.pk)) for row in rows]


def connectors_of(charger_ids: Iterable[int]) -> QuerySet[Connector]:
    """The plugs people see (number 0 is the charger as a whole), each with ``online``."""
    return (
        Connector.objects.filter(charger_id__in=list(charger_ids), connector_id__gt=0)
        .select_related("charger__station")
        .annotate(online=is_online("charger__connection_holder"))
        .order_by("charger__charge_point_id", "connector_id")
    )


def _running(connectors: list[Connector]) -> dict[int, Session]:
    """The charge of each plug; one that was refused only where no other runs there."""
    found = (
        Session.objects.filter(status=SessionStatus.ACTIVE, connector__in=connectors)
        .select_related("live", "customer", "card")
        .order_by("-refusal", "pk")
    )
    return {session.connector_id: session for session in found}


def _last(connectors: list[Connector]) -> dict[int, Session]:
    """The newest ended charge of each plug among the charger's last few: more is history's job."""
    found: dict[int, Session] = {}
    for charger_id in {c.charger_id for c in connectors}:
        recent = Session.objects.filter(charger_id=charger_id).order_by("-started_at", "-id")[:12]
        for session in recent:
            if session.status == SessionStatus.ENDED:
                found.setdefault(session.connector_id, session)
    return found


def timeline(charger: Charger, since: datetime) -> list[Fact]:
    """What happened at a charger since then, newest first."""
    facts = Fact.objects.filter(topic=f"charger:{charger.pk}", at__gte=since)
    return list(facts.order_by("-at", "-id")[:MOST_FACTS])


def commands(charger: Charger, most: int = 8) -> list[Command]:
    """The last orders, newest first."""
    return list(charger.commands.order_by("-id")[:most])


def cards(cards: QuerySet[Card]) -> list[Card]:
    """Cards to start a charge with, by holder."""
    found = cards.filter(customer__isnull=False).select_related("customer")
    return list(found.order_by("customer__sort_key", "pk")[:MOST_CARDS])


def strangers() -> list[Knock]:
    """Chargers at the door that nobody has set up. They belong to no company yet."""
    since = timezone.now() - timedelta(days=KNOCK_DAYS)
    found = Knock.objects.filter(charger__isnull=True, last_at__gte=since)
    return list(found.order_by("-last_at")[:20])


def wrong_passwords(charger: Charger) -> Knock | None:
    """The newest attempt to be this charger that was turned away, within a week."""
    since = timezone.now() - timedelta(days=KNOCK_DAYS)
    by_id = Q(charger=charger) | Q(charge_point_id__iexact=charger.charge_point_id)
    found = Knock.objects.filter(by_id, last_at__gte=since).exclude(reason="unknown")
    return found.order_by("-last_at").first()
