"""Taking chargers and stations into service and out of it: what is off starts no charge."""

from django.db import transaction

from core import audit, outbox
from stations.models import Charger, Station


def set_charger_enabled(charger: Charger, enabled: bool, *, actor: audit.Actor) -> bool:
    """Switch a charger; a running charge goes on. False where it stood so already."""
    with transaction.atomic():
        changed = Charger.objects.filter(pk=charger.pk).exclude(enabled=enabled)
        if not changed.update(enabled=enabled):
            return False
        company_id = charger.station.company_id
        audit.record(
            actor,
            "switch_charger",
            f"charger:{charger.pk}",
            company_id=company_id,
            old={"enabled": not enabled},
            new={"enabled": enabled},
        )
        outbox.publish(
            "charger_switched",
            charger.pk,
            company_id=company_id,
            topic=f"charger:{charger.pk}",
            station=charger.station_id,
            charger=charger.pk,
            enabled=enabled,
            by=actor.name,
        )
    charger.enabled = enabled
    return True


def set_station_enabled(station: Station, enabled: bool, *, actor: audit.Actor) -> bool:
    """Switch a whole station. False where it stood so already."""
    with transaction.atomic():
        changed = Station.objects.filter(pk=station.pk).exclude(enabled=enabled)
        if not changed.update(enabled=enabled):
            return False
        audit.record(
            actor,
            "switch_station",
            f"station:{station.pk}",
            company_id=station.company_id,
            old={"enabled": not enabled},
            new={"enabled": enabled},
        )
        outbox.publish(
            "station_switched",
            station.pk,
            company_id=station.company_id,
            topic=f"station:{station.pk}",
            station=station.pk,
            enabled=enabled,
            by=actor.name,
        )
    station.enabled = enabled
    return True
