"""Strangers at the door: remembered within bounds, never creating a charger.

A flood of made-up ids cannot fill the table: of one network no more than ``MOST_PER_NETWORK`` are
kept and ``MOST_NEW_PER_MINUTE`` are new, and who comes again and again is kept before who came once.
This bounds what we remember, not who may try: a mall is one address with many honest chargers.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from core import audit
from stations.models import Charger, Knock, PresentedPassword

if TYPE_CHECKING:  # links remembers strangers here
    from stations.services.links import Attempt

MOST_KNOCKS = 1_000  # strangers remembered; beyond it the oldest quiet ones make room
MOST_PER_NETWORK = 100
MOST_NEW_PER_MINUTE = 60  # of one network
MOST_ATTEMPTS = 1_000_000  # where the count stands still
SHORTEST, LONGEST = 16, 64  # of a password that can become a charger's
QUIET = timedelta(hours=1)  # not heard of for so long: it may be forgotten
HAMMERING, WRITE_EVERY = 10, timedelta(seconds=1)  # an id that knocks on is written once a second


def remember(
    attempt: "Attempt", known: Charger | None, reason: str, digest: str, now: datetime
) -> None:
    """Remember who was turned away and why; ``digest``: HMAC of the password it presented."""
    # A known one under its own name: an id has many spellings in capitals and small letters.
    name = known.charge_point_id if known else attempt.charge_point_id[:48]
    seen = {"reason": reason, "charger": known, "last_at": now, **_seen(attempt, digest, known)}
    before = Knock.objects.filter(charge_point_id=name).first()
    if before is not None:
        if before.attempts < HAMMERING or now - before.last_at >= WRITE_EVERY:
            attempts = min(before.attempts + 1, MOST_ATTEMPTS)
            Knock.objects.filter(pk=before.pk).update(attempts=attempts, **seen)
    elif known or _has_room(network_of(attempt.address), now):
        _, created = Knock.objects.get_or_create(
            charge_point_id=name, defaults={"first_at": now, **seen}
        )
        if created and known:
            _record(name, attempt, known, reason)


def network_of(address: str) -> str:
    """What an address is counted by: IPv4 as it is, IPv6 by its /64 (one line has all of that)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    if mapped := getattr(found, "ipv4_mapped", None):
        return str(mapped)
    return str(ipaddress.ip_network(f"{found}/64", strict=False).network_address)


def presented(password: str) -> PresentedPassword:
    """Whether what a stranger presented can become its password."""
    if not password:
        return PresentedPassword.NONE
    readable = password.isascii() and password.isprintable()
    if readable and SHORTEST <= len(password) <= LONGEST:
        return PresentedPassword.USABLE
    return PresentedPassword.SHORT


def _record(name: str, attempt: "Attempt", known: Charger, reason: str) -> None:
    address = attempt.address if network_of(attempt.address) else None
    actor = audit.Actor("charger", name[:40], name, address)
    audit.record(actor, "connect", f"charger:{known.pk}", refused=True, new={"reason": reason})


def _seen(attempt: "Attempt", digest: str, known: Charger | None) -> dict[str, str | None]:
    """What is kept of an attempt. The HMAC only of strangers: a wrong password is of no use."""
    kind = presented(attempt.password)
    keep = known is None and kind == PresentedPassword.USABLE
    network = network_of(attempt.address)
    return {
        "address": attempt.address if network else None,
        "network": network,
        "user_agent": attempt.user_agent[:200],
        "password": kind,
        "password_hmac": digest if keep else "",
    }


def _has_room(network: str, now: datetime) -> bool:
    """Whether one more stranger of that network is remembered; room is made where that is fair."""
    strangers = Knock.objects.filter(charger__isnull=True)
    neighbours = strangers.filter(network=network)
    if neighbours.filter(first_at__gt=now - timedelta(minutes=1)).count() >= MOST_NEW_PER_MINUTE:
        return False
    if neighbours.count() >= MOST_PER_NETWORK:
        # Its own neighbours make room: who came but once (made-up ids do), then who is quiet.
        return _forget(neighbours.filter(Q(attempts=1) | _quiet(now)), ("attempts", "last_at"))
    if strangers.count() >= MOST_KNOCKS:
        return _forget(strangers.filter(_quiet(now)), ("last_at",))
    return True


def _quiet(now: datetime) -> Q:
    return Q(last_at__lt=now - QUIET)


def _forget(which: QuerySet[Knock], order: Sequence[str]) -> bool:
    oldest = which.order_by(*order, "pk").values_list("pk", flat=True).first()
    if oldest is None:
        return False
    Knock.objects.filter(pk=oldest).delete()
    return True
