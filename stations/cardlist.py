"""Which cards a charger should know by itself, and how to tell it (OCPP 1.6 §3.5, §5.15). Pure.

In the list is who may charge while the charger is offline: cards of postpaid customers within their
credit, and of prepaid ones only where the station lends them something. A blocked card of theirs is
listed as Blocked, because the list counts more than what a charger remembers of earlier taps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stations.clock import zulu

ACCEPTED, BLOCKED = "Accepted", "Blocked"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Entries = dict[str, dict[str, str]]  # idTag → IdTagInfo (§7.9) as it is sent


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card with a holder. ``spendable``: satang that the customer has or is lent, less what is owed."""

    id_tag: str
    parent_id_tag: str = ""
    expires_at: datetime | None = None
    blocked: bool = False
    prepaid: bool = True
    spendable: int = 0
    last_used: datetime | None = None


def entry(card: Candidate, offline_credit: int, now: datetime) -> dict[str, str] | None:
    """What the list says of a card; None where it is not to be in it.

    ``offline_credit`` is what the station lends prepaid cards offline, in satang; 0 is nothing.
    """
    if card.prepaid and offline_credit <= 0:
        return None
    if card.expires_at is not None and card.expires_at <= now:
        return None
    lent = offline_credit if card.prepaid else 0
    if not card.blocked and card.spendable + lent <= 0:
        return None
    found = {"status": BLOCKED if card.blocked else ACCEPTED}
    if card.expires_at is not None:
        found["expiryDate"] = zulu(card.expires_at)
    if card.parent_id_tag:
        found["parentIdTag"] = card.parent_id_tag
    return found


def wanted(
    cards: Iterable[Candidate], offline_credit: int, now: datetime, room: int | None
) -> tuple[Entries, int]:
    """The list as it should be, and how many cards found no room in it (LocalAuthListMaxLength).

    Who may charge comes before who may not, then who charged last.
    """
    listed = [(card, found) for card in cards if (found := entry(card, offline_credit, now))]
    listed.sort(key=lambda pair: pair[0].id_tag)
    listed.sort(key=lambda pair: pair[0].last_used or NEVER, reverse=True)
    listed.sort(key=lambda pair: pair[0].blocked)
    kept = listed if room is None else listed[:room]
    return {card.id_tag: found for card, found in kept}, len(listed) - len(kept)


def difference(held: Mapping[str, Any], new: Mapping[str, dict[str, str]]) -> list[dict[str, Any]]:
    """AuthorizationData (§7.1) that turns ``held`` into ``new``: first what goes, as that makes room."""
    gone = [{"idTag": tag} for tag in held if tag not in new]
    return gone + everything({tag: info for tag, info in new.items() if held.get(tag) != info})


def everything(entries: Mapping[str, dict[str, str]]) -> list[dict[str, Any]]:
    """A whole list as AuthorizationData."""
    return [{"idTag": tag, "idTagInfo": info} for tag, info in entries.items()]


def applied(held: Mapping[str, Any], items: Sequence[Mapping[str, Any]], *, full: bool) -> Entries:
    """What a charger holds after it has accepted ``items``."""
    found = {} if full else dict(held)
    for item in items:
        if "idTagInfo" in item:
            found[item["idTag"]] = item["idTagInfo"]
        else:
            found.pop(item["idTag"], None)
    return found
