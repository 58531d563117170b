"""The line to a charger: who may connect, which socket is the newest, when it was last heard.

``connect`` takes many at once: after a power cut thousands come back in the same second.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core import audit, outbox
from core.bulk import update_rows
from core.models import Lease
from core.outbox import News
from stations import devices
from stations.devices import Device
from stations.models import Charger, Connector, Knock, Session, SessionStatus
from stations.services import commands
from stations.services.measuring import UNKNOWN_PLUG_W, device_of, most_power_w

MOST_KNOCKS = 1_000  # strangers remembered; beyond it they are turned away without a row


@dataclass(frozen=True, slots=True)
class Attempt:
    """A socket at the door. ``holder`` is the lease name of the process that has it."""

    charge_point_id: str
    password: str
    address: str
    holder: str


@dataclass(slots=True)
class OpenSession:
    """What the process that holds the line must know of a running charge."""

    pk: int
    transaction_id: int
    number: int
    meter_start: int
    energy_wh: int
    register_wh: int
    power_w: int | None
    at: datetime
    allowance_wh: int | None
    allowance_until: datetime | None
    stop_due_at: datetime | None
    max_power_w: int
    refused: bool = False
    started_at: datetime | None = None
    received_at: datetime | None = None
    most_power_w: int = UNKNOWN_PLUG_W


@dataclass(slots=True)
class Connected:
    """A charger let in, with all the state its line needs."""

    pk: int
    charge_point_id: str
    station_id: int
    company_id: int
    epoch: int
    connected_at: datetime
    device: Device = field(default_factory=devices.generic)
    introduced: bool = True  # has ever said who made it
    connectors: dict[int, int] = field(default_factory=dict)  # number -> pk
    sessions: list[OpenSession] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turned:
    """A charger turned away: ``unknown`` (404) or ``wrong_password`` (401)."""

    reason: str


def password_digest(charge_point_id: str, password: str) -> str:
    """HMAC-SHA256 under the server key. A slow hash would cost a storm of 5,000 21 CPU-minutes;
    the password is random and long instead (perf research)."""
    key = f"charger-password:{settings.SECRET_KEY}".encode()
    return hmac.new(
        key, f"{charge_point_id.upper()}\0{password}".encode(), hashlib.sha256
    ).hexdigest()


def new_password() -> str:
    """160 random bits in 20 characters' worth of hex: AuthorizationKey takes 16 to 20 bytes."""
    return secrets.token_hex(20)


def set_password(charger: Charger, password: str) -> None:
    charger.password_hmac = password_digest(charger.charge_point_id, password)
    Charger.objects.filter(pk=charger.pk).update(password_hmac=charger.password_hmac)


def connect(attempts: Sequence[Attempt]) -> list[Connected | Turned]:
    """Let chargers in, in the order given. The newest socket of a charger wins: its epoch is higher."""
    now = timezone.now()
    digests = [password_digest(a.charge_point_id, a.password) for a in attempts]
    with transaction.atomic():
        let_in = _take_lines(attempts, digests, now)
        _load_state(list(let_in.values()))
        outbox.publish_many(
            [
                _link_news("charger_online", c.pk, c.company_id, c.station_id)
                for c in let_in.values()
            ]
        )
    return [
        let_in.get((a.charge_point_id.upper(), digest)) or Turned(_why_not(a, now))
        for a, digest in zip(attempts, digests, strict=True)
    ]


