"""The supervisor's own lines: short for the terminal, as JSON for the log."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


class Report:
    """Says things once to a person and once to the log; a closed terminal stops neither."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.log: Path | None = None

    def say(self, text: str, **facts: str | int | float | None) -> None:
        self.note(text, **facts)
        if not self.quiet:
            try:
                print(text, file=self.stream, flush=True)
            except (OSError, ValueError):
                self.quiet = True

    def note(self, text: str, **facts: str | int | float | None) -> None:
        """For the log only."""
        if self.log is None:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "message": text, **facts}, ensure_ascii=False)
        # A full disk must not end what runs.
        with suppress(OSError), self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
