"""A document for the 80 mm roll of a receipt printer: one column, as long as it needs to be."""

from billing.models import DocumentKind, TaxDocument
from billing.papers import words
from billing.thai_words import baht_words
from core.pdf import Paper, line_height

WIDTH, LEFT = 80.0, 4.0
INNER = WIDTH - 2 * LEFT
TRY_HEIGHT = 4_000.0  # measured on an endless sheet first
BODY, SMALL, TITLE, TOTAL = 8.5, 7.0, 11.0, 13.0
INK, SOFT = 0, 70  # thermal heads print no light grey


def printed(document: TaxDocument) -> bytes:
    """The slip, cut where its text ends."""
    trial = _Roll(document, TRY_HEIGHT)
    height = trial.draw()
    trial.paper.discard()
    roll = _Roll(document, height)
    roll.draw()
    return roll.paper.bytes()


class _Roll:
    def __init__(self, document: TaxDocument, height: float) -> None:
        self.document = document
        title = f"{words.TITLES[document.kind][0]} {document.number}"
        self.paper = Paper(title, document.issued_at, size=(WIDTH, height))
        self.paper.set_author(document.seller["name"])
        self.y = 5.0

    def draw(self) -> float:
        """Everything, from top to bottom; how long that is."""
        self.paper.add_page()
        self._seller()
        self._title()
        self._buyer()
        self._rule()
        self._lines()
        self._rule()
        self._sums()
        self._notes()
        return self.y + 6

    def _seller(self) -> None:
        seller = self.document.seller
        self._centred(seller["name"], BODY + 1, "B")
        if seller.get("branch_name"):
            self._centred(seller["branch_name"], SMALL + 0.5)
        self._centred(self.document.address_of(seller), SMALL)
        self._centred(f"เลขประจำตัวผู้เสียภาษี {words.number_of(seller)}", SMALL)
        self._centred(words.branch(seller["branch_code"])[0], SMALL)
        if seller.get("phone"):
            self._centred(f"โทร. {seller['phone']}", SMALL)
        self.y += 1.5

    def _title(self) -> None:
        document = self.document
        thai, english = words.TITLES[document.kind]
        if not document.is_live:
            self._centred("*** ยกเลิก  CANCELLED ***", TITLE, "B")
        for part in thai.split(" / "):
            self._centred(part, TITLE, "B")
        self._centred(english, SMALL)
        self.y += 1.5
        self._pair("เลขที่ No.", document.number, style="B")
        self._pair("วันที่ Date", words.day(document.tax_point))
        if document.corrects is not None:
            self._pair("อ้างถึง Refers to", document.corrects.number)
            self._pair("ลงวันที่ Dated", words.day(document.corrects.tax_point))
        for label, _, value in words.charge(document):
            self._pair(label, value)
        if document.plate:
            self._pair("ทะเบียนรถ Plate", document.plate)

    def _buyer(self) -> None:
        buyer = self.document.buyer
        if not buyer:
            return
        self._rule()
        self._left(buyer["name"], BODY, "B")
        self._left(self.document.address_of(buyer), SMALL)
        if buyer.get("tax_id"):
            branch = words.branch(buyer["branch_code"])[0] if buyer.get("branch_code") else ""
            self._left(f"เลขประจำตัวผู้เสียภาษี {words.number_of(buyer)} {branch}", SMALL)

    def _lines(self) -> None:
        for line in self.document.lines:
            lines = self.paper.lines(line["name"], INNER - 20, BODY)
            top = self.y
            self.y = self.paper.paragraph(LEFT, top, lines, size=BODY)
            self.paper.write_at(
                LEFT, top, words.amount(int(line["amount"])), size=BODY, align="R", width=INNER
            )
            unit = f"{line['quantity']} {line['unit']} × {words.price(line['unit_price'])}"
            self._left(unit, SMALL)
            self.y += 0.6

    def _sums(self) -> None:
        document = self.document
        if document.kind == DocumentKind.CREDIT_NOTE:
            self._pair("มูลค่าตามใบกำกับเดิม", words.amount(document.original_value or 0))
            self._pair("มูลค่าที่ถูกต้อง", words.amount(document.correct_value or 0))
            self._pair("ผลต่าง", words.amount(document.base))
        elif document.kind != DocumentKind.RECEIPT:
            self._pair("มูลค่าก่อนภาษี Value", words.amount(document.base))
        if document.kind != DocumentKind.RECEIPT:
            rate = words.percent(document.vat_rate)
            self._pair(f"ภาษีมูลค่าเพิ่ม VAT {rate}%", words.amount(document.vat))
        self.y += 0.8
        self.paper.write_at(LEFT, self.y + 0.8, "รวมทั้งสิ้น Total", size=BODY + 1, style="B")
        self.paper.write_at(
            LEFT,
            self.y,
            words.amount(document.total),
            size=TOTAL,
            style="B",
            align="R",
            width=INNER,
        )
        self.y += line_height(TOTAL)
        self._left(f"({baht_words(document.total)})", SMALL)
        if document.paid_with in words.PAID_WITH:
            self._pair("ชำระโดย Paid with", words.PAID_WITH[document.paid_with][0])

    def _notes(self) -> None:
        document = self.document
        self.y += 1.5
        if document.kind in (DocumentKind.ABBREVIATED, DocumentKind.FULL):
            self._centred(" ".join(words.VAT_INCLUDED), SMALL + 0.5, "B")
        if document.purpose:
            self._left(f"เหตุผล {document.purpose}", SMALL)
        if document.note:
            self._left(f"หมายเหตุ {document.note}", SMALL)
        if not document.is_live and document.closed_at is not None:
            self._left(
                f"ยกเลิกเมื่อ {words.moment(document.closed_at)} {document.closed_reason}", SMALL, "B"
            )

    # --- small things -------------------------------------------------------------------------------------

    def _centred(self, text: str, size: float, style: str = "") -> None:
        for line in self.paper.lines(text, INNER, size, style):
            self.paper.write_at(LEFT, self.y, line, size=size, style=style, align="C", width=INNER)
            self.y += line_height(size)

    def _left(self, text: str, size: float, style: str = "") -> None:
        lines = self.paper.lines(text, INNER, size, style)
        self.y = self.paper.paragraph(LEFT, self.y, lines, size=size, style=style)

    def _pair(self, label: str, value: str, *, style: str = "") -> None:
        """A label on the left; its value on the right, on as many lines as it needs."""
        self.paper.set_text_color(SOFT)
        self.paper.write_at(LEFT, self.y, label, size=SMALL + 0.5)
        self.paper.set_text_color(INK)
        for line in self.paper.lines(value, INNER - 26, SMALL + 0.5, style) or [""]:
            self.paper.write_at(
                LEFT, self.y, line, size=SMALL + 0.5, style=style, align="R", width=INNER
            )
            self.y += line_height(SMALL + 0.5)

    def _rule(self) -> None:
        self.y += 1.2
        self.paper.set_dash_pattern(dash=0.8, gap=0.8)
        self.paper.line(LEFT, self.y, WIDTH - LEFT, self.y)
        self.paper.set_dash_pattern()
        self.y += 1.4
