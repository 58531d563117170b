"""Which measurands a charger takes into MeterValuesSampledData: the whole list, else part by part.

Some refuse a list for one name in it (and some restart over one), so after a refusal the register
alone is tried, then each other name added to what was taken so far. The register is always kept.
"""

from django.db.models import QuerySet

from stations.configuring import ENERGY, MEASURANDS, fold, names
from stations.models import Commissioning, CommissioningStep, StepKind, StepStatus
from stations.selectors import configuration as selectors
from stations.services.configuration import setup_of

TAKEN = (StepStatus.DONE, StepStatus.RESTART)
OVER = (StepStatus.SILENT, StepStatus.RESTARTED)  # no more trying after one of these


def after(run: Commissioning, step: CommissioningStep) -> None:
    """One list has been answered: try the next, or remember what is not taken."""
    first, *others = _trials(run)
    if first.status in TAKEN:
        return
    wanted = names(first.value)
    taken = names(next((t.value for t in reversed(others) if t.status in TAKEN), ""))
    following = _following(wanted, others, taken) if step.status not in OVER else ""
    if following and following != first.value:
        CommissioningStep.objects.create(
            commissioning=run, phase=step.phase, kind=StepKind.SET, key=step.key, value=following
        )
        return
    setup = setup_of(run.charger)
    setup.refused_measurands = [name for name in wanted if name not in taken] if taken else []
    if not taken and step.status == StepStatus.REFUSED:
        setup.refused[fold(step.key)] = first.said
    setup.save(update_fields=["refused", "refused_measurands"])


def compare_with_read(run: Commissioning) -> None:
    """Some say yes to the list and keep a part of it: what was read afterwards counts."""
    trials = list(_trials(run))
    if not any(t.status == StepStatus.DONE for t in trials):
        return
    read = selectors.known_keys(run.charger).get(fold(MEASURANDS))
    if read is None or read.value is None:
        return
    kept = set(map(fold, names(read.value)))
    setup = setup_of(run.charger)
    setup.refused_measurands = [n for n in names(trials[0].value) if fold(n) not in kept]
    setup.save(update_fields=["refused_measurands"])


def _trials(run: Commissioning) -> QuerySet[CommissioningStep]:
    """The lists tried in this run, in order; only those that were asked."""
    found = run.steps.filter(kind=StepKind.SET, key__iexact=MEASURANDS, attempt__gt=0)
    return found.order_by("pk")


def _following(wanted: list[str], others: list[CommissioningStep], taken: list[str]) -> str:
    """The next list to try; '' when there is none."""
    if not others:
        return ENERGY
    if others[0].status not in TAKEN:
        return ""  # not even the register alone: it does not take this key from us
    rest = [name for name in wanted if fold(name) != fold(ENERGY)]
    tried = len(others) - 1
    return ",".join([*taken, rest[tried]]) if tried < len(rest) else ""
