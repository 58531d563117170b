"""Reservations: asked of the charger, taken back, expired (OCPP 1.6 §3.13, §5.4, §5.13).

A row is the whole procedure, so it survives the death of any process. ``reserved`` is written only
after the charger's Accepted. What the charger may still hold though it is over here (no answer came,
it was away) is a withdrawal: CancelReservation, sent again until the charger has spoken.
"""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from core.models import Lease
from stations.clock import zulu
from stations.models import (
    Charger,
    Command,
    CommandStatus,
    Connector,
    ConnectorStatus,
    Protocol,
    RefusedBecause,
    Reservation,
    ReservationStatus,
    Session,
    SessionStatus,
    Withdrawal,
)
from stations.models.reservation import OPEN_RESERVATION
from stations.services import authorising, commands, holding
from users.models import Card, CardStatus, Customer
from users.services import editing

RESERVE, UNRESERVE = "reserve", "unreserve"
MOST_MINUTES = 24 * 60  # what an admin may keep a connector for
ITSELF = timedelta(seconds=20)  # in which a charger ends a reservation by its own clock
MOST_TRIES = 12  # CancelReservation without an answer, a minute to an hour apart
BATCH = 50


class NotReservable(Conflict):
    """The state of connector, charger or card does not allow it now."""

    code = "not_reservable"


class AlreadyReserved(NotReservable):
    code = "already_reserved"
    message = _("This connector is reserved already.")


class CardHasOne(NotReservable):
    code = "card_has_reservation"
    message = _("This card has a reservation already. Cancel it first.")


class BadMinutes(DomainError):
    code = "bad_minutes"
    message = _("Choose from 1 to %(most)s minutes.")


class BadCard(DomainError):
    """A card that could not charge cannot reserve. Codes: ``unknown_card``, ``card_blocked`` …"""

    code = "bad_card"
    SENTENCES = {
        "unknown_card": _("No card has this number."),
        "card_blocked": _("This card is blocked."),
        "customer_disabled": _("This card is blocked."),
        "card_without_holder": _("This card belongs to nobody yet."),
        "card_expired": _("This card has expired."),
        "no_card": _("This customer has no card that works. Give one first."),
    }

    def __init__(self, code: str, field: str) -> None:
        super().__init__(self.SENTENCES[code], code=code, field=field)


def reserve(
    charger: Charger,
    connector: Connector | None,
    card: Card,
    minutes: int,
    *,
    actor: audit.Actor,
    visitor: str = "",
    most_minutes: int = MOST_MINUTES,
) -> Reservation:
    """Ask the charger to keep ``connector`` (None: any one of it) for ``card`` from now.

    Raises ``NotReservable``, ``BadCard`` or ``BadMinutes``; what the charger says comes later.
    """
    if not 1 <= minutes <= most_minutes:
        raise BadMinutes(field="minutes", most=most_minutes)
    now = timezone.now()
    problem = authorising.identify(card, now)
    if problem.status != authorising.ACCEPTED:
        raise BadCard(problem.reason, "id_tag")
    with transaction.atomic():
        _require_possible(charger, connector)
        made = Reservation(
            number=_next_number(),
            charger=charger,
            connector=connector,
            card=card,
            customer=authorising.holder_of(card),
            id_tag=card.id_tag,
            parent_id_tag=card.parent_id_tag,
            made_by=f"{actor.kind} {actor.name or actor.id}"[:120],
            visitor=visitor,
            made_at=now,
            expires_at=(now + timedelta(minutes=minutes)).replace(microsecond=0),
        )
        taken = AlreadyReserved(field="connector_id")
        with (
            editing.refusing("reservation_one_per_card", CardHasOne(field="id_tag")),
            editing.refusing("reservation_one_for_any", taken),
            editing.refusing("reservation_one_per_connector", taken),
        ):
            made.save()
        commands.request(
            charger, "ReserveNow", _payload(made), by=made.made_by, key=f"{RESERVE}:{made.pk}"
        )
        _record(actor, "reserve", made)
        holding.publish(made)
    return made


def card_of(customer: Customer) -> Card:
    """The card that a reservation for ``customer`` is made with: the newest that works."""
    now = timezone.now()
    found = Card.objects.filter(customer=customer, status=CardStatus.ACTIVE).exclude(
        expires_at__lte=now
    )
    card = found.select_related("customer").order_by("-pk").first()
    if card is None:
        raise BadCard("no_card", "customer")
    return card


