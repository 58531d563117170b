"""Frames that could not be stored, kept apart so that nothing vanishes without a trace."""

from datetime import UTC, datetime

from stations.drivers.ocpp.messages import text
from stations.drivers.ocpp.redact import redact
from stations.models import RejectedFrame

MOST_TEXT = 16_000


def keep_rejected(charger_id: int, message_id: str, frame: str, error: str) -> None:
    """Keep a frame that the database refused, cleaned so far that it can be kept."""
    RejectedFrame.objects.create(
        at=datetime.now(UTC),
        charger_id=charger_id,
        message_id=text(message_id.strip('"'), 60),
        frame=text(redact(frame), MOST_TEXT),
        error=text(error, 2000),
    )
