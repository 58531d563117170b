"""A charger's configuration as last read: kept, compared with what is wanted, read again.

Whoever asks a charger for its keys or changes one (an admin, a program, commissioning): the answer
is kept here. Orders of others carry a key of the word ``configuration`` for that.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from core import outbox
from core.models import Lease
from stations import configuring
from stations.configuring import Answer, ReadKey, fold
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    CommandStatus,
    Commissioning,
    ConfigurationChange,
    ConfigurationKey,
)
from stations.models.configuration import OPEN_STATES
from stations.services import commands

WORD = "configuration"
READ, CHANGE = "GetConfiguration", "ChangeConfiguration"
READ_EVERY = timedelta(hours=24)
SETTLED = timedelta(minutes=10)  # a charger just back is left alone
MOST_READS = 50  # ordered in one go: every five minutes that is some 14,000 chargers a day
READ_SECONDS = 60  # an old charger takes its time over all keys
MOST_CHANGES = 200  # kept of each charger


def key_for(action: str) -> str | None:
    """The order's key by which its outcome comes here; none for other orders."""
    return f"{WORD}:{uuid.uuid4().hex}" if action in (READ, CHANGE) else None


def setup_of(charger: Charger) -> ChargerSetup:
    """What is known of its configuration as a whole; locked."""
    ChargerSetup.objects.get_or_create(charger=charger)
    return ChargerSetup.objects.select_for_update(of=("self",)).get(charger=charger)


def on_outcome(command: Command) -> None:
    """A reading or change that somebody ordered has been answered: keep what it says."""
    if command.action == READ:
        keep_answer(command)
    elif keep_change(command):
        setup = ChargerSetup.objects.filter(charger_id=command.charger_id).first()
        if setup is not None and setup.commissioned_at is not None:
            # What it made of the value: some round, some say yes and keep the old one.
            read(command.charger, [str(command.payload["key"])], by=command.requested_by)


def read(charger: Charger, keys: list[str], *, by: str) -> Command:
    """Ask a charger for some keys, or for all with none."""
    payload = {"key": keys} if keys else {}
    if not keys:
        ChargerSetup.objects.filter(charger=charger).update(asked_at=timezone.now())
    return commands.request(
        charger, READ, payload, by=by, key=key_for(READ), answer_timeout_s=READ_SECONDS
    )


def keep_answer(command: Command) -> Answer | None:
    """Keep what a GetConfiguration said; None where there was no usable answer."""
    if command.status != CommandStatus.ACCEPTED or not isinstance(command.response, dict):
        return None
    answer = configuring.parse(command.response)
    everything = not command.payload.get("key")
    if everything and not answer.keys:
        return None
    charger, at = command.charger, command.answered_at or timezone.now()
    setup = setup_of(charger)
    gone = {fold(name) for name in answer.unknown}
    if everything:
        # What an earlier answer to "all" held and this one does not; keys that the charger shows
        # only to who asks by name have been read at another time and stay.
        gone |= _read_then(charger, setup.read_at) - configuring.by_key(answer.keys).keys()
        setup.read_at = at
    _store(charger, answer.keys, at=at, by="")
    _forget(charger, gone)
    features = configuring.by_key(answer.keys).get(fold(configuring.FEATURES))
    if features is not None:
        setup.features = configuring.names(features.value)
    setup.save(update_fields=["read_at", "features"])
    _tell(charger)
    return answer


def keep_change(command: Command) -> bool:
    """Keep what came of a ChangeConfiguration; whether the charger took it."""
    key, value = str(command.payload.get("key", "")), str(command.payload.get("value", ""))
    if not key or configuring.is_secret(key):
        return False
    said = word_of(command)
    if command.status not in (CommandStatus.ACCEPTED, CommandStatus.REJECTED):
        return False
    setup = setup_of(command.charger)
    if command.status == CommandStatus.ACCEPTED:
        at = command.answered_at or timezone.now()
        if said == "RebootRequired":
            setup.restart_needed_at = at
        else:
            known = _known(command.charger).get(fold(key))
            taken = ReadKey(known.key if known else key, value, readonly=False)
            _store(command.charger, [taken], at=at, by=command.requested_by or "–")
        setup.refused.pop(fold(key), None)
        setup.save(update_fields=["restart_needed_at", "refused"])
        _tell(command.charger)
    return command.status == CommandStatus.ACCEPTED


