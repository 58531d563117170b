"""A car that stays at the plug: since when it idles, when it left, and the money for it meanwhile.

Charging has ended when the charge was stopped or, while its transaction goes on, since the charger
reports SuspendedEV: "the EVSE is offering energy but the EV is not taking any" (OCPP 1.6 §4.9,
§7.7) and its readings rise no more. SuspendedEVSE is the charger's own doing, or ours, and never
counts. A car stands there while its charger says Finishing; it has left when the plug is Available,
Reserved or out of service (all user actions completed: §4.9, transitions F1 and F8), when the next
charge begins, and in doubt from the moment from which nothing is known.
"""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing import pricing
from billing.models import AccountKind, Hold, HoldState, IdleBy, Stay, StayEnd
from billing.selectors import stays as selectors
from billing.selectors.costs import usage_of
from billing.services import ledger, tariffs, wallets
from core import outbox
from core.models import Fact
from stations.metering import JITTER_WH
from stations.models import CaseKind, Connector, ConnectorStatus, Session, SessionStatus
from stations.services import commands
from stations.services.cases import open_case
from stations.services.connectors import offline_since

GONE = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.RESERVED, ConnectorStatus.UNAVAILABLE})
# What a charger says of a plug whose charge has ended and whose car stands there.
STANDS = frozenset({ConnectorStatus.FINISHING, ConnectorStatus.PREPARING})
LOST_AFTER = timedelta(minutes=30)  # a line that is down so long decides nothing any more
UNHEARD = timedelta(minutes=10)  # a charger that never says Finishing says nothing of the car
LONGEST = timedelta(hours=24)
LOOK_EVERY = timedelta(minutes=5)
WARN_BEFORE = timedelta(minutes=10)
MOST_EVIDENCE = 60
STOP = "StopTransaction"


