"""A charge ends: StopTransaction, always answered, never counted twice, never lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from msgspec import structs

from core import outbox
from stations.clock import GUARD, Claim
from stations.models import Case, CaseKind, Charger, MeterValue, Session, SessionStatus
from stations.services import authorising, measuring, readings
from stations.services.authorising import TagInfo
from stations.services.cases import open_case
from stations.services.readings import Reading

ANY_OPEN = (0, -1)  # what chargers send for a start whose answer they never got (quirks 14, 15)


@dataclass(frozen=True, slots=True)
class Stop:
    """What a StopTransaction says."""

    transaction_id: int
    meter_stop: int | None
    raw_time: str
    claim: Claim
    received_at: datetime
    reason: str = "Local"
    id_tag: str = ""
    data: tuple[Reading, ...] = ()


def stop_session(charger_id: int, stop: Stop) -> TagInfo | None:
    """End the session the charger means. What it says of a tag is only information (OCPP 1.6 §5.28)."""
    with transaction.atomic():
        charger = Charger.objects.select_related("station").get(pk=charger_id)
        session = _find(charger, stop)
        if session is None:
            _keep(CaseKind.UNKNOWN_STOP, charger, None, stop)
        elif session.status == SessionStatus.ENDED:
            _after_the_end(charger, session, stop)
        else:
            _end(session, stop)
        if not stop.id_tag:
            return None
        card = authorising.find_card(charger.station.company_id, stop.id_tag)
        return authorising.identify(card, stop.received_at)


def end_without_stop(session: Session, *, by: datetime, why: str) -> None:
    """Close a session whose stop never came, at its last reading, and let a person know.

    Call inside a transaction. A stop that still comes later becomes a case of its own.
    """
    rows = Session.objects.select_related("charger__station", "connector")
    locked = rows.select_for_update(of=("self",)).get(pk=session.pk)
    if locked.status == SessionStatus.ENDED:
        return
    found = measuring.find(locked)
    samples = found.samples
    last_at = max((s.at for s in samples), default=locked.started_at)
    locked.stopped_at = max(min(last_at, by), locked.started_at)
    locked.stopped_received_at = timezone.now()
    locked.meter_stop = samples[-1].register_wh if samples else locked.meter_start
    locked.energy_wh = found.metered.wh
    locked.stop_reason = "Other"
    locked.stop_inferred = True
    locked.status = SessionStatus.ENDED
    locked.save()
    open_case(
        CaseKind.NO_STOP,
        locked.charger,
        key=str(locked.pk),
        session=locked,
        why=why,
        energy_wh=found.metered.wh,
    )
    measuring.open_cases(locked, found)
    _publish_end(locked)


def _find(charger: Charger, stop: Stop) -> Session | None:
    sessions = (
        Session.objects.select_for_update(of=("self",))
        .select_related("charger__station", "connector")
        .filter(charger=charger)
    )
    if stop.transaction_id not in ANY_OPEN:
        return sessions.filter(transaction_id=stop.transaction_id).first()
    running = list(sessions.filter(status=SessionStatus.ACTIVE))
    if stop.id_tag:
        running = [s for s in running if s.id_tag.upper() == stop.id_tag.upper()] or running
    return running[0] if len(running) == 1 else None


def _end(session: Session, stop: Stop) -> None:
    _add_data(session, stop)
    reversed_clock = stop.claim.at < session.started_at - GUARD
    session.stopped_at = stop.received_at if reversed_clock else stop.claim.at
    session.stopped_at = max(session.stopped_at, session.started_at)
    session.stopped_device_at = stop.claim.device_at
    session.stopped_received_at = stop.received_at
    session.meter_stop = stop.meter_stop
    session.stop_reason = stop.reason[:20]
    session.status = SessionStatus.ENDED
    found = measuring.find(session)
    session.energy_wh = found.metered.wh
    session.save()
    measuring.open_cases(session, found)
    if reversed_clock:
        _keep(CaseKind.CLOCK_FAULT, session.charger, session, stop)
    if session.refusal and session.energy_wh:
        open_case(
            CaseKind.NOT_AUTHORISED,
            session.charger,
            key=str(session.pk),
            session=session,
            refusal=session.refusal,
            id_tag=session.id_tag,
            energy_wh=session.energy_wh,
        )
    _publish_end(session)


def _add_data(session: Session, stop: Stop) -> None:
    """Readings that came with the stop, but for those we have already (chargers repeat them)."""
    known = set(MeterValue.objects.filter(session=session).values_list("device_at", flat=True))
    fresh = [
        structs.replace(r, session_id=session.pk, connector_id=session.connector_id)
        for r in stop.data
        if r.device_at not in known
    ]
    readings.write(fresh, ())


def _after_the_end(charger: Charger, session: Session, stop: Stop) -> None:
    """A stop that is sent again changes nothing; one that says something new is kept."""
    same = (
        session.meter_stop == stop.meter_stop and session.stopped_device_at == stop.claim.device_at
    )
    if same and not session.stop_inferred:
        return
    kind = CaseKind.LATE_STOP if session.stop_inferred else CaseKind.REPEATED_STOP
    _keep(kind, charger, session, stop)


def _keep(kind: CaseKind, charger: Charger, session: Session | None, stop: Stop) -> Case:
    return open_case(
        kind,
        charger,
        key=f"{stop.transaction_id}|{stop.raw_time}|{stop.meter_stop}",
        session=session,
        transaction_id=stop.transaction_id,
        meter_stop=stop.meter_stop,
        timestamp=stop.raw_time,
        received_at=stop.received_at.isoformat(),
        reason=stop.reason,
        id_tag=stop.id_tag,
    )


def _publish_end(session: Session) -> None:
    outbox.publish(
        "session_ended",
        session.pk,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        station=session.station_id,
        charger=session.charger_id,
        connector=session.connector_id,
        session=session.pk,
        energy_wh=session.energy_wh,
        reason=session.stop_reason,
    )


def close_silent(older_than: timedelta = timedelta(minutes=10)) -> int:
    """End sessions whose plug has been free for a while though no stop came. A sweep; safe to repeat."""
    limit = timezone.now() - older_than
    silent = Session.objects.filter(
        status=SessionStatus.ACTIVE,
        connector__status="Available",
        connector__status_at__lt=limit,
        started_received_at__lt=limit,
        live__received_at__lt=limit,
    )
    found = list(silent.values_list("pk", flat=True))
    for pk in found:
        with transaction.atomic():
            session = Session.objects.get(pk=pk)
            end_without_stop(session, by=timezone.now(), why="connector_available")
    return len(found)
