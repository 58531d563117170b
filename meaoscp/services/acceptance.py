"""A run of the acceptance form goes on: judge the present step, begin the next one.

All state is in rows. ``look`` is called several times a second by ``manage.py deliver`` while a run
is open, and ``on_outcome`` when the charger has answered an order; any of them may die at any
moment and another goes on from the rows.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import outbox
from meaoscp import form
from meaoscp.form import Kind
from meaoscp.judging import Asked, Order, Outcome, Verdict, fail, judge
from meaoscp.models import AcceptanceRun, AcceptanceStep, RunState, StepState
from meaoscp.selectors import acceptance as selectors
from stations.models import Command, Connector
from stations.services import commands

KEY = "acceptance"
NUDGE = "acceptance_changed"
MOST_AT_ONCE = 100
RESERVATIONS_FROM = 900_000_000  # our test's numbers, far from those of real reservations
HOLD_MINUTES = 30  # of a reservation that is not meant to run out
NEEDS_CHARGE = frozenset(
    {Kind.METER, Kind.PROFILE, Kind.CARD_TO_STOP, Kind.REMOTE_STOP, Kind.STOPPED}
)
# A charger that is asked tells at once; one that does not know the question waits for a person.
ASKED_FOR = {Kind.BOOT: "BootNotification", Kind.STATUSES: "StatusNotification"}


def look() -> int:
    """Judge every run that is under way; how many there are."""
    running = AcceptanceRun.objects.filter(state=RunState.RUNNING)
    pks = list(running.values_list("pk", flat=True))
    for pk in pks:
        advance(pk)
    return len(pks)


def on_outcome(command: Command) -> None:
    """The charger has answered an order of a run."""
    _word, run, *_rest = (command.key or "").split(":")
    advance(int(run))


def advance(run_id: int) -> None:
    """Judge the present step and go on as far as what has been said allows."""
    with transaction.atomic():
        run = (
            AcceptanceRun.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("charger__station", "card", "stop_card")
            .filter(pk=run_id, state=RunState.RUNNING)
            .first()
        )
        if run is None:
            return
        steps = list(run.steps.order_by("position"))
        changed = False
        for _turn in range(MOST_AT_ONCE):
            moved, decided = _go_on(run, steps)
            changed = changed or moved
            if not decided or run.state != RunState.RUNNING:
                break
        if changed:
            nudge(run)


def _go_on(run: AcceptanceRun, steps: list[AcceptanceStep]) -> tuple[bool, bool]:
    """Begin or judge one step: whether anything changed, and whether the step is decided."""
    step = next((s for s in steps if s.state in (StepState.NOW, StepState.WAITING)), None)
    if step is None:
        finish(run, steps)
        return True, False
    test = [s for s in steps if (s.connector_id, s.test) == (step.connector_id, step.test)]
    began = step.state == StepState.WAITING
    if began:
        _begin(run, step)
    verdict = _verdict(run, step, test)
    if verdict.outcome is Outcome.WAIT:
        return began, False
    _decide(run, step, verdict)
    return True, True


def _begin(run: AcceptanceRun, step: AcceptanceStep) -> None:
    now = timezone.now()
    line = form.STEPS[step.number]
    step.state, step.began_at, step.tries = StepState.NOW, now, step.tries + 1
    step.due_at = now + timedelta(seconds=run.patience[line.patience])
    if line.kind is Kind.EXPIRY:
        step.due_at = None  # the reservation's own time
    step.save()
    if asked_for := ASKED_FOR.get(line.kind):
        _request(run, step, "TriggerMessage", {"requestedMessage": asked_for}, word="ask")


def _verdict(run: AcceptanceRun, step: AcceptanceStep, test: list[AcceptanceStep]) -> Verdict:
    line, values = form.STEPS[step.number], values_of(test)
    if line.kind in NEEDS_CHARGE and "transactionId" not in values:
        return fail("no_transaction")
    now = timezone.now()
    plug = _plug(run, step)
    order = _order(run, step, values, plug) if line.order else Order()
    floor = _floor(step, test)
    asked = Asked(
        step=line,
        connector=step.connector_id,
        connectors=[c.connector_id for c in selectors.plugs(run.charger)],
        card=run.card.id_tag,
        stop_cards=[card.id_tag for card in (run.card, run.stop_card) if card is not None],
        invalid_id_tag=run.invalid_id_tag,
        direct=run.direct,
        limit=float(run.limit),
        now=now,
        over=step.due_at is not None and now >= step.due_at,
        values=values,
        order=order,
        connector_status=plug.status if plug else "",
    )
    if line.order:  # found by its payload; the two clocks may differ a little
        floor -= selectors.CALL_MARGIN
    said = [] if line.kind is Kind.FREE else selectors.said_since(run.charger_id, floor)
    return judge(asked, said)


def _plug(run: AcceptanceRun, step: AcceptanceStep) -> Connector | None:
    found = Connector.objects.filter(charger=run.charger, connector_id=step.connector_id)
    return found.first() if step.connector_id else None


def _floor(step: AcceptanceStep, test: list[AcceptanceStep]) -> datetime:
    """From when on a message counts: after the one that decided the step before.

    A plug's status and its first readings may come just before the message they belong to.
    """
    began = step.began_at or timezone.now()
    before = [s for s in test if s.position < step.position]
    times = [s.evidence_at or s.ended_at or began for s in before]
    back = 2 if form.STEPS[step.number].kind in form.LOOSE and len(times) > 1 else 1
    return times[-back] if times else began


def values_of(test: list[AcceptanceStep]) -> dict[str, Any]:
    """What the steps of a test have found so far."""
    values: dict[str, Any] = {}
    for step in test:
        values |= step.values
    return values


def _order(
    run: AcceptanceRun, step: AcceptanceStep, values: Mapping[str, Any], plug: Connector | None
) -> Order:
    """The request of this step, sent once per try; a start waits for the car."""
    line = form.STEPS[step.number]
    command = Command.objects.filter(key=_key(run, step)).first()
    if command is None:
        waits = line.plug_first and not step.send_now
        if waits and not (plug and plug.status == "Preparing"):
            return Order()
        command = _request(run, step, line.order, _payload(run, step, values))
    return Order(command.status, command.payload, command.response, command.sent_at)


def _payload(run: AcceptanceRun, step: AcceptanceStep, values: Mapping[str, Any]) -> dict[str, Any]:
    kind, number = form.STEPS[step.number].kind, step.connector_id
    if kind is Kind.REMOTE_START:
        return {"idTag": run.card.id_tag, "connectorId": number}
    if kind is Kind.REMOTE_STOP:
        return {"transactionId": values["transactionId"]}
    if kind is Kind.CANCEL:
        return {"reservationId": values.get("reservationId", _reservation_id(step))}
    if kind is Kind.RESERVE:
        seconds = run.reservation_seconds if step.test == 7 else HOLD_MINUTES * 60
        return {
            "connectorId": number,
            "expiryDate": zulu(timezone.now() + timedelta(seconds=seconds)),
            "idTag": run.card.id_tag,
            "reservationId": _reservation_id(step),
        }
    return {"connectorId": number, "csChargingProfiles": _profile(run, step, values)}


def _profile(run: AcceptanceRun, step: AcceptanceStep, values: Mapping[str, Any]) -> dict[str, Any]:
    """A limit for this one charge, in force at once; it goes with the charge (OCPP 1.6 §3.13)."""
    return {
        "chargingProfileId": RESERVATIONS_FROM + step.pk,
        "transactionId": values["transactionId"],
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "W" if run.direct else "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": float(run.limit)}],
        },
    }


def _reservation_id(step: AcceptanceStep) -> int:
    return RESERVATIONS_FROM + (step.pk * 10 + step.tries % 10) % 1_000_000_000


def zulu(at: datetime) -> str:
    """With its zone, as MEA's form and every charger reads it; whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(run: AcceptanceRun, step: AcceptanceStep, word: str = "do") -> str:
    return f"{KEY}:{run.pk}:{step.pk}:{step.tries}:{word}"


