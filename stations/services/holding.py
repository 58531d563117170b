"""Whom a reserved connector is kept for: others are told no, the holder's start uses it up.

Chargers keep foreign cards out by themselves; where one lets them through, we do. A start that is
refused leaves the reservation as it was.
"""

from datetime import datetime
from typing import Any

from django.db.models import Q

from core import outbox
from stations.models import (
    Charger,
    Connector,
    ConnectorStatus,
    Reservation,
    ReservationStatus,
    Session,
    SessionStatus,
    Withdrawal,
)
from stations.models.reservation import OPEN_RESERVATION
from users.models import Card
from users.models.customer import card_key

CANNOT = (ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED)


def is_for(row: Reservation, id_tag: str, card: Card | None) -> bool:
    """The same card, one of its group (parentIdTag), or another card of the same person."""
    if card_key(row.id_tag) == card_key(id_tag):
        return True
    if card is None:
        return False
    group = card_key(row.parent_id_tag)
    return bool(group and group == card_key(card.parent_id_tag)) or (
        card.customer_id == row.customer_id
    )


def in_force(charger_id: int, at: datetime) -> list[Reservation]:
    """What the charger has confirmed for this moment."""
    return list(
        Reservation.objects.filter(
            charger_id=charger_id,
            status=ReservationStatus.RESERVED,
            made_at__lte=at,
            expires_at__gt=at,
        ).order_by("pk")
    )


def keeps_out(connector: Connector, id_tag: str, card: Card | None, at: datetime) -> bool:
    """Whether a start here would take what is kept for somebody else."""
    rows = in_force(connector.charger_id, at)
    if not rows or any(is_for(r, id_tag, card) and _covers(r, connector) for r in rows):
        return False
    if any(r.connector_id == connector.pk for r in rows):
        return True
    for_any = [r for r in rows if r.connector_id is None and not is_for(r, id_tag, card)]
    if not for_any:
        return False
    others = {pk for pk in _free(connector.charger_id, rows) if pk != connector.pk}
    return len(others) < len(for_any)


def keeps_all(charger: Charger, id_tag: str, card: Card | None, at: datetime) -> bool:
    """Whether no connector is left for this card: Authorize does not say which one is meant."""
    rows = in_force(charger.pk, at)
    if not rows or any(is_for(r, id_tag, card) for r in rows):
        return False
    for_any = sum(r.connector_id is None for r in rows)
    return len(_free(charger.pk, rows)) <= for_any


def used_by(session: Session, card: Card | None, number: int | None) -> Reservation | None:
    """Mark the reservation that this start uses, if any. ``number`` is its reservationId.

    One that has expired is still used by a start from before its end that comes late.
    """
    late = Q(number=number or 0, status=ReservationStatus.EXPIRED)
    rows = Reservation.objects.select_for_update(of=("self",)).select_related(
        "charger__station", "connector"
    )
    found = [
        row
        for row in rows.filter(
            late | Q(status__in=OPEN_RESERVATION),
            charger_id=session.charger_id,
            expires_at__gt=session.started_at,
        ).order_by("pk")
        if is_for(row, session.id_tag, card)
        and (row.number == number or _covers(row, session.connector))
    ]
    # Its own number first, then this very connector, then any one.
    found.sort(key=lambda r: (r.number != number, r.connector_id is None))
    if not found:
        return None
    _use(found[0], session)
    return found[0]


def _use(row: Reservation, session: Session) -> None:
    """The charge it was made for has begun; the charger's side ends with it (§5.13)."""
    row.status = ReservationStatus.USED
    row.session = session
    row.ended_at = session.started_received_at
    row.withdrawal = Withdrawal.DONE
    row.save(update_fields=["status", "session", "ended_at", "withdrawal"])
    publish(row)


def publish(row: Reservation) -> None:
    """Tell pages and the timeline."""
    more: dict[str, Any] = {"connector": row.connector_id} if row.connector_id else {}
    outbox.publish(
        "reservation_changed",
        row.pk,
        company_id=row.charger.station.company_id,
        topic=f"charger:{row.charger_id}",
        station=row.charger.station_id,
        charger=row.charger_id,
        status=row.status,
        reason=row.reason,
        until=row.expires_at.isoformat(),
        number=row.connector.connector_id if row.connector else 0,
        **more,
    )


def _covers(row: Reservation, connector: Connector) -> bool:
    return row.connector_id in (None, connector.pk)


def _free(charger_id: int, rows: list[Reservation]) -> set[int]:
    """Connectors where a charge could begin and that are kept for nobody by name."""
    running = Session.objects.filter(
        charger_id=charger_id, status=SessionStatus.ACTIVE, refusal=""
    ).values("connector")
    plugs = Connector.objects.filter(charger_id=charger_id, connector_id__gt=0)
    found = plugs.exclude(status__in=CANNOT).exclude(pk__in=running).values_list("pk", flat=True)
    return set(found) - {r.connector_id for r in rows}
