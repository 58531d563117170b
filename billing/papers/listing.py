"""The list of documents as a workbook: what the page shows, a row each."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from billing.models import TaxDocument
from billing.money import to_baht
from billing.papers import words
from billing.papers.sales_tax import plain

HEADS = (
    ("วันที่", 12),
    ("เลขที่", 27),
    ("เอกสาร", 30),
    ("สถานะ", 12),
    ("ผู้ซื้อ", 36),
    ("เลขประจำตัวผู้เสียภาษี", 18),
    ("สาขา", 13),
    ("มูลค่า", 14),
    ("ภาษีมูลค่าเพิ่ม", 14),
    ("รวม", 14),
    ("เครื่อง", 16),
    ("เลขที่การชาร์จ", 14),
    ("แทนเลขที่", 27),
    ("เหตุผล", 40),
)
MONEY = (8, 9, 10)


def workbook(documents: Sequence[TaxDocument]) -> bytes:
    book = Workbook(write_only=False)
    sheet: Any = book.active
    for column, (text, width) in enumerate(HEADS, start=1):
        sheet.cell(1, column, text).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = width
    numbers = dict(
        TaxDocument.objects.filter(
            pk__in={d.replaces_id for d in documents if d.replaces_id}
        ).values_list("pk", "number")
    )
    for n, document in enumerate(documents, start=2):
        replaced = numbers.get(document.replaces_id or 0, "")
        for column, value in enumerate(_cells(document, replaced), start=1):
            cell = sheet.cell(n, column, plain(value) if isinstance(value, str) else value)
            if column in MONEY:
                cell.number_format = "#,##0.00"
    sheet.freeze_panes = "A2"
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _cells(document: TaxDocument, replaced: str) -> list[Any]:
    buyer = document.buyer
    branch = buyer.get("branch_code", "")
    sign = -1 if document.corrects_id else 1
    return [
        words.short_day(document.tax_point),
        document.number,
        words.TITLES[document.kind][0],
        {"live": "ใช้ได้", "void": "ยกเลิก", "replaced": "ยกเลิก (ออกแทน)"}[document.state],
        buyer.get("name", ""),
        buyer.get("tax_id", ""),
        words.branch(branch)[0] if branch else "",
        to_baht(sign * document.base),
        to_baht(sign * document.vat),
        to_baht(sign * document.total),
        document.about.get("charger", ""),
        str(document.about.get("transaction", "")),
        replaced,
        document.closed_reason or document.purpose,
    ]
