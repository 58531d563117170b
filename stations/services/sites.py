"""Stations: made, changed, put in the trash and taken out again."""

from decimal import Decimal
from typing import TypedDict

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from stations.models import Charger, Station
from stations.services import local_lists, switches
from users.models import Company, TaxEntity
from users.services import editing

MOST_OFFLINE_CREDIT = 100_000_00  # satang


class StationFields(TypedDict, total=False):
    """What may be set. Power in kW, the cycle day from 1 to 28, the longest charge in kWh,
    ``offline_credit`` in satang."""

    name: str
    name_th: str
    address: str
    latitude: Decimal | None
    longitude: Decimal | None
    utility: str
    utility_meter_number: str
    voltage_level: str
    contracted_kw: Decimal | None
    billing_cycle_day: int
    tap_mode: str
    customers_reserve: bool
    max_reservation_min: int
    local_lists: bool
    offline_credit: int
    max_session_kwh: int
    tax_entity: TaxEntity | None
    enabled: bool


class ForeignTaxEntity(DomainError):
    code = "foreign_tax_entity"
    message = _("The tax entity belongs to another company.")


class HasChargers(Conflict):
    code = "has_chargers"
    message = _("Move or delete the station's chargers first.")


def create(company: Company, fields: StationFields, *, actor: audit.Actor) -> Station:
    """A new place. It has no price list yet, so nobody can charge there."""
    station = Station(company=company)
    changes = _apply(station, fields)
    with transaction.atomic():
        station.save()
        _record(actor, "create_station", station, new=changes.new)
    return station


def update(station: Station, fields: StationFields, *, actor: audit.Actor) -> Station:
    """Change some fields; switching it on or off tells the live pages too."""
    rest = StationFields(**fields)
    enabled = rest.pop("enabled", station.enabled)
    changes = _apply(station, rest)
    with transaction.atomic():
        if changes:
            editing.save(station, changes)
            _record(actor, "edit_station", station, old=changes.old, new=changes.new)
            if {"local_lists", "offline_credit"} & changes.new.keys():
                local_lists.on_station_changed(station)
        switches.set_station_enabled(station, enabled, actor=actor)
    return station


def delete(station: Station, *, actor: audit.Actor) -> None:
    """Into the trash. ``HasChargers`` while any stands there."""
    with transaction.atomic():
        Station.objects.select_for_update(of=("self",)).get(pk=station.pk)
        if Charger.objects.filter(station=station).exists():
            raise HasChargers
        editing.to_trash(station, actor)
        _record(actor, "delete_station", station)


def restore(station: Station, *, actor: audit.Actor) -> None:
    """Out of the trash, as it was."""
    with transaction.atomic():
        editing.from_trash(station)
        _record(actor, "restore_station", station)


def _apply(station: Station, fields: StationFields) -> editing.Changes:
    entity = fields.get("tax_entity")
    if entity is not None and entity.company_id != station.company_id:
        raise ForeignTaxEntity(field="tax_entity")
    return editing.apply(station, fields)


def _record(
    actor: audit.Actor,
    action: str,
    station: Station,
    *,
    old: dict[str, object] | None = None,
    new: dict[str, object] | None = None,
) -> None:
    audit.record(
        actor, action, f"station:{station.pk}", company_id=station.company_id, old=old, new=new
    )
