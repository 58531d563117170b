"""Every row of the table of quirks: what the charger sends, a legal answer, and the right kWh."""

import re

import pytest
from django.conf import settings

from tests.quirks import rows_interoperability, rows_meters, rows_models, rows_reliability
from tests.quirks.bench import ROWS, Row
from tests.quirks.table import table
from tests.stack import Stack

TOLD = (rows_interoperability, rows_meters, rows_models, rows_reliability)


@pytest.mark.wire
@pytest.mark.parametrize(
    "row", [ROWS[n] for n in sorted(ROWS)], ids=lambda row: f"{row.number}-{row.check.__name__}"
)
def test_the_row_holds(row: Row, live: Stack) -> None:
    row.check(live)


@pytest.mark.pure
def test_no_row_is_missing() -> None:
    assert len(TOLD) == 4
    assert sorted(ROWS) == list(range(1, 57))


@pytest.mark.pure
def test_the_documentation_has_the_table_as_it_is() -> None:
    page = (settings.BASE_DIR / "docs" / "quirks.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- table -->\n(.*)<!-- end of table -->", page, re.DOTALL)
    assert found is not None
    assert found[1].strip() == table().strip(), "python -m tests.quirks.table docs/quirks.md"
