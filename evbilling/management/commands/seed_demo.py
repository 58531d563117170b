"""``manage.py seed_demo``: the example companies of ``make demo``."""

from typing import Any

from django.core.management.base import BaseCommand

from evbilling.demo.seed import seed


class Command(BaseCommand):
    help = "Make the demo's companies, people and charges exist; harmless when run again."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        seed()
