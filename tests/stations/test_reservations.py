"""Reservations: what the charger says decides, and what it may still hold is taken back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.audit import Actor
from core.errors import DomainError
from core.models import AuditEntry
from stations.clock import Claim, Clock
from stations.models import (
    Charger,
    Connector,
    ConnectorStatus,
    Reservation,
    ReservationStatus,
    Session,
)
from stations.services import authorising, reservations, starting
from tests.factories import a_card, a_charger, a_customer, a_session
from tests.stations.answering import (
    answer,
    callerror,
    comes_back,
    deliver,
    goes_away,
    no_answer,
    waiting,
)
from users.models import Card

pytestmark = pytest.mark.django_db
ADMIN = Actor("admin", "1", "Surasak")


@pytest.fixture
def charger() -> Charger:
    return a_charger(connectors=2, online=True)


@pytest.fixture
def plug(charger: Charger) -> Connector:
    return charger.connectors.get(connector_id=1)


@pytest.fixture
def card(charger: Charger) -> Card:
    return a_member(charger)


def a_member(charger: Charger, **fields: Any) -> Card:
    return a_card(a_customer(charger.station.company, balance=500_00), **fields)


def reserve(plug: Connector, card: Card, minutes: int = 15) -> Reservation:
    return reservations.reserve(plug.charger, plug, card, minutes, actor=ADMIN)


def reserved(plug: Connector, card: Card, minutes: int = 15) -> Reservation:
    made = reserve(plug, card, minutes)
    answer(plug.charger, {"status": "Accepted"}, "ReserveNow")
    return again(made)


def again(row: Reservation) -> Reservation:
    return Reservation.objects.get(pk=row.pk)


def start(
    plug: Connector, id_tag: str, number: int | None = None, at: datetime | None = None
) -> starting.Started:
    now = timezone.now()
    at = at or now
    claim = Claim(at, at, Clock.DEVICE)
    return starting.start_session(
        plug.charger_id,
        starting.Start(plug.connector_id, id_tag, 1_000, at.isoformat(), claim, now, number),
    )


def expire(row: Reservation, ago: timedelta = timedelta(seconds=1)) -> None:
    now = timezone.now()
    Reservation.objects.filter(pk=row.pk).update(
        made_at=now - timedelta(minutes=30), expires_at=now - ago
    )


def sweep() -> None:
    reservations.tidy()
    deliver()


# --- asking ----------------------------------------------------------------------------------------


def test_the_charger_is_asked_with_number_card_group_and_an_end_with_a_zone(
    charger: Charger, plug: Connector
) -> None:
    made = reserve(plug, a_member(charger, parent_id_tag="FAMILY"))
    (order,) = waiting(charger)
    assert order.action == "ReserveNow"
    assert order.payload.keys() == {
        "connectorId",
        "expiryDate",
        "idTag",
        "parentIdTag",
        "reservationId",
    }
    assert (order.payload["connectorId"], order.payload["reservationId"]) == (1, made.number)
    assert order.payload["parentIdTag"] == "FAMILY"
    assert order.payload["expiryDate"].endswith("Z")
    assert parse_datetime(order.payload["expiryDate"]) == made.expires_at
    assert made.status == ReservationStatus.REQUESTED
    assert AuditEntry.objects.get(action="reserve").actor_name == "Surasak"


def test_only_the_chargers_accepted_makes_it_reserved(plug: Connector, card: Card) -> None:
    made = reserve(plug, card)
    assert again(made).status == ReservationStatus.REQUESTED
    answer(plug.charger, {"status": "Accepted"})
    row = again(made)
    assert row.status == ReservationStatus.RESERVED
    assert row.reserved_at is not None


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_every_other_word_of_the_standard_refuses_it_with_that_reason(
    plug: Connector, card: Card, word: str
) -> None:
    made = reserve(plug, card)
    answer(plug.charger, {"status": word})
    row = again(made)
    assert (row.status, row.reason) == (ReservationStatus.REFUSED, word)
    assert waiting(plug.charger) == []
    reserve(plug, card)  # and it is free to be asked again


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NotImplemented", "NotSupported"),
        ("NotSupported", "NotSupported"),
        ("GenericError", "Error"),
    ],
)
def test_a_callerror_refuses_it(plug: Connector, card: Card, code: str, reason: str) -> None:
    made = reserve(plug, card)
    callerror(plug.charger, code)
    assert (again(made).status, again(made).reason) == (ReservationStatus.REFUSED, reason)


def test_without_an_answer_it_is_cancelled_at_the_charger_before_it_is_given_up(
    plug: Connector, card: Card
) -> None:
    made = reserve(plug, card)
    no_answer(plug.charger)
    assert again(made).status == ReservationStatus.REQUESTED
    (order,) = waiting(plug.charger)
    assert (order.action, order.payload) == ("CancelReservation", {"reservationId": made.number})
    answer(plug.charger, {"status": "Rejected"})
    row = again(made)
    assert (row.status, row.reason, row.withdrawal) == ("refused", "NoAnswer", "done")


def test_where_the_cancelling_is_not_answered_either_it_is_tried_again_later(
    plug: Connector, card: Card
) -> None:
    made = reserve(plug, card)
    no_answer(plug.charger)
    no_answer(plug.charger)
    row = again(made)
    assert (row.status, row.withdrawal) == ("refused", "due")
    sweep()
    assert waiting(plug.charger) == []  # not at once
    Reservation.objects.filter(pk=made.pk).update(withdraw_at=timezone.now())
    sweep()
    answer(plug.charger, {"status": "Accepted"})
    assert again(made).withdrawal == "done"


def test_a_line_that_ends_before_the_request_was_seen_refuses_it_as_offline(
    plug: Connector, card: Card
) -> None:
    made = reserve(plug, card)
    goes_away(plug.charger)
    row = again(made)
    assert (row.status, row.reason, row.withdrawal) == ("refused", "offline", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"connection_holder": ""}, "charger_offline"),
        ({"enabled": False}, "closed"),
        ({"protocol": "mqtt"}, "not_reservable"),
    ],
)
def test_a_charger_that_cannot_be_asked_is_not_asked(
    plug: Connector, card: Card, change: dict[str, Any], code: str
) -> None:
    Charger.objects.filter(pk=plug.charger_id).update(**change)
    plug = Connector.objects.get(pk=plug.pk)
    with pytest.raises(DomainError) as refused:
        reserve(plug, card)
    assert refused.value.code == code
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("minutes", [0, -1, 24 * 60 + 1])
def test_minutes_that_make_no_sense_are_refused(plug: Connector, card: Card, minutes: int) -> None:
    with pytest.raises(reservations.BadMinutes):
        reserve(plug, card, minutes)


def test_a_card_that_could_not_charge_cannot_reserve(charger: Charger, plug: Connector) -> None:
    for fields in ({"status": "blocked"}, {"expires_at": timezone.now()}):
        with pytest.raises(reservations.BadCard):
            reserve(plug, a_member(charger, **fields))
    with pytest.raises(reservations.BadCard) as refused:
        reservations.card_of(a_customer(charger.station.company))
    assert refused.value.code == "no_card"


def test_a_connector_is_reserved_once_and_a_card_reserves_once(
    charger: Charger, plug: Connector, card: Card
) -> None:
    reserve(plug, card)
    with pytest.raises(reservations.AlreadyReserved):
        reserve(plug, a_member(charger))
    other = charger.connectors.get(connector_id=2)
    with pytest.raises(reservations.CardHasOne):
        reserve(other, card)
    reservations.reserve(charger, None, a_member(charger), 5, actor=ADMIN)
    with pytest.raises(reservations.AlreadyReserved):
        reservations.reserve(charger, None, a_member(charger), 5, actor=ADMIN)


def test_a_connector_that_charges_cannot_be_reserved(plug: Connector, card: Card) -> None:
    a_session(plug)
    with pytest.raises(reservations.NotReservable):
        reserve(plug, card)


def test_the_database_refuses_what_cannot_be(plug: Connector, card: Card) -> None:
    made = reserve(plug, card)
    for impossible in (
        {"expires_at": made.made_at},
        {"status": "used"},
        {"status": "reserved"},
        {"ended_at": timezone.now()},
        {"status": "odd"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Reservation.objects.filter(pk=made.pk).update(**impossible)


# --- giving up ---------------------------------------------------------------------------------------


def test_cancelling_frees_it_here_at_once_and_at_the_charger(plug: Connector, card: Card) -> None:
    made = reserved(plug, card)
    reservations.cancel(made, actor=ADMIN)
    assert again(made).status == ReservationStatus.CANCELLED
    assert waiting(plug.charger)[0].payload == {"reservationId": made.number}
    answer(plug.charger, {"status": "Accepted"})
    assert again(made).withdrawal == "done"
    with pytest.raises(DomainError):
        reservations.cancel(made, actor=ADMIN)


def test_what_was_cancelled_before_the_charger_accepted_is_cancelled_there_too(
    plug: Connector, card: Card
) -> None:
    made = reserve(plug, card)
    reservations.cancel(made, actor=ADMIN)
    answer(plug.charger, {"status": "Accepted"}, "ReserveNow")
    assert again(made).status == ReservationStatus.CANCELLED
    assert len(waiting(plug.charger, "CancelReservation")) == 1
    answer(plug.charger, {"status": "Accepted"}, "CancelReservation")
    assert (again(made).status, again(made).withdrawal) == ("cancelled", "done")


def test_cancelling_while_the_charger_is_away_is_told_to_it_when_it_is_back(
    plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    goes_away(plug.charger)
    reservations.cancel(made, actor=ADMIN)
    deliver()
    assert (again(made).status, again(made).withdrawal) == ("cancelled", "due")
    sweep()
    assert waiting(plug.charger) == []
    comes_back(plug.charger)
    sweep()
    answer(plug.charger, {"status": "Accepted"}, "CancelReservation")
    assert again(made).withdrawal == "done"


def test_it_expires_and_the_charger_that_did_so_itself_is_left_alone(
    plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    Charger.objects.update(connected_at=timezone.now() - timedelta(hours=1))
    expire(made)
    sweep()
    assert again(made).status == ReservationStatus.EXPIRED
    Reservation.objects.filter(pk=made.pk).update(withdraw_at=timezone.now())
    sweep()
    assert again(made).withdrawal == "done"
    assert waiting(plug.charger) == []


def test_a_charger_whose_clock_is_wrong_is_told_that_it_is_over(
    plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    Charger.objects.update(connected_at=timezone.now() - timedelta(hours=1))
    Connector.objects.filter(pk=plug.pk).update(status=ConnectorStatus.RESERVED)
    expire(made)
    sweep()
    Reservation.objects.filter(pk=made.pk).update(withdraw_at=timezone.now())
    sweep()
    assert waiting(plug.charger)[0].payload == {"reservationId": made.number}


def test_it_expires_also_while_the_charger_is_away_which_is_told_when_it_is_back(
    plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    goes_away(plug.charger)
    expire(made)
    sweep()
    assert again(made).status == ReservationStatus.EXPIRED
    comes_back(plug.charger)
    sweep()
    assert waiting(plug.charger)[0].payload == {"reservationId": made.number}


# --- whose it is ---------------------------------------------------------------------------------------


def test_the_holders_start_uses_it_and_keeps_its_number(plug: Connector, card: Card) -> None:
    made = reserved(plug, card)
    begun = start(plug, card.id_tag.lower(), made.number)
    assert begun.info.status == "Accepted"
    row = again(made)
    assert (row.status, row.session_id) == ("used", begun.session.pk)


def test_a_start_by_tag_alone_uses_it_too(plug: Connector, card: Card) -> None:
    made = reserved(plug, card)
    assert start(plug, card.id_tag).info.status == "Accepted"
    assert again(made).status == ReservationStatus.USED


def test_a_card_of_the_group_may_use_it(charger: Charger, plug: Connector) -> None:
    made = reserved(plug, a_member(charger, parent_id_tag="FAMILY"))
    partner = a_member(charger, parent_id_tag="family")
    assert start(plug, partner.id_tag).info.status == "Accepted"
    assert again(made).status == ReservationStatus.USED


def test_a_foreign_card_is_refused_there_and_the_reservation_stays(
    charger: Charger, plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    foreign = a_member(charger)
    begun = start(plug, foreign.id_tag, made.number)
    assert (begun.info.status, begun.info.reason) == ("Blocked", "reserved")
    assert again(made).status == ReservationStatus.RESERVED
    assert start(charger.connectors.get(connector_id=2), foreign.id_tag).info.status == "Accepted"


def test_a_refused_start_of_the_holder_does_not_use_it_up(
    charger: Charger, plug: Connector
) -> None:
    poor = a_card(a_customer(charger.station.company, balance=500_00))
    made = reserved(plug, poor)
    Card.objects.filter(pk=poor.pk).update(status="blocked")
    assert start(plug, poor.id_tag, made.number).info.status == "Blocked"
    assert again(made).status == ReservationStatus.RESERVED
    Card.objects.filter(pk=poor.pk).update(status="active")
    assert start(plug, poor.id_tag, made.number).info.status == "Accepted"
    assert again(made).status == ReservationStatus.USED


def test_what_is_only_asked_for_keeps_nobody_out(
    charger: Charger, plug: Connector, card: Card
) -> None:
    reserve(plug, card)
    assert start(plug, a_member(charger).id_tag).info.status == "Accepted"


def test_a_start_from_before_the_end_that_comes_late_has_used_it(
    plug: Connector, card: Card
) -> None:
    made = reserved(plug, card)
    expire(made)
    sweep()
    at = timezone.now() - timedelta(minutes=5)
    assert start(plug, card.id_tag, made.number, at).info.status == "Accepted"
    assert again(made).status == ReservationStatus.USED


def test_authorize_says_no_only_where_no_connector_is_left_for_that_card(
    charger: Charger, plug: Connector, card: Card
) -> None:
    foreign = a_member(charger)
    reserved(plug, card)
    assert authorising.authorise(charger.pk, foreign.id_tag).status == "Accepted"
    other = charger.connectors.get(connector_id=2)
    Connector.objects.filter(pk=other.pk).update(status=ConnectorStatus.FAULTED)
    info = authorising.authorise(charger.pk, foreign.id_tag)
    assert (info.status, info.reason) == ("Blocked", "reserved")
    assert authorising.authorise(charger.pk, card.id_tag).status == "Accepted"


def test_one_for_any_connector_keeps_the_last_free_one(charger: Charger, card: Card) -> None:
    made = reservations.reserve(charger, None, card, 15, actor=ADMIN)
    assert waiting(charger)[0].payload["connectorId"] == 0
    answer(charger, {"status": "Accepted"})
    one, two = charger.connectors.order_by("connector_id")
    assert start(one, a_member(charger).id_tag).info.status == "Accepted"
    assert start(two, a_member(charger).id_tag).info.reason == "reserved"
    assert start(two, card.id_tag).info.status == "Accepted"
    assert again(made).status == ReservationStatus.USED
    assert Session.objects.filter(reservation=made).get().connector == two


def test_an_end_that_has_passed_keeps_nobody_out_even_before_the_sweep(
    charger: Charger, plug: Connector, card: Card
) -> None:
    expire(reserved(plug, card))
    assert start(plug, a_member(charger).id_tag).info.status == "Accepted"
