"""The security extension: security events, requests for a certificate."""

from datetime import datetime

from django.db import transaction

from core import outbox
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers.answers import EMPTY
from stations.drivers.ocpp.line import Line


async def security_event(line: Line, msg: m.SecurityEventNotification, at: datetime) -> bytes:
    """Kept on the charger's record (security extension §A05)."""
    await line.hub.pool.run(
        _note_event, line.pk, line.company_id, line.station_id, m.text(msg.type, 50)
    )
    return EMPTY


async def sign_certificate(line: Line, msg: m.SignCertificate, at: datetime) -> bytes:
    """Whether we will sign; the certificate itself follows as CertificateSigned."""
    return b'{"status":"Rejected"}'


def _note_event(charger_id: int, company_id: int, station_id: int, kind: str) -> None:
    with transaction.atomic():
        outbox.publish(
            "security_event",
            charger_id,
            company_id=company_id,
            topic=f"charger:{charger_id}",
            station=station_id,
            charger=charger_id,
            event=kind,
        )
