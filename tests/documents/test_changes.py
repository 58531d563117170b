"""In place of another, void, credit note, a number from outside: order ป.86/2542 and s.86/10."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from billing import documents as values
from billing.models import AccountKind, RefundReason, TaxDocument
from billing.selectors import documents as selectors
from billing.services import document_changes as changes
from billing.services import documents, ledger, refunds, wallets
from billing.services.document_changes import (
    BadCredit,
    Credit,
    HasCreditNote,
    MonthOver,
    NoReason,
    NotOpen,
)
from core.audit import Actor
from core.errors import Conflict
from core.models import AuditEntry
from evbilling.backoffice.moments import LOCAL
from tests.documents.sales import ACME, SOMCHAI, a_document, a_market, a_paid_charge, a_plug, bought

pytestmark = pytest.mark.django_db
WIPA = Actor("admin", "1", "วิภา อุดมสุข")


def full(document: TaxDocument, **more: Any) -> TaxDocument:
    wish: dict[str, Any] = {"purpose": "full", "reason": "", "actor": WIPA}
    return changes.replace_with(document, ACME, **wish | more)


def again(document: TaxDocument) -> TaxDocument:
    return TaxDocument.objects.get(pk=document.pk)


def test_a_full_one_replaces_the_abbreviated_one_under_the_same_date() -> None:
    old = a_document()
    new = full(old)
    was = again(old)
    assert (was.state, was.closed_by, was.closed_reason) == (
        "replaced",
        "วิภา อุดมสุข",
        "ออกใบกำกับภาษีเต็มรูปให้ผู้ซื้อ",
    )
    assert new.number == old.number.replace("ABB", "TAX")
    assert (new.kind, new.type_code, new.purpose_code) == ("TAX", "T03", "TIVC99")
    assert (new.tax_point, new.total, new.base, new.vat) == (old.tax_point, 154_00, 143_93, 10_07)
    assert new.lines == old.lines
    day = f"{old.tax_point:%d/%m}/{old.tax_point.year + 543}"
    assert new.note == (f"เป็นการยกเลิกและออกใบกำกับภาษีฉบับใหม่แทนฉบับเดิมเลขที่ {old.number} ลงวันที่ {day}")
    assert new.buyer["tax_id"] == "0107544000108"
    assert new.plate == "1กข 2345 กรุงเทพมหานคร"
    assert new.session is not None
    assert documents.document_of_session(new.session) == new
    assert selectors.newest(old) == new
    entry = AuditEntry.objects.get(action="replace_document")
    assert (entry.actor_name, entry.new and entry.new["replaces"]) == ("วิภา อุดมสุข", old.number)


def test_what_was_asked_for_once_is_remembered_for_the_customer() -> None:
    old = a_document()
    full(old)
    assert old.customer is not None
    old.customer.refresh_from_db()
    assert old.customer.buyer["name"] == "บริษัท ผู้ซื้อ ปิ่นทอง จำกัด"


def test_a_closed_one_is_not_replaced_or_made_void_again() -> None:
    old = a_document()
    new = full(old)
    with pytest.raises(NotOpen):
        full(old)
    with pytest.raises(NotOpen):
        changes.void(again(old), "x", WIPA)
    corrected = changes.replace_with(new, SOMCHAI, purpose="name", reason="พิมพ์ผิด", actor=WIPA)
    assert (corrected.kind, corrected.purpose_code) == ("TAX", "TIVC01")
    assert corrected.number.endswith("000002")
    assert new.number in corrected.note


def test_a_receipt_with_a_name_stays_a_receipt_and_never_speaks_of_tax_invoices() -> None:
    old = a_document(a_plug(a_market(vat_registered_from=None)))
    new = full(old)
    assert (new.kind, new.purpose_code, new.vat) == ("RCT", "RCTC99", 0)
    assert new.note.startswith("เป็นการยกเลิกและออกใบเสร็จรับเงินฉบับใหม่แทน")
    assert "ใบกำกับภาษี" not in new.note


def test_void_needs_a_reason_keeps_its_number_and_frees_the_charge() -> None:
    old = a_document()
    with pytest.raises(NoReason):
        changes.void(old, "  ", WIPA)
    changes.void(old, "ออกผิดสาขา", WIPA)
    assert again(old).state == "void"
    assert old.session is not None
    assert documents.document_of_session(old.session) is None
    # Nothing issues it again by itself; a person does, with the old date and a note.
    assert documents.issue_for_session(old.session) is None
    new = changes.replace_with(again(old), None, purpose="other", reason="", actor=WIPA)
    assert (new.kind, new.tax_point, new.replaces) == ("ABB", old.tax_point, old)
    assert again(old).state == "void"
    assert documents.document_of_session(old.session) == new


def test_a_credit_note_says_both_values_and_gives_the_difference_back() -> None:
    """154.00 should have been 100.00: VAT of 100.00 is 6.54 (6.5420…), value 93.46.
    Difference 143.93 − 93.46 = 50.47; VAT 10.07 − 6.54 = 3.53; together 54.00."""
    old = full(a_document())
    assert old.customer is not None
    before = wallets.standing(old.customer).wallet
    note = changes.credit(old, Credit(100_00, "CDNS03", "ราคาในระบบผิด"), WIPA)
    assert (note.original_value, note.correct_value, note.base, note.vat, note.total) == (
        143_93,
        93_46,
        50_47,
        3_53,
        54_00,
    )
    assert (note.kind, note.type_code, note.purpose_code) == ("CRN", "81", "CDNS03")
    assert note.number.startswith("CRN-00001-")
    assert (note.corrects, note.buyer) == (old, old.buyer)
    assert wallets.standing(old.customer).wallet == before + 54_00
    assert not any(ledger.prove().values())
    # 10.07 of the bill less 3.53 of the note.
    vat = ledger.account(old.company, AccountKind.VAT_OUTPUT, tax_entity=old.tax_entity)
    assert vat.balance == 6_54


def test_a_second_credit_note_starts_where_the_first_one_ended() -> None:
    """100.00 → 40.00: VAT of 40.00 is 2.62 (2.6168…), value 37.38; 93.46 − 37.38 = 56.08, VAT 3.92."""
    old = full(a_document())
    changes.credit(old, Credit(100_00, "CDNS01", ""), WIPA)
    second = changes.credit(old, Credit(40_00, "CDNS02", ""), WIPA)
    assert (second.original_value, second.correct_value, second.base, second.vat) == (
        93_46,
        37_38,
        56_08,
        3_92,
    )
    for wrong in (40_00, 100_00, -1):
        with pytest.raises(BadCredit):
            changes.credit(old, Credit(wrong, "CDNS01", ""), WIPA)
    last = changes.credit(old, Credit(0, "CDNS04", ""), WIPA)
    assert sum(n.total for n in old.corrections.all()) == 154_00
    assert sum(n.vat for n in old.corrections.all()) == 10_07
    assert last.correct_value == 0


def test_credited_documents_stay_and_credit_notes_too() -> None:
    old = full(a_document())
    note = changes.credit(old, Credit(100_00, "CDNS03", ""), WIPA)
    with pytest.raises(HasCreditNote):
        changes.void(old, "x", WIPA)
    with pytest.raises(HasCreditNote):
        full(old)
    with pytest.raises(Conflict):
        changes.void(note, "x", WIPA)


def test_a_credit_note_names_its_reason_and_its_buyer() -> None:
    old = a_document()
    with pytest.raises(BadCredit):
        changes.credit(old, Credit(100_00, "CDNS03", ""), WIPA)
    with pytest.raises(NoReason):
        changes.credit(old, Credit(100_00, "CDNS99", "", SOMCHAI), WIPA)
    with pytest.raises(NoReason):
        changes.credit(old, Credit(100_00, "XX", "x", SOMCHAI), WIPA)
    note = changes.credit(old, Credit(100_00, "CDNS99", "แถมให้", SOMCHAI), WIPA)
    assert note.buyer["name"] == "สมชาย ใจดี"


def test_a_guests_difference_becomes_a_refund(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest has no wallet: the money goes back through where it came in, by a refund."""
    asked: list[Any] = []
    monkeypatch.setattr(refunds, "give_back", lambda *what: asked.append(what))
    bill = a_paid_charge()
    payment = bought(bill, datetime.now(UTC))
    entity = bill.tax_entity
    assert entity is not None
    item = values.Item("ก", "a", Decimal(1), "ครั้ง", "C62", Decimal("154"), 154_00)
    sale = documents.Sale(entity, "fee:1", [item], date(2026, 11, 20), payment=payment)
    made = documents.issue_sale(sale)
    assert made is not None
    note = changes.credit(made, Credit(100_00, "CDNS03", "", SOMCHAI), WIPA)
    assert asked == [(payment, 54_00, RefundReason.ADMIN, f"credit_note:{note.pk}")]
    assert ledger.account(entity.company, AccountKind.GUEST_DEPOSIT).balance == 54_00
    payment.hold = True
    assert changes._owed_to(made, payment).kind == AccountKind.CARD_DUE
    with pytest.raises(BadCredit):
        changes._owed_to(made, None)


