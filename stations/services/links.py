"""The line to a charger: who may connect, which socket is the newest, when it was last heard.

``connect`` takes many at once: after a power cut thousands come back in the same second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core import audit, outbox
from core.bulk import update_rows
from core.models import Lease
from core.outbox import News
from stations.models import (
    Charger,
    ChargerCertificate,
    Connector,
    Knock,
    Session,
    SessionStatus,
)
from stations.services import commands, passwords
from stations.services.passwords import digests

# The door's callers need no second import for what it checks.
password_digest, new_password, set_password = (
    passwords.digest,
    passwords.new_password,
    passwords.set_password,
)
MOST_KNOCKS = 1_000  # strangers remembered; beyond it they are turned away without a row


@dataclass(frozen=True, slots=True)
class Attempt:
    """A socket at the door. ``holder`` is the lease name of the process that has it.

    ``certificate``: fingerprint of the client certificate that was shown, '' for none;
    ``authority``: the ``TrustedAuthority`` that signed it, where it is none of ours. ``refusal``:
    what is wrong with the certificate by itself (its name, its time), known before the database.
    """

    charge_point_id: str
    password: str
    address: str
    holder: str
    tls: str = ""  # the version, '' for a plain connection
    certificate: str = ""
    authority: int | None = None
    refusal: str = ""


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


@dataclass(slots=True)
class Connected:
    """A charger let in, with all the state its line needs."""

    pk: int
    charge_point_id: str
    station_id: int
    company_id: int
    epoch: int
    connected_at: datetime
    connectors: dict[int, int] = field(default_factory=dict)  # number -> pk
    sessions: list[OpenSession] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turned:
    """A charger turned away: ``unknown`` (404), or why it is not who it says (401)."""

    reason: str


def connect(attempts: Sequence[Attempt]) -> list[Connected | Turned]:
    """Let chargers in, in the order given. The newest socket of a charger wins: its epoch is higher."""
    now = timezone.now()
    with transaction.atomic():
        let_in = _take_lines(attempts, now)
        chargers = {c.pk: c for c in let_in.values()}
        _load_state(list(chargers.values()))
        outbox.publish_many(
            [
                _link_news("charger_online", c.pk, c.company_id, c.station_id)
                for c in chargers.values()
            ]
        )
    return [let_in.get(n) or Turned(_why_not(a, now)) for n, a in enumerate(attempts)]


# What each attempt proves: 3 a certificate of ours for this charger (or of an authority that its
# company trusts), 2 a password over TLS, 1 a password; whoever shows a certificate stands by it.
# A password that was on its way and has come back is the only one from then on. The profile that
# was asked for counts as reached with the first connection that has it, and nothing less after that.
_DOOR = """
    WITH tried AS (
        SELECT c.id, v.n, v.holder, v.tls, k.id AS certificate,
               CASE WHEN v.certificate = '' THEN NULLIF(v.digest, c.password_hmac) END AS fresh,
               CASE WHEN v.certificate <> '' THEN 3 WHEN v.tls <> '' THEN 2 ELSE 1 END AS level
          FROM unnest(%(n)s::int[], %(key)s::text[], %(digest)s::text[], %(holder)s::text[],
                      %(tls)s::text[], %(certificate)s::text[], %(authority)s::bigint[])
               AS v(n, key, digest, holder, tls, certificate, authority)
          JOIN stations_charger c
            ON upper(c.charge_point_id) = v.key AND c.deleted_at IS NULL AND c.protocol = 'ocpp1.6'
          JOIN stations_station s ON s.id = c.station_id
          LEFT JOIN stations_chargercertificate k
            ON k.fingerprint = v.certificate AND k.charger_id = c.id AND k.revoked_at IS NULL
           AND k.state IN ('sent', 'installed') AND k.not_after > %(now)s
          LEFT JOIN stations_trustedauthority t
            ON t.id = v.authority AND t.company_id = s.company_id
         WHERE CASE WHEN v.certificate <> '' THEN COALESCE(k.id, t.id) IS NOT NULL
                    ELSE v.digest = c.password_hmac OR v.digest = ANY(c.next_password_hmacs) END
           AND c.least_profile <= CASE WHEN v.certificate <> '' THEN 3 WHEN v.tls <> '' THEN 2 ELSE 1 END
    ), newest AS (
        SELECT DISTINCT ON (id) *, array_agg(n) OVER (PARTITION BY id) AS all_n
          FROM tried ORDER BY id, n DESC
    ), locked AS (
        SELECT w.*, c.connection_holder AS before
          FROM newest w JOIN stations_charger c USING (id) ORDER BY w.id FOR NO KEY UPDATE OF c
    )
    UPDATE stations_charger c
       SET connection_epoch = c.connection_epoch + 1, connection_holder = l.holder,
           connected_at = %(now)s, last_seen_at = %(now)s,
           connection_profile = l.level, connection_tls = l.tls,
           connection_certificate_id = l.certificate,
           least_profile = CASE WHEN l.level >= c.security_profile THEN c.security_profile
                                ELSE c.least_profile END,
           password_hmac = COALESCE(l.fresh, c.password_hmac),
           password_changed_at = CASE WHEN l.fresh IS NULL THEN c.password_changed_at
                                      ELSE %(now)s END,
           next_password_hmacs = CASE WHEN l.fresh IS NULL THEN c.next_password_hmacs
                                      ELSE '{}' END
      FROM locked l, stations_station s
     WHERE c.id = l.id AND s.id = c.station_id
    RETURNING l.all_n, c.id, c.charge_point_id, c.station_id, s.company_id, c.connection_epoch, l.before
