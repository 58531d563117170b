"""Configuration templates, and the chargers that are not as their template wants."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.errors import DomainError, NotAllowed
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.forms import Form
from stations.models import Charger, ChargerSetup, ConfigurationTemplate
from stations.selectors import configuration
from stations.services import templates as service
from users.access import Action, may


class TemplateForm(Form):
    """A template as people type it: one setting a line."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        error_messages={"required": gettext_lazy("Give the template a name.")},
    )
    keys = forms.CharField(
        label=gettext_lazy("Settings"),
        max_length=60_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One a line: the key as the charger names it, an equals sign, the value."
        ),
        error_messages={"required": gettext_lazy("Give at least one setting.")},
    )
    is_default = forms.BooleanField(
        label=gettext_lazy("Holds for every charger without a template of its own"), required=False
    )

    def clean_keys(self) -> dict[str, str]:
        try:
            return service.checked(parsed(self.cleaned_data["keys"]))
        except DomainError as error:
            raise forms.ValidationError(str(error)) from None


def parsed(text: str) -> dict[str, str]:
    """Lines of ``key = value``. ``BadKeys`` names the line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise service.BadKeys(
                _("Line %(n)s has no equals sign: %(line)s"), n=number, line=line.strip()[:60]
            )
        if key.strip() in found:
            raise service.BadKeys(_("%(key)s stands there twice."), key=key.strip())
        found[key.strip()] = value.strip()
    return found


def written(keys: Any) -> str:
    """The keys as they are typed."""
    return "\n".join(f"{key} = {value}" for key, value in sorted(keys.items()))


def changeable(request: AdminRequest) -> QuerySet[ConfigurationTemplate]:
    """A template holds for a whole company, so who keeps to some stations changes none."""
    found = rows(request, ConfigurationTemplate.objects.all())
    return found if request.admin.all_stations else found.none()


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    mine = rows(request, ConfigurationTemplate.objects.all())
    chargers = rows(request, Charger.objects.all())
    used = ChargerSetup.objects.filter(charger__in=chargers, template__isnull=False)
    counts: dict[int, int] = {}
    for pk in used.values_list("template_id", flat=True):
        counts[pk] = counts.get(pk, 0) + 1
    found = list(mine)
    context = {
        "templates": [(template, counts.get(template.pk, 0)) for template in found],
        "has_default": any(template.is_default for template in found),
        "built_in": configuration.built_in(),
        "drifting": configuration.drifting(chargers),
        "set_up": ChargerSetup.objects.filter(
            charger__in=chargers, commissioned_at__isnull=False
        ).count(),
        "may_edit": may(request.admin, Action.EDIT_CHARGER) and request.admin.all_stations,
        "may_command": may(request.admin, Action.COMMAND_CHARGER),
    }
    part = "#drift" if request.GET.get("part") == "drift" else ""
    return render(request, f"backoffice/templates.html{part}", context)


@needs(Action.EDIT_CHARGER)
def new(request: AdminRequest) -> HttpResponse:
    """Begins with the built-in settings: to be changed rather than to be thought of."""
    if not request.admin.all_stations:
        raise NotAllowed(_("A template holds for all stations; you look after some of them."))
    if request.method != "POST":
        form = TemplateForm(initial={"keys": written(configuration.built_in())})
        return _page(request, form, None)
    form = TemplateForm(request.POST)
    if not form.is_valid():
        return _page(request, form, None, 422)
    values = form.cleaned_data
    try:
        service.create(
            request.company,
            values["name"],
            values["keys"],
            is_default=values["is_default"],
            actor=actor(request),
        )
    except DomainError as error:
        form.add_error(error.field or None, str(error))
        return _page(request, form, None, error.status)
    return redirect("templates")


@needs(Action.EDIT_CHARGER)
def edit(request: AdminRequest, pk: int) -> HttpResponse:
    row = one(request, changeable(request), pk=pk)
    if request.method != "POST":
        initial = {"name": row.name, "keys": written(row.keys), "is_default": row.is_default}
        return _page(request, TemplateForm(initial=initial), row)
    form = TemplateForm(request.POST)
    if not form.is_valid():
        return _page(request, form, row, 422)
    values = form.cleaned_data
    try:
        service.update(
            row,
            name=values["name"],
            keys=values["keys"],
            is_default=values["is_default"],
            actor=actor(request),
        )
    except DomainError as error:
        form.add_error(error.field or None, str(error))
        return _page(request, form, row, error.status)
    return redirect("templates")


@require_POST
@needs(Action.EDIT_CHARGER)
def delete(request: AdminRequest, pk: int) -> HttpResponse:
    service.delete(one(request, changeable(request), pk=pk), actor=actor(request))
    return redirect("templates")


def _page(
    request: AdminRequest, form: TemplateForm, row: ConfigurationTemplate | None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "row": row}
    return render(request, "backoffice/template_edit.html", context, status=status)
