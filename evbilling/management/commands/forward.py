"""``manage.py forward``: copies of chargers' messages to second central systems."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Forward chargers' messages where it is set up, until told to stop. One of any number works."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_until_told())


async def _until_told() -> None:
    from stations.drivers.ocpp.forward.runner import forward

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await forward(stop)
