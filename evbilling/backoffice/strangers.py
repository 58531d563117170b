"""New chargers: who is at the door, and adopting them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice.charger_page import ocpp_url
from evbilling.backoffice.gate import AdminRequest, actor, needs, rows
from evbilling.forms import Form
from evbilling.templatetags.ui import named
from stations.models import Knock, Station
from stations.selectors import strangers
from stations.services import adoption
from stations.services.connectors import MAX_CONNECTORS
from users.access import Action


class PlaceForm(Form):
    """Where a charger stands and what it is called: of a new one and of one that is edited."""

    station = forms.TypedChoiceField(
        label=gettext_lazy("Station"),
        coerce=int,
        error_messages={"required": gettext_lazy("Choose a station.")},
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    place = forms.CharField(
        label=gettext_lazy("Place"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Floor and parking bay, as the customer reads it."),
    )
    connector_count = forms.IntegerField(
        label=gettext_lazy("Number of plugs"), min_value=1, max_value=MAX_CONNECTORS, initial=1
    )

    def __init__(self, stations: Sequence[Station], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stations = {station.pk: station for station in stations}
        field = self.fields["station"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [(pk, named(station)) for pk, station in self.stations.items()]
        self.order_fields(["charge_point_id", "station", "name", "place", "connector_count"])

    @property
    def chosen(self) -> Station:
        return self.stations[self.cleaned_data["station"]]

    def values(self) -> dict[str, Any]:
        """The fields as the service takes them, without the station."""
        return {
            k: v for k, v in self.cleaned_data.items() if k not in ("station", "charge_point_id")
        }


def stations_of(request: AdminRequest) -> list[Station]:
    """The admin's stations, in the order people look for them."""
    return list(rows(request, Station.objects.all()).order_by("sort_key", "id"))


class AdoptForm(PlaceForm):
    charge_point_id = forms.CharField(widget=forms.HiddenInput, max_length=48)


@needs(Action.EDIT_CHARGER)
def index(request: AdminRequest) -> HttpResponse:
    return _page(request)


@require_POST
@needs(Action.EDIT_CHARGER)
def adopt(request: AdminRequest) -> HttpResponse:
    """One click: the stranger is ours and comes in at its next try."""
    form = AdoptForm(stations_of(request), request.POST)
    wanted = request.POST.get("charge_point_id", "").strip()[:48]
    if not form.is_valid():
        return _page(request, wanted, form, 422)
    try:
        knock = strangers.seen_by(request.admin, wanted).first() if wanted else None
        if knock is None:
            raise adoption.NobodyThere(field="charge_point_id")
        adopted = adoption.adopt(
            knock,
            form.chosen,
            form.values(),  # type: ignore[arg-type]
            actor=actor(request),
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, wanted, form, error.status)
    return made(request, adopted.charger.charge_point_id, adopted.password, adopted=True)


def made(
    request: AdminRequest, charge_point_id: str, password: str, *, adopted: bool = False
) -> HttpResponse:
    """What to type into the charger. The password is shown here and never again."""
    context = {
        "charge_point_id": charge_point_id,
        "password": password,
        "ocpp_url": ocpp_url(charge_point_id),
        "adopted": adopted,
    }
    return render(request, "backoffice/charger_made.html", context)


def _page(
    request: AdminRequest, wanted: str = "", form: AdoptForm | None = None, status: int = 200
) -> HttpResponse:
    search = request.GET.get("id", "").strip()[:48] or wanted
    sees_all = strangers.sees_all(request.admin)
    asked = "" if sees_all and not request.GET.get("id") else search
    found = list(strangers.seen_by(request.admin, asked)[: strangers.MOST_SHOWN])
    stations = stations_of(request)
    context = {
        "strangers": [(knock, _form_of(stations, knock, wanted, form)) for knock in found],
        "sees_all": sees_all,
        "search": search if asked else "",
        "ocpp_url": ocpp_url(_("ID-OF-THE-CHARGER")),
        "has_stations": bool(stations),
    }
    # What is wrong with a form whose stranger is gone has no form to stand in.
    shown = {knock.charge_point_id for knock in found}
    context["lost_form"] = form if form is not None and wanted not in shown else None
    part = "#list" if request.GET.get("part") == "list" else ""
    return render(request, f"backoffice/strangers.html{part}", context, status=status)


def _form_of(
    stations: list[Station], knock: Knock, wanted: str, form: AdoptForm | None
) -> AdoptForm:
    if form is not None and knock.charge_point_id == wanted:
        return form
    return AdoptForm(
        stations,
        initial={"charge_point_id": knock.charge_point_id, "name": knock.charge_point_id},
        auto_id=f"k{knock.pk}_%s",
    )
