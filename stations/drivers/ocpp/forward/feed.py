"""What is to be copied, from the database: frames in order, charges whose frames a crash has eaten.

The frame log is the queue. It is written behind and may lose a second in a crash, so starts and
stops are also looked for among the charges themselves, and statuses among the connectors.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from stations.drivers.ocpp.handlers.answers import zulu
from stations.drivers.ocpp.handlers.presence import ERROR_CODES
from stations.models import (
    Charger,
    Command,
    CommandStatus,
    Connector,
    Forward,
    ForwardedSession,
    ForwardMode,
    Session,
    SessionStatus,
)
from stations.models.command import OPEN
from stations.selectors.chargers import is_online

AT_ONCE = 100  # frames of one charger in one look
# The log is written a moment behind, and by another process after a charger has moved.
LOOK_BACK = timedelta(seconds=2)
LOG_IS_BEHIND = timedelta(seconds=5)
MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """One forward as its link needs it. ``owes``: a start or stop of a charge is still to be sent."""

    pk: int
    charger_id: int
    charge_point_id: str
    url: str
    identity: str
    password_sealed: str
    ca_pem: str
    commands: bool
    enabled: bool
    private: bool
    since: datetime
    changed_at: datetime
    asked_at: datetime | None
    tried_at: datetime | None
    cursor_at: datetime
    state: str
    wishes: dict[str, str]
    online: bool
    owes: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """One CALL of the charger with our answer, as the log holds them."""

    id: int
    at: datetime
    action: str
    payload: str
    answer: str | None


@dataclass(slots=True)
class Sent:
    """A charge as that side knows it."""

    pk: int
    session_id: int
    transaction_id: int
    their_id: int | None
    started: bool
    stopped: bool
    gave_up: bool

    @property
    def known_there(self) -> bool:
        return self.started and self.their_id is not None


@dataclass(frozen=True, slots=True)
class Stored:
    """What we know of a charger without asking it."""

    boot: dict[str, Any]
    statuses: list[dict[str, Any]] = field(default_factory=list)


def targets() -> list[Target]:
    """Every forward of a living charger."""
    rows = (
        Forward.objects.filter(charger__deleted_at__isnull=True)
        .annotate(online=is_online("charger__connection_holder"), owes=_owes())
        .select_related("charger")
        .order_by("pk")
    )
    return [_target(row) for row in rows]


def _target(row: Any) -> Target:
    return Target(
        pk=row.pk,
        charger_id=row.charger_id,
        charge_point_id=row.charger.charge_point_id,
        url=row.url,
        identity=row.identity,
        password_sealed=row.password_sealed,
        ca_pem=row.ca_pem,
        commands=row.mode == ForwardMode.COMMANDS,
        enabled=row.enabled,
        private=row.private,
        since=row.since,
        changed_at=row.changed_at,
        asked_at=row.asked_at,
        tried_at=row.tried_at,
        cursor_at=row.cursor_at,
        state=row.state,
        wishes=row.wishes,
        online=row.online,
        owes=row.owes,
    )


def _owes() -> Exists:
    """A charge whose start or whose stop that side has not been told."""
    told = ForwardedSession.objects.filter(session=OuterRef("pk"), forward=OuterRef(OuterRef("pk")))
    done = told.filter(Q(gave_up=True) | Q(stopped_at__isnull=False))
    begun = told.filter(started_at__isnull=False)
    charges = Session.objects.filter(
        charger=OuterRef("charger"), started_received_at__gte=OuterRef("since")
    )
    return Exists(charges.exclude(Exists(done)).exclude(Exists(begun), status=SessionStatus.ACTIVE))


def frames(wanted: list[tuple[int, datetime, list[int]]]) -> dict[int, list[Copied]]:
    """CALLs of chargers: (charger, not before, ids that are dealt with) → the next ones in order."""
    found: dict[int, list[Copied]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT w.charger, f.id, f.at, f.action, f.payload, f.answer
              FROM jsonb_to_recordset(%s::jsonb) AS w(charger bigint, since timestamptz, seen bigint[]),
                   LATERAL (SELECT * FROM stations_frame f
                             WHERE f.charger_id = w.charger AND f.at >= w.since
                               AND f.direction = 'in' AND f.kind = 'call' AND f.id <> ALL(w.seen)
                             ORDER BY f.at, f.id LIMIT %s) f
             ORDER BY w.charger, f.at, f.id
            """,
            [
                orjson.dumps(
                    [{"charger": c, "since": at.isoformat(), "seen": s} for c, at, s in wanted]
                ).decode(),
                AT_ONCE,
            ],
        )
        for charger, *row in cursor.fetchall():
            found.setdefault(charger, []).append(Copied(*row))
    return found


