"""What people decide about a run of the acceptance form: start, repeat, skip, go on, abort."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from meaoscp import form
from meaoscp.models import AcceptanceRun, AcceptanceStep, RunState, StepState
from meaoscp.selectors import acceptance as selectors
from meaoscp.services import acceptance
from stations.models import Charger, Protocol
from stations.selectors.chargers import is_online
from stations.services import authorising, gate
from users.models import Card

UNDECIDED = (StepState.NOW, StepState.WAITING)
AC_LIMITS, DC_LIMITS = (Decimal(6), Decimal(80)), (Decimal(1000), Decimal(500_000))
SHORTEST_RESERVATION, LONGEST_RESERVATION = 2, 3600
MOST_WITNESSES = 3


def usual_patience() -> dict[str, int]:
    """Seconds: a person at the charger, the charger itself, its heartbeat, its meter values."""
    heartbeat = 2 * settings.OCPP_HEARTBEAT_SECONDS + 30
    return {"person": 600, "wire": 60, "heartbeat": heartbeat, "meter": 240}


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin fills in to start a run. ``limit``: A on AC, W on DC."""

    card: Card | None
    connectors: Sequence[int]
    direct: bool = False
    limit: Decimal = Decimal(10)
    project: str = ""
    brand_model: str = ""
    tested_by: str = ""
    witnesses: Sequence[str] = ()
    stop_card: Card | None = None
    invalid_id_tag: str = ""
    reservation_seconds: int = 120
    tests: Sequence[int] = form.TESTS
    patience: dict[str, int] = field(default_factory=usual_patience)


def start(charger: Charger, wish: Wish, *, actor: audit.Actor) -> AcceptanceRun:
    """Begin a run. One at a time per charger; refused with the field that is to blame."""
    card = _check(charger, wish)
    run = AcceptanceRun(
        charger=charger,
        connectors=sorted(wish.connectors),
        tests=sorted(wish.tests),
        direct=wish.direct,
        project=wish.project[:120],
        brand_model=wish.brand_model[:120],
        tested_by=wish.tested_by[:80],
        witnesses=[name[:80] for name in wish.witnesses if name][:MOST_WITNESSES],
        card=card,
        stop_card=wish.stop_card,
        invalid_id_tag=wish.invalid_id_tag,
        limit=wish.limit,
        reservation_seconds=wish.reservation_seconds,
        patience={**usual_patience(), **wish.patience},
        started_by=actor.name[:120],
    )
    try:
        with transaction.atomic():
            run.save()
            AcceptanceStep.objects.bulk_create(_steps(run))
            _record(run, actor, "acceptance_start", connectors=run.connectors, tests=run.tests)
            acceptance.nudge(run)
    except IntegrityError:
        raise Conflict(
            _("A test is under way at this charger already. End it first."), code="test_under_way"
        ) from None
    return run


def _steps(run: AcceptanceRun) -> list[AcceptanceStep]:
    planned = form.plan(run.connectors, run.tests)
    return [
        AcceptanceStep(
            run=run, position=n, connector_id=connector, test=test.number, number=step.number
        )
        for n, (connector, test, step) in enumerate(planned)
    ]


def _check(charger: Charger, wish: Wish) -> Card:
    if charger.protocol != Protocol.OCPP16:
        raise Conflict(_("The form is about OCPP 1.6 chargers."), code="not_supported")
    if not Charger.objects.filter(is_online(), pk=charger.pk).exists():
        raise Conflict(
            _("The charger is offline. Connect it, then start the test."), code="charger_offline"
        )
    known = {c.connector_id for c in selectors.plugs(charger)}
    if not wish.connectors or not set(wish.connectors) <= known:
        raise DomainError(_("Choose connectors of this charger."), field="connectors")
    if not wish.tests or not set(wish.tests) <= set(form.TESTS):
        raise DomainError(_("Choose tests of the form."), field="tests")
    least, most = DC_LIMITS if wish.direct else AC_LIMITS
    if not least <= wish.limit <= most:
        sentence = _("Enter a limit from %(least)s to %(most)s %(unit)s.")
        unit = "W" if wish.direct else "A"
        raise DomainError(sentence, field="limit", least=least, most=most, unit=unit)
    if not SHORTEST_RESERVATION <= wish.reservation_seconds <= LONGEST_RESERVATION:
        raise DomainError(_("Reserve for at most an hour."), field="reservation_seconds")
    return _check_cards(charger, wish)


def _check_cards(charger: Charger, wish: Wish) -> Card:
    company_id = charger.station.company_id
    card = wish.card
    if card is None or card.company_id != company_id or not _may_charge(card):
        raise DomainError(_("Choose a card that may charge here."), field="card")
    holder, now = authorising.holder_of(card), timezone.now()
    if gate.current().check(charger.station, holder, now) is not None:
        raise DomainError(
            _("The card’s customer cannot pay now: the tests charge a little and are billed."),
            field="card",
        )
    other = wish.stop_card
    if other is not None and (
        other.pk == card.pk or not card.parent_id_tag or other.parent_id_tag != card.parent_id_tag
    ):
        raise DomainError(
            _("The second card must be another one of the same group (parent idTag)."),
            field="stop_card",
        )
    unknown = wish.invalid_id_tag
    if len(unknown) > 20 or (unknown and authorising.find_card(company_id, unknown) is not None):
        raise DomainError(_("Enter a card that is not known here."), field="invalid_id_tag")
    return card


