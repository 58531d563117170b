"""What stands on paper and in the report: read back out of the files that were made."""

from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
import time_machine
from openpyxl import load_workbook

from billing.models import TaxDocument
from billing.papers import listing, sales_tax
from billing.selectors import documents as selectors
from billing.services import document_changes as changes
from billing.services import documents
from billing.services.document_changes import Credit
from core.audit import Actor
from evbilling.backoffice.moments import LOCAL
from tests.core.papers import pages
from tests.documents.sales import ACME, a_document, a_market, a_paid_charge, a_plug, bought

pytestmark = pytest.mark.django_db
WIPA = Actor("admin", "1", "วิภา อุดมสุข")


def words_on(pdf: bytes) -> str:
    return " ".join(" ".join(pages(pdf)).split())


def full(document: TaxDocument) -> TaxDocument:
    return changes.replace_with(document, ACME, purpose="full", reason="", actor=WIPA)


@pytest.mark.parametrize("size", ["a4", "80mm"])
def test_the_same_document_is_the_same_file_and_says_what_the_law_asks(size: Any) -> None:
    """s.86/6: the words, the seller with tax id, the number, what and how much, VAT included, the date."""
    made = a_document()
    pdf = documents.pdf(made, size)
    assert pdf == documents.pdf(TaxDocument.objects.get(pk=made.pk), size)
    told = words_on(pdf)
    for part in (
        "ใบกำกับภาษีอย่างย่อ",
        "บริษัท สุขใจ มาร์เก็ต จำกัด",
        "0 1055 51234 56 7",
        made.number,
        "ค่าบริการชาร์จไฟฟ้า On-Peak",
        "7.70",
        "143.93",
        "10.07",
        "154.00",
        "(หนึ่งร้อยห้าสิบสี่บาทถ้วน)",
        "ราคารวมภาษีมูลค่าเพิ่มแล้ว",
        str(made.tax_point.year + 543),
    ):
        assert part in told, part
    assert "ยกเลิก" not in told


@pytest.mark.parametrize("size", ["a4", "80mm"])
def test_a_full_one_names_the_buyer_and_the_old_one_is_marked_cancelled(size: Any) -> None:
    old = a_document()
    new = full(old)
    told = words_on(documents.pdf(new, size))
    for part in (
        "บริษัท ผู้ซื้อ ปิ่นทอง จำกัด",
        "น้ำรึม",
        "0 1075 44000 10 8",
        "สำนักงานใหญ่",
        "สาขาที่ 00001",
        "1กข 2345 กรุงเทพมหานคร",
        old.number,
    ):
        assert part in told, part
    old.refresh_from_db()
    assert "ยกเลิก" in words_on(documents.pdf(old, size))


@pytest.mark.parametrize("size", ["a4", "80mm"])
def test_a_receipt_has_no_vat_and_the_words_tax_invoice_nowhere(size: Any) -> None:
    made = a_document(a_plug(a_market(vat_registered_from=None)))
    for document in (made, full(made)):
        told = words_on(documents.pdf(document, size))
        assert "ใบเสร็จรับเงิน" in told
        for never in ("ใบกำกับภาษี", "TAX INVOICE", "VAT", "ภาษีมูลค่าเพิ่ม", "143.93"):
            assert never not in told, never


def test_a_credit_note_shows_both_values_the_difference_and_why() -> None:
    old = full(a_document())
    note = changes.credit(old, Credit(100_00, "CDNS03", "ราคาในระบบผิด"), WIPA)
    for size in ("a4", "80mm"):
        told = words_on(documents.pdf(note, size))
        for part in (
            "ใบลดหนี้",
            old.number,
            "143.93",
            "93.46",
            "50.47",
            "3.53",
            "54.00",
            "ราคาในระบบผิด",
        ):
            assert part in told, (size, part)