def on_session_started(fact: Fact) -> None:
    """The plug has a new charge: the one before has left it. Watch this one if staying costs."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=fact.subject_id)
    if session.refusal:
        return
    before = _open(session.connector_id).exclude(session=session)
    for stay in before.filter(session__status=SessionStatus.ENDED):
        _end(stay, session.started_at, StayEnd.NEXT)
    if session.status == SessionStatus.ACTIVE:
        _begin(session)


def on_connector_changed(fact: Fact) -> None:
    """The charger said something of a plug; the plug is read again, facts come in any order."""
    for stay in _open(fact.subject_id):
        plug = Connector.objects.get(pk=stay.connector_id)
        _note(stay, plug)
        if stay.session.status == SessionStatus.ACTIVE:
            _while_charging(stay, plug)
        else:
            _look(stay, plug, timezone.now())


def on_stay_due(fact: Fact) -> None:
    """Every few minutes: has it left, is it lost, is there money for the next minutes?"""
    stay = _open_of(fact.subject_id)
    if stay is None or stay.look_at is None or fact.data.get("look") != stay.look_at.isoformat():
        return  # over, or a later look has been promised meanwhile
    now = timezone.now()
    if stay.session.status == SessionStatus.ENDED:
        _look(stay, Connector.objects.get(pk=stay.connector_id), now)
    if stay.ended_at is None and stay.idle_from is not None:
        _hold_more(stay.session, now)
        _look_again(stay, now)


def on_grace_due(fact: Fact) -> None:
    """Ten minutes before the grace time ends: ``grace_ending`` where the car still idles.

    Silent when it has left or charges again, and where the time after the grace is exempt.
    """
    stay = _open_of(fact.subject_id)
    if stay is None or stay.idle_from is None:
        return
    found = selectors.of_session(stay.session)
    same = stay.idle_from.isoformat() == fact.data.get("idle_from")
    if not same or found is None or found.penalty_from is None or not found.per_minute:
        return
    if selectors.exempt_at(stay.session, found.penalty_from):
        return
    outbox.publish(
        "grace_ending",
        stay.session_id,
        company_id=stay.session.company_id,
        session=stay.session_id,
        ends_at=found.penalty_from.isoformat(),
        per_minute=f"{found.per_minute:f}",
    )


def waits(session: Session) -> bool:
    """Whether the bill of an ended charge waits until the car has left. Call with the session locked."""
    found = tariffs.of_session(session)
    if found is None or not found[1].minds_the_plug:
        return False
    stay = _begin(session)
    if stay.ended_at is not None:
        return False
    if not any(said["says"] == STOP for said in stay.evidence):
        _stopped(stay, session)
        _promise(stay, session, found[1])
    _look(stay, Connector.objects.get(pk=stay.connector_id), timezone.now())
    return stay.ended_at is None


def _begin(session: Session) -> Stay:
    found = tariffs.of_session(session)
    if found is None or not found[1].minds_the_plug:
        return Stay(session=session, connector_id=session.connector_id)
    Stay.objects.get_or_create(session=session, defaults={"connector_id": session.connector_id})
    stays = Stay.objects.select_for_update(of=("self",)).select_related("session")
    return stays.get(session=session)


def _stopped(stay: Stay, session: Session) -> None:
    """Charging ended at the stop, or before it when the car had taken no more since."""
    stopped = session.stopped_at or timezone.now()
    idle = stopped
    if stay.idle_from is not None:  # SuspendedEV until the stop
        quiet = selectors.quiet_since(usage_of(session), JITTER_WH)
        idle = min(max(stay.idle_from, quiet), stopped)
    stay.idle_from, stay.idle_by = idle, IdleBy.STOP if idle == stopped else IdleBy.CAR
    stay.evidence = [*stay.evidence, _said(stopped, STOP)]
    stay.save(update_fields=["idle_from", "idle_by", "evidence"])


def _while_charging(stay: Stay, plug: Connector) -> None:
    """SuspendedEV begins to idle; energy that flows again, or a pause of the charger's, ends that."""
    if plug.status == ConnectorStatus.SUSPENDED_EV:
        idle: datetime | None = max(_when(plug, stay.session.started_at), stay.session.started_at)
    elif plug.status in (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EVSE):
        idle = None
    else:
        return
    if idle == stay.idle_from:
        return
    stay.idle_from, stay.idle_by = idle, IdleBy.CAR if idle else ""
    stay.save(update_fields=["idle_from", "idle_by"])
    _nudge(stay)
    if idle is not None and (found := tariffs.of_session(stay.session)) is not None:
        _promise(stay, stay.session, found[1])


def _look(stay: Stay, plug: Connector, now: datetime) -> None:
    """Whether the car of an ended charge still stands there, by what is known now."""
    session = stay.session
    stopped = session.stopped_at or session.started_at
    if plug.status in GONE:
        _end(stay, _when(plug, stopped), StayEnd.FREE)
    elif plug.status == ConnectorStatus.FAULTED:
        _end(stay, _when(plug, stopped), StayEnd.FAULT)
    elif not commands.holder_of(plug.charger_id):
        since = offline_since(session.charger)
        if now - max(since, stopped) >= LOST_AFTER:
            _end(stay, since, StayEnd.OFFLINE)
    elif plug.status not in STANDS and now - _received(session) >= UNHEARD:
        _end(stay, stopped, StayEnd.LIMIT)
    elif now - stopped >= LONGEST:
        _end(stay, stopped + LONGEST, StayEnd.LIMIT)


def _end(stay: Stay, at: datetime, by: StayEnd) -> None:
    """The plug is free: the bill can be made. Never before the charge itself ended."""
    session = stay.session
    stay.ended_at = max(at, session.stopped_at or session.started_at)
    stay.ended_by, stay.look_at = by, None
    stay.save(update_fields=["ended_at", "ended_by", "look_at"])
    if by in (StayEnd.OFFLINE, StayEnd.LIMIT):
        open_case(
            CaseKind.STAY_UNKNOWN,
            session.charger,
            key=str(session.pk),
            session=session,
            why=str(by.value),
            counted_until=stay.ended_at.isoformat(),
        )
    outbox.publish(
        "stay_ended",
        session.pk,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        station=session.station_id,
        charger=session.charger_id,
        connector=session.connector_id,
        session=session.pk,
    )


