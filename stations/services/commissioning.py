"""Setting a charger up: read what it has, ask what it can, set what is wanted, one key at a time.

A run is a row with its steps (``Commissioning``); the outcome of each order moves it on, so it goes
on after any kill. Chargers that were made through adopting or creating have one waiting from the
start; it begins when the charger has booted, or, where that never comes, after a while on the line.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core import audit, outbox
from core.errors import DomainError
from core.models import Fact, Lease
from stations.configuring import MEASURANDS, fold
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    CommandStatus,
    Commissioning,
    CommissioningReason,
    CommissioningState,
    CommissioningStep,
    Protocol,
    StepKind,
    StepStatus,
)
from stations.models.configuration import OPEN_STATES
from stations.services import (
    commands,
    commissioning_plan,
    configuration,
    measurands,
    passwords,
)
from stations.services.configuration import setup_of

WORD = "commission"
US = "evbilling"  # who orders where nobody asked
BOOT_GRACE = timedelta(seconds=1)  # the answer to BootNotification goes first
ONLINE_GRACE = timedelta(seconds=30)  # for chargers that come back without a BootNotification
STUCK = timedelta(minutes=10)
MOST_AWAKE = 20  # woken in one sweep
MOST_ATTEMPTS = 3  # of one step whose line ended before the answer
MOST_SILENCES = 3
MOST_RESTARTS = 2
ANSWER_SECONDS = 45


# --- beginning -----------------------------------------------------------------------------------


def prepare(
    charger: Charger,
    *,
    reason: CommissioningReason = CommissioningReason.FIRST,
    by: str = "",
    renew_password: bool = False,
) -> Commissioning | None:
    """Promise a charger to be set up when it is next there. None where a run is open already, or
    the charger does not speak OCPP. Call it in the transaction that gives the reason."""
    if charger.protocol != Protocol.OCPP16:
        return None
    ChargerSetup.objects.get_or_create(charger=charger)
    run, created = Commissioning.objects.get_or_create(
        charger=charger,
        state__in=OPEN_STATES,
        defaults={
            "state": CommissioningState.WAITING,
            "reason": reason,
            "requested_by": by[:120],
            "renew_password": renew_password,
            # What was read holds: only what differs is set.
            "phase": "trigger" if reason == CommissioningReason.PUT_RIGHT else "",
        },
    )
    return run if created else None


def due(run: Commissioning, after: timedelta = timedelta()) -> None:
    """Have the run begin, or go on, after a while: in the deliverer, whatever dies meanwhile."""
    outbox.publish("commissioning_due", run.pk, due=timezone.now() + after)


def on_due(fact: Fact) -> None:
    """The moment has come; where the charger is away the run waits on."""
    run = _locked(Commissioning.objects.filter(pk=fact.subject_id))
    if run is not None and run.state == CommissioningState.WAITING:
        _go_on(run)


def on_booted(charger_ids: Sequence[int]) -> None:
    """Chargers have booted. Only those are looked at whom something awaits: thousands may boot."""
    other_firmware = ~Q(setup__firmware_version=F("firmware_version")) & ~Q(
        setup__firmware_version=""
    )
    waiting = Charger.objects.filter(pk__in=charger_ids, setup__isnull=False).filter(
        other_firmware
        | Q(setup__restart_needed_at__isnull=False)
        | Q(Exists(Commissioning.objects.filter(charger=OuterRef("pk"), state__in=OPEN_STATES)))
    )
    for charger in waiting.select_related("station").order_by("pk"):
        _booted(charger)


def _booted(charger: Charger) -> None:
    """A charger has booted: begin what waits for it, see a restart in the middle, new firmware."""
    run = _locked(Commissioning.objects.filter(charger=charger, state__in=OPEN_STATES))
    setup = ChargerSetup.objects.filter(charger=charger).first()
    if setup is None:
        return
    _restarted_as_needed(charger, setup)
    if run is None:
        if setup.firmware_version and setup.firmware_version != charger.firmware_version:
            run = prepare(charger, reason=CommissioningReason.FIRMWARE)
            if run is not None:
                due(run, BOOT_GRACE)
        return
    if run.epoch is not None and charger.connection_epoch > run.epoch:
        _restarted(run, charger)
    if run.state in OPEN_STATES and (run.epoch is None or charger.connection_epoch > run.epoch):
        run.state = CommissioningState.WAITING
        run.save(update_fields=["state"])
        due(run, BOOT_GRACE)


def wake() -> int:
    """A sweep: runs whose charger is back without a word, and runs that stand still."""
    now = timezone.now()
    alive = Lease.objects.filter(expires_at__gt=now).values("name")
    back = Q(
        state=CommissioningState.WAITING,
        charger__connection_holder__in=alive,
        charger__connected_at__lt=now - ONLINE_GRACE,
    )
    stuck = Q(state=CommissioningState.RUNNING, moved_at__lt=now - STUCK)
    found = Commissioning.objects.filter(back | stuck, charger__deleted_at__isnull=True)
    pks = list(found.order_by("moved_at").values_list("pk", flat=True)[:MOST_AWAKE])
    for pk in pks:
        with transaction.atomic():
            run = _locked(Commissioning.objects.filter(back | stuck, pk=pk), skip=True)
            if run is not None:
                _go_on(run)
    return len(pks)


def _locked(rows: Any, *, skip: bool = False) -> Commissioning | None:
    found: Commissioning | None = (
        rows.select_for_update(of=("self",), skip_locked=skip)
        .select_related("charger__station")
        .first()
    )
    return found


def _go_on(run: Commissioning) -> None:
    """Begin, or go on where the line was lost. Nothing is asked of a charger that is away."""
    charger = run.charger
    if not commands.holder_of(charger.pk):
        if run.state == CommissioningState.RUNNING:
            _pause(run)
        return
    run.state, run.epoch = CommissioningState.RUNNING, charger.connection_epoch
    run.started_at = run.started_at or timezone.now()
    for step in run.steps.filter(status=StepStatus.SENT):
        again = step.attempt < MOST_ATTEMPTS
        _end_step(step, StepStatus.WAITING if again else StepStatus.SILENT)
    _advance(run)


def _pause(run: Commissioning) -> None:
    run.state = CommissioningState.WAITING
    _moved(run)


# --- moving on -----------------------------------------------------------------------------------


def on_outcome(command: Command) -> None:
    """What came of the order of a step moves its run on."""
    _, run_pk, step_pk, attempt = str(command.key).split(":")
    run = _locked(Commissioning.objects.filter(pk=run_pk, state=CommissioningState.RUNNING))
    if run is None:
        return
    step = run.steps.filter(pk=step_pk, attempt=attempt, status=StepStatus.SENT).first()
    if step is None:
        return
    if command.status == CommandStatus.OFFLINE:
        _end_step(step, StepStatus.WAITING)
        _pause(run)
    elif command.status == CommandStatus.TIMEOUT and command.detail != commands.NO_ANSWER:
        _pause(run)  # the step stays "sent": if a boot follows, it is to blame
    else:
        _judge(run, step, command)
        if run.state == CommissioningState.RUNNING:
            _advance(run)


def _advance(run: Commissioning) -> None:
    """Ask for the next thing; plan the next phase where nothing is left; finish after the last."""
    while True:
        step = run.steps.filter(status=StepStatus.WAITING).first()
        if step is not None:
            if _ask(run, step):
                _moved(run)
                return
            continue
        following = commissioning_plan.PHASES.index(run.phase) + 1 if run.phase else 0
        if following == len(commissioning_plan.PHASES):
            _finish(run)
            return
        run.phase = commissioning_plan.PHASES[following]
        CommissioningStep.objects.bulk_create(commissioning_plan.PLANS[run.phase](run))


def _ask(run: Commissioning, step: CommissioningStep) -> bool:
    """Send a step's order; False where it has none to wait for."""
    if step.kind == StepKind.PASSWORD:
        return _renew_password(run, step)
    action, payload = _ORDERS[StepKind(step.kind)](step)
    step.attempt += 1
    step.status, step.at = StepStatus.SENT, timezone.now()
    step.save(update_fields=["attempt", "status", "at"])
    commands.request(
        run.charger,
        action,
        payload,
        by=run.requested_by or US,
        key=f"{WORD}:{run.pk}:{step.pk}:{step.attempt}",
        answer_timeout_s=ANSWER_SECONDS,
    )
    return True