def _may_charge(card: Card) -> bool:
    return authorising.identify(card, timezone.now()).status == authorising.ACCEPTED


def send_now(run: AcceptanceRun, *, actor: audit.Actor) -> None:
    """The start goes out although the charger has not told of a car."""
    with _deciding(run) as locked:
        step = _present(locked)
        if step is None or not form.STEPS[step.number].plug_first:
            raise Conflict(_("There is nothing to send now."), code="nothing_to_send")
        step.send_now = True
        step.save(update_fields=["send_now"])
        _record(locked, actor, "acceptance_send", step=step.number)


def skip(run: AcceptanceRun, note: str, *, actor: audit.Actor) -> None:
    """Leave out the present step, with the reason that stands on the paper."""
    note = note.strip()[:300]
    if not note:
        raise DomainError(
            _("Say why the step is left out; it is printed on the form."), field="note"
        )
    with _deciding(run) as locked:
        step = _present(locked)
        if step is None:
            raise Conflict(_("There is no step to skip."), code="nothing_to_skip")
        step.state, step.note, step.decided_by = StepState.SKIPPED, note, actor.name[:120]
        step.reason, step.reason_values, step.ended_at = "", {}, timezone.now()
        step.save()
        _resume(locked)
        _record(locked, actor, "acceptance_skip", step=step.number, note=note)


def next_test(run: AcceptanceRun, *, actor: audit.Actor) -> None:
    """Keep the failure and go on with the next test; what is left of this one was not reached."""
    with _deciding(run) as locked:
        step = _present(locked)
        if step is None or step.state != StepState.FAILED:
            raise Conflict(_("No step has failed."), code="nothing_failed")
        _give_up(locked, _test_of(locked, step))
        _resume(locked)
        _record(locked, actor, "acceptance_next", step=step.number)


def repeat(run: AcceptanceRun, test: int, connector: int, *, actor: audit.Actor) -> None:
    """Run one test again. While a step is being watched only its own test can be."""
    with _deciding(run, ended=True) as locked:
        again = list(locked.steps.filter(test=test, connector_id=connector).order_by("position"))
        if not again:
            raise DomainError(_("That test is not part of this run."), field="test")
        present = _present(locked)
        if present is not None:
            current = _test_of(locked, present)
            if locked.state == RunState.RUNNING and present not in again:
                raise Conflict(_("Wait for the present test to end."), code="test_under_way")
            _give_up(locked, current)
        for step in again:
            _reset(step)
        _resume(locked)
        _record(locked, actor, "acceptance_repeat", test=test, connector=connector)


def abort(run: AcceptanceRun, *, actor: audit.Actor) -> None:
    """End the run as it is."""
    with _deciding(run) as locked:
        present = _present(locked)
        if present is not None:
            _give_up(locked, _test_of(locked, present))
        locked.steps.filter(state__in=UNDECIDED).update(state=StepState.LEFT_OUT)
        locked.state, locked.ended_at = RunState.ABORTED, timezone.now()
        locked.save(update_fields=["state", "ended_at"])
        _record(locked, actor, "acceptance_abort")


@contextmanager
def _deciding(run: AcceptanceRun, *, ended: bool = False) -> Iterator[AcceptanceRun]:
    """The run, locked; refused where it is over. Open pages hear of what was decided."""
    with transaction.atomic():
        locked = (
            AcceptanceRun.objects.select_for_update(of=("self",))
            .select_related("charger__station", "card", "stop_card")
            .get(pk=run.pk)
        )
        if locked.state == RunState.ABORTED or not (ended or locked.is_open):
            raise Conflict(_("This test has ended."), code="test_ended")
        yield locked
        acceptance.nudge(locked)


def _present(run: AcceptanceRun) -> AcceptanceStep | None:
    """The step that is watched, or the failed one that waits for a decision."""
    if run.state == RunState.PAUSED:
        failed = run.steps.filter(state=StepState.FAILED).order_by("-ended_at")
        return failed.first()
    return run.steps.filter(state__in=UNDECIDED).order_by("position").first()


def _test_of(run: AcceptanceRun, step: AcceptanceStep) -> list[AcceptanceStep]:
    found = run.steps.filter(test=step.test, connector_id=step.connector_id)
    return list(found.order_by("position"))


def _give_up(run: AcceptanceRun, test: list[AcceptanceStep]) -> None:
    acceptance.tidy(run, test)
    for step in test:
        if step.state in UNDECIDED:
            step.state = StepState.LEFT_OUT
            step.save(update_fields=["state"])


def _reset(step: AcceptanceStep) -> None:
    """As if it had never been tried; ``tries`` counts on, so that orders are new ones."""
    blank = AcceptanceStep(
        pk=step.pk,
        run_id=step.run_id,
        position=step.position,
        connector_id=step.connector_id,
        test=step.test,
        number=step.number,
        tries=step.tries,
    )
    blank.save(force_update=True)


def _resume(run: AcceptanceRun) -> None:
    run.state, run.ended_at = RunState.RUNNING, None
    try:
        with transaction.atomic():
            run.save(update_fields=["state", "ended_at"])
    except IntegrityError:
        raise Conflict(
            _("A test is under way at this charger already. End it first."), code="test_under_way"
        ) from None


def _record(run: AcceptanceRun, actor: audit.Actor, action: str, **new: Any) -> None:
    company_id = run.charger.station.company_id
    audit.record(actor, action, f"acceptance:{run.pk}", company_id=company_id, new=new)
