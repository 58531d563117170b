"""Chargers' local authorisation lists, kept in step with the cards by themselves (OCPP 1.6 §3.5).

A change of cards only marks lists as due; a sweep then compares what the charger confirmed with what
it should hold, so a thousand changes are one update. One order is out at a time; its outcome leads to
the next. Whenever it is not sure what the charger holds, its version is read and all is sent anew.
Only stations that have it switched on are concerned; switching it off empties the lists once.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict
from core.models import Fact, Lease
from stations import cardlist
from stations.models import (
    Charger,
    Command,
    CommandStatus,
    ListState,
    ListStep,
    LocalList,
    Protocol,
    Station,
)
from stations.services import commands, listing

WORD = "local_list"
BY = "local list"
SETTLE = timedelta(seconds=1)  # changes come in flocks
BATCH = 20  # lists in one sweep, so that a whole company's update does not hold up the others
USUAL_PART = 100  # cards in one SendLocalList where the charger does not say how many it takes
FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=6)
ANSWER_S = 60
ENABLED, MOST, MOST_SENT, PROFILES = (
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "SendLocalListMaxLength",
    "SupportedFeatureProfiles",
)
PROFILE = "LocalAuthListManagement"


class ListsOff(Conflict):
    code = "lists_off"
    message = _("This station keeps no cards in its chargers. Switch that on first.")


class Busy(Conflict):
    code = "list_busy"
    message = _("An update is on its way to the charger. Wait for its end.")


class Away(Conflict):
    code = "charger_offline"
    message = _("The charger is offline. Its list is brought up to date when it is back.")


# --- what makes a list due -------------------------------------------------------------------------


def on_people_changed(fact: Fact) -> None:
    """Cards or customers of a company have changed: look at its chargers' lists in a moment."""
    look_again(charger__station__company_id=fact.company_id)


def look_again(**which: Any) -> int:
    """Mark lists as due. What waits for another try waits on."""
    rows = LocalList.objects.filter(_in_use(), due_at__isnull=True, **which)
    return rows.exclude(state=ListState.UNSUPPORTED).update(due_at=timezone.now() + SETTLE)


def on_station_changed(station: Station) -> None:
    """The station's rule has changed: its chargers get a list, another one, or an empty one."""
    if station.local_lists:
        chargers = Charger.objects.filter(station=station, protocol=Protocol.OCPP16)
        LocalList.objects.bulk_create(
            [LocalList(charger=charger) for charger in chargers], ignore_conflicts=True
        )
    look_again(charger__station=station)


def on_booted(charger_ids: Sequence[int]) -> None:
    """A charger may have lost its list, or come back from the workshop with another one."""
    keeping = Charger.objects.filter(
        pk__in=charger_ids, station__local_lists=True, protocol=Protocol.OCPP16
    )
    LocalList.objects.bulk_create(
        [LocalList(charger=charger) for charger in keeping.order_by("pk")], ignore_conflicts=True
    )
    rows = LocalList.objects.filter(_in_use(), charger__in=charger_ids)
    rows.exclude(state=ListState.UNSUPPORTED).update(verify=True, due_at=timezone.now())


def forget(charger_ids: Sequence[int]) -> None:
    """Somebody has sent a list by hand: what these chargers hold is no longer known."""
    rows = LocalList.objects.filter(charger__in=charger_ids)
    rows.exclude(state=ListState.UNSUPPORTED).update(state=ListState.UNKNOWN, verify=True)


def _in_use() -> Q:
    """Lists of stations that keep them, and those that must still be emptied."""
    return Q(charger__station__local_lists=True) | Q(version__gt=0)


# --- by hand -----------------------------------------------------------------------------------------


def send_all(charger: Charger, *, actor: audit.Actor) -> LocalList:
    """Send the whole list now, also to a charger that refused before."""
    with transaction.atomic():
        row = _for_person(charger)
        row.state, row.verify, row.tries, row.error = ListState.UNKNOWN, True, 0, ""
        row.limits_at = None
        _record(actor, "send_local_list", charger)
        _advance(row)
    return row


