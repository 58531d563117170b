"""MEA's acceptance test of a charger: start it, watch it, decide about it, print the form."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.acceptance_form import AcceptanceForm, initial_of
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.orders import card_label
from evbilling.states import State
from evbilling.templatetags.ui import named
from meaoscp import acceptance_pdf, form, words
from meaoscp.form import FormStep, FormTest
from meaoscp.models import AcceptanceRun, AcceptanceStep, RunState, StepState
from meaoscp.selectors import acceptance as selectors
from meaoscp.services import acceptance_runs
from stations.models import Charger
from stations.selectors import chargers
from users.access import Action
from users.models import Card

MOST_RUNS = 50
RUN_STATES: dict[str, tuple[str, str]] = {
    RunState.RUNNING: ("chg", "player-play"),
    RunState.PAUSED: ("wait", "player-pause"),
    RunState.PASSED: ("ok", "circle-check"),
    RunState.FAILED: ("bad", "alert-circle"),
    RunState.INCOMPLETE: ("wait", "minus"),
    RunState.ABORTED: ("out", "ban"),
}
STEP_STATES: dict[str, tuple[str, str]] = {
    StepState.WAITING: ("off", "square"),
    StepState.NOW: ("chg", "player-play"),
    StepState.PASSED: ("ok", "check"),
    StepState.FAILED: ("bad", "x"),
    StepState.SKIPPED: ("wait", "minus"),
    StepState.LEFT_OUT: ("out", "ban"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A step as the page shows it."""

    row: AcceptanceStep
    line: FormStep
    state: State

    @property
    def remark(self) -> str:
        return acceptance_pdf.remark_of(self.row)


