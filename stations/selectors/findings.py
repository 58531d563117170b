"""What was noticed of a charger, as pages read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from stations.findings import FINDINGS, Explained, Grade
from stations.models import Charger, Command, CommandStatus, Finding, Session

LATELY = timedelta(days=7)
PLUG_WITHIN = timedelta(minutes=2)  # a start that was accepted waits this long for its plug
WAIT_SHOWN = timedelta(minutes=10)
_WORST = (Grade.FAULT, Grade.LOOK, Grade.NOTE)


@dataclass(frozen=True, slots=True)
class Noticed:
    """A finding with what it means; ``lately``: seen within a week."""

    row: Finding
    explained: Explained
    lately: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A start that the charger accepted and that no charge has followed. ``over``: it is too late."""

    connector: int | None
    since: datetime
    until: datetime
    over: bool


def of_charger(charger: Charger) -> list[Noticed]:
    """What matters most first; codes of another version of the product are passed over."""
    since = timezone.now() - LATELY
    found = [
        Noticed(row, FINDINGS[row.code], row.last_at >= since)
        for row in Finding.objects.filter(charger=charger).order_by("-last_at", "-id")
        if row.code in FINDINGS
    ]
    return sorted(found, key=lambda n: (not n.lately, _WORST.index(n.explained.grade)))


def health(charger: Charger, noticed: list[Noticed]) -> str:
    """In one word: "fault", "look", "well", or "unknown" where it has never been here."""
    grades = {n.explained.grade for n in noticed if n.lately}
    if Grade.FAULT in grades:
        return "fault"
    if Grade.LOOK in grades:
        return "look"
    return "well" if charger.last_seen_at else "unknown"


def waiting_for_plug(charger: Charger) -> Waiting | None:
    """A RemoteStartTransaction that was accepted, and then nothing (quirk 55)."""
    now = timezone.now()
    newest = (
        Command.objects.filter(
            charger=charger,
            action="RemoteStartTransaction",
            status=CommandStatus.ACCEPTED,
            answered_at__gt=now - WAIT_SHOWN,
        )
        .order_by("-id")
        .first()
    )
    if newest is None or newest.answered_at is None:
        return None
    began = Session.objects.filter(charger=charger, started_received_at__gte=newest.created_at)
    if began.exists():
        return None
    number = newest.payload.get("connectorId")
    until = newest.answered_at + PLUG_WITHIN
    return Waiting(number, newest.answered_at, until, now > until)