def _promise(stay: Stay, session: Session, tariff: pricing.Tariff) -> None:
    """Look again soon; warn before the grace time is over."""
    now = timezone.now()
    _look_again(stay, now)
    assert stay.idle_from is not None  # noqa: S101 - set by the callers
    if not tariff.has(pricing.Part.PENALTY):
        return
    ends = stay.idle_from + tariff.terms.grace
    if ends > now:
        outbox.publish(
            "grace_due",
            session.pk,
            company_id=session.company_id,
            due=max(ends - WARN_BEFORE, now),
            idle_from=stay.idle_from.isoformat(),
        )


def _look_again(stay: Stay, now: datetime) -> None:
    stay.look_at = now + LOOK_EVERY
    stay.save(update_fields=["look_at"])
    outbox.publish(
        "stay_due",
        stay.session_id,
        company_id=stay.session.company_id,
        due=stay.look_at,
        look=stay.look_at.isoformat(),
    )


def _hold_more(session: Session, now: datetime) -> None:
    """Hold what the stay will have cost by the next look, as far as there is money for it.

    A guest's deposit cannot grow: what is beyond it is not collected.
    """
    found = tariffs.of_session(session)
    hold = Hold.objects.select_related("account").filter(pk=session.hold_id or 0).first()
    if found is None or hold is None or hold.state != HoldState.OPEN or session.customer is None:
        return
    ahead = selectors.completed(session, usage_of(session), found[1], now + LOOK_EVERY)
    wanted = pricing.price(ahead, found[1]).total
    on = hold.account
    if wanted <= hold.amount or on.kind not in (AccountKind.WALLET, AccountKind.RECEIVABLE):
        return
    standing = wallets.standing(session.customer)
    ceiling = None if standing.prepaid else session.customer.credit_limit + standing.wallet
    ledger.lock(on)
    amount = min(wanted, hold.amount + ledger.free(on, ceiling))
    if amount > hold.amount:
        ledger.resize_hold(hold, amount, ceiling=ceiling)


def _open(connector_id: int) -> Any:
    stays = Stay.objects.select_for_update(of=("self",)).select_related("session__charger")
    return stays.filter(connector_id=connector_id, ended_at__isnull=True).order_by("pk")


def _open_of(session_id: int) -> Stay | None:
    stays = Stay.objects.select_for_update(of=("self",)).select_related("session__charger")
    return stays.filter(session_id=session_id, ended_at__isnull=True).first()


def _when(plug: Connector, not_before: datetime) -> datetime:
    """When the plug became what it is: the charger's own time where it lies in between, as after a
    line that was down, else when we heard."""
    said = plug.status_device_at
    if said is not None and not_before <= said <= plug.status_at:
        return said
    return plug.status_at


def _received(session: Session) -> datetime:
    return session.stopped_received_at or session.stopped_at or session.started_at


def _note(stay: Stay, plug: Connector) -> None:
    """Keep what the charger reported, each change once."""
    said = _said(plug.status_at, plug.status, plug.status_device_at)
    if said not in stay.evidence and len(stay.evidence) < MOST_EVIDENCE:
        stay.evidence = [*stay.evidence, said]
        stay.save(update_fields=["evidence"])


def _said(at: datetime, what: str, device_at: datetime | None = None) -> dict[str, str]:
    told = {"at": at.isoformat(), "says": what}
    return told | ({"charger_time": device_at.isoformat()} if device_at else {})


def _nudge(stay: Stay) -> None:
    session = stay.session
    outbox.publish(
        "stay_changed",
        session.pk,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        station=session.station_id,
        charger=session.charger_id,
        connector=session.connector_id,
        session=session.pk,
    )
