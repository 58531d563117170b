"""``manage.py replay_frames FILE``: an exported frame log through the parser."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from stations.drivers.ocpp.replay import Report, replay


class Command(BaseCommand):
    help = (
        "Feed the charger's calls of an exported log (JSON Lines) to the parser and say what would be "
        "refused. Writes nothing. Exit code 1 where something would be."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--validate", action="store_true", help="hold every call against the official schemas"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8") as file:
                report = replay(file, validate=options["validate"])
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        self._tell(report)
        if report.refused:
            sys.exit(1)

    def _tell(self, report: Report) -> None:
        for action, count in report.calls.most_common():
            self.stdout.write(f"{count:>8}  {action}")
        for finding, count in report.found.most_common():
            line = report.first[finding]
            self.stdout.write(
                f"{finding.kind}: {finding.action} {finding.detail} ({count}×, first in line {line})"
            )
        calls = sum(report.calls.values())
        self.stdout.write(f"{calls} calls, {report.refused} would be refused")
