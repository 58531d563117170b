"""Ledger, payments and money to pay back: what an office sees, and who may do what about it."""

import hashlib
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from billing.models import (
    Account,
    AccountKind,
    LedgerProof,
    Refund,
    RefundState,
    SettlementRow,
    WebhookEvent,
)
from billing.models.settlement import DoubtKind, PaymentDoubt
from billing.selectors import ledger as selectors
from billing.selectors.ledger import Narrow
from billing.services import ledger, proving, wallets
from core.audit import SYSTEM
from core.models import AuditEntry
from core.seal import seal
from evbilling import health, spreadsheets, tasks
from evbilling.backoffice.ledger import CHECKS, check_word
from evbilling.explained import account_word
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_customer, a_station, an_admin
from tests.pages.charges import a_billed_charge
from tests.pages.paid import a_paid_charge, a_payment, a_refund
from tests.pages.people import signed_in, text_of
from users.models import Company, Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return a_company()


@pytest.fixture
def owner(company: Company) -> Client:
    return signed_in(an_admin(company), "en")


def get(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return text_of(response)


def topped_up(company: Company, *satang: int) -> Customer:
    customer = a_customer(company)
    for n, amount in enumerate(satang):
        wallets.top_up(
            customer, amount, key=f"t{customer.pk}-{n}", reason=f"counter {n}", actor=SYSTEM
        )
    return customer


def wallet_of(customer: Customer) -> Account:
    return Account.objects.get(customer=customer, kind=AccountKind.WALLET)


# --- ledger ---------------------------------------------------------------------------------------


def test_an_empty_ledger_says_so(owner: Client) -> None:
    page = get(owner, "/ledger/")
    assert "No money has moved yet" in page
    assert "not proven yet" in page


def test_the_ledger_shows_what_the_company_has_and_owes_and_that_both_agree(
    company: Company, owner: Client
) -> None:
    """By hand: 5,000.00 topped up in cash, a charge of 231.56 with 15.15 VAT within."""
    plug = a_charger(a_station(company), online=True).connectors.get()
    a_billed_charge(plug, a_customer(company, balance=500_000))
    page = get(owner, "/ledger/")
    for words in ("฿5,000.00", "฿4,768.44", "฿15.15", "฿216.41", "Debits less credits"):
        assert words in page
    found = selectors.groups(Account.objects.filter(company=company))
    assert selectors.difference(found) == 0


def test_an_account_shows_the_balance_after_each_entry_over_all_pages(
    company: Company, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 2)
    wallet = wallet_of(topped_up(company, 100, 2_000, 30_000, 400_000, 5_000_000))
    first = selectors.entries(wallet, Narrow())
    second = selectors.entries(wallet, Narrow(), first.older)
    third = selectors.entries(wallet, Narrow(), second.older)
    balances = [row.balance for page in (first, second, third) for row in page.rows]
    assert balances == [5_432_100, 432_100, 32_100, 2_100, 100]
    assert (first.newer, third.older) == ("", "")
    back = selectors.entries(wallet, Narrow(), third.newer)
    assert [row.balance for row in back.rows] == [32_100, 2_100]
    assert "฿54,321.00" in get(owner, f"/ledger/accounts/{wallet.pk}/")
    for nonsense in ("x", "o", "o-1", f"o{'9' * 30}"):
        assert selectors.entries(wallet, Narrow(), nonsense).rows[0].balance == 5_432_100


def test_a_filter_leaves_the_balances_as_they_were(company: Company) -> None:
    customer = topped_up(company, 100_000)
    wallets.withdraw(customer, 30_000, key="w1", reason="asked for it", actor=SYSTEM)
    wallets.top_up(customer, 5_000, key="t9", reason="more", actor=SYSTEM)
    wallet = wallet_of(customer)
    kinds = selectors.kinds_of(wallet)
    tops = selectors.entries(wallet, Narrow(kind="top_up")).rows
    assert "top_up" in kinds
    assert [row.balance for row in tops] == [75_000, 100_000]
    later = Narrow(since=timezone.now() + timedelta(days=1))
    assert selectors.entries(wallet, later).rows == []


def test_an_account_is_exported_as_numbers_that_excel_can_add(
    company: Company, owner: Client
) -> None:
    wallet = wallet_of(topped_up(company, 100, 2_050))
    response = owner.get(f"/ledger/accounts/{wallet.pk}/export/")
    assert response["Content-Type"] == spreadsheets.TYPE
    sheet: Any = load_workbook(io.BytesIO(response.content)).active
    heads, *lines = list(sheet.values)
    assert heads[-3:] == ("Debit", "Credit", "Balance")
    assert [line[-2:] for line in lines] == [(1, 1), (20.5, 21.5)]
    assert [line[3] for line in lines] == ["counter 0", "counter 1"]


def test_a_name_that_looks_like_a_formula_stays_a_name() -> None:
    made = spreadsheets.written("x", ["a"], [["=1+1"], ["@sum"], ["plain"]])
    sheet: Any = load_workbook(io.BytesIO(made)).active
    assert [row[0] for row in sheet.values] == ["a", "'=1+1", "'@sum", "plain"]


def test_a_transfer_shows_all_its_sides_and_leads_to_its_charge(
    company: Company, owner: Client
) -> None:
    plug = a_charger(a_station(company), online=True).connectors.get()
    bill = a_billed_charge(plug, a_customer(company, balance=500_000))
    page = get(owner, f"/ledger/transfers/{bill.transfer_id}/")
    for words in (
        "Customer’s wallet",
        "VAT to hand over",
        "฿216.41",
        f"/sessions/{bill.session_id}/",
    ):
        assert words in page


def test_accounts_of_one_kind_are_found_by_the_name_of_the_customer(
    company: Company, owner: Client
) -> None:
    a_customer(company, balance=100, name="Anong")
    a_customer(company, balance=200, name="Boonmee")
    assert "2 accounts" in get(owner, "/ledger/?kind=wallet")
    page = get(owner, "/ledger/?kind=wallet&who=anong")
    assert "Anong" in page
    assert "Boonmee" not in page
    assert "No such account" in get(owner, "/ledger/?kind=wallet&who=nobody")


def test_each_proof_is_kept_and_a_second_press_does_not_read_it_all_again(
    company: Company, owner: Client
) -> None:
    topped_up(company, 100)
    assert owner.post("/ledger/prove/").status_code == 302
    owner.post("/ledger/prove/")
    proof = LedgerProof.objects.get()
    assert proof.sound
    assert proof.examined["entries"] == 2
    assert "Everything adds up" in get(owner, "/ledger/proofs/")
    assert "adds up, proven" in get(owner, "/ledger/")


def test_a_proof_that_fails_says_what_and_how_often(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "prove", lambda: {"balances_off": 3, "held_off": 0})
    tasks.prove_ledger()
    assert LedgerProof.objects.get().wrong == {"balances_off": 3}
    assert cache.get(health.LEDGER_WRONG) == 3
    assert "Every balance is the sum of its entries: not so in 3 places" in get(
        owner, "/ledger/proofs/"
    )
    assert "does not add up" in get(owner, "/ledger/")
    cache.delete(health.LEDGER_WRONG)


def test_every_check_of_the_proof_has_words() -> None:
    known = set(ledger.prove())
    assert set(CHECKS) == known
    assert [name for name in known if check_word(name) == name] == []


def test_every_account_of_the_chart_has_words_and_a_place_in_the_books() -> None:
    assert [str(kind) for kind in AccountKind if account_word(kind) == kind] == []
    placed = [kind for _name, kinds in selectors.GROUPS for kind in kinds]
    assert sorted(placed) == sorted(AccountKind)


def test_a_proof_of_the_timetable_is_named_so(owner: Client) -> None:
    proving.prove()
    assert "by the timetable" in get(owner, "/ledger/proofs/")


# --- payments -------------------------------------------------------------------------------------


def test_payments_are_listed_filtered_and_found_by_their_number(
    company: Company, owner: Client
) -> None:
    now = timezone.now()
    paid = a_payment(company, 30_000, created_at=now)
    failed = a_payment(company, 99_900, created_at=now, state="failed", gateway_ref="chrg_x")
    old = a_payment(company, 100, created_at=now - timedelta(days=90))
    page = get(owner, "/payments/")
    assert paid.reference in page
    assert failed.reference in page
    assert old.reference not in page
    page = get(owner, "/payments/?state=failed")
    assert (paid.reference in page, failed.reference in page) == (False, True)
    for found in (old.reference.lower(), old.gateway_ref):
        assert old.reference in get(owner, f"/payments/?q={found}")
    assert "No payment here" in get(owner, "/payments/?state=released")
    a_stranger = signed_in(an_admin(a_company()), "en")
    assert "Nobody has paid in these days" in get(a_stranger, "/payments/")
    assert a_stranger.get(f"/payments/{paid.pk}/").status_code == 404


def test_a_payment_shows_what_the_gateway_said_and_what_became_of_the_money(
    company: Company, owner: Client
) -> None:
    plug = a_charger(a_station(company), online=True).connectors.get()
    bill = a_paid_charge(plug)
    refund = Refund.objects.get()
    payment = refund.payment
    WebhookEvent.objects.create(
        gateway="omise", event_id="evnt_1", kind="charge.complete", payment=payment, trusted=True
    )
    PaymentDoubt.objects.create(
        company=company, payment=payment, kind=DoubtKind.AMOUNT, key="d1", evidence={"amount": 1}
    )
    page = get(owner, f"/payments/{payment.pk}/")
    for words in (
        "฿300.00",
        "฿68.44".removeprefix("฿"),
        "charge.complete",
        "signed",
        "The gateway names another amount or currency",
        f"/sessions/{bill.session_id}/",
        f"/refunds/{refund.pk}/",
        "Not all was used",
    ):
        assert words in page


def test_an_operator_sees_payments_and_a_viewer_does_not(company: Company) -> None:
    payment = a_payment(company)
    for level, status in (("viewer", 403), ("operator", 200)):
        client = signed_in(an_admin(company, level), "en")
        assert client.get(f"/payments/{payment.pk}/").status_code == status
    operator = signed_in(an_admin(company, "operator"), "en")
    refund = a_refund(payment, 500, done=False)
    assert operator.post(f"/refunds/{refund.pk}/pay/", {"note": "x"}).status_code == 403
    assert "It waits for a manager" in get(operator, f"/refunds/{refund.pk}/")


# --- money to pay back ----------------------------------------------------------------------------


def test_a_refund_is_paid_by_hand_once_and_stands_in_ledger_and_audit(
    company: Company, owner: Client
) -> None:
    refund = a_refund(a_payment(company), 6_844, done=False)
    path = f"/refunds/{refund.pk}/"
    assert refund.payment.reference in get(owner, "/refunds/")
    empty = owner.post(f"{path}pay/", {"note": " "})
    assert empty.status_code == 422
    assert "Enter the reference of the transfer." in text_of(empty)
    assert owner.post(f"{path}pay/", {"note": "SCB 20261120-1"}).status_code == 302
    refund.refresh_from_db()
    assert (refund.state, refund.note) == (RefundState.DONE, "SCB 20261120-1")
    kinds = {AccountKind.REFUND_PAYABLE: 0, AccountKind.BANK: -6_844}
    for kind, balance in kinds.items():
        assert Account.objects.get(company=company, kind=kind).balance == balance
    assert AuditEntry.objects.filter(action="pay_refund", subject=f"refund:{refund.pk}").exists()
    again = owner.post(f"{path}pay/", {"note": "twice"})
    assert again.status_code == 409
    assert "Nothing is owed back" in get(owner, "/refunds/")
    assert "SCB 20261120-1" in get(owner, path)


def test_the_number_a_guest_gave_is_a_code_for_the_bank_app_of_who_may_pay(
    company: Company, owner: Client
) -> None:
    refund = a_refund(
        a_payment(company), 6_844, done=False, route="link", promptpay=seal("0812345678")
    )
    page = get(owner, f"/refunds/{refund.pk}/")
    assert "0812345678" in page
    assert 'class="qr"' in page
    viewer = signed_in(an_admin(company, "operator"), "en")
    assert "0812345678" not in get(viewer, f"/refunds/{refund.pk}/")
    owner.post(f"/refunds/{refund.pk}/pay/", {"note": "paid", "cash": "on"})
    assert "0812345678" not in get(owner, f"/refunds/{refund.pk}/")


def test_what_the_gateway_is_about_to_pay_cannot_be_paid_by_hand(
    company: Company, owner: Client
) -> None:
    refund = a_refund(a_payment(company), 500, done=False, state=RefundState.DUE)
    assert "The gateway is about to pay it" in get(owner, f"/refunds/{refund.pk}/")
    assert owner.post(f"/refunds/{refund.pk}/pay/", {"note": "x"}).status_code == 409


# --- settlements ----------------------------------------------------------------------------------

CSV = """Charge,Amount,Fee,VAT,Net,Date
{ref},300.00,4.95,0.35,294.70,2026-11-19
chrg_of_nobody,100.00,1.65,0.12,98.23,2026-11-19
{ref},abc,,,,2026-11-19
"""


def a_file(text: str, name: str = "s.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode(), content_type="text/csv")


def test_a_settlement_is_shown_first_and_booked_once(company: Company, owner: Client) -> None:
    payment = a_payment(company, 30_000)
    text = CSV.format(ref=payment.gateway_ref)
    shown = owner.post("/settlements/preview/", {"gateway": "omise", "file": a_file(text)})
    page = text_of(shown)
    for words in ("฿294.70", "No such payment here", "An amount cannot be read.", "Book 2 lines"):
        assert words in page
    assert not SettlementRow.objects.exists()
    key = hashlib.sha256(text.encode()).hexdigest()
    for _ in range(2):
        booked = owner.post("/settlements/book/", {"gateway": "omise", "key": key})
        assert booked.status_code == 302
    assert Account.objects.get(company=company, kind=AccountKind.BANK).balance == 29_470
    page = get(owner, "/settlements/")
    assert "294.70" in page
    assert "chrg_of_nobody" in page
    again = owner.post("/settlements/preview/", {"gateway": "omise", "file": a_file(text)})
    assert "There is nothing new in it." in text_of(again)


def test_what_is_no_settlement_is_refused_in_words(company: Company, owner: Client) -> None:
    path = "/settlements/preview/"
    cases = (
        ({"gateway": "omise"}, "Choose a file."),
        ({"gateway": "manual", "file": a_file(CSV)}, "Choose the gateway."),
        ({"gateway": "omise", "file": a_file("a,b\n1,2\n")}, "no CSV file"),
        ({"gateway": "omise", "file": a_file("x" * (4 * 1024 * 1024 + 1))}, "larger than 4 MB"),
    )
    for fields, words in cases:
        answer = owner.post(path, fields)
        assert answer.status_code == 422
        assert words in text_of(answer)
    lost = owner.post("/settlements/book/", {"gateway": "omise", "key": "a" * 64})
    assert lost.status_code == 409


def test_a_preview_is_booked_only_by_who_has_seen_it(company: Company, owner: Client) -> None:
    payment = a_payment(company, 30_000)
    text = CSV.format(ref=payment.gateway_ref)
    owner.post("/settlements/preview/", {"gateway": "omise", "file": a_file(text)})
    key = hashlib.sha256(text.encode()).hexdigest()
    other = signed_in(an_admin(company, "manager"), "en")
    assert other.post("/settlements/book/", {"gateway": "omise", "key": key}).status_code == 409


# --- API ------------------------------------------------------------------------------------------


def test_the_api_lists_payments_refunds_and_accounts(company: Company) -> None:
    payment = a_payment(company, 30_000)
    refund = a_refund(payment, 6_844)
    api = Caller(an_admin(company))
    (row,) = api.get("payments/?state=paid").rows
    assert (row["reference"], row["captured"]) == (payment.reference, "300.00")
    assert api.get("payments/?state=failed").rows == []
    told = api.get(f"payments/{payment.pk}/").json
    assert [r["id"] for r in told["refunds"]] == [refund.pk]
    assert "promptpay" not in told["refunds"][0]
    assert api.get("refunds/?state=done").rows[0]["amount"] == "68.44"
    accounts = {a["kind"]: a for a in api.get("ledger/accounts/").rows}
    assert accounts["guest_deposit"]["balance"] == "231.56"
    entries = api.get(f"ledger/accounts/{accounts['gateway_clearing']['id']}/entries/").rows
    assert [(e["kind"], e["amount"]) for e in entries] == [
        ("refund", "-68.44"),
        ("payment", "300.00"),
    ]
