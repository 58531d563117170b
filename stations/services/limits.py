"""Telling a charger what a connector may draw, in the way it takes (design: ``limit``).

The wish is a row; each attempt is a Command with a key, and its outcome moves the row on: taken,
or the next way is tried, or a person hears that nothing worked. So it survives the death of any
process in between. Load management wishes; nothing here waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from stations import configuration, profiles
from stations.devices import Quirks
from stations.models import (
    Charger,
    Command,
    CommandStatus,
    Connector,
    LimitState,
    PowerLimit,
    Session,
    SessionStatus,
)
from stations.profiles import Limit, Purpose, Way
from stations.services import commands, findings
from stations.services.measuring import device_of

WORD = "limit"
BY = "limit"
ANSWER_S = 15
SIX_AMPS = Decimal(6)
ONE_PHASE_W = 7_400  # an AC plug above it has three phases, and may serve a car with one
DIRECT = ("ccs", "chademo", "dc", "gb/t dc")


def wish(
    connector: Connector,
    *,
    amps: Decimal | None = None,
    watts: int | None = None,
    until: datetime | None = None,
    reason: str = "",
) -> PowerLimit:
    """Limit a connector (number 0: the whole charger) from now on; neither unit: lift the limit.

    A newer wish replaces the one before, also while that is still on its way.
    """
    if amps is not None and watts is not None:
        raise ValueError("a limit is in A or in W")
    with transaction.atomic():
        PowerLimit.objects.get_or_create(connector=connector)
        row = _locked(connector_id=connector.pk)
        row.amps, row.watts, row.until, row.reason = amps, watts, until, reason[:120]
        row.wish += 1
        row.tried = 0
        row.wished_at = timezone.now()
        row.state = LimitState.TOLD
        _tell(row)
    return row


def on_outcome(command: Command) -> None:
    """What came of one attempt: taken, the next way, or all of them refused."""
    _word, pk, number, _tried = (command.key or "").split(":")
    row = _locked(pk=int(pk))
    if row.wish != int(number) or row.state != LimitState.TOLD:
        return  # an answer to an older wish
    if command.action == "ClearChargingProfile":
        _cleared(row, command)
    elif command.status == CommandStatus.ACCEPTED:
        _taken(row, command)
    elif command.status in (CommandStatus.OFFLINE, CommandStatus.TIMEOUT):
        row.state = LimitState.UNREACHED
        row.save()
    else:
        _refused(row)


def tell_again(charger_id: int, number: int) -> None:
    """A charge goes on: chargers that forget their limit are told again, not too often (quirk 18)."""
    with transaction.atomic():
        rows = PowerLimit.objects.filter(
            connector__charger_id=charger_id, connector__connector_id__in=(0, number)
        )
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
            _tell_anew(pk)


def tell_after_boot(charger_ids: Sequence[int]) -> None:
    """A charger that has booted may have forgotten its limits, and one that was away missed some."""
    told_since = Q(told_at__gte=F("connector__charger__booted_at")) & ~Q(state=LimitState.UNREACHED)
    rows = PowerLimit.objects.filter(connector__charger__in=charger_ids).exclude(told_since)
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        _tell_anew(pk)


def _tell_anew(pk: int) -> None:
    row = _locked(pk=pk)
    if not (_is_in_force(row) or row.state == LimitState.UNREACHED) or _told_lately(row):
        return
    row.wish += 1
    row.tried = 0
    row.state = LimitState.TOLD
    _tell(row)


def _is_in_force(row: PowerLimit) -> bool:
    limited = row.amps is not None or row.watts is not None
    return limited and (row.until is None or row.until > timezone.now())


def _told_lately(row: PowerLimit) -> bool:
    """Whether the model asks for more time between profiles (some restart on them)."""
    gap = timedelta(seconds=_quirks(row).profile_gap_s)
    return row.told_at is not None and timezone.now() - row.told_at < gap


def _tell(row: PowerLimit) -> None:
    charger = row.connector.charger
    number = row.connector.connector_id
    key = f"{WORD}:{row.pk}:{row.wish}:{row.tried}"
    row.told_at = timezone.now()
    row.save()
    if row.amps is None and row.watts is None:
        _send(charger, "ClearChargingProfile", profiles.clearing(number), key)
        return
    limit, session = limit_of(row), _running(row)
    if limit.is_zero and _quirks(row).zero_limit == "stop":
        _stop(row, session, key)
        return
    payload = profiles.request(
        _way(row, limit, session),
        limit,
        connector=number,
        now=row.told_at,
        transaction_id=session.transaction_id if session else None,
    )
    _send(charger, "SetChargingProfile", payload, key)


def limit_of(row: PowerLimit) -> Limit:
    """The wish as it is said to this device: 0 may have to be 6 A, the least a car can draw."""
    if _quirks(row).zero_limit == "6A" and (row.amps == 0 or row.watts == 0):
        return Limit(SIX_AMPS, None, row.until, _phases(row.connector))
    return Limit(row.amps, row.watts, row.until, _phases(row.connector))


def _ways(row: PowerLimit, limit: Limit, session: Session | None) -> list[Way]:
    return profiles.ways(
        _quirks(row),
        limit,
        whole=row.connector.connector_id == 0,
        charging=session is not None,
        units=profiles.rate_units(_said(row.connector.charger)) or ("A", "W"),
    )


def _way(row: PowerLimit, limit: Limit, session: Session | None) -> Way:
    """The way to try now: that which was taken last, then the others in order."""
    found = _ways(row, limit, session)
    return found[(row.way + row.tried) % len(found)]


def _taken(row: PowerLimit, command: Command) -> None:
    row.state = LimitState.CONFIRMED
    row.confirmed_at = timezone.now()
    if command.action == "SetChargingProfile" and row.tried:
        limit, session = limit_of(row), _running(row)
        found = _ways(row, limit, session)
        taken = (row.way + row.tried) % len(found)
        code = profiles.refused_for(found[row.way % len(found)], found[taken])
        row.way, row.tried = taken, 0
        _note(row, code, applied=_named(found[taken]))
    row.save()


def _refused(row: PowerLimit) -> None:
    limit, session = limit_of(row), _running(row)
    row.tried += 1
    if limit.is_zero and session is not None and row.tried == 1:
        # Not "6 A instead": nobody has said that so much may flow.
        _note(row, "zero_limit_refused", applied="RemoteStopTransaction")
        row.save()
        _stop(row, session, f"{WORD}:{row.pk}:{row.wish}:{row.tried}")
        return
    if row.tried < len(_ways(row, limit, session)):
        _tell(row)
        return
    row.state = LimitState.REFUSED
    row.tried = 0
    row.save()
    _note(row, "limit_refused")


def _cleared(row: PowerLimit, command: Command) -> None:
    """Unknown means that there was none to clear: just as good (OCPP 1.6 §5.3)."""
    gone = command.status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED)
    row.state = LimitState.CONFIRMED if gone else LimitState.UNREACHED
    row.confirmed_at = timezone.now() if gone else row.confirmed_at
    row.save()


def _stop(row: PowerLimit, session: Session | None, key: str) -> None:
    """Nothing may flow: a charge that runs is stopped; without one there is nothing to do."""
    if session is None:
        row.state = LimitState.CONFIRMED
        row.save()
        return
    payload = {"transactionId": session.transaction_id}
    charger = row.connector.charger
    commands.request(charger, "RemoteStopTransaction", payload, by=BY, session=session, key=key)


def _send(charger: Charger, action: str, payload: dict[str, object], key: str) -> None:
    commands.request(charger, action, payload, by=BY, key=key, answer_timeout_s=ANSWER_S)


def _locked(**which: int) -> PowerLimit:
    rows = PowerLimit.objects.select_for_update(of=("self",))
    return rows.select_related("connector__charger__station").get(**which)


def _running(row: PowerLimit) -> Session | None:
    found = Session.objects.filter(status=SessionStatus.ACTIVE, refusal="")
    return found.filter(connector=row.connector).order_by("-pk").first()


def _quirks(row: PowerLimit) -> Quirks:
    return device_of(row.connector.charger).quirks


def _said(charger: Charger) -> dict[str, str]:
    """The charger's configuration as last read."""
    answered = charger.commands.filter(
        action="GetConfiguration", status=CommandStatus.ACCEPTED, payload={}
    ).order_by("-id")
    newest = answered.first()
    return configuration.read(newest.response if newest else None)


def _phases(connector: Connector) -> int:
    """Direct current loads all three phases alike; of AC only small plugs are sure to have one."""
    if any(word in connector.kind.lower() for word in DIRECT):
        return 3
    return 1 if connector.kind and connector.max_power_w <= ONE_PHASE_W else 0


def _note(row: PowerLimit, code: str, applied: str = "") -> None:
    connector = row.connector
    findings.note(connector.charger_id, [code], {"connector": connector.connector_id}, applied)


def _named(way: Way) -> str:
    short = {Purpose.MAX: "Max", Purpose.DEFAULT: "TxDefault", Purpose.TX: "Tx"}[way.purpose]
    return f"{short}, level {way.stack}, {way.kind}, {way.unit}"
