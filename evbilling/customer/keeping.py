"""Keeping a plug for some minutes: the form, what became of it, and giving it back.

Who reserves is known by a charge that this phone speaks for, else by the whole number of a card:
the last digits alone would let anybody reserve in anybody's name.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from core.audit import Actor
from core.errors import Conflict, DomainError
from evbilling.customer import words
from evbilling.customer.stage import Stage
from evbilling.customer.words import Note
from evbilling.templatetags.ui import moment
from stations.models import ConnectorStatus, RefusedBecause, Reservation, ReservationStatus
from stations.selectors import reservations as reads
from stations.services import card_proof, gate, reservations, visits
from users.models import Card

if TYPE_CHECKING:
    from evbilling.customer.page import Look

CHOICES = (5, 10, 15, 30, 60, 120, 240)


@dataclass(frozen=True, slots=True)
class Offer:
    """The form: how many minutes there are to choose from, and for which card."""

    minutes: list[int]
    card: Card | None


def offer(look: "Look") -> Offer | None:
    """Whether this phone may ask for the plug to be kept."""
    station = look.connector.charger.station
    free = look.connector.status == ConnectorStatus.AVAILABLE and look.place.reservation is None
    if look.stage is not Stage.FREE or not station.customers_reserve or not free:
        return None
    most = station.max_reservation_min
    return Offer([n for n in CHOICES if n < most] + [most], _known_card(look))


def mine(look: "Look") -> Reservation | None:
    """What this phone has reserved here, or tried to a little while ago."""
    kept = look.place.reservation
    if kept is not None:
        return kept if kept.visitor == look.visitor else None
    if not look.connector.charger.station.customers_reserve:
        return None
    return reads.told_to(look.connector, look.visitor)


def note(row: Reservation | None) -> Note | None:
    """What became of this phone's reservation, and what to do now."""
    if row is None:
        return None
    until = moment(row.expires_at)
    if row.status == ReservationStatus.REQUESTED:
        return Note(
            "plug",
            "loader-2",
            _("Asking the charger to keep this plug for you"),
            _("It is yours once the charger has said so. That takes a few seconds."),
        )
    if row.status == ReservationStatus.RESERVED:
        return Note(
            "rsv",
            "calendar-time",
            _("Kept for you until %(time)s") % {"time": until},
            _("Plug in, then hold the same card (%(card)s) to the charger.") % {"card": row.card},
        )
    if row.status == ReservationStatus.REFUSED:
        return Note("bad", "alert-circle", _("This plug could not be kept for you"), _why(row))
    if row.status == ReservationStatus.EXPIRED:
        return Note(
            "plug",
            "clock-hour-4",
            _("Your reservation ended at %(time)s") % {"time": until},
            _("Nothing was charged. The plug is free for everybody again."),
        )
    return None


def reserve(look: "Look", number: str, minutes: str, actor: Actor) -> None:
    """Ask the charger to keep the plug for whoever this phone's person is."""
    found = offer(look)
    if found is None:
        raise Conflict(_("This plug cannot be reserved right now."), code="not_reservable")
    card = found.card or card_proof.prove(look.connector, number, actor=actor)
    holder = card.customer
    if holder is not None:
        station = look.connector.charger.station
        if (no := gate.current().check(station, holder, look.now)) is not None:
            raise DomainError(words.REFUSED.get(no.code, words.REFUSED_OTHERWISE), code=no.code)
        actor = Actor("customer", str(holder.pk), holder.name, actor.address)
    reservations.reserve(
        look.connector.charger,
        look.connector,
        card,
        int(minutes) if minutes.isascii() and minutes.isdigit() else 0,
        actor=actor,
        visitor=look.visitor,
        most_minutes=look.connector.charger.station.max_reservation_min,
    )
    visits.cancel(look.connector, look.visitor)  # an earlier charge's receipt makes way


def give_back(look: "Look", actor: Actor) -> None:
    """Cancel this phone's own reservation. Once it is over there is nothing left to do."""
    row = mine(look)
    if row is not None and row.is_open:
        reservations.cancel(row, actor=actor)


def _known_card(look: "Look") -> Card | None:
    """The card of a charge that this phone has spoken for here."""
    return look.phone.session.card if look.phone.session else None


def _why(row: Reservation) -> str:
    return {
        RefusedBecause.OCCUPIED: _("Another car is there. Use another plug."),
        RefusedBecause.FAULTED: _("The charger has a fault. Use another one."),
        RefusedBecause.UNAVAILABLE: _("The plug is out of service. Use another one."),
        RefusedBecause.OFFLINE: _("The charger lost its connection. Try again in a moment."),
        RefusedBecause.NO_ANSWER: _("The charger did not answer. Try again in a moment."),
    }.get(
        RefusedBecause(row.reason), _("This charger takes no reservations. Just come and charge.")
    )