def _renew_password(run: Commissioning, step: CommissioningStep) -> bool:
    """Order a random password; what comes of it is that order's own affair (``passwords``)."""
    if not commands.holder_of(run.charger.pk):
        _pause(run)
        return True
    try:
        passwords.renew(run.charger, actor=audit.Actor("system", name=run.requested_by or US))
    except DomainError as problem:
        _end_step(step, StepStatus.REFUSED, str(problem))
    else:
        _end_step(step, StepStatus.DONE)
    return False


_ORDERS: dict[StepKind, Callable[[CommissioningStep], tuple[str, dict[str, Any]]]] = {
    StepKind.READ: lambda s: (configuration.READ, {"key": [s.key]} if s.key else {}),
    StepKind.TRIGGER: lambda s: ("TriggerMessage", {"requestedMessage": s.key}),
    StepKind.SET: lambda s: (configuration.CHANGE, {"key": s.key, "value": s.value}),
}


def _judge(run: Commissioning, step: CommissioningStep, command: Command) -> None:
    """Write what the charger said to a step."""
    said = configuration.word_of(command)
    if command.status == CommandStatus.TIMEOUT:
        _end_step(step, StepStatus.SILENT)
        run.silences += 1
        if run.silences >= MOST_SILENCES:
            _stop(run, "silent")
            return
    elif step.kind == StepKind.READ:
        _judge_reading(step, command, said)
    elif command.status != CommandStatus.ACCEPTED:
        _end_step(step, StepStatus.REFUSED, said)
    else:
        if step.kind == StepKind.SET:
            configuration.keep_change(command)
        restart = said == "RebootRequired"
        _end_step(step, StepStatus.RESTART if restart else StepStatus.DONE, said)
    if step.kind == StepKind.SET:
        _after_setting(run, step, said)


