"""How far the charger is with a file: firmware, diagnostics, logs."""

from datetime import datetime

from django.db import transaction

from core import outbox
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers.answers import EMPTY
from stations.drivers.ocpp.line import Line


async def progress_notification(
    line: Line, msg: m.StatusOnly | m.TransferStatus, at: datetime
) -> bytes:
    """Firmware and diagnostics progress goes on the charger's timeline."""
    await line.hub.pool.run(
        _note_progress, line.pk, line.company_id, line.station_id, m.text(msg.status, 40)
    )
    return EMPTY


def _note_progress(charger_id: int, company_id: int, station_id: int, status: str) -> None:
    with transaction.atomic():
        outbox.publish(
            "charger_progress",
            charger_id,
            company_id=company_id,
            topic=f"charger:{charger_id}",
            station=station_id,
            charger=charger_id,
            status=status,
        )
