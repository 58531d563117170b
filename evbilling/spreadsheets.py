"""Lists as Excel files: money as numbers with two decimals, times at the station's wall."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from evbilling.templatetags.ui import LOCAL

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BAHT, MOMENT = "#,##0.00", "yyyy-mm-dd hh:mm:ss"
Cell = str | int | Decimal | datetime | None


def answer(
    name: str, title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> HttpResponse:
    """A file ``name``.xlsx of one sheet; the heads stay in sight."""
    response = HttpResponse(written(title, heads, rows), content_type=TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


def written(title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for n, head in enumerate(heads, 1):
        sheet.column_dimensions[get_column_letter(n)].width = max(len(head) + 4, 16)
    sheet.append([_bold(sheet, head) for head in heads])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=text)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: Cell) -> Any:
    if isinstance(value, datetime):
        # Excel knows no zones: what stands in the file is the time at the station.
        cell = WriteOnlyCell(sheet, value=value.astimezone(LOCAL).replace(tzinfo=None))
        cell.number_format = MOMENT
        return cell
    if isinstance(value, Decimal):
        cell = WriteOnlyCell(sheet, value=value)  # type: ignore[arg-type] # takes Decimals
        cell.number_format = BAHT
        return cell
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"  # what a customer typed is no formula
    return value
