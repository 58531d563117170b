"""Handing a code's message to the worker, after its row is committed."""

import logging

from kombu.exceptions import OperationalError

from evbilling import tasks
from users.models import OneTimeCode

log = logging.getLogger(__name__)


def soon(row: OneTimeCode) -> None:
    """Now, by a worker; where the queue is away the sweep of every 10 seconds finds the row."""
    try:
        tasks.send_code.apply_async((str(row.pk),), retry=False)
    except OperationalError:
        log.warning("queue away: the sweep sends this code", extra={"reference": row.reference})
