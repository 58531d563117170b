"""Adding a charger by hand, changing what is known of one, and a new password for it."""

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.backoffice.strangers import PlaceForm, made, stations_of
from stations.models import Charger, Protocol
from stations.services import chargers, links
from users.access import Action


class AddForm(PlaceForm):
    charge_point_id = forms.CharField(
        label=gettext_lazy("Id of the charger"),
        max_length=48,
        help_text=gettext_lazy("As it will be typed into the charger: letters, digits, - and _."),
        error_messages={"required": gettext_lazy("Give the charger an id.")},
    )


class EditForm(PlaceForm):
    serial_number = forms.CharField(
        label=gettext_lazy("Serial number"), max_length=80, required=False
    )


@needs(Action.EDIT_CHARGER)
def add(request: AdminRequest) -> HttpResponse:
    """A new charger with a password made here; nothing but typing is left to do."""
    stations = stations_of(request)
    if request.method != "POST":
        return _add_page(request, AddForm(stations))
    form = AddForm(stations, request.POST)
    if not form.is_valid():
        return _add_page(request, form, 422)
    password = links.new_password()
    try:
        charger = chargers.create(
            form.chosen,
            form.cleaned_data["charge_point_id"].strip(),
            {**form.values(), "password": password},  # type: ignore[typeddict-item]
            actor=actor(request),
        )
    except DomainError as error:
        form.add_error(error.field or None, str(error))
        return _add_page(request, form, error.status)
    return made(request, charger.charge_point_id, password)


@needs(Action.EDIT_CHARGER)
def edit(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    stations = [s for s in stations_of(request) if s.company_id == charger.station.company_id]
    if request.method != "POST":
        return _edit_page(request, charger, EditForm(stations, initial=_initial(charger)))
    form = EditForm(stations, request.POST)
    if not form.is_valid():
        return _edit_page(request, charger, form, 422)
    try:
        fields: Any = {**form.values(), "station": form.chosen}
        chargers.update(charger, fields, actor=actor(request))
    except DomainError as error:
        form.add_error(error.field or None, str(error))
        return _edit_page(request, charger_of(request, charge_point_id), form, error.status)
    return redirect("charger", charger.charge_point_id)


@require_POST
@needs(Action.EDIT_CHARGER)
def new_password(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Another password, to be typed into the charger; until then it is not let in again."""
    charger = charger_of(request, charge_point_id)
    password = links.new_password()
    with transaction.atomic():
        chargers.update(charger, {"password": password}, actor=actor(request))
    return made(request, charger.charge_point_id, password)


def _initial(charger: Charger) -> dict[str, Any]:
    return {
        "station": charger.station_id,
        "name": charger.name,
        "place": charger.place,
        "serial_number": charger.serial_number,
        "connector_count": charger.connectors.filter(connector_id__gt=0).count() or 1,
    }


def _add_page(request: AdminRequest, form: AddForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "has_stations": bool(form.stations)}
    return render(request, "backoffice/charger_add.html", context, status=status)


def _edit_page(
    request: AdminRequest, charger: Charger, form: EditForm, status: int = 200
) -> HttpResponse:
    context = charger_page.frame(request, charger, "")
    context |= {"form": form, "by_password": charger.protocol == Protocol.OCPP16}
    return render(request, "backoffice/charger_edit.html", context, status=status)
