"""The Doctor tab: how a charger is dealt with and why, and what was noticed of it."""

from dataclasses import dataclass
from typing import Any

import msgspec
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_page, quirk_words
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.states import State
from stations import devices
from stations.devices import Device, Help
from stations.findings import Grade
from stations.models import Charger, PowerLimit
from stations.selectors import findings
from stations.services import doctoring
from stations.services.measuring import device_of
from users.access import Action, may

HEALTH: dict[str, State] = {
    "well": State("ok", "check", gettext_lazy("Well"), gettext_lazy("Well")),
    "look": State("wait", "eye", gettext_lazy("Worth a look"), gettext_lazy("Worth a look")),
    "fault": State(
        "bad", "alert-triangle", gettext_lazy("Needs attention"), gettext_lazy("Needs attention")
    ),
    "unknown": State("off", "info-circle", gettext_lazy("Not known"), gettext_lazy("Not known")),
}
GRADES: dict[str, State] = {
    Grade.NOTE: State("out", "info-circle", gettext_lazy("Dealt with"), gettext_lazy("Dealt with")),
    Grade.LOOK: HEALTH["look"],
    Grade.FAULT: HEALTH["fault"],
}
SOURCES: dict[str, Promise] = {
    "named": gettext_lazy("chosen by hand"),
    "found": gettext_lazy("found by what it says of itself"),
    "generic": gettext_lazy("nothing special is known about it"),
}
EVIDENCE: dict[str, Promise] = {
    "timestamp": gettext_lazy("Time by the charger"),
    "transaction_id": gettext_lazy("Transaction number"),
    "said": gettext_lazy("It said"),
    "text": gettext_lazy("Message"),
    "length": gettext_lazy("Length"),
    "register": gettext_lazy("Register"),
    "register_wh": gettext_lazy("Register (Wh)"),
    "connector": gettext_lazy("Connector"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A finding as the page shows it."""

    noticed: findings.Noticed
    state: State
    evidence: list[tuple[str, str]]
    frame_url: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A quirk in the form. ``value`` is the admin's ("" for none), ``device`` what applies else."""

    name: str
    word: str
    choices: list[tuple[str, str]]
    value: str
    device: str
    error: str = ""


@needs(Action.VIEW)
def page(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    return render(request, "backoffice/charger_doctor.html", _context(request, charger))


@require_POST
@needs(Action.EDIT_CHARGER)
def set_device(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Choose the device and single quirks; what is left empty is as the device says."""
    charger = charger_of(request, charge_point_id)
    given = {name: request.POST.get(name, "").strip()[:40] for name in quirk_words.names()}
    quirks = {name: quirk_words.typed(name, text) for name, text in given.items() if text}
    device = request.POST.get("device", "")[:60]
    try:
        doctoring.set_device(charger, device, quirks, actor=actor(request))
    except DomainError as error:
        context = _context(request, charger, given | {"device": device}, error)
        return render(request, "backoffice/charger_doctor.html", context, status=422)
    return redirect(f"{reverse('charger-doctor', args=[charger.charge_point_id])}?done=1")


def _context(
    request: AdminRequest,
    charger: Charger,
    given: dict[str, str] | None = None,
    error: DomainError | None = None,
) -> dict[str, Any]:
    noticed = findings.of_charger(charger)
    device = device_of(charger)
    return charger_page.frame(request, charger, "doctor") | {
        "health": HEALTH[findings.health(charger, noticed)],
        "device": quirk_words.title_of(device),
        "device_help": _in_language(device.help),
        "source": SOURCES[doctoring.source_of(charger)],
        "applied": _applied(device),
        "recipe": sorted(device.quirks.configuration.items()),
        "rows": [_row(charger, n) for n in noticed],
        "limits": PowerLimit.objects.filter(connector__charger=charger)
        .select_related("connector")
        .order_by("connector__connector_id"),
        "waits_for_plug": findings.waiting_for_plug(charger),
        "may_edit": may(request.admin, Action.EDIT_CHARGER),
        "devices": _devices(charger, (given or {}).get("device", charger.device)),
        "device_error": str(error) if error and error.field == "device" else "",
        "settings": _settings(charger, given, error),
        "opened": bool(error and error.field != "device"),
        "done": request.GET.get("done") == "1" and error is None,
    }


def _in_language(help_text: Help) -> str:
    return help_text.th if (get_language() or "th").startswith("th") else help_text.en


def _applied(device: Device) -> list[tuple[str, str]]:
    """What is dealt with otherwise than the standard says, in words."""
    usual, now = msgspec.structs.asdict(devices.Quirks()), msgspec.structs.asdict(device.quirks)
    return [
        (str(quirk_words.WORDS[name]), quirk_words.word_of(now[name]))
        for name in quirk_words.names()
        if now[name] != usual[name]
    ]


def _row(charger: Charger, noticed: findings.Noticed) -> Row:
    said = noticed.row.evidence
    known = [(str(EVIDENCE[k]), str(v)) for k, v in said.items() if k in EVIDENCE]
    frames = reverse("charger-frames", args=[charger.charge_point_id])
    return Row(
        noticed, GRADES[noticed.explained.grade], known, frames if said.get("message_id") else ""
    )


def _devices(charger: Charger, chosen: str) -> list[tuple[str, str, bool]]:
    found = devices.match(charger.vendor, charger.model, charger.firmware_version)
    auto = (devices.AUTO, _("By itself: %(title)s") % {"title": quirk_words.title_of(found)})
    rest = sorted((quirk_words.title_of(d), key) for key, d in devices.catalogue().items())
    rows = [auto, *((key, title) for title, key in rest)]
    return [(key, title, key == chosen) for key, title in rows]


def _settings(
    charger: Charger, given: dict[str, str] | None, error: DomainError | None
) -> list[Setting]:
    base = devices.choose(charger.device, charger.vendor, charger.model, charger.firmware_version)
    usual = msgspec.structs.asdict(base.quirks)
    rows = []
    for name in quirk_words.names():
        own = charger.quirks.get(name)
        text = "" if own is None else str(own).lower() if isinstance(own, bool) else str(own)
        rows.append(
            Setting(
                name,
                str(quirk_words.WORDS[name]),
                [(c, quirk_words.word_of(c)) for c in quirk_words.choices_of(name)],
                text if given is None else given.get(name, ""),
                quirk_words.word_of(usual[name]),
                str(error) if error and error.field == name else "",
            )
        )
    return rows
