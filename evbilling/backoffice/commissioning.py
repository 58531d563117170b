"""The set-up tab of a charger: the run step by step, live, and what the charger can."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs, one
from evbilling.states import State
from stations.models import (
    Charger,
    Commissioning,
    CommissioningState,
    CommissioningStep,
    ConfigurationTemplate,
    StepKind,
    StepStatus,
)
from stations.models.configuration import OPEN_STATES
from stations.selectors import configuration
from stations.services import chargers, setups
from users.access import Action

STATES: dict[str, tuple[str, str]] = {
    CommissioningState.WAITING: ("wait", "clock"),
    CommissioningState.RUNNING: ("plug", "loader-2"),
    CommissioningState.DONE: ("ok", "circle-check"),
    CommissioningState.STOPPED: ("bad", "alert-triangle"),
}
STEPS: dict[str, tuple[str, str]] = {
    StepStatus.WAITING: ("out", "clock"),
    StepStatus.SENT: ("plug", "loader-2"),
    StepStatus.DONE: ("ok", "check"),
    StepStatus.RESTART: ("wait", "refresh"),
    StepStatus.REFUSED: ("bad", "x"),
    StepStatus.SILENT: ("bad", "clock"),
    StepStatus.RESTARTED: ("bad", "power"),
    StepStatus.ALREADY: ("ok", "check"),
    StepStatus.READONLY: ("out", "lock"),
    StepStatus.ABSENT: ("out", "minus"),
    StepStatus.AVOIDED: ("wait", "ban"),
    StepStatus.SKIPPED: ("out", "minus"),
}
TROUBLES: dict[str, str | Promise] = {
    "silent": gettext_lazy("The charger stopped answering. Check its line, then set it up again."),
    "restarts": gettext_lazy(
        "The charger restarted twice over what it was asked, so it was left alone. It charges as it is."
    ),
    "asked": gettext_lazy("Somebody stopped it. What was set stays set."),
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One line of the run: what was asked, and the charger's words."""

    row: CommissioningStep
    state: State
    text: str
    value: str
    said: str


@dataclass(frozen=True, slots=True)
class ShownRun:
    row: Commissioning
    state: State
    trouble: str | Promise


@needs(Action.VIEW)
def page(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    context = charger_page.frame(request, charger, "commissioning") | _run(charger)
    if request.GET.get("part") == "run":
        return render(request, "backoffice/charger_commissioning.html#run", context)
    return render(request, "backoffice/charger_commissioning.html", context)


@require_POST
@needs(Action.COMMAND_CHARGER)
def act(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Set up again, put right, stop, restart."""
    charger = charger_of(request, charge_point_id)
    what = ACTS.get(request.POST.get("what", ""))
    if what is None:
        raise DomainError(_("Choose one of the orders."), code="unknown_action")
    what(request, charger)
    if request.POST.get("back") == "templates":
        return redirect("templates")
    return redirect("charger-commissioning", charger.charge_point_id)


@require_POST
@needs(Action.EDIT_CHARGER)
def choose_template(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Which template holds for this charger; empty: the company's default."""
    charger = charger_of(request, charge_point_id)
    chosen = request.POST.get("template", "")
    template = None
    if chosen.isascii() and chosen.isdigit() and len(chosen) < 18:
        mine = ConfigurationTemplate.objects.filter(company_id=charger.station.company_id)
        template = one(request, mine, pk=int(chosen))
    setups.choose_template(charger, template, actor=actor(request))
    return redirect("charger-communication", charger.charge_point_id)


def _again(request: AdminRequest, charger: Charger) -> None:
    setups.again(charger, force=request.POST.get("force") == "1", actor=actor(request))


def _put_right(request: AdminRequest, charger: Charger) -> None:
    setups.put_right(charger, actor=actor(request))


def _stop(request: AdminRequest, charger: Charger) -> None:
    setups.stop(charger, actor=actor(request))


def _restart(request: AdminRequest, charger: Charger) -> None:
    setups.restart(charger, actor=actor(request))


ACTS: dict[str, Callable[[AdminRequest, Charger], None]] = {
    "again": _again,
    "put_right": _put_right,
    "stop": _stop,
    "restart": _restart,
}


def _run(charger: Charger) -> dict[str, Any]:
    """The newest run with its steps, the ones before it, and what the charger can."""
    runs = [_shown(run) for run in configuration.runs_of(charger)]
    newest = runs[0].row if runs else None
    steps = [_step(step) for step in newest.steps.all()] if newest else []
    setup = configuration.setup_of(charger)
    known = configuration.known_keys(charger)
    return {
        "run": runs[0] if runs else None,
        "earlier": runs[1:],
        "steps": steps,
        "under_way": newest is not None and newest.state in OPEN_STATES,
        "setup": setup,
        "measurands": configuration.measurands_of(known),
        "charging": chargers.is_charging(charger),
    }


def _shown(run: Commissioning) -> ShownRun:
    css, icon = STATES[run.state]
    word = run.get_state_display()
    return ShownRun(run, State(css, icon, word, word), TROUBLES.get(run.trouble, ""))


def _step(step: CommissioningStep) -> ShownStep:
    css, icon = STEPS[step.status]
    word = step.get_status_display()
    text, value, said = _words(step)
    return ShownStep(step, State(css, icon, word, word), text, value, said)


def _words(step: CommissioningStep) -> tuple[str, str, str]:
    """What is asked, the value, and what the charger said to it."""
    if step.kind == StepKind.TRIGGER:
        return _("Ask for a message"), step.key, step.said
    if step.kind == StepKind.PASSWORD:
        return _("Give it a random password"), "", ""
    if step.kind == StepKind.SET:
        now = (StepStatus.ALREADY, StepStatus.READONLY, StepStatus.AVOIDED, StepStatus.WAITING)
        stands = _("stands at %(value)s") % {"value": step.said or "–"}
        differs = step.status in now and step.status != StepStatus.ALREADY and step.said
        told = "" if step.status in now else step.said
        return step.key, step.value or "–", stands if differs else told
    if step.key:
        return _("Read %(key)s") % {"key": step.key}, "", step.said
    if step.status == StepStatus.DONE:
        return _("Read all settings"), "", _("%(n)s settings") % {"n": step.said}
    return _("Read all settings"), "", step.said