def read_version(charger: Charger, *, actor: audit.Actor) -> LocalList:
    """Ask the charger for its version; where it is not ours, the whole list follows."""
    with transaction.atomic():
        row = _for_person(charger)
        row.verify = True
        _record(actor, "read_local_list_version", charger)
        _advance(row)
    return row


def _for_person(charger: Charger) -> LocalList:
    if not charger.station.local_lists:
        raise ListsOff
    if not commands.holder_of(charger.pk):
        raise Away
    LocalList.objects.get_or_create(charger=charger)
    row = _lock(charger.pk)
    if row.step:
        raise Busy
    return row


# --- step by step ------------------------------------------------------------------------------------


def push_due() -> int:
    """Go on with lists that are due at chargers that can be reached. A sweep."""
    now = timezone.now()
    due = LocalList.objects.filter(
        due_at__lte=now,
        step="",
        charger__deleted_at__isnull=True,
        charger__connection_holder__in=Lease.objects.filter(expires_at__gt=now).values("name"),
    )
    found = list(due.order_by("due_at").values_list("pk", flat=True)[:BATCH])
    for pk in found:
        with transaction.atomic():
            row = (
                due.select_for_update(of=("self",), skip_locked=True)
                .select_related("charger__station")
                .filter(pk=pk)
                .first()
            )
            if row is not None:
                _advance(row)
    return len(found)


def on_answer(command: Command) -> None:
    """An order of ours has its outcome; one that is not the newest is no longer of interest."""
    _word, charger_id, number = (command.key or "").split(":")
    row = _lock(int(charger_id))
    if not row.step or row.orders != int(number):
        return
    step, row.step = ListStep(row.step), ListStep.IDLE
    if command.status == CommandStatus.OFFLINE:
        row.sending, row.due_at = {}, timezone.now()  # it never saw it: again when it is back
    elif command.status == CommandStatus.TIMEOUT:
        row.state, row.verify = _doubtful(row, step), True
        _later(row, "no_answer")
    elif command.status == CommandStatus.ERROR:
        _errored(row, step, command)
    else:
        row.due_at = timezone.now()
        _TAKERS[step](row, command.response if isinstance(command.response, dict) else {})
    if row.due_at is not None and row.due_at <= timezone.now() and command.status in _SPOKEN:
        _advance(row)
    else:
        row.save()


_SPOKEN = (CommandStatus.ACCEPTED, CommandStatus.REJECTED, CommandStatus.ERROR)


def _advance(row: LocalList) -> None:
    """Give the next order, or be content."""
    if row.limits_at is None:
        keys = [ENABLED, MOST, MOST_SENT, PROFILES]
        _order(row, ListStep.LIMITS, "GetConfiguration", {"key": keys})
    elif row.verify:
        _order(row, ListStep.VERSION, "GetLocalListVersion", {})
    else:
        _update(row)


def _update(row: LocalList) -> None:
    """Send what differs, as much as fits in one message; nothing where nothing does."""
    new, row.left_out = listing.wanted(row)
    known = row.state == ListState.KNOWN
    items = cardlist.difference(row.entries, new)
    if known and not items:
        row.due_at, row.tries, row.error = None, 0, ""
        row.save()
        return
    full = not known or row.version == 0 or len(items) > len(new)
    if full:
        items = cardlist.everything(new)
    part = items[: row.most_sent or USUAL_PART]
    row.top_version += 1
    row.sending = {"full": full, "items": part, "version": row.top_version}
    payload: dict[str, Any] = {
        "listVersion": row.top_version,
        "updateType": "Full" if full else "Differential",
    }
    if part:
        payload["localAuthorizationList"] = part
    _order(row, ListStep.SEND, "SendLocalList", payload)


def _order(row: LocalList, step: ListStep, action: str, payload: dict[str, Any]) -> None:
    row.step = step
    row.orders += 1
    row.save()
    commands.request(
        row.charger,
        action,
        payload,
        by=BY,
        key=f"{WORD}:{row.charger_id}:{row.orders}",
        answer_timeout_s=ANSWER_S,
    )


