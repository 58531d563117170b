"""The ledger's rules, asked of the services and of the database behind their back."""

import pytest
from django.db import DatabaseError, connection, transaction

from billing.models import Account, AccountKind, Entry, Hold, HoldState, Transfer
from billing.services import ledger, wallets
from core.audit import SYSTEM
from tests.factories import a_company, a_customer
from users.models import Customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return a_customer(a_company(), balance=100_00)


def refused(sql: str, *params: int) -> None:
    """Run a statement that the database must refuse."""

    def run() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError):
        run()


def test_a_top_up_moves_money_and_sums_to_zero(customer: Customer) -> None:
    assert wallets.standing(customer).wallet == 100_00
    assert sum(Entry.objects.values_list("amount", flat=True)) == 0
    assert not any(ledger.prove().values())


def test_entries_and_transfers_cannot_be_changed_or_deleted(customer: Customer) -> None:
    refused("UPDATE billing_entry SET amount = amount + 1")
    refused("DELETE FROM billing_entry")
    refused("UPDATE billing_transfer SET reason = 'other'")
    refused("DELETE FROM billing_transfer")


def test_a_transfer_that_does_not_sum_to_zero_is_refused_at_commit(customer: Customer) -> None:
    transfer = Transfer.objects.get()
    wallet = wallets.wallet_of(customer)
    cash = ledger.account(customer.company, AccountKind.CASH)

    def post() -> None:
        with transaction.atomic():
            made = Transfer.objects.create(company=customer.company, key="odd", kind="odd")
            Entry.objects.create(transfer=made, account=wallet, amount=-5)
            Entry.objects.create(transfer=made, account=cash, amount=4)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError):
        post()
    assert Transfer.objects.get() == transfer


def test_two_companies_never_meet_in_one_transfer(customer: Customer) -> None:
    foreign = ledger.account(a_company(), AccountKind.CASH)
    refused(
        "INSERT INTO billing_entry (transfer_id, account_id, amount) VALUES (%s, %s, 5)",
        Transfer.objects.get().pk,
        foreign.pk,
    )


def test_balances_are_moved_by_entries_only(customer: Customer) -> None:
    refused("UPDATE billing_account SET balance = balance + 1 WHERE kind = 'wallet'")
    refused("UPDATE billing_account SET held = 5 WHERE kind = 'wallet'")
    refused("DELETE FROM billing_account")


def test_a_wallet_never_goes_below_zero_whoever_asks(customer: Customer) -> None:
    wallet = wallets.wallet_of(customer)
    cash = ledger.account(customer.company, AccountKind.CASH)
    with pytest.raises(DatabaseError), transaction.atomic():
        ledger.transfer(
            customer.company,
            "too much",
            "x",
            [ledger.debit(wallet, 100_01), ledger.credit(cash, 100_01)],
        )
    assert wallets.standing(customer).wallet == 100_00


def test_held_money_cannot_be_withdrawn(customer: Customer) -> None:
    ledger.place_hold(wallets.wallet_of(customer), 60_00, "h1")
    with pytest.raises(ledger.NotEnough):
        wallets.withdraw(customer, 40_01, key="w1", reason="too much", actor=SYSTEM)
    wallets.withdraw(customer, 40_00, key="w2", reason="all that is free", actor=SYSTEM)
    assert wallets.standing(customer).available == 0


def test_two_holds_cannot_both_take_the_last_baht(customer: Customer) -> None:
    wallet = wallets.wallet_of(customer)
    ledger.place_hold(wallet, 60_00, "h1")
    with pytest.raises(ledger.NotEnough):
        ledger.place_hold(wallet, 60_00, "h2")
    refused(
        "INSERT INTO billing_hold (account_id, key, amount, state, posted, placed_at)"
        " VALUES (%s, 'h3', 6000, 'open', 0, now())",
        wallet.pk,
    )


def test_a_hold_is_placed_once_per_key_and_closed_once(customer: Customer) -> None:
    wallet = wallets.wallet_of(customer)
    hold = ledger.place_hold(wallet, 60_00, "h1")
    assert ledger.place_hold(wallet, 60_00, "h1").pk == hold.pk
    closed = ledger.close_hold(hold, posted=10_00)
    assert ledger.close_hold(hold).posted == closed.posted == 10_00
    refused("UPDATE billing_hold SET state = 'open', resolved_at = NULL")
    refused("DELETE FROM billing_hold")
    assert Account.objects.get(pk=wallet.pk).held == 0


def test_at_most_what_was_held_is_posted(customer: Customer) -> None:
    hold = ledger.place_hold(wallets.wallet_of(customer), 60_00, "h1")
    with pytest.raises(DatabaseError), transaction.atomic():
        ledger.close_hold(hold, posted=60_01)


def test_an_open_hold_may_grow_only_by_what_is_free(customer: Customer) -> None:
    hold = ledger.place_hold(wallets.wallet_of(customer), 60_00, "h1")
    assert ledger.resize_hold(hold, 100_00).amount == 100_00
    with pytest.raises(ledger.NotEnough):
        ledger.resize_hold(hold, 100_01)
    assert ledger.resize_hold(hold, 10_00).amount == 10_00
    assert wallets.standing(customer).available == 90_00


def test_the_same_key_gives_the_same_transfer_and_another_request_under_it_is_refused(
    customer: Customer,
) -> None:
    first = wallets.top_up(customer, 5_00, key="k", reason="r", actor=SYSTEM)
    assert wallets.top_up(customer, 5_00, key="k", reason="r", actor=SYSTEM).pk == first.pk
    with pytest.raises(ledger.KeyReused):
        wallets.top_up(customer, 6_00, key="k", reason="r", actor=SYSTEM)
    other = a_customer(customer.company)
    with pytest.raises(ledger.KeyReused):
        wallets.top_up(other, 5_00, key="k", reason="r", actor=SYSTEM)
    assert wallets.standing(customer).wallet == 105_00


@pytest.mark.parametrize("satang", [0, -1, -100_00])
def test_nothing_and_negative_amounts_are_refused(customer: Customer, satang: int) -> None:
    with pytest.raises(wallets.BadAmount):
        wallets.top_up(customer, satang, key="neg", reason="", actor=SYSTEM)
    with pytest.raises(wallets.BadAmount):
        wallets.withdraw(customer, satang, key="neg", reason="", actor=SYSTEM)


def test_the_proof_names_what_is_wrong(customer: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_account DISABLE TRIGGER billing_account_kept")
        cursor.execute("UPDATE billing_account SET balance = balance + 1 WHERE kind = 'wallet'")
        cursor.execute("ALTER TABLE billing_account ENABLE TRIGGER billing_account_kept")
    assert ledger.prove()["balances_off"] == 1


def test_a_hold_left_open_counts_as_held_in_the_proof(customer: Customer) -> None:
    ledger.place_hold(wallets.wallet_of(customer), 60_00, "h1")
    assert Hold.objects.get().state == HoldState.OPEN
    assert not any(ledger.prove().values())