def _judge_reading(step: CommissioningStep, command: Command, said: str) -> None:
    answer = configuration.keep_answer(command)
    if answer is None:
        _end_step(step, StepStatus.REFUSED, said)
    elif step.key and not answer.keys:
        _end_step(step, StepStatus.ABSENT, "unknownKey")
    else:
        value = answer.keys[0].value if step.key else str(len(answer.keys))
        _end_step(step, StepStatus.DONE, value or "")


def _after_setting(run: Commissioning, step: CommissioningStep, said: str) -> None:
    """Remember a refusal; of a list of measurands go on with parts of it."""
    if fold(step.key) == fold(MEASURANDS):
        measurands.after(run, step)
    elif step.status == StepStatus.REFUSED:
        setup = setup_of(run.charger)
        setup.refused[fold(step.key)] = said
        setup.save(update_fields=["refused"])


def _end_step(step: CommissioningStep, status: StepStatus, said: str = "") -> None:
    step.status, step.said, step.at = status, said[:300], timezone.now()
    step.save(update_fields=["status", "said", "at"])


# --- ends ----------------------------------------------------------------------------------------


def _restarted(run: Commissioning, charger: Charger) -> None:
    """It went down in the middle. What was being asked then is to blame and is not asked again of
    this firmware; twice, and it is left alone altogether."""
    setup = setup_of(charger)
    for step in run.steps.filter(status=StepStatus.SENT):
        _end_step(step, StepStatus.RESTARTED)
        run.restarts += 1
        if step.kind == StepKind.SET:
            now = timezone.now().isoformat()
            before = {"value": step.value, "at": now, "firmware": charger.firmware_version}
            setup.avoid[fold(step.key)] = before
            setup.save(update_fields=["avoid"])
            _after_setting(run, step, "")
    run.save(update_fields=["restarts"])
    if run.restarts >= MOST_RESTARTS:
        _stop(run, "restarts")


def _restarted_as_needed(charger: Charger, setup: ChargerSetup) -> None:
    """Settings that waited for a restart hold now; the next sweep reads them."""
    needed = setup.restart_needed_at
    if needed and charger.connected_at and charger.connected_at > needed:
        ChargerSetup.objects.filter(pk=setup.pk).update(restart_needed_at=None, asked_at=None)


def _finish(run: Commissioning) -> None:
    measurands.compare_with_read(run)
    _end(run, CommissioningState.DONE)


def _stop(run: Commissioning, trouble: str) -> None:
    run.trouble = trouble
    run.steps.filter(status__in=(StepStatus.WAITING, StepStatus.SENT)).update(
        status=StepStatus.SKIPPED
    )
    _end(run, CommissioningState.STOPPED)


def _end(run: Commissioning, state: CommissioningState) -> None:
    now = timezone.now()
    charger = run.charger
    run.state, run.finished_at = state, now
    _moved(run)
    setup = setup_of(charger)
    setup.firmware_version = charger.firmware_version
    if state == CommissioningState.DONE:
        setup.commissioned_at = now
    setup.save(update_fields=["firmware_version", "commissioned_at"])
    outbox.publish(
        "charger_commissioned",
        charger.pk,
        company_id=charger.station.company_id,
        topic=f"charger:{charger.pk}",
        station=charger.station_id,
        charger=charger.pk,
        status=state,
        reason=run.reason,
    )


def stop(run: Commissioning) -> None:
    """A person ends a run; the order that is out is let go."""
    with transaction.atomic():
        found = _locked(Commissioning.objects.filter(pk=run.pk, state__in=OPEN_STATES))
        if found is not None:
            _stop(found, "asked")


def _moved(run: Commissioning) -> None:
    """Keep where it stands and have open pages read it."""
    run.moved_at = timezone.now()
    run.save()
    charger = run.charger
    message = {"kind": "commissioning", "subject": run.pk, "charger": charger.pk}
    message |= {"station": charger.station_id, "company": charger.station.company_id}
    outbox.notify(outbox.CHANNEL, message)