def _took_limits(row: LocalList, answer: dict[str, Any]) -> None:
    keys = {
        str(each.get("key")): each
        for each in answer.get("configurationKey") or []
        if isinstance(each, dict)
    }
    row.limits_at = timezone.now()
    row.most_entries, row.most_sent = _number(keys, MOST), _number(keys, MOST_SENT)
    profiles = str((keys.get(PROFILES) or {}).get("value") or "")
    enabled = keys.get(ENABLED) or {}
    if profiles and PROFILE.lower() not in profiles.lower():
        _unsupported(row)
    elif str(enabled.get("value", "")).lower() == "false" and not enabled.get("readonly"):
        _order(row, ListStep.ENABLE, "ChangeConfiguration", {"key": ENABLED, "value": "true"})
        row.due_at = None


def _took_enable(row: LocalList, answer: dict[str, Any]) -> None:
    if answer.get("status") not in ("Accepted", "RebootRequired"):
        _unsupported(row)


def _took_version(row: LocalList, answer: dict[str, Any]) -> None:
    """-1: it keeps none; 0: its list is empty (§5.10)."""
    said = answer.get("listVersion")
    version = said if isinstance(said, int) and not isinstance(said, bool) else None
    row.checked_at, row.verify = timezone.now(), False
    if version is None or version < 0:
        _unsupported(row)
        return
    row.top_version = max(row.top_version, version)
    if version == 0:
        row.entries, row.version, row.state = {}, 0, ListState.KNOWN
    elif row.state != ListState.KNOWN or version != row.version:
        row.state = ListState.UNKNOWN


def _took_part(row: LocalList, answer: dict[str, Any]) -> None:
    """UpdateStatus (§7.45): Accepted, Failed, NotSupported or VersionMismatch."""
    sent, word = row.sending, str(answer.get("status"))
    row.sending = {}
    if word == "Accepted":
        row.entries = cardlist.applied(row.entries, sent["items"], full=sent["full"])
        row.version = sent["version"]
        row.state, row.error = ListState.KNOWN, ""
        row.pushed_at = row.checked_at = timezone.now()
    elif word == "NotSupported":
        _unsupported(row)
    else:
        # Once more, whole and with a version above its own; then with patience.
        hopeless = sent["full"] and word != "VersionMismatch"
        again = row.tries == 0 and not hopeless
        row.state, row.verify = ListState.UNKNOWN if again else ListState.FAILED, True
        _later(row, f"refused:{word[:40]}")
        if again:
            row.due_at = timezone.now()


_TAKERS = {
    ListStep.LIMITS: _took_limits,
    ListStep.ENABLE: _took_enable,
    ListStep.VERSION: _took_version,
    ListStep.SEND: _took_part,
}


def _errored(row: LocalList, step: ListStep, command: Command) -> None:
    """A CALLERROR. One that will not be read its settings may still take a list."""
    code = command.detail
    if step == ListStep.LIMITS:
        row.limits_at = row.due_at = timezone.now()
    elif code in ("NotImplemented", "NotSupported"):
        _unsupported(row)
    else:
        row.state, row.verify = _doubtful(row, step), True
        _later(row, f"error:{code[:60]}")


def _doubtful(row: LocalList, step: ListStep) -> ListState:
    """A list that was under way may have arrived or not."""
    return ListState.UNKNOWN if step == ListStep.SEND else ListState(row.state)


def _unsupported(row: LocalList) -> None:
    row.state, row.due_at = ListState.UNSUPPORTED, None
    row.error = "not_supported"


def _later(row: LocalList, error: str) -> None:
    row.error = error[:200]
    row.due_at = timezone.now() + min(FIRST_RETRY * 2**row.tries, LAST_RETRY)
    row.tries = min(row.tries + 1, 20)


def _number(keys: dict[str, Any], name: str) -> int | None:
    text = str((keys.get(name) or {}).get("value") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**6 else None


def _lock(charger_id: int) -> LocalList:
    return (
        LocalList.objects.select_for_update(of=("self",))
        .select_related("charger__station")
        .get(pk=charger_id)
    )


def _record(actor: audit.Actor, action: str, charger: Charger) -> None:
    company_id = charger.station.company_id
    audit.record(actor, action, f"charger:{charger.pk}", company_id=company_id)
