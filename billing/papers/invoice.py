"""A document on A4: who, whom, what, how much, in words; pages numbered, cancelled ones marked."""

from collections.abc import Sequence

from billing.models import DocumentKind, DocumentState, TaxDocument
from billing.papers import words
from billing.thai_words import baht_words
from core.pdf import Paper, line_height

LEFT, RIGHT, TOP, BOTTOM = 16.0, 194.0, 16.0, 276.0
WIDTH = RIGHT - LEFT
HALF = 108.0  # where the right column begins
BODY, SMALL, TINY = 9.5, 8.0, 7.0
INK, SOFT, LINE, WASH, BRAND, WARN = 20, 105, 214, 244, (15, 63, 56), (250, 219, 216)
# No., description, quantity, unit price, amount
COLUMNS = (11.0, 87.0, 27.0, 25.0, 28.0)
HEADS = (
    ("ลำดับ", "No."),
    ("รายการ", "Description"),
    ("จำนวน", "Quantity"),
    ("ราคา/หน่วย", "Unit price"),
    ("จำนวนเงิน", "Amount (THB)"),
)
TOTALS_HEIGHT = 46.0


def printed(document: TaxDocument, *, copy: bool = False) -> bytes:
    """The paper. ``copy``: what the issuer keeps."""
    sheet = _Sheet(document, copy, pages=1)
    sheet.draw()
    if sheet.page > 1:
        sheet.paper.discard()
        sheet = _Sheet(document, copy, pages=sheet.page)
        sheet.draw()
    return sheet.paper.bytes()


