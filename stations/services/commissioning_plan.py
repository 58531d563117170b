"""What a run of setting a charger up asks for, phase by phase.

Each phase is planned when it begins, from what the ones before it have brought; ``commissioning``
carries the steps out.
"""

from collections.abc import Callable

from django.utils import timezone

from stations import configuring
from stations.configuring import FEATURES, MEASURANDS, fold
from stations.models import (
    Charger,
    ChargerSetup,
    Commissioning,
    CommissioningReason,
    CommissioningStep,
    StepKind,
    StepStatus,
)
from stations.selectors import configuration as selectors
from stations.services.configuration import setup_of
from stations.services.measuring import device_of

PHASES = ("read", "keys", "trigger", "set", "verify", "password")
ALSO_READ = (FEATURES, "NumberOfConnectors")  # key by key, besides what is wanted


def step_of(
    run: Commissioning,
    kind: StepKind,
    key: str = "",
    value: str = "",
    status: StepStatus = StepStatus.WAITING,
    said: str = "",
) -> CommissioningStep:
    return CommissioningStep(
        commissioning=run,
        phase=run.phase,
        kind=kind,
        key=key[:100],
        value=value,
        status=status,
        said=said[:300],
    )


def _plan_read(run: Commissioning) -> list[CommissioningStep]:
    ChargerSetup.objects.filter(charger=run.charger).update(asked_at=timezone.now())
    return [step_of(run, StepKind.READ)]


def _plan_keys(run: Commissioning) -> list[CommissioningStep]:
    """Key by key what the answer to "all" did not hold: everything, where there was none."""
    setup = setup_of(run.charger)
    known = selectors.known_keys(run.charger)
    wanted = list(selectors.wanted_of(run.charger, setup))
    if not _read_all(run):
        wanted = [*ALSO_READ, *wanted]
        known = {}
    return [step_of(run, StepKind.READ, key) for key in wanted if fold(key) not in known]


def _read_all(run: Commissioning) -> bool:
    return run.steps.filter(kind=StepKind.READ, key="", status=StepStatus.DONE).exists()


def _plan_trigger(run: Commissioning) -> list[CommissioningStep]:
    """How its plugs are; and who it is, where it came back without saying so."""
    charger, setup = run.charger, setup_of(run.charger)
    unable = setup.features and "remotetrigger" not in map(fold, setup.features)
    if unable or device_of(charger).quirks.no_trigger:
        return []
    said = charger.booted_at is not None and charger.connected_at is not None
    messages = ["StatusNotification"]
    if not said or charger.booted_at < charger.connected_at:  # type: ignore[operator]
        messages.insert(0, "BootNotification")
    return [step_of(run, StepKind.TRIGGER, message) for message in messages]


def _plan_set(run: Commissioning) -> list[CommissioningStep]:
    """Each wanted key: set where it differs, else why not. Refusals of before are tried afresh,
    unless only what drifted is put right; what it restarted over is left alone."""
    charger, setup = run.charger, setup_of(run.charger)
    if run.reason != CommissioningReason.PUT_RIGHT:
        setup.refused, setup.refused_measurands = {}, []
        setup.save(update_fields=["refused", "refused_measurands"])
    known = selectors.known_keys(charger)
    compared = configuring.compare(
        selectors.wanted_of(charger, setup), known, setup.refused, setup.refused_measurands
    )
    steps = []
    for each in sorted(compared, key=lambda c: fold(c.key) == fold(MEASURANDS)):
        status = _STATUS_OF[each.state]
        if status == StepStatus.ABSENT and not known:
            status = StepStatus.WAITING  # it tells of no key at all, but may take them
        if status == StepStatus.WAITING and _is_avoided(setup, charger, each.key):
            status = StepStatus.AVOIDED
        if run.reason != CommissioningReason.PUT_RIGHT or status == StepStatus.WAITING:
            steps.append(
                step_of(run, StepKind.SET, each.key, each.wanted, status, each.value or "")
            )
    return steps


_STATUS_OF = {
    configuring.OK: StepStatus.ALREADY,
    configuring.DRIFT: StepStatus.WAITING,
    configuring.READONLY: StepStatus.READONLY,
    configuring.ABSENT: StepStatus.ABSENT,
    configuring.REFUSED: StepStatus.SKIPPED,
}


def _is_avoided(setup: ChargerSetup, charger: Charger, key: str) -> bool:
    """Whether this firmware has restarted over the key before, or chargers of this model do."""
    if fold(key) == fold(MEASURANDS) and device_of(charger).quirks.no_configuration_probe:
        return True
    before = setup.avoid.get(fold(key))
    return before is not None and before.get("firmware") == charger.firmware_version


def _plan_verify(run: Commissioning) -> list[CommissioningStep]:
    """What it made of the values: read again what was set."""
    took = (StepStatus.DONE, StepStatus.RESTART)
    changed = run.steps.filter(kind=StepKind.SET, status__in=took).values_list("key", flat=True)
    keys = list(dict.fromkeys(changed))
    if keys and _read_all(run):
        keys = [""]
    return [step_of(run, StepKind.READ, key) for key in keys]


def _plan_password(run: Commissioning) -> list[CommissioningStep]:
    return [step_of(run, StepKind.PASSWORD)] if run.renew_password else []


PLANS: dict[str, Callable[[Commissioning], list[CommissioningStep]]] = {
    "read": _plan_read,
    "keys": _plan_keys,
    "trigger": _plan_trigger,
    "set": _plan_set,
    "verify": _plan_verify,
    "password": _plan_password,
}