def test_a_number_from_outside_takes_the_place_of_the_abbreviated_one() -> None:
    old = a_document()
    new = changes.enter_outside(old, " INV 2569/0042 ", WIPA, ACME)
    assert (new.number, new.outside, new.series, new.kind) == ("INV 2569/0042", True, None, "TAX")
    assert (again(old).state, new.replaces, new.total) == ("replaced", old, 154_00)
    other = a_document(a_plug(old.tax_entity))
    with pytest.raises(Conflict):
        changes.enter_outside(other, "INV 2569/0042", WIPA)


def test_the_customer_may_ask_within_the_tax_month_and_is_told_why_not_after() -> None:
    with time_machine.travel(datetime(2026, 11, 30, 23, 59, tzinfo=LOCAL), tick=False):
        old = a_document()
        assert old.tax_point == date(2026, 11, 30)
        assert changes.may_ask_full(old, date(2026, 11, 30))
    with time_machine.travel(datetime(2026, 12, 1, 0, 0, tzinfo=LOCAL), tick=False):
        with pytest.raises(MonthOver):
            changes.ask_full(old, ACME, Actor("visitor", "x"))
        late = full(old)  # the office may
    assert late.tax_point == date(2026, 11, 30)
    assert late.number.startswith("TAX-00001-256911-")


def test_the_customer_asks_once() -> None:
    old = a_document()
    new = changes.ask_full(old, ACME, Actor("visitor", "x"))
    with pytest.raises(NotOpen):
        changes.ask_full(new, SOMCHAI, Actor("visitor", "x"))
    with pytest.raises(NotOpen):
        changes.ask_full(again(old), SOMCHAI, Actor("visitor", "x"))