def test_a_copy_says_so_and_a_long_document_numbers_its_pages() -> None:
    made = a_document()
    assert "ต้นฉบับ" in words_on(documents.pdf(made))
    assert "สำเนา" in words_on(documents.pdf(made, copy=True))
    made.lines = made.lines * 40
    long = pages(documents.pdf(made))
    assert len(long) > 1
    assert f"หน้า {len(long)}/{len(long)}" in " ".join(long[-1].split())
    assert all(made.number in page for page in long)


@pytest.fixture
def november() -> Any:
    """A month with everything in it: paid on the last evening before, replaced, void, credited.

    Counted in November: 154.00 full (143.93 + 10.07), 154.00 abbreviated, less 54.00 (50.47 + 3.53).
    """
    entity = a_market()
    plug = a_plug(entity)
    with time_machine.travel(datetime(2026, 11, 3, 12, tzinfo=LOCAL), tick=False):
        replaced = a_document(plug)
        kept = full(replaced)
        gone = a_document(plug)
        changes.void(gone, "ออกผิด", WIPA)
        bill = a_paid_charge(plug)
        bought(bill, datetime(2026, 10, 31, 23, 50, tzinfo=LOCAL))
        earlier = documents.issue_for_session(bill.session)
        plain = a_document(plug)
        note = changes.credit(kept, Credit(100_00, "CDNS03", ""), WIPA)
    return entity, [replaced, gone, plain, note, kept], earlier


def test_the_report_counts_by_tax_point_and_names_what_was_cancelled(november: Any) -> None:
    entity, expected, earlier = november
    report = selectors.sales_tax(entity, 2026, 11)
    assert [row.document for row in report.rows] == expected
    assert [(row.base, row.vat) for row in report.rows] == [
        (0, 0),
        (0, 0),
        (143_93, 10_07),
        (-50_47, -3_53),
        (143_93, 10_07),
    ]
    # 143.93 + 143.93 − 50.47 = 237.39 and 10.07 + 10.07 − 3.53 = 16.61.
    assert (report.sums.base, report.sums.vat) == (237_39, 16_61)
    notes = [row.note for row in report.rows]
    kept = expected[-1]
    assert notes[0] == f"ยกเลิก ออกใหม่แทนเลขที่ {kept.number}"
    assert notes[1] == "ยกเลิก: ออกผิด"
    assert notes[4] == f"ออกแทนเลขที่ {expected[0].number}"
    october = selectors.sales_tax(entity, 2026, 10)
    assert [row.document for row in october.rows] == [earlier]
    assert earlier.tax_point == date(2026, 10, 31)


def test_the_workbook_and_the_paper_say_the_same(november: Any) -> None:
    entity, expected, _ = november
    report = selectors.sales_tax(entity, 2026, 11)
    sheet: Any = load_workbook(BytesIO(sales_tax.workbook(report))).active
    found = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=9)]
    assert [row[2] for row in found[:5]] == [d.number for d in expected]
    assert found[4][3:8] == ["บริษัท ผู้ซื้อ ปิ่นทอง จำกัด", "0107544000108", "สำนักงานใหญ่", 143.93, 10.07]
    assert (found[5][3], found[5][6], found[5][7]) == ("รวม", 237.39, 16.61)
    head = [cell.value for cell in sheet[8]]
    assert head[:3] == ["ลำดับ", "วันที่", "เลขที่ใบกำกับ"]
    pdf = sales_tax.printed(report)
    assert pdf == sales_tax.printed(selectors.sales_tax(entity, 2026, 11))
    told = words_on(pdf)
    for part in ("รายงานภาษีขาย", "พฤศจิกายน 2569", "237.39", "16.61", "-50.47", expected[0].number):
        assert part in told, part
    rows: Any = load_workbook(BytesIO(listing.workbook(expected))).active
    assert rows.max_row == 6
    assert rows["J5"].value == -54


def test_an_empty_month_is_a_report_too_and_a_name_is_no_formula() -> None:
    entity = a_market()
    report = selectors.sales_tax(entity, 2026, 12)
    assert (report.rows, report.sums.base) == ((), 0)
    assert "0.00" in words_on(sales_tax.printed(report))
    assert sales_tax.plain("=HYPERLINK(1)") == "'=HYPERLINK(1)"
