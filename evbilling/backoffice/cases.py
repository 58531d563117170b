"""Cases: what does not add up, with its evidence in words, until a person says what came of it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice.chips import chip, url
from evbilling.backoffice.evidence import Story, story_of
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from stations.models import Case, CaseKind
from stations.selectors import cases as selectors
from stations.selectors import keyset
from stations.services import cases as service
from users.access import Action, may

MOST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as the page shows it; ``note`` and ``error`` are a resolution that was not taken."""

    case: Case
    story: Story
    note: str = ""
    error: str = ""

    @property
    def disputed(self) -> bool:
        """Whether there is energy to decide about."""
        return bool(self.case.evidence.get("disputed_wh"))


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    return render(request, *_page(request))


@require_POST
@needs(Action.RESOLVE_CASE)
def resolve(request: AdminRequest, pk: int) -> HttpResponse:
    """A person says what came of it. Without a word nobody could follow later, so a note is asked for."""
    case = one(request, Case.objects.select_related("charger"), pk=pk)
    note = request.POST.get("note", "").strip()
    decision = request.POST.get("decision", "")[:20]
    error = ""
    if not note:
        error = _("Say in a few words what came of it.")
    elif len(note) > MOST_NOTE:
        error = _("The note is too long.")
    else:
        try:
            service.resolve(
                case,
                note=note,
                decision=decision,
                actor=actor(request),
                company_id=request.company.pk,
            )
        except DomainError as refused:
            error = str(refused)
    if error:
        template, context = _page(request, failed=(case.pk, note, error))
        return render(request, template, context, status=422)
    return redirect(f"{reverse('cases')}?done={case.pk}")


def _page(
    request: AdminRequest, failed: tuple[int, str, str] | None = None
) -> tuple[str, dict[str, Any]]:
    mine = rows(request, Case.objects.all())
    kind = request.GET.get("kind", "")
    show_resolved = request.GET.get("show") == "resolved"
    page: keyset.Page[Case] = (
        selectors.resolved(mine, keyset.parse(request.GET.get("at", "")), kind)
        if show_resolved
        else keyset.Page(selectors.open_cases(mine, kind))
    )
    context = {
        "page": page,
        "cases": [_shown(case, failed) for case in page.rows],
        "resolved": show_resolved,
        "open_count": selectors.count_open(mine),
        "open_url": url(request, show=""),
        "resolved_url": url(request, show="resolved"),
        "chips": [chip(request, "kind", _("Kind"), {k: str(word) for k, word in CaseKind.choices})],
        "failed": failed,
        "may_resolve": may(request.admin, Action.RESOLVE_CASE),
        "done": request.GET.get("done", ""),
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return f"backoffice/cases.html{part}", context


def _shown(case: Case, failed: tuple[int, str, str] | None) -> Shown:
    if failed is not None and failed[0] == case.pk:
        return Shown(case, story_of(case), failed[1], failed[2])
    return Shown(case, story_of(case))
