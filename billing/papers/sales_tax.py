"""The sales-tax report on paper and as a workbook: the columns of the Revenue Department's form."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from billing.money import to_baht
from billing.papers import words
from billing.selectors.documents import Report, ReportRow
from core.pdf import Paper, line_height
from users import tax_ids

TITLE = "รายงานภาษีขาย"
# (head, width in mm on A4 across, width of a column in characters, alignment)
COLUMNS = (
    ("ลำดับ", 11.0, 7, "C"),
    ("วันที่", 21.0, 12, "C"),
    ("เลขที่ใบกำกับ", 47.0, 27, "L"),
    ("ชื่อผู้ซื้อสินค้า/ผู้รับบริการ", 58.0, 38, "L"),
    ("เลขประจำตัวผู้เสียภาษี", 33.0, 18, "C"),
    ("สาขา", 21.0, 13, "C"),
    ("มูลค่าสินค้า/บริการ", 25.0, 16, "R"),
    ("ภาษีมูลค่าเพิ่ม", 22.0, 14, "R"),
    ("หมายเหตุ", 39.0, 44, "L"),
)
LEFT, TOP, BOTTOM, PAGE = 10.0, 10.0, 192.0, (297.0, 210.0)
BODY, SMALL = 8.0, 7.5
CASH_SALE = "ผู้ใช้บริการทั่วไป"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def heading(report: Report) -> list[tuple[str, str]]:
    """(label, value) of what stands above the table."""
    entity = report.entity
    return [
        ("เดือนภาษี", words.month(report.year, report.month)),
        ("ชื่อผู้ประกอบการ", entity.name),
        ("เลขประจำตัวผู้เสียภาษี", tax_ids.grouped(entity.tax_id)),
        ("สถานประกอบการ", f"{words.branch(entity.branch_code)[0]} {entity.branch_name}".strip()),
        ("ที่อยู่", entity.address_line),
    ]


def cells(row: ReportRow) -> list[Any]:
    """A line as the form has it; amounts in baht as numbers."""
    buyer = row.document.buyer
    branch = buyer.get("branch_code", "")
    return [
        row.n,
        words.short_day(row.document.tax_point),
        row.document.number,
        buyer.get("name") or CASH_SALE,
        buyer.get("tax_id", ""),
        words.branch(branch)[0] if branch else "",
        to_baht(row.base),
        to_baht(row.vat),
        row.note,
    ]


def workbook(report: Report) -> bytes:
    """The report as .xlsx."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101 (a new workbook has one)
    sheet.title = f"{report.year + 543}-{report.month:02d}"
    sheet["A1"] = TITLE
    sheet["A1"].font = Font(bold=True, size=14)
    for n, (label, told) in enumerate(heading(report), start=2):
        sheet.cell(n, 1, label)
        sheet.cell(n, 3, plain(told))
    head = len(heading(report)) + 3
    for column, (text, _, width, _) in enumerate(COLUMNS, start=1):
        cell: Any = sheet.cell(head, column, text)
        cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, horizontal="center")
        cell.border = Border(bottom=Side(style="thin"))
        sheet.column_dimensions[get_column_letter(column)].width = width
    for n, row in enumerate(report.rows, start=head + 1):
        for column, value in enumerate(cells(row), start=1):
            _put(sheet, n, column, value)
    last = head + len(report.rows) + 1
    sums: list[tuple[int, Any]] = [
        (4, "รวม"),
        (7, to_baht(report.sums.base)),
        (8, to_baht(report.sums.vat)),
    ]
    line = Border(top=Side(style="thin"), bottom=Side(style="double"))
    for column, amount in sums:
        _put(sheet, last, column, amount)
        sheet.cell(last, column).font = Font(bold=True)
        sheet.cell(last, column).border = line
    sheet.freeze_panes = f"A{head + 1}"
    return _saved(book)


def plain(text: str) -> str:
    """Text that a spreadsheet does not take for a formula: names are typed by strangers."""
    return f"'{text}" if text.startswith(FORMULA) else text


def printed(report: Report) -> bytes:
    """The report on A4 across, as many pages as it needs."""
    made = _Printed(report)
    return made.paper.bytes()