@dataclass(frozen=True, slots=True)
class Block:
    """A test on one connector."""

    test: FormTest
    connector: int
    lines: list[Line]
    may_repeat: bool

    @property
    def state(self) -> State:
        """The worst of its lines, or that it has not begun."""
        states = {line.row.state for line in self.lines}
        for state in (StepState.NOW, StepState.FAILED, StepState.LEFT_OUT, StepState.SKIPPED):
            if state in states:
                return state_of_step(state)
        return state_of_step(
            StepState.PASSED if states == {StepState.PASSED} else StepState.WAITING
        )

    @property
    def open(self) -> bool:
        return any(line.row.state in (StepState.NOW, StepState.FAILED) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Now:
    """What somebody has to do this minute."""

    row: AcceptanceStep
    line: FormStep
    test: FormTest
    do: str | Promise
    failure: str
    may_send: bool
    seconds_left: int | None


def state_of_run(run: AcceptanceRun) -> State:
    css, icon = RUN_STATES[run.state]
    return State(css, icon, run.get_state_display(), run.get_state_display())


def state_of_step(state: str) -> State:
    css, icon = STEP_STATES[state]
    word = StepState(state).label
    return State(css, icon, word, word)


@needs(Action.VIEW)
def index(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """The tab: start a test, or go to the one under way; the earlier ones with their papers."""
    charger = charger_of(request, charge_point_id)
    plugs = selectors.plugs(charger)
    initial = initial_of(charger, plugs, str(request.admin))
    initial["project"] = named(charger.station)
    return _index(request, charger, AcceptanceForm(request, charger, plugs, initial=initial))


@require_POST
@needs(Action.COMMAND_CHARGER)
def start(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    filled = AcceptanceForm(request, charger, selectors.plugs(charger), data=request.POST)
    if filled.is_valid():
        try:
            run = acceptance_runs.start(charger, filled.wish(), actor=actor(request))
        except DomainError as error:
            filled.blame(error)
        else:
            return redirect("charger-acceptance-run", charger.charge_point_id, run.pk)
    return _index(request, charger, filled, status=422)


def _index(
    request: AdminRequest, charger: Charger, filled: AcceptanceForm, status: int = 200
) -> HttpResponse:
    found = list(rows(request, selectors.runs_of(charger))[:MOST_RUNS])
    cards = rows(request, Card.objects.filter(company_id=charger.station.company_id))
    context = charger_page.frame(request, charger, "acceptance") | {
        "form": filled,
        "open_run": next((run for run in found if run.is_open), None),
        "runs": [(run, state_of_run(run)) for run in found],
        "has_plugs": bool(filled.fields["connectors"].choices),  # type: ignore[attr-defined]
        "rfid_cards": [(card.id_tag, card_label(card)) for card in chargers.cards(cards)],
    }
    return render(request, "backoffice/charger_acceptance.html", context, status=status)


@needs(Action.VIEW)
def detail(request: AdminRequest, charge_point_id: str, pk: int) -> HttpResponse:
    """One run: what to do now, every step, and what may be decided."""
    charger = charger_of(request, charge_point_id)
    run = _run(request, charger, pk)
    context = charger_page.frame(request, charger, "acceptance") | shown(run)
    part = request.GET.get("part", "")
    part = f"#{part}" if part in ("progress", "decide", "steps") else ""
    return render(request, f"backoffice/acceptance_run.html{part}", context)


@require_POST
@needs(Action.COMMAND_CHARGER)
def decide(request: AdminRequest, charge_point_id: str, pk: int) -> HttpResponse:
    """Send now, skip, go on, repeat or abort."""
    charger = charger_of(request, charge_point_id)
    run, who = _run(request, charger, pk), actor(request)
    try:
        _decided(request, run, who)
    except DomainError as error:
        context = charger_page.frame(request, charger, "acceptance") | shown(run)
        context |= {"wrong": str(error), "note": request.POST.get("note", "")[:300]}
        return render(request, "backoffice/acceptance_run.html", context, status=error.status)
    return redirect("charger-acceptance-run", charger.charge_point_id, run.pk)


def _decided(request: AdminRequest, run: AcceptanceRun, who: Any) -> None:
    decision = request.POST.get("decision", "")
    if decision == "repeat":
        test, connector = (_number(request.POST.get(name, "")) for name in ("test", "connector"))
        acceptance_runs.repeat(run, test, connector, actor=who)
    elif decision == "skip":
        acceptance_runs.skip(run, request.POST.get("note", ""), actor=who)
    elif decision == "next":
        acceptance_runs.next_test(run, actor=who)
    elif decision == "send":
        acceptance_runs.send_now(run, actor=who)
    elif decision == "abort":
        acceptance_runs.abort(run, actor=who)
    else:
        raise DomainError(_("Choose what to do."), code="unknown_decision")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


@require_safe
@needs(Action.VIEW)
def paper(request: AdminRequest, charge_point_id: str, pk: int) -> HttpResponse:
    """The filled form, as far as it is filled."""
    charger = charger_of(request, charge_point_id)
    run = _run(request, charger, pk)
    response = HttpResponse(acceptance_pdf.printed(run), content_type="application/pdf")
    name = f"{form.NAME}-{charger.charge_point_id}-{run.pk}.pdf"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _run(request: AdminRequest, charger: Charger, pk: int) -> AcceptanceRun:
    return one(request, selectors.runs_of(charger), pk=pk)


def shown(run: AcceptanceRun) -> dict[str, Any]:
    steps = list(run.steps.order_by("position"))
    on_paper = [s for s in steps if form.STEPS[s.number].on_paper]
    done = [s for s in on_paper if s.state not in (StepState.WAITING, StepState.NOW)]
    return {
        "run": run,
        "run_state": state_of_run(run),
        "now": _now(run, steps),
        "blocks": _blocks(run, steps),
        "passed_count": sum(s.state == StepState.PASSED for s in on_paper),
        "done_count": len(done),
        "step_count": len(on_paper),
        "took": (run.ended_at or timezone.now()) - run.started_at,
    }


def _now(run: AcceptanceRun, steps: list[AcceptanceStep]) -> Now | None:
    if run.state == RunState.PAUSED:
        failed = [s for s in steps if s.state == StepState.FAILED and s.ended_at]
        row = max(failed, key=lambda s: s.ended_at or run.started_at, default=None)
    else:
        row = next((s for s in steps if s.state == StepState.NOW), None)
    if row is None or not run.is_open:
        return None
    line = form.STEPS[row.number]
    left = None if row.due_at is None else int((row.due_at - timezone.now()).total_seconds())
    running = row.state == StepState.NOW
    return Now(
        row=row,
        line=line,
        test=form.BY_NUMBER[row.test],
        do=line.do,
        failure=words.reason(row.reason, row.reason_values),
        may_send=running and line.plug_first and not row.send_now,
        seconds_left=max(left, 0) if running and left is not None else None,
    )


def _blocks(run: AcceptanceRun, steps: list[AcceptanceStep]) -> list[Block]:
    grouped: dict[tuple[int, int], list[Line]] = {}
    for row in steps:
        shown_step = Line(row, form.STEPS[row.number], state_of_step(row.state))
        grouped.setdefault((row.connector_id, row.test), []).append(shown_step)
    free = run.state in (RunState.PAUSED, RunState.PASSED, RunState.FAILED, RunState.INCOMPLETE)
    return [
        Block(
            form.BY_NUMBER[test],
            connector,
            lines,
            may_repeat=(free and any(line.row.tries for line in lines))
            or (run.state == RunState.RUNNING and any(x.row.state == StepState.NOW for x in lines)),
        )
        for (connector, test), lines in grouped.items()
    ]