def cancel(reservation: Reservation, *, actor: audit.Actor) -> Reservation:
    """Give the connector free again, here at once and at the charger as soon as it can be told."""
    with transaction.atomic():
        row = lock(reservation.pk)
        if not row.is_open:
            raise Conflict(_("This reservation is over already."), code="not_open")
        _end(row, ReservationStatus.CANCELLED, by=actor.name or actor.kind)
        _withdraw(row)
        _record(actor, "cancel_reservation", row)
        holding.publish(row)
    return row


# --- what the charger answers -----------------------------------------------------------------------


def on_reserve_answer(command: Command) -> None:
    """ReserveNow has its outcome. Without an answer the charger may hold it: that is taken back."""
    row = lock(_subject(command))
    if command.status == CommandStatus.ACCEPTED:
        _accepted(row)
    elif row.status == ReservationStatus.REQUESTED and command.status == CommandStatus.TIMEOUT:
        row.reason = RefusedBecause.NO_ANSWER
        row.save(update_fields=["reason"])
        _withdraw(row)
    elif row.status == ReservationStatus.REQUESTED:
        row.reason = _reason(command)
        _end(row, ReservationStatus.REFUSED, by="charger")
        holding.publish(row)
    elif row.status != ReservationStatus.USED and command.status != CommandStatus.TIMEOUT:
        _set(row, Withdrawal.DONE)  # it never took what was cancelled meanwhile


def _accepted(row: Reservation) -> None:
    if row.status == ReservationStatus.REQUESTED:
        row.status = ReservationStatus.RESERVED
        row.reserved_at = timezone.now()
        row.save(update_fields=["status", "reserved_at"])
        holding.publish(row)
    elif row.status != ReservationStatus.USED and row.withdrawal in (
        Withdrawal.NONE,
        Withdrawal.DONE,
    ):
        _withdraw(row)  # over here before the charger spoke


def on_withdraw_answer(command: Command) -> None:
    """CancelReservation has its outcome. ``Rejected`` means that the charger knows no such one."""
    row = lock(_subject(command))
    if row.withdrawal != Withdrawal.SENT or command.key != _withdraw_key(row):
        return
    if row.status == ReservationStatus.REQUESTED:
        _end(row, ReservationStatus.REFUSED, by="charger")
        holding.publish(row)
    if command.status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED):
        _set(row, Withdrawal.DONE)
    elif command.status == CommandStatus.OFFLINE:
        _set(row, Withdrawal.DUE, timedelta())
    elif row.withdraw_tries >= MOST_TRIES:
        _set(row, Withdrawal.FAILED)
    else:
        _set(row, Withdrawal.DUE, timedelta(seconds=min(30 * 2**row.withdraw_tries, 3600)))


def _reason(command: Command) -> RefusedBecause:
    if command.status == CommandStatus.OFFLINE:
        return RefusedBecause.OFFLINE
    answer = command.response if isinstance(command.response, dict) else {}
    if command.status == CommandStatus.ERROR:
        unknown = answer.get("errorCode") in ("NotImplemented", "NotSupported")
        return RefusedBecause.NOT_SUPPORTED if unknown else RefusedBecause.ERROR
    word = str(answer.get("status"))
    return RefusedBecause(word) if word in RefusedBecause.values else RefusedBecause.REJECTED


# --- time ----------------------------------------------------------------------------------------------


def tidy() -> int:
    """End what has expired, take back what is due at chargers that can be reached. A sweep."""
    now = timezone.now()
    over = Reservation.objects.filter(status__in=OPEN_RESERVATION, expires_at__lte=now)
    due = Reservation.objects.filter(
        withdrawal=Withdrawal.DUE,
        withdraw_at__lte=now,
        charger__connection_holder__in=Lease.objects.filter(expires_at__gt=now).values("name"),
    )
    return _each(over, _expire) + _each(due, _take_back)


def _each(rows: QuerySet[Reservation], do: Callable[[Reservation], None]) -> int:
    """Row by row, each in its own transaction; another deliverer's rows are left to it."""
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    for pk in found:
        with transaction.atomic():
            row = (
                rows.select_for_update(of=("self",), skip_locked=True)
                .select_related("charger__station", "connector")
                .filter(pk=pk)
                .first()
            )
            if row is not None:
                do(row)
    return len(found)


