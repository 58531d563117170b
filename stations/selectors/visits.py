"""What a connector's page shows: the plug, the charge on it, and the phone that looks at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from core.models import Fact
from stations.models import (
    Authorisation,
    Command,
    Connector,
    ConnectorStatus,
    MeterValue,
    Reservation,
    Session,
    SessionStatus,
    Visit,
)
from stations.models.reservation import OPEN_RESERVATION
from stations.selectors import chargers, reservations

NEARBY = 3
STOP_ACTION = "RemoteStopTransaction"


@dataclass(frozen=True, slots=True)
class Place:
    """A plug and how it stands now. ``session`` is the charge that runs on it, whoever's it is."""

    connector: Connector
    online: bool
    several_plugs: bool
    session: Session | None
    reservation: Reservation | None = None

    @property
    def enabled(self) -> bool:
        return self.connector.charger.enabled and self.connector.charger.station.enabled


@dataclass(frozen=True, slots=True)
class Trace:
    """One reading, for the little curve and the battery."""

    at: datetime
    power_w: int | None
    soc: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A card that was said no to while a page waited for it. ``reason`` is a word of ours."""

    at: datetime
    reason: str


def connector_by_code(code: str) -> Connector | None:
    """The plug behind the code of its QR. People also type it, in any case."""
    return (
        _plugs()
        .select_related("charger__station__company", "charger__station__tax_entity")
        .annotate(online=chargers.is_online("charger__connection_holder"))
        .filter(code=code.upper())
        .first()
    )


def place(connector: Connector) -> Place:
    """The plug as it is now; it comes from ``connector_by_code``."""
    return Place(
        connector,
        chargers.online_of(connector),
        connector.charger.connectors.filter(connector_id__gt=0).count() > 1,
        running_on(connector),
        reservations.at_plug(connector),
    )


def running_on(connector: Connector) -> Session | None:
    """The charge on this plug, if one runs."""
    return (
        Session.objects.select_related("live", "card", "customer", "station")
        .filter(connector=connector, status=SessionStatus.ACTIVE, refusal="")
        .first()
    )


def visit_of(connector: Connector, visitor: str) -> Visit | None:
    """What this phone has to do with this plug."""
    if not visitor:
        return None
    found = (
        Visit.objects.select_related("card__customer", "session__live", "session__customer")
        .select_related("session__card")
        .filter(connector=connector, visitor=visitor)
        .first()
    )
    if found is not None:
        found.connector = connector
        if found.session is not None:  # the charge was here: what we have need not be read again
            found.session.connector = connector
            found.session.charger = connector.charger
            found.session.station = connector.charger.station
    return found


def free_nearby(connector: Connector) -> Sequence[Connector]:
    """Other plugs of the station that somebody could use at once, each with its charger's ``plugs``:
    first what fits the same cars."""
    busy = Session.objects.filter(connector=OuterRef("pk"), status=SessionStatus.ACTIVE, refusal="")
    kept = Reservation.objects.filter(connector=OuterRef("pk"), status__in=OPEN_RESERVATION)
    free = (
        _plugs()
        .filter(
            chargers.is_online("charger__connection_holder"),
            ~Exists(busy),
            ~Exists(kept),
            charger__station=connector.charger.station_id,
            charger__enabled=True,
            charger__station__enabled=True,
            status=ConnectorStatus.AVAILABLE,
        )
        .exclude(pk=connector.pk)
        .select_related("charger")
        .annotate(
            plugs=Count("charger__connectors", filter=Q(charger__connectors__connector_id__gt=0))
        )
        .order_by("charger__charge_point_id", "connector_id")
    )
    return sorted(free, key=lambda c: c.kind != connector.kind)[:NEARBY]


def is_newest(session: Session) -> bool:
    """Whether nobody has charged on that plug since."""
    later = Session.objects.filter(
        connector=session.connector_id, started_at__gt=session.started_at
    )
    return not later.exists()


def open_leave(visit: Visit) -> Authorisation | None:
    """The leave to start that this phone's Confirm has given and that still stands."""
    return (
        _leaves(visit)
        .filter(session__isnull=True, cancelled_at__isnull=True, expires_at__gt=timezone.now())
        .first()
    )


def last_leave(visit: Visit) -> Authorisation | None:
    """The newest leave this phone's Confirm has given, whatever became of it."""
    return _leaves(visit).first()


def open_leave_of_phone(connector: Connector, visitor: str) -> Authorisation | None:
    """The leave that a member gave on this phone without a card, and that still stands."""
    return (
        _leaves_of_phone(connector, visitor)
        .filter(session__isnull=True, cancelled_at__isnull=True, expires_at__gt=timezone.now())
        .first()
    )


def last_leave_of_phone(connector: Connector, visitor: str) -> Authorisation | None:
    """The newest such leave, whatever became of it."""
    return _leaves_of_phone(connector, visitor).first()


def last_stop(session: Session, within: timedelta) -> Command | None:
    """The newest order to stop this charge, if it is young enough to say something."""
    since = timezone.now() - within
    orders = session.commands.filter(action=STOP_ACTION, created_at__gte=since)
    return orders.order_by("-pk").first()


def refused_tap(visit: Visit) -> Refused | None:
    """The newest no that a card got here since the page began to wait."""
    told = Fact.objects.filter(
        topic=f"charger:{visit.connector.charger_id}",
        kind="card_tapped",
        subject_id=visit.connector_id,
        at__gte=visit.created_at,
        data__has_key="refused",
    )
    starts = Session.objects.filter(
        connector_id=visit.connector_id, started_received_at__gte=visit.created_at
    ).exclude(refusal="")
    found = [Refused(fact.at, fact.data["refused"]) for fact in told.order_by("-at")[:1]]
    found += [
        Refused(s.started_received_at, s.refusal)
        for s in starts.order_by("-started_received_at")[:1]
    ]
    return max(found, key=lambda r: r.at, default=None)


def trace(session: Session) -> Sequence[Trace]:
    """What the charger said of power and battery during a charge, in time order."""
    rows = MeterValue.objects.filter(session=session).order_by("at", "pk")
    return [Trace(*row) for row in rows.values_list("at", "power_w", "soc")]


def _plugs() -> QuerySet[Connector]:
    """Connectors that a QR may lead to; 0 is the charger as a whole."""
    return Connector.objects.filter(
        connector_id__gt=0,
        charger__deleted_at__isnull=True,
        charger__station__deleted_at__isnull=True,
    )


def _leaves_of_phone(connector: Connector, visitor: str) -> QuerySet[Authorisation]:
    return (
        Authorisation.objects.select_related("customer")
        .filter(connector=connector, visitor=visitor, card__isnull=True, customer__isnull=False)
        .order_by("-pk")
    )


def _leaves(visit: Visit) -> QuerySet[Authorisation]:
    return Authorisation.objects.filter(
        connector=visit.connector_id, card=visit.card_id, created_at__gte=visit.created_at
    ).order_by("-pk")