"""


def _take_lines(attempts: Sequence[Attempt], now: datetime) -> dict[int, Connected]:
    """By the attempt's place in the list. A presented password may be known under several digests,
    of which at most one fits, so each is a row of its own."""
    tries = [
        (n, a, digest)
        for n, a in enumerate(attempts)
        if not a.refusal
        for digest in ([""] if a.certificate else digests(a.charge_point_id, a.password))
    ]
    words: dict[str, Any] = {
        "n": [n for n, _, _ in tries],
        "key": [a.charge_point_id.upper() for _, a, _ in tries],
        "digest": [digest for _, _, digest in tries],
        "holder": [a.holder for _, a, _ in tries],
        "tls": [a.tls for _, a, _ in tries],
        "certificate": [a.certificate for _, a, _ in tries],
        "authority": [a.authority for _, a, _ in tries],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DOOR, words)
        rows = cursor.fetchall()
    found: dict[int, Connected] = {}
    for places, pk, name, station_id, company_id, epoch, before in rows:
        if before:  # another socket, maybe of another process, must let go
            outbox.notify(before, {"replaced": pk, "epoch": epoch})
        found |= dict.fromkeys(places, Connected(pk, name, station_id, company_id, epoch, now))
    return found


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
                refused=bool(row.refusal),
            ),
        )
        for row in rows
    ]


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
    reason = _fault(attempt, known)
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


def _fault(attempt: Attempt, known: Charger | None) -> str:
    """What was wrong, as ``Knock.reason`` has it."""
    if known is None:
        return "unknown"
    if attempt.certificate:
        return attempt.refusal or _certificate_fault(attempt)
    accepted = {known.password_hmac, *known.next_password_hmacs} - {""}
    if accepted.isdisjoint(digests(attempt.charge_point_id, attempt.password)):
        return "needs_certificate" if known.least_profile == 3 else "wrong_password"
    return "needs_certificate" if known.least_profile == 3 else "needs_tls"


def _certificate_fault(attempt: Attempt) -> str:
    row = ChargerCertificate.objects.filter(fingerprint=attempt.certificate).first()
    if row is None:
        return "unknown_certificate"
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.not_after and row.not_after <= timezone.now() else "other_charger"
