"""Chargers and their plugs: set up, changed, put in the trash and taken out again."""

import re
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from stations.models import Charger, Connector, Knock, Protocol, Session, SessionStatus, Station
from stations.services import commissioning, links, switches
from stations.services.connectors import MAX_CONNECTORS
from stations.services.doctoring import check_device
from users.services import editing

LEAST_PASSWORD, LONGEST_PASSWORD = 16, 64
ID_CHARACTERS = re.compile(r"[A-Za-z0-9*_=:+|@.\-]{1,48}", re.ASCII)


class ChargerFields(TypedDict, total=False):
    """What may be set. ``connector_count`` makes plugs 1 to n; ``password`` is kept as a digest."""

    station: Station
    name: str
    place: str
    protocol: str
    device: str
    serial_number: str
    enabled: bool
    connector_count: int
    password: str


class ConnectorFields(TypedDict, total=False):
    """``max_power_w`` decides how much money is held where no amount is chosen."""

    kind: str
    max_power_w: int


class BadId(DomainError):
    code = "bad_charge_point_id"
    message = _(
        "A charger's id has 1 to 48 letters, digits and * _ = : + | @ . -. "
        "Change it in the charger, then it can be added."
    )


class IdTaken(Conflict):
    code = "charge_point_id_taken"
    message = _("There is a charger with this id already; capital letters make no difference.")


class ChargingNow(Conflict):
    code = "charging_now"
    message = _("A car is charging here. Stop the charge first.")


class BadPassword(DomainError):
    code = "bad_password"
    message = _("A charger's password has 16 to 64 characters: letters, digits and signs.")


class FewerConnectors(Conflict):
    code = "fewer_connectors"
    message = _("Connectors cannot be taken away: their charges stay on record.")


class ForeignStation(DomainError):
    code = "foreign_station"
    message = _("A charger cannot move to another company's station.")


def create(
    station: Station,
    charge_point_id: str,
    fields: ChargerFields,
    *,
    actor: audit.Actor,
    renew_password: bool = False,
) -> Charger:
    """A new charger with its plugs; it is set up when it first connects, and then given a random
    password with ``renew_password``. ``BadId``, ``IdTaken``, ``BadPassword``."""
    if not ID_CHARACTERS.fullmatch(charge_point_id):
        raise BadId(field="charge_point_id")
    charger = Charger(station=station, charge_point_id=charge_point_id)
    changes = _apply(charger, fields)
    with transaction.atomic():
        with editing.refusing("charger_id_once", IdTaken(field="charge_point_id")):
            charger.save()
        _set_connectors(charger, fields.get("connector_count", 1))
        _set_password(charger, fields)
        Knock.objects.filter(charge_point_id__iexact=charge_point_id).delete()
        commissioning.prepare(charger, by=actor.name, renew_password=renew_password)
        said = {"charge_point_id": charge_point_id, **changes.new, **_unsaid(fields)}
        _record(actor, "create_charger", charger, new=said)
    return charger


def update(charger: Charger, fields: ChargerFields, *, actor: audit.Actor) -> Charger:
    """Change some fields; switching it on or off tells the live pages too. The id stays."""
    changes = _apply(charger, fields)
    with transaction.atomic():
        if "station" in changes.new and is_charging(charger):
            raise ChargingNow(field="station")
        if changes:
            editing.save(charger, changes)
        if "connector_count" in fields:
            _set_connectors(charger, fields["connector_count"])
        _set_password(charger, fields)
        said = _unsaid(fields)
        if changes or said:
            _record(actor, "edit_charger", charger, old=changes.old, new={**changes.new, **said})
        switches.set_charger_enabled(charger, fields.get("enabled", charger.enabled), actor=actor)
    return charger


def update_connector(
    connector: Connector, fields: ConnectorFields, *, actor: audit.Actor
) -> Connector:
    """What kind of plug it is and how much it can give."""
    changes = editing.apply(connector, fields)
    if changes:
        with transaction.atomic():
            Connector.objects.filter(pk=connector.pk).update(**fields)
            _record(
                actor,
                "edit_connector",
                connector.charger,
                old={"connector": connector.connector_id, **changes.old},
                new={"connector": connector.connector_id, **changes.new},
            )
    return connector


def delete(charger: Charger, *, actor: audit.Actor) -> None:
    """Into the trash: its line is closed and it is not let in again. ``ChargingNow``."""
    with transaction.atomic():
        row = Charger.objects.select_for_update(of=("self",)).get(pk=charger.pk)
        if is_charging(row):
            raise ChargingNow
        if row.connection_holder:
            # A higher epoch makes the process that holds the line let go of it.
            row.connection_epoch += 1
            message = {"replaced": row.pk, "epoch": row.connection_epoch}
            outbox.notify(row.connection_holder, message)
            row.connection_holder = ""
        row.save(update_fields=["connection_epoch", "connection_holder"])
        editing.to_trash(row, actor)
        _record(actor, "delete_charger", charger)


def restore(charger: Charger, *, actor: audit.Actor) -> None:
    """Out of the trash. ``IdTaken`` where its id has been given to another one."""
    with transaction.atomic():
        with editing.refusing("charger_id_once", IdTaken(field="charge_point_id")):
            editing.from_trash(charger)
        _record(actor, "restore_charger", charger)


def is_charging(charger: Charger) -> bool:
    return Session.objects.filter(charger=charger, status=SessionStatus.ACTIVE).exists()


def _apply(charger: Charger, fields: ChargerFields) -> editing.Changes:
    """``enabled``, password and plugs have ways of their own."""
    station = fields.get("station")
    if station is not None and station.company_id != charger.station.company_id:
        raise ForeignStation(field="station")
    if charger.protocol == Protocol.OCPP16 and "device" in fields:
        check_device(fields["device"])
    own = ("station", "name", "place", "protocol", "device", "serial_number")
    created = ("enabled",) if charger._state.adding else ()
    return editing.apply(charger, {k: v for k, v in fields.items() if k in own + created})


def _unsaid(fields: ChargerFields) -> dict[str, Any]:
    """What the audit tells of fields that are no columns of the row."""
    said: dict[str, Any] = {"password": "***"} if "password" in fields else {}
    if "connector_count" in fields:
        said["connector_count"] = fields["connector_count"]
    return said


def _set_password(charger: Charger, fields: ChargerFields) -> None:
    password = fields.get("password")
    if password is None:
        return
    readable = password.isascii() and password.isprintable()
    if not (readable and LEAST_PASSWORD <= len(password) <= LONGEST_PASSWORD):
        raise BadPassword(field="password")
    links.set_password(charger, password)
    Knock.objects.filter(charger=charger).delete()


def _set_connectors(charger: Charger, count: int) -> None:
    """Make the plugs from 1 to ``count`` that are not there yet."""
    if not 1 <= count <= MAX_CONNECTORS:
        raise DomainError(
            _("A charger has 1 to %(most)s connectors."),
            code="bad_connector_count",
            field="connector_count",
            most=MAX_CONNECTORS,
        )
    known = Connector.objects.filter(charger=charger).aggregate(n=Max("connector_id"))["n"] or 0
    if known > count:
        raise FewerConnectors(field="connector_count")
    Connector.objects.bulk_create(
        [Connector(charger=charger, connector_id=n) for n in range(1, count + 1)],
        ignore_conflicts=True,
    )


def _record(
    actor: audit.Actor,
    action: str,
    charger: Charger,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor,
        action,
        f"charger:{charger.pk}",
        company_id=charger.station.company_id,
        old=old,
        new=new,
    )
