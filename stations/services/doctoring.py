"""An admin decides how a charger is dealt with: as which device, and with which quirks of its own."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import DomainError
from stations import devices
from stations.models import Charger
from stations.services import commands
from stations.services.measuring import device_of


class UnknownDevice(DomainError):
    code = "unknown_device"
    message = _("There is no such device. Choose one of the list, or auto.")


class BadQuirk(DomainError):
    code = "bad_quirk"
    message = _("This cannot be set so.")


def set_device(
    charger: Charger, device: str, quirks: Mapping[str, Any], *, actor: audit.Actor
) -> None:
    """Deal with the charger as ``device`` ("auto": by what it says of itself), with ``quirks`` set
    by hand over it. The process that holds its line hears of it at once.
    """
    check_device(device)
    _check_quirks(charger, device, quirks)
    with transaction.atomic():
        row = Charger.objects.select_for_update(of=("self",)).get(pk=charger.pk)
        old = {"device": row.device, "quirks": row.quirks}
        new = {"device": device, "quirks": dict(quirks)}
        if old == new:
            return
        row.device, row.quirks = device, dict(quirks)
        row.save(update_fields=["device", "quirks"])
        audit.record(
            actor,
            "set_device",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            old=old,
            new=new,
        )
        if holder := commands.holder_of(charger.pk):
            outbox.notify(holder, {"device": charger.pk})
    charger.device, charger.quirks = device, dict(quirks)


def check_device(device: str) -> None:
    if device != devices.AUTO and device not in devices.catalogue():
        raise UnknownDevice(field="device")


def _check_quirks(charger: Charger, device: str, quirks: Mapping[str, Any]) -> None:
    base = devices.choose(device, charger.vendor, charger.model, charger.firmware_version)
    for name, value in quirks.items():
        try:
            devices.with_overrides(base.quirks, {name: value})
        except devices.BadDevice:
            raise BadQuirk(field=re.sub(r"[^a-z_]", "", name)[:40] or "quirks") from None


def source_of(charger: Charger) -> str:
    """Where the applied device comes from: "named" by an admin, "found" by itself, or "generic"."""
    if charger.device != devices.AUTO and charger.device in devices.catalogue():
        return "named"
    return "generic" if device_of(charger).key == devices.GENERIC else "found"