def _request(
    run: AcceptanceRun,
    step: AcceptanceStep,
    action: str,
    payload: dict[str, Any],
    *,
    word: str = "do",
) -> Command:
    by = f"{form.NAME} {step.number} · {run.started_by}"
    return commands.request(run.charger, action, payload, by=by, key=_key(run, step, word))


def _decide(run: AcceptanceRun, step: AcceptanceStep, verdict: Verdict) -> None:
    passed = verdict.outcome is Outcome.OK
    step.state = StepState.PASSED if passed else StepState.FAILED
    step.ended_at = timezone.now()
    step.evidence_at = verdict.at
    step.remark = verdict.remark
    step.messages = list(verdict.messages)
    step.values = dict(verdict.values)
    if "expiryDate" in step.values and verdict.at is not None:
        step.values["reservedAt"] = verdict.at.isoformat()
    step.reason, step.reason_values = verdict.reason, dict(verdict.reason_values)
    step.save()
    if not passed:
        run.state = RunState.PAUSED
        run.save(update_fields=["state"])


def finish(run: AcceptanceRun, steps: list[AcceptanceStep]) -> None:
    """Nothing is left to do: the result is what the lines of the paper say."""
    states = {s.state for s in steps if form.STEPS[s.number].on_paper}
    if states & {StepState.FAILED, StepState.LEFT_OUT}:
        run.state = RunState.FAILED
    elif states == {StepState.PASSED} and set(run.tests) == set(form.TESTS):
        run.state = RunState.PASSED
    else:
        run.state = RunState.INCOMPLETE
    run.ended_at = timezone.now()
    run.save(update_fields=["state", "ended_at"])


def tidy(run: AcceptanceRun, test: list[AcceptanceStep]) -> None:
    """Give up a test: end its charge, take back its reservation. The charger may know neither."""
    values, step = values_of(test), test[0]
    if number := values.get("transactionId"):
        order = {"transactionId": number}
        _request(run, step, "RemoteStopTransaction", order, word="stop")
    if number := values.get("reservationId"):
        _request(run, step, "CancelReservation", {"reservationId": number}, word="free")


def nudge(run: AcceptanceRun) -> None:
    """Open pages ask again."""
    station = run.charger.station
    outbox.notify(
        outbox.CHANNEL,
        {
            "kind": NUDGE,
            "subject": run.pk,
            "company": station.company_id,
            "station": station.pk,
            "charger": run.charger_id,
        },
    )
