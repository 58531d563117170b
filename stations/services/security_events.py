"""What chargers report of their own security (SecurityEventNotification)."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from core import outbox
from stations.models import CaseKind, Charger, SecurityEvent
from stations.services import cases

# Security events of the whitepaper (§4.5) that a charger must send at once.
CRITICAL = frozenset(
    {
        "FirmwareUpdated",
        "FailedToAuthenticateAtCentralSystem",
        "CentralSystemFailedToAuthenticate",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)
# Of those, what every restart, clock setting and update of an honest charger causes: kept, no case.
EVERYDAY = frozenset(
    {"FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot"}
)
# Not critical in the whitepaper, but nothing that an honest charger meets in a normal week.
ALARMING = (CRITICAL - EVERYDAY) | {
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidCentralSystemCertificate",
    "AttemptedReplayAttacks",
}
ONE_CASE_IN = "%Y-%m-%d"  # a charger that reports the same all day is one case


def record(
    charger_id: int, kind: str, tech_info: str, device_at: datetime | None, received_at: datetime
) -> None:
    """Keep an event; what points to an attack or a weakness becomes a case, once a day and kind.

    An event that is sent again (same kind, device time and words) is kept once.
    """
    charger = Charger.objects.select_related("station").get(pk=charger_id)
    with transaction.atomic():
        again = SecurityEvent.objects.filter(
            charger=charger, type=kind, tech_info=tech_info, device_at=device_at
        )
        if device_at is not None and again.exists():
            return
        SecurityEvent.objects.create(
            charger=charger,
            type=kind,
            tech_info=tech_info,
            critical=kind in CRITICAL,
            device_at=device_at,
            received_at=received_at,
        )
        if kind in ALARMING:
            cases.open_case(
                CaseKind.SECURITY_EVENT,
                charger,
                key=f"{kind}:{received_at.strftime(ONE_CASE_IN)}",
                type=kind,
                tech_info=tech_info,
                timestamp=device_at.isoformat() if device_at else "",
                received_at=received_at.isoformat(),
            )
        outbox.publish(
            "security_event",
            charger.pk,
            company_id=charger.station.company_id,
            topic=f"charger:{charger.pk}",
            station=charger.station_id,
            charger=charger.pk,
            event=kind,
        )


def drop_before(days: int) -> int:
    """Forget what is older."""
    limit = timezone.now() - timedelta(days=days)
    return SecurityEvent.objects.filter(received_at__lt=limit).delete()[0]
