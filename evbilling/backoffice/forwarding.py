"""The tab that says where copies of a charger's messages go, and how that goes."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.forms import Form
from evbilling.states import State
from stations.models import Charger, Forward, ForwardMode, ForwardState
from stations.selectors import forwards
from stations.services import forwarding
from stations.services.forwarding import ForwardFields
from users.access import Action, may

STATES = {
    ForwardState.OFF: State("off", "player-pause", gettext_lazy("Off"), gettext_lazy("Off")),
    ForwardState.WAITING: State(
        "wait", "clock", gettext_lazy("Waiting for the charger"), gettext_lazy("Waiting")
    ),
    ForwardState.CONNECTING: State(
        "wait", "loader-2", gettext_lazy("Connecting"), gettext_lazy("Connecting")
    ),
    ForwardState.CONNECTED: State("ok", "check", gettext_lazy("Linked"), gettext_lazy("Linked")),
    ForwardState.FAILED: State(
        "bad", "alert-triangle", gettext_lazy("Not reached"), gettext_lazy("Not reached")
    ),
}
# The first word of Forward.last_error, said so that one knows what to do next.
REASONS = {
    "http": gettext_lazy("It refused us at the door. Check address, name and password."),
    "refused": gettext_lazy("Nothing listens at this address and port. Check both."),
    "unknown_name": gettext_lazy("Nobody knows a server of this name. Check the spelling."),
    "timeout": gettext_lazy("It does not answer. A firewall may stand between."),
    "certificate": gettext_lazy(
        "Its certificate is not one we trust. Put in the certificate of its authority."
    ),
    "tls": gettext_lazy("No secure line could be agreed on."),
    "no_websocket": gettext_lazy("Something answers, but it speaks no OCPP. Check the path."),
    "forbidden": gettext_lazy("The name now leads into a private network. An owner must save it."),
    "password_unreadable": gettext_lazy("The stored password cannot be read. Enter it again."),
    "boot": gettext_lazy("It knows us, but has not accepted this charger yet."),
    "closed": gettext_lazy("It closed the line. We dial again by ourselves."),
    "no_answer": gettext_lazy("It left a message unanswered. We dial again by ourselves."),
    "nonsense": gettext_lazy("It sent too much that is no OCPP. We dial again by ourselves."),
}


class ForwardForm(Form):
    """The rules are the service's; this only says what there is."""

    url = forms.CharField(
        label=gettext_lazy("Address of the second system"),
        max_length=500,
        widget=forms.TextInput(
            attrs={
                "inputmode": "url",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        help_text=gettext_lazy(
            "As they gave it, without the charger’s name, such as "
            "wss://evstage.mea.or.th:2931/EV/Srv/JSON/1.6"
        ),
    )
    identity = forms.CharField(
        label=gettext_lazy("The charger’s name there"),
        required=False,
        max_length=48,
        help_text=gettext_lazy("Empty: the same as here."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password there"),
        required=False,
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    no_password = forms.BooleanField(label=gettext_lazy("It asks for none"), required=False)
    mode = forms.ChoiceField(
        label=gettext_lazy("What the second system may do"),
        choices=ForwardMode.choices,
        widget=forms.RadioSelect,
        initial=ForwardMode.READ_ONLY,
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("Certificate of its authority (PEM)"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "spellcheck": "false", "class": "form-control mono"}
        ),
        help_text=gettext_lazy("Only where it uses a certificate of its own making."),
    )
    enabled = forms.BooleanField(label=gettext_lazy("Forward now"), required=False, initial=True)

    def fields_to_set(self) -> ForwardFields:
        """An empty password box keeps the password there is."""
        given = self.cleaned_data
        found: ForwardFields = {
            "url": given["url"],
            "identity": given["identity"],
            "ca_pem": given["ca_pem"],
            "mode": given["mode"],
            "enabled": given["enabled"],
        }
        if given["no_password"]:
            found["password"] = ""
        elif given["password"]:
            found["password"] = given["password"]
        return found


@needs(Action.VIEW)
def page(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    row = forwards.of_charger(charger)
    form = ForwardForm(initial=_initial(charger, row))
    if request.GET.get("part") == "state":
        context = {"charger": charger} | _state(request, row)
        return render(request, "backoffice/charger_forwarding.html#state", context)
    return _shown(request, charger, row, form)


@require_POST
@needs(Action.EDIT_CHARGER)
def set_up(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    form = ForwardForm(request.POST)
    if form.is_valid():
        try:
            forwarding.set_up(
                charger,
                form.fields_to_set(),
                actor=actor(request),
                may_inside=may(request.admin, Action.FORWARD_INSIDE),
            )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            return redirect("charger-forwarding", charger.charge_point_id)
    return _shown(request, charger, forwards.of_charger(charger), form, status=422)


@require_POST
@needs(Action.EDIT_CHARGER)
def ask(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Dial now; the state beside the button tells how it goes."""
    charger = charger_of(request, charge_point_id)
    row = forwarding.ask(charger, actor=actor(request))
    if request.htmx:
        context = {"charger": charger} | _state(request, row)
        return render(request, "backoffice/charger_forwarding.html#state", context)
    return redirect("charger-forwarding", charger.charge_point_id)


@require_POST
@needs(Action.EDIT_CHARGER)
def remove(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    forwarding.remove(charger, actor=actor(request))
    return redirect("charger-forwarding", charger.charge_point_id)


def _shown(
    request: AdminRequest,
    charger: Charger,
    row: Forward | None,
    form: ForwardForm,
    status: int = 200,
) -> HttpResponse:
    context = charger_page.frame(request, charger, "forwarding") | _state(request, row)
    context |= {"form": form}
    return render(request, "backoffice/charger_forwarding.html", context, status=status)


def _initial(charger: Charger, row: Forward | None) -> dict[str, Any]:
    if row is None:
        return {"mode": ForwardMode.READ_ONLY, "enabled": True}
    return {
        "url": row.url,
        "identity": row.identity if row.identity != charger.charge_point_id else "",
        "mode": row.mode,
        "ca_pem": row.ca_pem,
        "enabled": row.enabled,
    }


def _state(request: AdminRequest, row: Forward | None) -> dict[str, Any]:
    """How it goes, in words. ``trying`` while somebody's question has no answer yet."""
    context: dict[str, Any] = {
        "forward": row,
        "may_edit": may(request.admin, Action.EDIT_CHARGER),
        "asleep": row is not None and not forwards.process_runs(),
    }
    if row is None:
        return context
    code, _space, detail = row.last_error.partition(" ")
    asked, tried = row.asked_at, row.tried_at
    trying = asked is not None and (tried is None or tried < asked)
    return context | {
        "state": STATES[ForwardState(row.state)],
        "trying": (trying or row.state == ForwardState.CONNECTING) and not context["asleep"],
        "reason": (REASONS.get(code) or _("It could not be reached.")) if code else "",
        "reason_detail": f"{code} {detail}".strip(),
        "boot": sorted((row.boot_answer or {}).items()),
        "wishes": sorted(row.wishes.items()),
        "waiting": forwards.waiting(row),
    }