def stored(charger_id: int) -> Stored:
    """BootNotification as the charger last said it, and how its connectors stand."""
    charger = Charger.objects.get(pk=charger_id)
    boot = {
        "chargePointVendor": charger.vendor[:20] or "unknown",
        "chargePointModel": charger.model[:20] or "unknown",
    }
    boot |= {camel(k): v for k, v in charger.boot_info.items() if camel(k) in BOOT_FIELDS}
    plugs = Connector.objects.filter(charger_id=charger_id).order_by("connector_id")
    return Stored(boot, [_status(plug) for plug in plugs])


def settled_statuses(charger_id: int) -> list[dict[str, Any]]:
    """How connectors have stood for a while: what the log has lost shows here."""
    plugs = Connector.objects.filter(
        charger_id=charger_id, status_at__lt=timezone.now() - LOG_IS_BEHIND
    )
    return [_status(plug) for plug in plugs.order_by("connector_id")]


BOOT_FIELDS = frozenset(
    {
        "chargePointVendor",
        "chargePointModel",
        "chargePointSerialNumber",
        "chargeBoxSerialNumber",
        "firmwareVersion",
        "iccid",
        "imsi",
        "meterSerialNumber",
        "meterType",
    }
)


def camel(name: str) -> str:
    """charge_point_vendor → chargePointVendor."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _status(plug: Connector) -> dict[str, Any]:
    found: dict[str, Any] = {
        "connectorId": plug.connector_id,
        "status": plug.status,
        "errorCode": plug.error_code if plug.error_code in ERROR_CODES else "OtherError",
        "timestamp": zulu(plug.status_at),
    }
    if plug.info:
        found["info"] = plug.info[:50]
    if plug.vendor_error_code:
        found["vendorErrorCode"] = plug.vendor_error_code[:50]
    return found


# --- charges ---------------------------------------------------------------------------------------


def charge(target: Target, transaction_id: int, *, begin: bool = False) -> Sent | None:
    """How far a charge of ours has got there. ``begin`` notes that its start is being tried.

    None: no charge of this charger, or one from before the forward began.
    """
    session = Session.objects.filter(
        charger_id=target.charger_id,
        transaction_id=transaction_id,
        started_received_at__gte=target.since,
    ).first()
    if session is None:
        return None
    if begin:
        row, _ = ForwardedSession.objects.get_or_create(forward_id=target.pk, session=session)
    else:
        found = ForwardedSession.objects.filter(forward_id=target.pk, session=session).first()
        if found is None:
            return None
        row = found
    return _sent(row, transaction_id)


def by_their_number(target: Target, their_id: int) -> Sent | None:
    """The charge that side means; the newest, where it has used a number twice."""
    row = (
        ForwardedSession.objects.filter(forward_id=target.pk, their_id=their_id)
        .select_related("session")
        .order_by("-pk")
        .first()
    )
    return _sent(row, row.session.transaction_id) if row else None


def _sent(row: ForwardedSession, transaction_id: int) -> Sent:
    return Sent(
        row.pk,
        row.session_id,
        transaction_id,
        row.their_id,
        row.started_at is not None,
        row.stopped_at is not None,
        row.gave_up,
    )


def started(sent: Sent, their_id: int) -> None:
    ForwardedSession.objects.filter(pk=sent.pk).update(
        their_id=their_id, started_at=timezone.now(), attempts=0
    )


def stopped(sent: Sent) -> None:
    ForwardedSession.objects.filter(pk=sent.pk).update(stopped_at=timezone.now())


def failed(sent: Sent) -> bool:
    """That side refused it, or did not answer though its line was open. True: enough is enough."""
    ForwardedSession.objects.filter(pk=sent.pk).update(attempts=F("attempts") + 1)
    spent = ForwardedSession.objects.filter(pk=sent.pk, attempts__gte=MOST_ATTEMPTS)
    return bool(spent.update(gave_up=True))


@dataclass(frozen=True, slots=True)
class Missing:
    """A start or stop that has to be told from the charge itself: its frame is not in the log."""

    action: str
    transaction_id: int
    payload: dict[str, Any]


def missing(target: Target) -> list[Missing]:
    """Starts and stops whose frames are gone, and ends that no frame has said. In order."""
    settled = timezone.now() - LOG_IS_BEHIND
    told = ForwardedSession.objects.filter(session=OuterRef("pk"), forward_id=target.pk)
    charges = Session.objects.filter(
        charger_id=target.charger_id,
        started_received_at__gte=target.since,
        started_received_at__lt=settled,
    )
    begun = Exists(told.filter(started_at__isnull=False))
    done = Exists(told.filter(Q(gave_up=True) | Q(stopped_at__isnull=False)))
    open_ = charges.exclude(done).annotate(begun=begun).select_related("connector")
    found = []
    for row in open_.order_by("pk")[:AT_ONCE]:
        if not row.begun:
            found.append(Missing("StartTransaction", row.transaction_id, _start_of(row)))
        ended = row.status == SessionStatus.ENDED
        if ended and (row.stopped_received_at or settled) <= settled:
            found.append(Missing("StopTransaction", row.transaction_id, _stop_of(row)))
    return found


def _start_of(row: Session) -> dict[str, Any]:
    return {
        "connectorId": row.connector.connector_id,
        "idTag": row.id_tag[:20],
        "meterStart": row.meter_start,
        "timestamp": zulu(row.started_at),
    }


def _stop_of(row: Session) -> dict[str, Any]:
    """``transactionId`` is put in by the link."""
    last = row.meter_stop if row.meter_stop is not None else row.meter_start + (row.energy_wh or 0)
    found: dict[str, Any] = {"meterStop": last, "timestamp": zulu(row.stopped_at or row.started_at)}
    if row.stop_reason in STOP_REASONS:
        found["reason"] = row.stop_reason
    return found


STOP_REASONS = frozenset(
    {
        "DeAuthorized",
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
    }
)


# --- what is written about the link itself --------------------------------------------------------


def note(forward_id: int, **columns: Any) -> None:
    Forward.objects.filter(pk=forward_id).update(**columns)


def note_state(forward_id: int, state: str, **columns: Any) -> None:
    note(forward_id, state=state, state_at=timezone.now(), **columns)


def progress(forward_id: int, cursor_at: datetime, counted: dict[str, int]) -> None:
    """How far the copies have got, and what was counted since the last time."""
    more = {name: F(name) + n for name, n in counted.items() if n}
    note(forward_id, cursor_at=cursor_at, **more)


def outcome(command_id: int) -> tuple[str, Any] | None:
    """(status, the charger's answer) of an order that has ended."""
    row = Command.objects.filter(pk=command_id).values_list("status", "response").first()
    if row is None:
        return CommandStatus.ERROR, None
    return None if row[0] in OPEN else (row[0], row[1])


def known_settings(charger_id: int) -> list[dict[str, Any]]:
    """The charger's configuration as it last said it, without secrets."""
    asked = Command.objects.filter(
        charger_id=charger_id,
        action="GetConfiguration",
        status=CommandStatus.ACCEPTED,
        payload={},
    )
    answer = asked.order_by("-id").values_list("response", flat=True).first() or {}
    rows = answer.get("configurationKey") or []
    return [row for row in rows if isinstance(row, dict)]
