"""Which document, when, with which date and figures; and what the database refuses behind our back."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, connections, transaction

from billing import documents as values
from billing.models import (
    Bill,
    DocumentKind,
    DocumentSeries,
    PaymentStatus,
    TaxDocument,
    VatRate,
)
from billing.services import documents, issuing, tariffs, wallets
from billing.services.documents import Sale
from core.audit import SYSTEM
from core.models import Fact
from evbilling.backoffice.moments import LOCAL
from tests.documents.sales import (
    a_document,
    a_market,
    a_paid_charge,
    a_plug,
    bought,
    deliver,
)
from tests.factories import a_customer
from users.models import BillingMode, TaxEntity

pytestmark = pytest.mark.django_db


def refused(sql: str, *params: int) -> None:
    """Run a statement that the database must refuse."""

    def run() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError):
        run()


def test_a_paid_charge_gets_an_abbreviated_invoice_by_itself() -> None:
    """20 kWh × 7.70 = 154.00; VAT 154.00 × 7 ÷ 107 = 10.0747… → 10.07; value 143.93."""
    bill = a_paid_charge()
    deliver()
    made = TaxDocument.objects.get()
    assert (made.total, made.vat, made.base, made.vat_rate) == (
        154_00,
        10_07,
        143_93,
        Decimal("0.07"),
    )
    assert made.kind == "ABB"
    assert made.type_code == "T06"
    day = bill.billed_at.astimezone(LOCAL).date()
    assert made.tax_point == day
    assert made.number == f"ABB-00001-{day.year + 543}{day.month:02d}-000001"
    (line,) = made.lines
    assert line == {
        "name": "ค่าบริการชาร์จไฟฟ้า On-Peak",
        "name_en": "EV charging On-Peak",
        "quantity": "20",
        "unit": "kWh",
        "unit_code": "KWH",
        "unit_price": "7.70",
        "amount": 154_00,
        "base": 143_93,
        "vat": 10_07,
    }
    assert made.seller["address"]["line"] == (
        "99/1 ถนนเทพรัตน แขวงบางนาเหนือ เขตบางนา กรุงเทพมหานคร 10260"
    )
    assert documents.document_of_session(bill.session) == made
    assert Fact.objects.filter(kind="invoice_issued", subject_id=made.pk).exists()


def test_asked_again_it_is_the_same_document() -> None:
    bill = a_paid_charge()
    first, again = (documents.issue_for_session(bill.session) for _ in range(2))
    deliver()
    assert first == again
    assert TaxDocument.objects.count() == 1


def test_the_copy_stays_when_the_issuer_moves() -> None:
    made = a_document()
    TaxEntity.objects.update(name="ชื่อใหม่", postcode="10110")
    made.refresh_from_db()
    assert made.seller["name"] == "บริษัท สุขใจ มาร์เก็ต จำกัด"


def test_an_issuer_without_vat_gives_receipts_in_a_series_of_their_own() -> None:
    made = a_document(a_plug(a_market(vat_registered_from=None)))
    assert (made.kind, made.type_code) == ("RCT", "T01")
    assert made.number.startswith("RCT-00001-")
    assert (made.vat, made.base, made.total) == (0, 154_00, 154_00)


def test_registration_counts_on_the_day_of_the_money() -> None:
    entity = a_market(vat_registered_from=date(2026, 1, 1), vat_registered_to=date(2026, 6, 30))
    assert [entity.vat_registered_on(date(2026, m, d)) for m, d in ((1, 1), (6, 30), (7, 1))] == [
        True,
        True,
        False,
    ]
    assert tariffs.vat_rate(entity, date(2026, 7, 1)) == 0
    assert not entity.vat_registered_on(date(2025, 12, 31))


def test_nothing_to_pay_and_no_legal_entity_give_no_document() -> None:
    free = a_paid_charge(wh=0)
    assert free.payment_status == PaymentStatus.FREE
    assert documents.issue_for_session(free.session) is None
    plug = a_plug()
    plug.charger.station.tax_entity = None
    plug.charger.station.save()
    assert documents.issue_for_session(a_paid_charge(plug).session) is None
    deliver()
    assert not TaxDocument.objects.exists()


def test_arrears_get_their_document_when_they_are_paid_with_that_days_date() -> None:
    """60.00 in the wallet, 154.00 due: nothing is issued until the other 94.00 have come."""
    plug = a_plug()
    customer = a_customer(plug.charger.station.company, balance=60_00)
    bill = a_paid_charge(plug, customer=customer)
    deliver()
    assert (bill.outstanding, TaxDocument.objects.count()) == (94_00, 0)
    wallets.top_up(customer, 90_00, key="a", reason="x", actor=SYSTEM)
    deliver()
    assert not TaxDocument.objects.exists()
    wallets.top_up(customer, 4_00, key="b", reason="x", actor=SYSTEM)
    deliver()
    made = TaxDocument.objects.get()
    assert (made.total, made.tax_point) == (154_00, issuing.local_day(datetime.now(UTC)))


def test_a_postpaid_charge_waits_for_its_monthly_bill() -> None:
    plug = a_plug()
    customer = a_customer(
        plug.charger.station.company, billing_mode=BillingMode.POSTPAID, credit_limit=10_000_00
    )
    bill = a_paid_charge(plug, customer=customer)
    deliver()
    assert not TaxDocument.objects.exists()
    day = date(2026, 11, 30)
    entity = bill.tax_entity
    assert entity is not None
    sale = Sale(
        entity,
        "statement:7",
        documents.items_of_bills([bill]),
        day,
        customer=customer,
        sessions=[bill.session_id],
        buyer={"name": "บริษัท ลูกค้า จำกัด", "tax_id": "0107544000108", "branch_code": "00000"},
    )
    with transaction.atomic():
        made, again = documents.issue_sale(sale), documents.issue_sale(sale)
    assert made is not None
    assert made == again
    assert (made.kind, made.total, made.vat, made.tax_point) == ("TAX", 154_00, 10_07, day)
    assert documents.document_of_session(bill.session) == made
    # The bill's own fact comes afterwards and finds the charge covered.
    Bill.objects.filter(pk=bill.pk).update(outstanding=0, payment_status=PaymentStatus.PAID)
    bill.refresh_from_db()
    assert documents.issue_when_paid(bill, datetime.now(UTC)) == made


def test_a_guest_who_paid_late_on_the_30th_has_that_days_document_though_the_charge_ended_on_the_1st() -> (
    None
):
    paid = datetime(2026, 9, 30, 23, 50, tzinfo=LOCAL)
    bill = a_paid_charge()
    payment = bought(bill, paid)
    made = documents.issue_for_session(bill.session)
    assert made is not None
    assert made.tax_point == date(2026, 9, 30)
    assert made.number.startswith("ABB-00001-256909-")
    assert (made.paid_with, made.payment) == ("promptpay", payment)


def test_a_card_that_was_only_held_pays_when_the_charge_is_billed() -> None:
    bill = a_paid_charge()
    bought(bill, datetime(2026, 9, 30, 23, 50, tzinfo=LOCAL), hold=True)
    assert documents.tax_point(bill) == issuing.local_day(bill.billed_at)


def test_the_rate_is_that_of_the_tax_point() -> None:
    """A decree from 1 October on: 10 % for what was paid then, 7 % for what was paid the day before."""
    VatRate.objects.create(valid_from=date(2026, 10, 1), rate="0.10", source="test")
    before, after = a_paid_charge(), a_paid_charge(a_plug(a_market()))
    bought(before, datetime(2026, 9, 30, 12, tzinfo=LOCAL))
    bought(after, datetime(2026, 10, 1, 0, 0, 1, tzinfo=LOCAL))
    old, new = (documents.issue_for_session(b.session) for b in (before, after))
    assert old is not None
    assert new is not None
    # 154.00 × 7 ÷ 107 = 10.0747 and 154.00 × 10 ÷ 110 = 14.00.
    assert (old.vat, new.vat) == (10_07, 14_00)


def test_documents_are_never_edited_or_deleted() -> None:
    a_document()
    refused("UPDATE billing_taxdocument SET total = total + 1, base = base + 1")
    refused("UPDATE billing_taxdocument SET number = 'X'")
    refused("UPDATE billing_taxdocument SET lines = '[]'")
    refused("DELETE FROM billing_documentcover")
    refused("UPDATE billing_documentcover SET live = FALSE")
    refused("DELETE FROM billing_taxdocument")
    refused("DELETE FROM billing_documentseries")
    refused("UPDATE billing_taxdocument SET state = 'void'")  # without when


def test_a_number_is_never_skipped_taken_back_or_used_without_a_document() -> None:
    made = a_document()
    refused("UPDATE billing_documentseries SET last = last + 1")  # nothing carries it
    refused("UPDATE billing_documentseries SET last = last + 2")
    refused("UPDATE billing_documentseries SET last = 0")
    refused("UPDATE billing_documentseries SET period = '256801'")
    refused(
        "INSERT INTO billing_documentseries (tax_entity_id, branch_code, kind, period, last)"
        " VALUES (%s, '00001', 'TAX', '256911', 5)",
        made.tax_entity_id,
    )


def test_a_charge_has_at_most_one_valid_document() -> None:
    made = a_document()
    other = Sale(
        made.tax_entity,
        "fee:1",
        [values.Item("ก", "a", Decimal(1), "ครั้ง", "C62", Decimal(5), 500)],
        made.tax_point,
    )

    def both() -> None:
        with transaction.atomic():
            second = documents.issue_sale(other)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO billing_documentcover (document_id, session_id, live) VALUES (%s, %s, TRUE)",
                    [second.pk if second else 0, made.session_id],
                )

    with pytest.raises(DatabaseError):
        both()


class Undone(Exception):
    """The transaction fails after it has taken its number."""


@pytest.mark.django_db(transaction=True)
def test_parallel_transactions_with_roll_backs_leave_no_gap_and_no_double() -> None:
    """Six lines, fifteen tries each, every third undone: 60 documents, numbered 1 to 60."""
    entity = a_market()
    day, threads, tries = date(2026, 11, 20), 6, 15
    together, problems = Barrier(threads), []

    def one(n: int, turn: int) -> None:
        item = values.Item("ก", "a", Decimal(1), "ครั้ง", "C62", Decimal(1), 100)
        with transaction.atomic():
            issuing.write(
                issuing.NewDocument(
                    entity=entity,
                    kind=DocumentKind.ABBREVIATED,
                    tax_point=day,
                    sums=values.summed([item], Decimal("0.07")),
                    rate=Decimal("0.07"),
                )
            )
            if (n + turn) % 3 == 0:
                raise Undone

    def work(n: int) -> None:
        try:
            together.wait(20)
            for turn in range(tries):
                try:
                    one(n, turn)
                except Undone:
                    continue
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    lines = [Thread(target=work, args=(n,)) for n in range(threads)]
    run: Callable[[Thread], None] = Thread.start
    for line in lines:
        run(line)
    for line in lines:
        line.join(60)
    assert problems == []
    kept = threads * tries * 2 // 3
    found = list(TaxDocument.objects.order_by("sequence").values_list("sequence", "number"))
    assert found == [(n, f"ABB-00001-256911-{n:06d}") for n in range(1, kept + 1)]
    assert DocumentSeries.objects.get().last == kept
