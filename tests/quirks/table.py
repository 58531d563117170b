"""The table of docs/quirks.md, made of the rows: ``python -m tests.quirks.table docs/quirks.md``."""

import os
import re
import sys
from pathlib import Path

os.environ.setdefault("EVBILLING_TESTING", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")


def table() -> str:
    """One line for each row: number, charger, what it does, what we do, the test."""
    from tests.quirks.bench import ROWS

    lines = ["| # | charger | what it does | what we do | test |", "|---|---|---|---|---|"]
    for n in sorted(ROWS):
        row = ROWS[n]
        test = f"`{row.check.__module__.rpartition('.')[2]}.{row.check.__name__}`"
        cells = (str(row.number), row.vendor, row.does, row.ours, test)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main(path: Path) -> None:
    """Write the table into the page, between its marks."""
    import django

    django.setup()
    from tests.quirks import test_rows

    assert test_rows.TOLD  # importing the rows has filled the table
    page = path.read_text(encoding="utf-8")
    marks = r"(<!-- table -->\n).*(<!-- end of table -->)"
    made = re.sub(marks, lambda m: m[1] + table() + "\n" + m[2], page, flags=re.DOTALL)
    path.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