def _expire(row: Reservation) -> None:
    """Over here at once. The charger ends it by its own clock, unless that is wrong or it is away."""
    held = row.withdrawal == Withdrawal.NONE
    _end(row, ReservationStatus.EXPIRED, by="time")
    if held:
        away = not commands.holder_of(row.charger_id)
        _set(row, Withdrawal.DUE, timedelta() if away else ITSELF)
    holding.publish(row)


def _take_back(row: Reservation) -> None:
    if row.status == ReservationStatus.EXPIRED and _gone_by_itself(row):
        _set(row, Withdrawal.DONE)
    else:
        _withdraw(row)


def _gone_by_itself(row: Reservation) -> bool:
    """The line has been up since before the end, and no plug of it is said to be reserved."""
    up_since = row.charger.connected_at
    if up_since is None or up_since > row.expires_at:
        return False
    plugs = Connector.objects.filter(charger=row.charger, status=ConnectorStatus.RESERVED)
    if row.connector_id is not None:
        plugs = plugs.filter(pk=row.connector_id)
    return not plugs.exists()


# --- parts -----------------------------------------------------------------------------------------------


def lock(pk: int) -> Reservation:
    return (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("charger__station", "connector", "card")
        .get(pk=pk)
    )


def _require_possible(charger: Charger, connector: Connector | None) -> None:
    """What we know ourselves; the rest is the charger's to say."""
    if charger.protocol != Protocol.OCPP16:
        raise NotReservable(_("This charger's protocol has no reservations."))
    if not (charger.enabled and charger.station.enabled):
        raise NotReservable(_("This charger is closed for service."), code="closed")
    if not commands.holder_of(charger.pk):
        raise NotReservable(
            _("The charger is offline, so nothing can be reserved. Try again when it is back."),
            code="charger_offline",
        )
    if connector is None:
        return
    Connector.objects.select_for_update().get(pk=connector.pk)
    running = Session.objects.filter(connector=connector, status=SessionStatus.ACTIVE, refusal="")
    if running.exists():
        raise NotReservable(_("A car is charging here."), code="charging_now", field="connector_id")


def _payload(row: Reservation) -> dict[str, object]:
    parent = {"parentIdTag": row.parent_id_tag} if row.parent_id_tag else {}
    return {
        "connectorId": row.connector.connector_id if row.connector else 0,
        "expiryDate": zulu(row.expires_at),
        "idTag": row.id_tag,
        "reservationId": row.number,
        **parent,
    }


def _withdraw(row: Reservation) -> None:
    """CancelReservation now; one that finds the charger away is due again when it is back."""
    row.withdraw_tries += 1
    _set(row, Withdrawal.SENT)
    commands.request(
        row.charger,
        "CancelReservation",
        {"reservationId": row.number},
        by=row.made_by,
        key=_withdraw_key(row),
    )


def _withdraw_key(row: Reservation) -> str:
    return f"{UNRESERVE}:{row.pk}:{row.withdraw_tries}"


def _set(row: Reservation, withdrawal: Withdrawal, wait: timedelta | None = None) -> None:
    row.withdrawal = withdrawal
    row.withdraw_at = timezone.now() + wait if wait is not None else None
    row.save(update_fields=["withdrawal", "withdraw_at", "withdraw_tries"])


def _end(row: Reservation, status: ReservationStatus, *, by: str) -> None:
    row.status = status
    row.ended_at = timezone.now()
    row.ended_by = by[:120]
    row.save(update_fields=["status", "reason", "ended_at", "ended_by"])


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('stations_reservation_number')")
        return int(cursor.fetchone()[0])


def _subject(command: Command) -> int:
    return int((command.key or "").split(":")[1])


def _record(actor: audit.Actor, action: str, row: Reservation) -> None:
    audit.record(
        actor,
        action,
        f"charger:{row.charger_id}",
        company_id=row.charger.station.company_id,
        new={
            "reservation": row.number,
            "connector": row.connector.connector_id if row.connector else 0,
            "card": str(row.card),
            "until": row.expires_at.isoformat(),
        },
    )
