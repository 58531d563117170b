"""Campaigns: the list, a new one, and one with its chargers, live."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling import campaigning
from evbilling.backoffice.chips import Chip, chip
from evbilling.backoffice.file_forms import CampaignForm
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.orders import masked
from evbilling.backoffice.transfer_rows import campaign as shown
from evbilling.backoffice.transfer_rows import target as shown_target
from evbilling.templatetags.ui import named
from stations.models import Campaign, CampaignKind, Charger, FirmwareImage, TargetState
from stations.selectors import campaigns as selectors
from stations.selectors import keyset
from stations.selectors.chargers import with_online
from stations.services import campaigns
from stations.services.campaigns import Plan
from users.access import Action, may

PAGE_SIZE = 100
MOST_CHARGERS = 2_000
FILTERS = ("station", "product", "version")
TURNS = {"pause": campaigns.pause, "resume": campaigns.resume, "cancel": campaigns.cancel}


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    page = keyset.page(
        selectors.counted(rows(request, campaigning.visible(request.admin))),
        "created_at",
        keyset.parse(request.GET.get("at", "")),
    )
    context = {
        "campaigns": [shown(row) for row in page.rows],
        "page": page,
        "may_run": may(request.admin, Action.RUN_CAMPAIGN),
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/campaigns.html{part}", context)


@needs(Action.VIEW)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    row = _campaign(request, pk)
    wanted = request.GET.get("state", "")
    found = selectors.targets(row).order_by("id")
    if wanted in TargetState.values:
        found = found.filter(state=wanted)
    start = _offset(request)
    targets = list(found[start : start + PAGE_SIZE + 1])
    context = {
        "campaign": shown(row),
        "row": row,
        "steps": [(step["action"], masked(step["action"], step["payload"])) for step in row.steps],
        "targets": [shown_target(each) for each in targets[:PAGE_SIZE]],
        "chips": [_state_chip(request, row)],
        "page": keyset.Page(
            [],
            str(start + PAGE_SIZE) if len(targets) > PAGE_SIZE else "",
            str(max(start - PAGE_SIZE, 0)) if start else "",
        ),
        "may_run": may(request.admin, Action.RUN_CAMPAIGN),
        "now": timezone.now(),
    }
    part = "#progress" if request.GET.get("part") == "progress" else ""
    return render(request, f"backoffice/campaign.html{part}", context)


@require_POST
@needs(Action.RUN_CAMPAIGN)
def turn(request: AdminRequest, pk: int) -> HttpResponse:
    """Pause, resume or cancel."""
    row = _campaign(request, pk)
    work = TURNS.get(request.POST.get("turn", ""))
    if work is None:
        raise DomainError(_("Choose pause, resume or cancel."), code="invalid")
    work(row, actor=actor(request))
    return redirect("campaign", row.pk)


@needs(Action.RUN_CAMPAIGN)
def new(request: AdminRequest) -> HttpResponse:
    """Choose chargers and what is done; a POST begins it."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in CampaignKind.values else CampaignKind.FIRMWARE
    images = list(rows(request, FirmwareImage.objects.all())[:200])
    everything = list(_takers(request))
    found = [c for c in everything if _fits(c, request.GET)]
    if request.method != "POST":
        form = CampaignForm(kind=kind, images=images)
        return _form(request, form, everything, found, {c.pk for c in found})
    form = CampaignForm(request.POST, kind=kind, images=images)
    picked = {int(pk) for pk in request.POST.getlist("charger") if pk.isascii() and pk.isdigit()}
    chosen = [c for c in everything if c.pk in picked]
    if form.is_valid():
        try:
            made = _create(request, form, chosen)
            return redirect("campaign", made.pk)
        except DomainError as error:
            form.add_error(_field_of(form, error), str(error))
    return _form(request, form, everything, found, picked, 422)


def _create(request: AdminRequest, form: CampaignForm, chosen: list[Charger]) -> Campaign:
    values = form.cleaned_data
    image = None
    if form.kind == CampaignKind.FIRMWARE:
        image = one(request, FirmwareImage.objects.all(), pk=values["firmware"])
    plan = Plan(
        name=values["name"],
        kind=form.kind,
        deadline=form.deadline,
        steps=form.steps(),
        firmware=image,
        max_parallel=values["max_parallel"],
        while_charging=values["while_charging"],
    )
    return campaigns.create(request.company, plan, chosen, actor=actor(request))


def _field_of(form: CampaignForm, error: DomainError) -> str | None:
    """The form's field that the error is about; what the standard calls it may be part of ours."""
    if error.field in form.fields:
        return error.field
    return (
        next((name for name in ("settings", "payload") if name in form.fields), None)
        if (error.code == "bad_request")
        else None
    )


def _form(
    request: AdminRequest,
    form: CampaignForm,
    everything: list[Charger],
    found: list[Charger],
    picked: set[int],
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "kind": form.kind,
        "kinds": CampaignKind.choices,
        "no_image": form.kind == CampaignKind.FIRMWARE
        and not rows(request, FirmwareImage.objects.all()).exists(),
        "chargers": [(c, c.pk in picked) for c in found],
        "chips": _chips(request, everything),
    }
    return render(request, "backoffice/campaign_new.html", context, status=status)


def _takers(request: AdminRequest) -> Any:
    found = selectors.takers(with_online(rows(request, Charger.objects.all())))
    return found.order_by("station__sort_key", "station_id", "charge_point_id")[:MOST_CHARGERS]


def _fits(charger: Charger, wanted: Any) -> bool:
    return all(
        not (value := wanted.get(name, "")) or value == words_of(charger)[name] for name in FILTERS
    )


def words_of(charger: Charger) -> dict[str, str]:
    """What a charger is found by."""
    return {
        "station": str(charger.station_id),
        "product": f"{charger.vendor} {charger.model}".strip(),
        "version": charger.firmware_version,
    }


def _chips(request: HttpRequest, everything: list[Charger]) -> list[Chip]:
    stations = {str(c.station_id): named(c.station) for c in everything}
    products = sorted({words_of(c)["product"] for c in everything} - {""})
    versions = sorted({c.firmware_version for c in everything} - {""})
    choices = {
        "station": (_("Station"), stations),
        "product": (_("Maker and model"), {word: word for word in products}),
        "version": (_("Firmware"), {word: word for word in versions}),
    }
    return [chip(request, name, title, words) for name, (title, words) in choices.items() if words]


def _state_chip(request: HttpRequest, row: Any) -> Chip:
    words = {str(state): str(state.label) for state in TargetState}
    counts = {str(state): getattr(row, f"n_{state}") for state in TargetState}
    return chip(request, "state", _("Status"), words, n=counts, at="")


def _campaign(request: AdminRequest, pk: int) -> Campaign:
    visible = one(request, campaigning.visible(request.admin), pk=pk)
    found = selectors.counted(Campaign.objects.filter(pk=visible.pk)).first()
    if found is None:
        raise Http404
    return found


def _offset(request: HttpRequest) -> int:
    text = request.GET.get("at", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