def word_of(command: Command) -> str:
    """The charger's own word: the status of its answer, or the code of its error."""
    body = command.response if isinstance(command.response, dict) else {}
    word = body.get("status") or body.get("errorCode") or command.detail
    description = body.get("errorDescription")
    return f"{word}: {description}"[:300] if description else str(word or "")[:300]


def _known(charger: Charger) -> dict[str, ConfigurationKey]:
    return {fold(row.key): row for row in ConfigurationKey.objects.filter(charger=charger)}


def _store(charger: Charger, keys: list[ReadKey], *, at: datetime, by: str) -> None:
    """Write keys as read, and what that changes; the setup is locked."""
    known = _known(charger)
    rows, history = [], []
    for read in keys:
        before = known.get(fold(read.key))
        row = before or ConfigurationKey(charger=charger, key=read.key)
        old = row.value
        row.value, row.readonly, row.read_at = read.value, read.readonly, at
        rows.append(row)
        # The first reading of a key is no change, but our order is one.
        if old != read.value and (before is not None or by):
            change = ConfigurationChange(charger=charger, key=row.key, old=old, new=read.value)
            change.at, change.by = at, by
            history.append(change)
    fresh = [row for row in rows if row._state.adding]
    changed = [row for row in rows if not row._state.adding]
    ConfigurationKey.objects.bulk_create(fresh, ignore_conflicts=True)
    ConfigurationKey.objects.bulk_update(changed, ["value", "readonly", "read_at"])
    if history:
        ConfigurationChange.objects.bulk_create(history)
        _drop_old_changes(charger)


def _drop_old_changes(charger: Charger) -> None:
    rows = ConfigurationChange.objects.filter(charger=charger).order_by("-id")
    last = rows.values_list("pk", flat=True)[MOST_CHANGES : MOST_CHANGES + 1].first()
    if last is not None:
        ConfigurationChange.objects.filter(charger=charger, pk__lte=last).delete()


def _read_then(charger: Charger, read_at: datetime | None) -> set[str]:
    if read_at is None:
        return set()
    rows = ConfigurationKey.objects.filter(charger=charger, read_at=read_at)
    return {fold(key) for key in rows.values_list("key", flat=True)}


def _forget(charger: Charger, gone: set[str]) -> None:
    rows = [row.pk for row in _known(charger).values() if fold(row.key) in gone]
    ConfigurationKey.objects.filter(pk__in=rows).delete()


def _tell(charger: Charger) -> None:
    """Open pages read it again; the tables are the only copy."""
    message = {"kind": "configuration", "subject": charger.pk, "charger": charger.pk}
    message |= {"station": charger.station_id, "company": charger.station.company_id}
    outbox.notify(outbox.CHANNEL, message)


# --- read again, gently ---------------------------------------------------------------------------


def read_due() -> int:
    """Ask chargers whose keys were last asked for a day ago: a few at a time, only where they are
    online since a while, never in the middle of setting one up. How many were asked."""
    now = timezone.now()
    alive = Lease.objects.filter(expires_at__gt=now).values("name")
    busy = Commissioning.objects.filter(state__in=OPEN_STATES).values("charger")
    due = (
        ChargerSetup.objects.filter(
            Q(asked_at__isnull=True) | Q(asked_at__lt=now - READ_EVERY),
            commissioned_at__isnull=False,
            charger__deleted_at__isnull=True,
            charger__connection_holder__in=alive,
            charger__connected_at__lt=now - SETTLED,
        )
        .exclude(charger__in=busy)
        .exclude(charger__booted_at__gt=now - SETTLED)
        .order_by(F("asked_at").asc(nulls_first=True))
    )
    count = 0
    for pk in list(due.values_list("charger_id", flat=True)[:MOST_READS]):
        with transaction.atomic():
            charger = Charger.objects.select_related("station").filter(pk=pk).first()
            if charger is not None:
                read(charger, [], by="evbilling")
                count += 1
    return count