class _Sheet:
    """Draws from top to bottom; ``y`` is where the next thing goes."""

    def __init__(self, document: TaxDocument, copy: bool, pages: int) -> None:
        self.document, self.copy, self.pages = document, copy, pages
        self.paper = Paper(
            f"{words.TITLES[document.kind][0]} {document.number}", document.issued_at
        )
        self.paper.set_author(document.seller["name"])
        self.page = 0
        self.y = TOP

    def draw(self) -> None:
        self._begin_page()
        self._parties()
        self._table()
        if self.y + TOTALS_HEIGHT > BOTTOM:
            self._begin_page()
        self._totals()
        self._foot()

    # --- pages -------------------------------------------------------------------------------------------

    def _begin_page(self) -> None:
        self.paper.add_page()
        self.page += 1
        if not self.document.is_live:
            self._cancelled()
        self.paper.set_fill_color(*BRAND)
        self.paper.rect(0, 0, 210, 3, style="F")
        self._number_page()
        self.y = self._head()

    def _number_page(self) -> None:
        self._grey(SOFT)
        text = f"{self.document.number}  ·  หน้า {self.page}/{self.pages}"
        self.paper.write_at(LEFT, 285, text, size=TINY, align="R", width=WIDTH)
        self.paper.write_at(LEFT, 285, "จัดทำด้วยระบบคอมพิวเตอร์  Computer-generated", size=TINY)
        self._grey(INK)

    def _cancelled(self) -> None:
        """Large and pale, under everything else."""
        self.paper.set_text_color(*WARN)
        with self.paper.rotation(38, 105, 175):
            self.paper.write_at(0, 143, "ยกเลิก", size=150, style="B", align="C", width=210)
        self._grey(INK)

    def _head(self) -> float:
        """The issuer on the left, what this is on the right."""
        paper, seller = self.paper, self.document.seller
        thai, english = words.TITLES[self.document.kind]
        y = paper.paragraph(
            LEFT, TOP, paper.lines(seller["name"], HALF - LEFT - 6, 13, "B"), size=13, style="B"
        )
        if seller.get("name_en"):
            y = self._small(LEFT, y, seller["name_en"], HALF - LEFT - 6)
        y = self._small(LEFT, y + 0.5, self.document.address_of(seller), HALF - LEFT - 6)
        where = " ".join(words.branch(seller["branch_code"])[:1])
        if seller.get("branch_name"):
            where = f"{where} {seller['branch_name']}"
        number = f"เลขประจำตัวผู้เสียภาษี Tax ID {words.number_of(seller)} · {where}"
        y = self._small(LEFT, y, number, HALF - LEFT - 6, colour=INK)
        reach = " · ".join(filter(None, [seller.get("phone"), seller.get("email")]))
        if reach:
            y = self._small(LEFT, y, reach, HALF - LEFT - 6)
        right = self._title(thai, english)
        y = max(y, right) + 4
        paper.set_draw_color(*BRAND)
        paper.set_line_width(0.5)
        paper.line(LEFT, y, RIGHT, y)
        paper.set_line_width(0.2)
        return y + 4

    def _title(self, thai: str, english: str) -> float:
        paper = self.paper
        size = 16 if len(thai) < 30 else 13.5
        paper.set_text_color(*BRAND)
        paper.write_at(HALF, TOP - 0.5, thai, size=size, style="B", align="R", width=RIGHT - HALF)
        y = TOP - 0.5 + line_height(size)
        self._grey(SOFT)
        paper.write_at(HALF, y, english, size=SMALL, align="R", width=RIGHT - HALF)
        y += line_height(SMALL) + 1
        label = "สำเนา / Copy" if self.copy else "ต้นฉบับ / Original"
        self._grey(INK)
        paper.write_at(HALF, y, label, size=SMALL, align="R", width=RIGHT - HALF)
        return y + line_height(SMALL)

    # --- who and what -------------------------------------------------------------------------------------

    def _parties(self) -> None:
        top = self.y
        left = self._buyer(top) if self.document.buyer else self._facts(top)
        right = self._references(top)
        self.y = max(left, right) + 3
        if self.document.buyer:
            self._charge_strip()

    def _buyer(self, y: float) -> float:
        paper, buyer, width = self.paper, self.document.buyer, HALF - LEFT - 8
        self._label(LEFT, y, "ลูกค้า", "Customer")
        y += line_height(TINY) + 0.8
        y = paper.paragraph(
            LEFT, y, paper.lines(buyer["name"], width, BODY + 1, "B"), size=BODY + 1, style="B"
        )
        y = paper.paragraph(
            LEFT, y, paper.lines(self.document.address_of(buyer), width, BODY), size=BODY
        )
        if buyer.get("tax_id"):
            where = words.branch(buyer["branch_code"])[0] if buyer.get("branch_code") else ""
            text = f"เลขประจำตัวผู้เสียภาษี Tax ID {words.number_of(buyer)}"
            text = f"{text} · {where}" if where else text
            y = paper.paragraph(LEFT, y, paper.lines(text, width, SMALL + 0.5), size=SMALL + 0.5)
        return y

    def _facts(self, y: float) -> float:
        """Nobody is named: the charge itself stands where the customer would."""
        return self._pairs(LEFT, y, words.charge(self.document), 24.0, HALF - LEFT - 8)

    def _references(self, y: float) -> float:
        document = self.document
        pairs = [
            ("เลขที่", "No.", document.number),
            ("วันที่", "Date", words.day(document.tax_point)),
        ]
        if document.due_on:
            pairs.append(("ครบกำหนด", "Due", words.day(document.due_on)))
        if document.corrects is not None:
            pairs.append(("อ้างถึงใบกำกับเลขที่", "Refers to", document.corrects.number))
            pairs.append(("ลงวันที่", "Dated", words.day(document.corrects.tax_point)))
        if document.plate:
            pairs.append(("ทะเบียนรถ", "Plate", document.plate))
        return self._pairs(HALF, y, pairs, 28.0, RIGHT - HALF, strong=True)

    def _charge_strip(self) -> None:
        """Station, charger and times in one quiet line."""
        found = words.charge(self.document)
        if not found:
            return
        text = "  ·  ".join(f"{thai} {value}" for thai, _, value in found)
        self._grey(SOFT)
        self.y = self.paper.paragraph(
            LEFT, self.y, self.paper.lines(text, WIDTH, SMALL), size=SMALL
        )
        self._grey(INK)
        self.y += 2

    def _pairs(
        self,
        x: float,
        y: float,
        pairs: Sequence[tuple[str, str, str]],
        label: float,
        width: float,
        *,
        strong: bool = False,
    ) -> float:
        paper = self.paper
        for thai, english, value in pairs:
            style = "B" if strong and english in ("No.", "Date") else ""
            self._label(x, y + 0.5, thai, english, stacked=True)
            lines = paper.lines(value, width - label, BODY, style)
            below = paper.paragraph(x + label, y + 1.2, lines, size=BODY, style=style)
            y = max(below, y + 7.4) + 0.6
        return y

    # --- the table ----------------------------------------------------------------------------------------

    def _table(self) -> None:
        self._table_head()
        for n, line in enumerate(self.document.lines, start=1):
            names = self.paper.lines(line["name"], COLUMNS[1] - 4, BODY)
            english = self.paper.lines(line["name_en"], COLUMNS[1] - 4, TINY)
            height = len(names) * line_height(BODY) + len(english) * line_height(TINY) + 2.4
            if self.y + height > BOTTOM:
                self._begin_page()
                self._table_head()
            self._row(n, line, names, english, height)

    def _table_head(self) -> None:
        paper, x, height = self.paper, LEFT, 10.0
        paper.set_fill_color(WASH)
        paper.rect(LEFT, self.y, WIDTH, height, style="F")
        for n, ((thai, english), width) in enumerate(zip(HEADS, COLUMNS, strict=True)):
            align = "L" if n == 1 else "C" if n == 0 else "R"
            paper.write_at(
                x + 1.5,
                self.y + 0.8,
                thai,
                size=SMALL + 0.5,
                style="B",
                align=align,
                width=width - 3,
            )
            self._grey(SOFT)
            paper.write_at(x + 1.5, self.y + 5.2, english, size=TINY, align=align, width=width - 3)
            self._grey(INK)
            x += width
        self.y += height + 1

    def _row(
        self, n: int, line: dict[str, str], names: list[str], english: list[str], height: float
    ) -> None:
        paper, x, y = self.paper, LEFT, self.y + 1.0
        quantity = (
            f"{words.price(line['quantity']) if '.' in line['quantity'] else line['quantity']}"
        )
        cells = (
            str(n),
            "",
            f"{quantity} {line['unit']}",
            words.price(line["unit_price"]),
            words.amount(int(line["amount"])),
        )
        for column, (text, width) in enumerate(zip(cells, COLUMNS, strict=True)):
            if column == 1:
                below = paper.paragraph(x + 1.5, y, names, size=BODY)
                self._grey(SOFT)
                paper.paragraph(x + 1.5, below, english, size=TINY)
                self._grey(INK)
            else:
                align = "C" if column == 0 else "R"
                paper.write_at(x + 1.5, y, text, size=BODY, align=align, width=width - 3)
            x += width
        self.y += height
        paper.set_draw_color(LINE)
        paper.line(LEFT, self.y, RIGHT, self.y)

    # --- sums ---------------------------------------------------------------------------------------------

    def _totals(self) -> None:
        top = self.y + 3
        right = self._sums(top)
        left = self._in_words(top)
        self.y = max(left, right) + 5

    def _sums(self, y: float) -> float:
        x, label = 118.0, 46.0
        for thai, english, satang in self._sum_rows():
            self._label(x, y + 0.4, thai, english)
            text = words.amount(satang)
            self.paper.write_at(
                x + label, y, text, size=BODY, align="R", width=RIGHT - x - label - 1.5
            )
            y += 6.2
        self.paper.set_fill_color(*BRAND)
        self.paper.rect(x - 2, y, RIGHT - x + 2, 10, style="F")
        self.paper.set_text_color(255)
        self.paper.write_at(x, y + 1.9, self._total_word(), size=BODY, style="B")
        self.paper.write_at(
            x,
            y + 1.1,
            words.amount(self.document.total),
            size=13,
            style="B",
            align="R",
            width=RIGHT - x - 1.5,
        )
        self._grey(INK)
        return y + 10

    def _sum_rows(self) -> list[tuple[str, str, int]]:
        document = self.document
        if document.kind == DocumentKind.RECEIPT or not document.vat_rate:
            return []
        vat = f"ภาษีมูลค่าเพิ่ม {words.percent(document.vat_rate)}%"
        if document.kind == DocumentKind.CREDIT_NOTE:
            return [
                ("มูลค่าตามใบกำกับเดิม", "Original value", document.original_value or 0),
                ("มูลค่าที่ถูกต้อง", "Correct value", document.correct_value or 0),
                ("ผลต่าง", "Difference", document.base),
                (vat, "VAT", document.vat),
            ]
        return [("มูลค่าก่อนภาษี", "Value", document.base), (vat, "VAT", document.vat)]

    def _total_word(self) -> str:
        if self.document.kind == DocumentKind.CREDIT_NOTE:
            return "รวมเงินที่ลด  Total"
        return "รวมทั้งสิ้น  Total"

    def _in_words(self, y: float) -> float:
        paper, document, width = self.paper, self.document, 96.0
        self._label(LEFT, y, "จำนวนเงินเป็นตัวอักษร", "Amount in words")
        y += line_height(TINY) + 0.5
        y = paper.paragraph(
            LEFT, y, paper.lines(f"({baht_words(document.total)})", width, BODY), size=BODY
        )
        if document.paid_with in words.PAID_WITH:
            thai, english = words.PAID_WITH[document.paid_with]
            y += 1.5
            self._label(LEFT, y, "ชำระโดย", "Paid with")
            y += line_height(TINY) + 0.5
            paper.write_at(LEFT, y, f"{thai}  {english}", size=BODY)
            y += line_height(BODY)
        return y

    def _foot(self) -> None:
        """Notes that the law asks for, and why a document is not valid any more."""
        document = self.document
        notes = []
        if document.kind in (DocumentKind.ABBREVIATED, DocumentKind.FULL):
            notes.append("  ".join(words.VAT_INCLUDED))
        if document.purpose:
            notes.append(f"เหตุผล Reason: {document.purpose}")
        if document.note:
            notes.append(f"หมายเหตุ Note: {document.note}")
        for note in notes:
            self.y = self.paper.paragraph(
                LEFT, self.y, self.paper.lines(note, WIDTH, SMALL + 0.5), size=SMALL + 0.5
            )
        if not document.is_live:
            self.y = self._why_cancelled(self.y + 1)
        if document.kind in (DocumentKind.FULL, DocumentKind.CREDIT_NOTE):
            self._signature()

    def _why_cancelled(self, y: float) -> float:
        document = self.document
        assert document.closed_at is not None  # noqa: S101 (the database says so)
        text = f"ยกเลิกเมื่อ {words.moment(document.closed_at)} โดย {document.closed_by}"
        if document.closed_reason:
            text = f"{text} – {document.closed_reason}"
        if document.state == DocumentState.REPLACED:
            made = TaxDocument.objects.filter(replaces=document).first()
            text = f"{text} (แทนด้วยเลขที่ {made.number})" if made else text
        self.paper.set_text_color(166, 30, 25)
        y = self.paper.paragraph(
            LEFT, y, self.paper.lines(text, WIDTH, SMALL + 0.5, "B"), size=SMALL + 0.5, style="B"
        )
        self._grey(INK)
        return y

    def _signature(self) -> None:
        y = max(self.y + 14, 0)
        if y + 8 > 281:
            return
        self.paper.set_draw_color(LINE)
        self.paper.line(RIGHT - 62, y, RIGHT, y)
        self._grey(SOFT)
        self.paper.write_at(
            RIGHT - 62, y + 1, "ผู้รับเงิน / ผู้มีอำนาจลงนาม", size=SMALL, align="C", width=62
        )
        self.paper.write_at(
            RIGHT - 62, y + 5, "Collector / Authorised signature", size=TINY, align="C", width=62
        )
        self._grey(INK)

    # --- small things -------------------------------------------------------------------------------------

    def _label(self, x: float, y: float, thai: str, english: str, *, stacked: bool = False) -> None:
        """Thai, and the English smaller and grey: after it, or below."""
        paper = self.paper
        self._grey(SOFT)
        if stacked:
            paper.write_at(x, y, thai, size=SMALL)
            paper.write_at(x, y + 3.6, english, size=TINY - 0.5)
        else:
            paper.write_at(x, y, f"{thai}  {english}", size=SMALL)
        self._grey(INK)

    def _small(self, x: float, y: float, text: str, width: float, *, colour: int = SOFT) -> float:
        self._grey(colour)
        y = self.paper.paragraph(x, y, self.paper.lines(text, width, SMALL), size=SMALL)
        self._grey(INK)
        return y

    def _grey(self, level: int) -> None:
        self.paper.set_text_color(level)
