"""Monthly bills: what is on them, who pays them, what happens when nobody does."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import (
    AccountKind,
    Bill,
    Payment,
    PaymentState,
    ReservationFee,
    Statement,
    StatementState,
    TaxDocument,
)
from billing.payments.base import Method
from billing.selectors import statements as selectors
from billing.services import (
    allowance,
    bills,
    ledger,
    reservation_fees,
    statement_documents,
    statements,
    wallets,
)
from core.audit import SYSTEM
from core.models import Fact
from stations.models import Reservation, ReservationStatus
from tests.api.world import end
from tests.billing.test_charging_money import deliver
from tests.billing.test_pricing import at
from tests.factories import (
    a_card,
    a_charger,
    a_company,
    a_customer,
    a_reservation,
    a_session,
    a_station,
    a_tariff,
)
from users.models import Company, Customer

pytestmark = pytest.mark.django_db
NOVEMBER_20 = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(at(12, day=NOVEMBER_20), tick=False) as found:
        yield found


@pytest.fixture
def company() -> Company:
    return a_company()


def postpaid(company: Company, limit: int = 100_000_00) -> Customer:
    return a_customer(company, billing_mode="postpaid", credit_limit=limit)


def a_bill(customer: Customer, wh: int = 10_000, station: Any = None) -> Bill:
    """10 kWh On-Peak: 77.00."""
    charger = a_charger(station or a_station(customer.company))
    begun = timezone.now() - timedelta(hours=1)
    session = a_session(charger.connectors.get(), customer=customer, wh=wh, started_at=begun)
    made = bills.bill_session(end(session))
    assert made is not None
    deliver()
    return made


def proven() -> None:
    deliver()
    assert ledger.prove() == dict.fromkeys(ledger.prove(), 0)


def test_a_statement_lists_what_is_owed_once_and_is_due_in_time(company: Company) -> None:
    customer = postpaid(company)
    bill = a_bill(customer)
    (made,) = statements.issue(customer, actor=SYSTEM)
    assert made.number == "INV-00000-256911-000001"
    assert (made.total, made.vat, made.due_on) == (77_00, 5_04, date(2026, 12, 5))
    assert [line["transaction"] for line in made.copy["lines"]] == [bill.session.transaction_id]
    with pytest.raises(statements.NothingOwed):
        statements.issue(customer, actor=SYSTEM)


def test_each_legal_entity_bills_for_itself_and_numbers_for_itself(company: Company) -> None:
    customer = postpaid(company)
    a_bill(customer)
    a_bill(customer)
    made = statements.issue(customer, actor=SYSTEM)
    assert [row.number for row in made] == ["INV-00000-256911-000001"] * 2
    assert len({row.tax_entity_id for row in made}) == 2


def test_an_admin_can_bill_a_prepaid_customer_in_arrears_too(company: Company) -> None:
    customer = a_customer(company, balance=50_00)
    bill = a_bill(customer)
    assert bill.outstanding == 27_00
    (made,) = statements.issue(customer, actor=SYSTEM)
    assert made.total == 27_00
    assert made.copy["lines"][0]["paid"] == 50_00


def test_money_pays_the_oldest_bills_first_and_the_statement_with_them(company: Company) -> None:
    customer, station = postpaid(company), a_station(company)
    a_bill(customer, station=station)
    a_bill(customer, station=station)
    (made,) = statements.issue(customer, actor=SYSTEM)
    taken = statements.take_payment(made, 100_00, method=Method.CASH, key="a", actor=SYSTEM)
    again = statements.take_payment(made, 100_00, method=Method.CASH, key="a", actor=SYSTEM)
    assert taken == again
    assert selectors.outstanding_of(made) == 54_00
    with pytest.raises(statements.TooMuch):
        statements.take_payment(made, 54_01, method=Method.CASH, key="b", actor=SYSTEM)
    statements.take_payment(made, 54_00, method=Method.TRANSFER, key="b", actor=SYSTEM)
    made.refresh_from_db()
    assert made.state == StatementState.PAID
    assert set(Bill.objects.values_list("outstanding", "payment_status")) == {(0, "paid")}
    cash = ledger.account(company, AccountKind.CASH)
    bank = ledger.account(company, AccountKind.BANK)
    assert (cash.balance, bank.balance) == (100_00, 54_00)
    proven()


def test_each_payment_of_a_statement_gets_the_tax_document_of_what_it_paid(
    company: Company,
) -> None:
    customer, station = postpaid(company), a_station(company)
    for _ in range(3):
        a_bill(customer, station=station)
    (made,) = statements.issue(customer, actor=SYSTEM)
    assert TaxDocument.objects.get() == made.document
    statements.take_payment(made, 160_00, method=Method.CASH, key="a", actor=SYSTEM)
    deliver()
    statements.take_payment(made, 71_00, method=Method.CASH, key="b", actor=SYSTEM)
    deliver()
    found = (
        TaxDocument.objects.exclude(kind="INV").order_by("pk").values_list("kind", "total", "vat")
    )
    assert list(found) == [("ABB", 154_00, 10_07), ("ABB", 77_00, 5_04)]
    proven()


def test_a_top_up_at_the_counter_pays_the_statement_as_well(company: Company) -> None:
    customer = postpaid(company)
    a_bill(customer)
    (made,) = statements.issue(customer, actor=SYSTEM)
    wallets.top_up(customer, 80_00, key="x", reason="counter", actor=SYSTEM)
    deliver()
    made.refresh_from_db()
    assert made.state == StatementState.PAID
    assert wallets.standing(customer).wallet == 3_00


def test_a_members_payment_through_the_gateway_pays_it_and_the_rest_is_theirs(
    company: Company,
) -> None:
    customer = postpaid(company)
    a_bill(customer)
    (made,) = statements.issue(customer, actor=SYSTEM)
    payment = Payment.objects.create(
        company=company,
        customer=customer,
        tax_entity=made.tax_entity,
        reference="BILL-1",
        gateway="omise",
        method="promptpay",
        purpose="statement",
        amount=80_00,
        captured=80_00,
        state=PaymentState.OPEN,
        note=f"statement:{made.pk}",
        expires_at=timezone.now(),
    )
    source = ledger.account(
        company, AccountKind.GATEWAY_CLEARING, tax_entity=made.tax_entity, gateway="omise"
    )
    for _ in range(2):
        with transaction.atomic():
            statements.on_paid(payment, source)
    made.refresh_from_db()
    assert (made.state, made.payments.count()) == (StatementState.PAID, 1)
    assert wallets.standing(customer).wallet == 3_00
    proven()


def test_an_overdue_statement_stops_the_next_charge_until_it_is_paid(
    company: Company, clock: Any
) -> None:
    customer = postpaid(company)
    bill = a_bill(customer)
    station = bill.session.station
    gate = allowance.BillingGate()
    (made,) = statements.issue(customer, actor=SYSTEM, due_on=NOVEMBER_20)
    assert gate.check(station, customer, timezone.now()) is None
    clock.move_to(at(9, day=date(2026, 11, 21)))
    refusal = gate.check(station, customer, timezone.now())
    assert refusal is not None
    assert refusal.code == "overdue"
    statements.remind_due()
    made.refresh_from_db()
    assert made.state == StatementState.OVERDUE
    statements.take_payment(made, 77_00, method=Method.CASH, key="a", actor=SYSTEM)
    assert gate.check(station, customer, timezone.now()) is None


def test_the_month_is_billed_by_itself_once_on_the_cycle_day(company: Company, clock: Any) -> None:
    statements.set_terms(company, statements.Terms(cycle_day=25, due_days=10), actor=SYSTEM)
    customer, station = postpaid(company), a_station(company)
    a_customer(company, balance=1_00)
    a_bill(customer, station=station)
    assert statements.issue_due() == 0
    clock.move_to(at(1, day=date(2026, 11, 25)))
    a_bill(customer, station=station)
    assert (statements.issue_due(), statements.issue_due()) == (1, 0)
    made = Statement.objects.get()
    assert (made.total, made.period_to, made.due_on) == (
        77_00,
        date(2026, 11, 24),
        date(2026, 12, 5),
    )


def test_reminders_go_out_once_before_and_once_after_the_day(company: Company, clock: Any) -> None:
    customer = postpaid(company)
    a_bill(customer)
    statements.issue(customer, actor=SYSTEM, due_on=date(2026, 12, 1))
    told = []
    for day in range(20, 31):
        clock.move_to(at(9, day=date(2026, 11, day)))
        statements.remind_due()
        told.append(Fact.objects.filter(kind="statement_reminder").count())
    assert told == [0] * 8 + [1, 1, 1]  # from the 28th on
    for day in range(1, 9):
        clock.move_to(at(9, day=date(2026, 12, day)))
        statements.remind_due()
    deliver()
    found = Fact.objects.filter(kind="statement_reminder").order_by("pk")
    assert [fact.data["reminder"] for fact in found] == ["due", "overdue"]


def test_a_void_statement_keeps_its_number_and_gives_its_bills_free(company: Company) -> None:
    customer, station = postpaid(company), a_station(company)
    a_bill(customer, station=station)
    (first,) = statements.issue(customer, actor=SYSTEM)
    statements.void(first, reason="wrong customer", actor=SYSTEM)
    (second,) = statements.issue(customer, actor=SYSTEM)
    assert second.number.endswith("000002")
    with pytest.raises(statements.NotOpen):
        statements.take_payment(first, 1_00, method=Method.CASH, key="a", actor=SYSTEM)


def test_what_was_issued_cannot_be_changed_or_deleted(company: Company) -> None:
    customer = postpaid(company)
    a_bill(customer)
    (made,) = statements.issue(customer, actor=SYSTEM)
    for wrong in (
        lambda: Statement.objects.filter(pk=made.pk).update(total=1),
        lambda: Statement.objects.filter(pk=made.pk).delete(),
    ):
        with pytest.raises((IntegrityError, Exception)), transaction.atomic():
            wrong()
    made.refresh_from_db()
    assert made.total == 77_00


@pytest.mark.parametrize("due", [date(2026, 11, 19), date(2027, 6, 1)])
def test_a_due_day_that_makes_no_sense_is_refused(company: Company, due: date) -> None:
    customer = postpaid(company)
    a_bill(customer)
    with pytest.raises(statements.BadDueDay):
        statements.issue(customer, actor=SYSTEM, due_on=due)
    assert not Statement.objects.exists()


def test_the_same_request_issues_once(company: Company) -> None:
    customer = postpaid(company)
    a_bill(customer)
    first = statements.issue(customer, actor=SYSTEM, key="form-1")
    assert statements.issue(customer, actor=SYSTEM, key="form-1") == first


def test_the_paper_is_the_same_bytes_and_not_a_tax_invoice(company: Company) -> None:
    customer = postpaid(company)
    a_bill(customer)
    (made,) = statements.issue(customer, actor=SYSTEM)
    first = statement_documents.pdf(made)
    assert first.startswith(b"%PDF")
    assert statement_documents.pdf(Statement.objects.get()) == first
    paper = made.document
    assert (paper.total, paper.vat, paper.kind, paper.counted) == (77_00, 5_04, "INV", 0)
    statements.void(made, reason="wrong", actor=SYSTEM)
    assert TaxDocument.objects.get().state == "void"


# --- reservations that nobody used ---------------------------------------------------------------


def a_kept_plug(company: Company, customer: Customer, **fields: Any) -> Reservation:
    station = a_station(company, priced=False)
    fee = {"part": "reservation", "period": "any", "price": "20"}
    a_tariff(station, more=[fee], terms={"free_use_min": 10})
    plug = a_charger(station, online=True).connectors.get()
    return a_reservation(plug, a_card(customer), **fields)


def over(row: Reservation, status: str, by: str, after: int) -> None:
    row.status, row.ended_by = status, by
    row.ended_at = row.made_at + timedelta(minutes=after)
    row.save()


@pytest.mark.parametrize(
    ("status", "by", "after", "fee"),
    [
        (ReservationStatus.EXPIRED, "time", 15, 20_00),
        (ReservationStatus.CANCELLED, "customer", 12, 20_00),
        (ReservationStatus.CANCELLED, "customer", 5, 0),
        (ReservationStatus.CANCELLED, "an admin", 12, 0),
    ],
)
def test_a_reservation_nobody_used_costs_its_fee_unless_given_up_in_time(
    company: Company, status: str, by: str, after: int, fee: int
) -> None:
    customer = a_customer(company, balance=15_00)
    row = a_kept_plug(company, customer)
    over(row, status, customer.name if by == "customer" else by, after)
    fact = Fact(kind="reservation_changed", subject_id=row.pk)
    for _ in range(2):
        with transaction.atomic():
            reservation_fees.on_reservation_changed(fact)
    found = ReservationFee.objects.first()
    assert (found.total if found else 0) == fee
    if found is not None:
        assert (found.from_wallet, found.outstanding, found.vat) == (15_00, 5_00, 1_31)
        (made,) = statements.issue(customer, actor=SYSTEM)
        statements.take_payment(made, 5_00, method=Method.CASH, key="a", actor=SYSTEM)
        deliver()
        assert TaxDocument.objects.exclude(kind="INV").get().total == 20_00
    proven()


def test_a_reservation_at_a_charger_that_went_away_costs_nothing(company: Company) -> None:
    row = a_kept_plug(company, a_customer(company))
    type(row.charger).objects.filter(pk=row.charger_id).update(connection_holder="")
    over(row, ReservationStatus.EXPIRED, "time", 15)
    with transaction.atomic():
        reservation_fees.on_reservation_changed(Fact(subject_id=row.pk))
    assert not ReservationFee.objects.exists()