def _put(sheet: Any, row: int, column: int, value: Any) -> None:
    cell = sheet.cell(row, column, plain(value) if isinstance(value, str) else value)
    if column in (7, 8):
        cell.number_format = "#,##0.00"
    elif column == 5:
        cell.number_format = "@"  # a tax id begins with zeros


def _saved(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


class _Printed:
    def __init__(self, report: Report) -> None:
        self.report = report
        newest = max((r.document.issued_at for r in report.rows), default=None)
        title = f"{TITLE} {words.month(report.year, report.month)}"
        self.paper = Paper(title, newest or _no_day(report), size=PAGE)
        self.page = 0
        self.y = TOP
        self.pages = self._count_pages()
        self._begin_page()
        for row in report.rows:
            self._row(cells(row))
        self._sums()

    def _count_pages(self) -> int:
        """Rows are measured, not drawn: how many pages they fill."""
        pages, y = 1, self._table_top()
        for row in [*map(cells, self.report.rows), None]:
            height = self._height(row) if row else 9.0
            if y + height > BOTTOM:
                pages, y = pages + 1, self._table_top()
            y += height
        return pages

    def _table_top(self) -> float:
        return TOP + 9 + 3 * 4.6 + 3 + 9

    def _begin_page(self) -> None:
        paper = self.paper
        paper.add_page()
        self.page += 1
        paper.write_at(LEFT, TOP - 2, TITLE, size=14, style="B", align="C", width=277)
        paper.write_at(LEFT, TOP, f"หน้า {self.page}/{self.pages}", size=SMALL, align="R", width=277)
        pairs = heading(self.report)
        for n, (label, value) in enumerate(pairs):
            x, y = LEFT + (n % 2) * 150, TOP + 9 + n // 2 * 4.6
            if n == len(pairs) - 1:
                value = " ".join(self.paper.lines(value, 235, BODY)[:1])
            paper.write_at(x, y, label, size=BODY, style="B")
            paper.write_at(x + 36, y, value, size=BODY)
        self.y = self._table_top() - 9
        paper.set_fill_color(238)
        x = LEFT
        for text, width, _, _ in COLUMNS:
            paper.rect(x, self.y, width, 9, style="DF")
            paper.write_at(x, self.y + 2.4, text, size=SMALL, style="B", align="C", width=width)
            x += width
        self.y += 9

    def _row(self, values: list[Any]) -> None:
        height = self._height(values)
        if self.y + height > BOTTOM:
            self._begin_page()
        x = LEFT
        self.paper.set_draw_color(200)
        for value, (_, width, _, align) in zip(values, COLUMNS, strict=True):
            self.paper.rect(x, self.y, width, height)
            y = self.y + 0.7
            for line in self.paper.lines(_text(value), width - 2.4, SMALL):
                self.paper.write_at(x, y, line, size=SMALL, align=align, width=width)
                y += line_height(SMALL)
            x += width
        self.paper.set_draw_color(0)
        self.y += height

    def _height(self, values: list[Any]) -> float:
        most = max(
            len(self.paper.lines(_text(value), width - 2.4, SMALL))
            for value, (_, width, _, _) in zip(values, COLUMNS, strict=True)
        )
        return max(most, 1) * line_height(SMALL) + 1.4

    def _sums(self) -> None:
        if self.y + 9 > BOTTOM:
            self._begin_page()
        edges = [LEFT]
        for _, width, _, _ in COLUMNS:
            edges.append(edges[-1] + width)
        y = self.y + 1.4
        self.paper.write_at(edges[3], y, "รวม", size=BODY, style="B", align="R", width=112)
        for n, satang in ((6, self.report.sums.base), (7, self.report.sums.vat)):
            self.paper.write_at(
                edges[n],
                y,
                words.amount(satang),
                size=BODY,
                style="B",
                align="R",
                width=COLUMNS[n][1],
            )
            self.paper.line(edges[n], self.y + 7.5, edges[n + 1], self.y + 7.5)
            self.paper.line(edges[n], self.y + 8.2, edges[n + 1], self.y + 8.2)


def _text(value: Any) -> str:
    if isinstance(value, int | str):
        return str(value)
    return f"{value:,.2f}"


def _no_day(report: Report) -> datetime:
    """A report without a line is dated the first of its month: the same file each time."""
    return datetime(report.year, report.month, 1, tzinfo=UTC)
