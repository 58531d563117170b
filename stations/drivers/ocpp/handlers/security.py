"""The security extension: security events, requests for a certificate."""

from datetime import datetime

from stations import clock
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers.answers import EMPTY
from stations.drivers.ocpp.line import Line
from stations.services import certificates, security_events


async def security_event(line: Line, msg: m.SecurityEventNotification, at: datetime) -> bytes:
    """Kept on the charger's record (security extension §A05)."""
    device_at, _zoned = clock.parse(msg.timestamp)
    await line.hub.pool.run(
        security_events.record,
        line.pk,
        m.text(msg.type, 50),
        m.text(msg.tech_info, 255),
        device_at,
        at,
    )
    return EMPTY


async def sign_certificate(line: Line, msg: m.SignCertificate, at: datetime) -> bytes:
    """Whether we will sign; the certificate itself follows as CertificateSigned (§A02)."""
    csr = m.text(msg.csr, certificates.LONGEST_CSR)
    accepted = await line.hub.pool.run(certificates.take_request, line.pk, csr)
    return b'{"status":"Accepted"}' if accepted else b'{"status":"Rejected"}'