def _take_lines(
    attempts: Sequence[Attempt], digests: Sequence[str], now: datetime
) -> dict[tuple[str, str], Connected]:
    ids = [a.charge_point_id.upper() for a in attempts]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH door AS (
                SELECT DISTINCT ON (c.id) c.id, v.key, v.digest, v.holder, c.connection_holder AS before
                  FROM unnest(%s::text[], %s::text[], %s::text[]) AS v(key, digest, holder)
                  JOIN stations_charger c
                    ON upper(c.charge_point_id) = v.key AND c.password_hmac = v.digest
                   AND c.deleted_at IS NULL AND c.protocol = 'ocpp1.6'
                 ORDER BY c.id
            ), locked AS (
                SELECT d.* FROM door d JOIN stations_charger c USING (id) ORDER BY d.id FOR NO KEY UPDATE OF c
            )
            UPDATE stations_charger c
               SET connection_epoch = c.connection_epoch + 1, connection_holder = l.holder,
                   connected_at = %s, last_seen_at = %s
              FROM locked l, stations_station s
             WHERE c.id = l.id AND s.id = c.station_id
            RETURNING l.key, l.digest, c.id, c.charge_point_id, c.station_id, s.company_id,
                      c.connection_epoch, l.before, c.device, c.vendor, c.model, c.firmware_version,
                      c.quirks
            """,
            [ids, list(digests), [a.holder for a in attempts], now, now],
        )
        rows = cursor.fetchall()
    for row in rows:
        if row[7]:  # another socket, maybe of another process, must let go
            outbox.notify(row[7], {"replaced": row[2], "epoch": row[6]})
    return {(r[0], r[1]): _connected(r, now) for r in rows}


def _connected(row: Sequence[Any], now: datetime) -> Connected:
    pk, charge_point_id, station_id, company_id, epoch = row[2:7]
    named, vendor, model, firmware, quirks = row[8:13]
    quirks = orjson.loads(quirks) if isinstance(quirks, str) else quirks
    device = devices.choose(named, vendor, model, firmware, quirks)
    known = bool(vendor or model)
    return Connected(pk, charge_point_id, station_id, company_id, epoch, now, device, known)


def _load_state(chargers: Sequence[Connected]) -> None:
    by_pk = {c.pk: c for c in chargers}
    plugs = Connector.objects.filter(charger_id__in=by_pk).values_list(
        "charger_id", "connector_id", "pk"
    )
    for charger_id, number, pk in plugs:
        by_pk[charger_id].connectors[number] = pk
    for charger_id, session in open_sessions(charger_id__in=by_pk):
        by_pk[charger_id].sessions.append(session)


def open_sessions(**which: object) -> list[tuple[int, OpenSession]]:
    """(charger pk, running session) for the process that holds the line."""
    rows = (
        Session.objects.filter(status=SessionStatus.ACTIVE, **which)
        .select_related("live", "connector")
        .order_by("pk")
    )
    return [
        (
            row.charger_id,
            OpenSession(
                pk=row.pk,
                transaction_id=row.transaction_id,
                number=row.connector.connector_id,
                meter_start=row.meter_start,
                energy_wh=row.live.energy_wh,
                register_wh=row.live.register_wh
                if row.live.register_wh is not None
                else row.meter_start,
                power_w=row.live.power_w,
                at=row.live.at,
                allowance_wh=row.allowance_wh,
                allowance_until=row.allowance_until,
                stop_due_at=row.live.stop_due_at,
                max_power_w=row.connector.max_power_w,
                started_at=row.started_at,
                received_at=row.live.received_at,
                most_power_w=most_power_w(row.connector),
                refused=bool(row.refusal),
            ),
        )
        for row in rows
    ]


def device_now(charger_id: int) -> Device:
    """How a charger is dealt with, for the process that holds its line."""
    return device_of(Charger.objects.get(pk=charger_id))


def connector_pk(charger_id: int, number: int) -> int:
    """The connector's key; a plug we had not heard of is made."""
    return Connector.objects.get_or_create(charger_id=charger_id, connector_id=number)[0].pk


def disconnect(lost: Sequence[tuple[int, int]]) -> None:
    """(charger pk, epoch) of lines that ended. An old socket's end does not touch a newer line."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE stations_charger c SET connection_holder = '', disconnected_at = %s
              FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, epoch), stations_station s
             WHERE c.id = v.id AND c.connection_epoch = v.epoch AND s.id = c.station_id
            RETURNING c.id, s.company_id, c.station_id
            """,
            [now, [pk for pk, _ in lost], [epoch for _, epoch in lost]],
        )
        rows = cursor.fetchall()
        outbox.publish_many([_link_news("charger_offline", *row) for row in rows])
        commands.drop_for([row[0] for row in rows])


def seen(when: Sequence[tuple[int, datetime]]) -> None:
    """(charger pk, last frame) every few seconds, for chargers whose line is open."""
    update_rows(
        "stations_charger", (("id", "bigint"), ("last_seen_at", "timestamptz")), sorted(when)
    )


def drop_dead_holders() -> int:
    """Mark chargers offline whose process died without a word. A sweep; safe to repeat."""
    now = timezone.now()
    alive = Lease.objects.filter(expires_at__gt=now).values("name")
    held = Charger.objects.exclude(connection_holder="").exclude(connection_holder__in=alive)
    lost = list(held.values_list("pk", "connection_epoch"))
    if lost:
        disconnect(lost)
    return len(lost)


def _link_news(kind: str, pk: int, company_id: int, station_id: int) -> News:
    return News(kind, pk, company_id, f"charger:{pk}", {"station": station_id, "charger": pk})


def _why_not(attempt: Attempt, now: datetime) -> str:
    """Remember a stranger at the door (counted, never creating a charger) and say why it stays out."""
    known = Charger.objects.filter(charge_point_id__iexact=attempt.charge_point_id).first()
    reason = "wrong_password" if known else "unknown"
    if not known and Knock.objects.count() >= MOST_KNOCKS:
        return reason
    knock, created = Knock.objects.get_or_create(
        charge_point_id=attempt.charge_point_id[:48],
        defaults={
            "charger": known,
            "reason": reason,
            "address": attempt.address,
            "first_at": now,
            "last_at": now,
        },
    )
    if not created:
        Knock.objects.filter(pk=knock.pk).update(
            attempts=knock.attempts + 1,
            last_at=now,
            reason=reason,
            charger=known,
            address=attempt.address,
        )
    elif known:
        actor = audit.Actor(
            "charger", attempt.charge_point_id, attempt.charge_point_id, attempt.address
        )
        audit.record(actor, "connect", f"charger:{known.pk}", refused=True, new={"reason": reason})
    return reason
