"""The client of Omise against the simulated bank, over real HTTP."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from billing.payments import omise
from billing.payments.base import (
    Charge,
    ChargeStatus,
    GatewayAway,
    GatewayError,
    Method,
    Order,
)
from tests.gateways.bank import PUBLIC_KEY, SECRET_KEY, Served

pytestmark = [pytest.mark.pure]


@pytest.fixture
def client(bank: Served) -> omise.Omise:
    return omise.Omise(omise.Keys(PUBLIC_KEY, SECRET_KEY), api_url=bank.url)


def an_order(amount: int = 165_00, method: Method = Method.PROMPTPAY, **fields: object) -> Order:
    values = {"key": str(uuid.uuid4()), "reference": f"C{uuid.uuid4().hex[:11].upper()}"}
    return Order(method=method, amount=amount, **values | fields)  # type: ignore[arg-type]


def a_moment_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=5)


def test_a_promptpay_charge_comes_with_its_qr_and_is_paid_at_the_bank(
    bank: Served, client: omise.Omise
) -> None:
    order = an_order(expires_at=datetime(2031, 1, 1, tzinfo=UTC))
    charge = client.create(order)
    assert (charge.status, charge.amount, charge.currency) == (ChargeStatus.PENDING, 165_00, "THB")
    assert (charge.key, charge.authorised, charge.captured) == (order.key, 0, 0)
    assert charge.expires_at == order.expires_at
    assert charge.qr_image_type == "image/svg+xml"
    assert charge.qr_image.startswith(b"<svg")

    bank.pay(charge.ref)
    paid = client.look(charge.ref)
    assert (paid.status, paid.captured) == (ChargeStatus.PAID, 165_00)
    assert paid.paid_at is not None
    # By hand: 1.65 % of 165.00 is 2.7225, 7 % of 2.72 is 0.1904.
    assert (paid.fee, paid.fee_vat) == (2_72, 19)


def test_an_answer_that_is_lost_is_found_again_by_the_key_and_nothing_is_made_twice(
    bank: Served, client: omise.Omise
) -> None:
    order = an_order()
    bank.plan(lost=1)
    since = a_moment_ago()
    with pytest.raises(GatewayAway):
        client.create(order)
    found = client.find(order.key, since)
    assert found is not None
    assert (found.key, found.qr_image_type) == (order.key, "image/svg+xml")
    assert len(bank.bank.books.charges) == 1


def test_a_request_that_never_arrived_is_not_found(bank: Served, client: omise.Omise) -> None:
    order = an_order()
    bank.plan(away=1)
    with pytest.raises(GatewayAway):
        client.create(order)
    assert client.find(order.key, a_moment_ago()) is None


def test_a_key_is_looked_for_on_every_page_of_the_list(bank: Served, client: omise.Omise) -> None:
    orders = [an_order() for _ in range(5)]
    for order in orders:
        client.create(order)
    bank.plan(page=2)
    found = client.find(orders[-1].key, a_moment_ago())
    assert isinstance(found, Charge)
    assert found.key == orders[-1].key
    assert client.find(str(uuid.uuid4()), a_moment_ago()) is None


def test_a_list_that_breaks_off_is_no_proof_that_a_charge_is_not_there(
    bank: Served, client: omise.Omise
) -> None:
    client.create(an_order())
    bank.plan(page=0)
    with pytest.raises(GatewayAway):
        client.find(str(uuid.uuid4()), a_moment_ago())


def test_a_card_is_held_and_a_part_of_it_taken_once(bank: Served, client: omise.Omise) -> None:
    order = an_order(500_00, Method.CARD, card_token=bank.card(), hold=True)
    held = client.create(order)
    assert (held.status, held.authorised, held.captured) == (ChargeStatus.AUTHORISED, 500_00, 0)
    taken = client.capture(held.ref, 312_50)
    assert (taken.status, taken.captured, taken.amount) == (ChargeStatus.PAID, 312_50, 500_00)
    with pytest.raises(GatewayError) as refusal:
        client.capture(held.ref, 10_00)
    assert refusal.value.code == "failed_capture"


def test_a_held_card_can_be_released_whole(bank: Served, client: omise.Omise) -> None:
    held = client.create(an_order(500_00, Method.CARD, card_token=bank.card(), hold=True))
    assert client.release(held.ref).status == ChargeStatus.RELEASED


def test_a_card_that_asks_its_bank_waits_for_the_answer(bank: Served, client: omise.Omise) -> None:
    bank.plan(cards="3ds")
    order = an_order(
        500_00, Method.CARD, card_token=bank.card(), hold=True, return_uri="https://ours/back/"
    )
    charge = client.create(order)
    assert charge.status == ChargeStatus.PENDING
    assert charge.authorize_uri.startswith(bank.url)
    bank.pay(charge.ref)
    assert client.look(charge.ref).status == ChargeStatus.AUTHORISED


def test_a_refused_card_is_a_failed_charge_with_the_banks_word(
    bank: Served, client: omise.Omise
) -> None:
    order = an_order(50_00, Method.CARD, card_token=bank.card("4111111111140011"))
    charge = client.create(order)
    assert (charge.status, charge.failure_code) == (ChargeStatus.FAILED, "insufficient_fund")
    with pytest.raises(GatewayError) as refusal:
        client.create(order)  # a token is good for once
    assert refusal.value.code == "used_token"


def test_mobile_banking_leads_to_the_banks_own_app(bank: Served, client: omise.Omise) -> None:
    order = an_order(
        method=Method.MOBILE_BANKING, source="mobile_banking_kbank", return_uri="https://ours/back/"
    )
    charge = client.create(order)
    assert charge.authorize_uri == f"{bank.url}/payments/{charge.ref}/authorize"
    with pytest.raises(GatewayError):
        client.create(an_order(method=Method.MOBILE_BANKING, source="alipay"))


def test_parts_are_paid_back_and_found_by_their_keys(bank: Served, client: omise.Omise) -> None:
    charge = client.create(an_order())
    bank.pay(charge.ref)
    first = client.refund(charge.ref, 60_00, "refund-1")
    assert (first.amount, first.done, first.key) == (60_00, True, "refund-1")
    bank.plan(lost=1)
    with pytest.raises(GatewayAway):
        client.refund(charge.ref, 5_00, "refund-2")
    seen = client.look(charge.ref)
    assert seen.refunded == 65_00
    assert [(each.key, each.amount) for each in seen.refunds] == [
        ("refund-1", 60_00),
        ("refund-2", 5_00),
    ]
    with pytest.raises(GatewayError) as refusal:
        client.refund(charge.ref, 100_01, "refund-3")
    assert refusal.value.code == "failed_refund"


def test_a_refund_under_way_is_not_done_and_a_refused_one_has_not_happened(
    bank: Served, client: omise.Omise
) -> None:
    charge = client.create(an_order())
    bank.pay(charge.ref)
    bank.plan(refunds="pending")
    assert client.refund(charge.ref, 10_00, "r").done is False
    bank.ask("POST", f"/_control/settle-refunds/{charge.ref}")
    assert client.look(charge.ref).refunds[0].done is True
    bank.plan(refunds="refused")
    with pytest.raises(GatewayError):
        client.refund(charge.ref, 10_00, "r2")
    assert client.look(charge.ref).refunded == 10_00


def test_what_nobody_paid_expires_and_what_is_paid_does_not(
    bank: Served, client: omise.Omise
) -> None:
    unpaid = client.create(an_order())
    assert client.expire(unpaid.ref).status == ChargeStatus.EXPIRED
    paid = client.create(an_order())
    bank.pay(paid.ref)
    with pytest.raises(GatewayError):
        client.expire(paid.ref)


def test_another_amount_or_currency_is_told_as_it_is(bank: Served, client: omise.Omise) -> None:
    charge = client.create(an_order())
    bank.ask("POST", f"/_control/alter/{charge.ref}", amount=1_00, currency="USD")
    seen = client.look(charge.ref)
    assert (seen.amount, seen.currency) == (1_00, "USD")


def test_a_sum_below_the_minimum_a_wrong_key_and_a_strange_id_are_a_no(
    bank: Served, client: omise.Omise
) -> None:
    with pytest.raises(GatewayError) as below:
        client.create(an_order(19_99))
    assert below.value.code == "invalid_charge"
    stranger = omise.Omise(omise.Keys("pkey_test_x", "skey_test_x"), api_url=bank.url)
    with pytest.raises(GatewayError) as refused:
        stranger.account()
    assert refused.value.code == "authentication_failure"
    for ref in ("chrg_test_0", "../account", "chrg_test_0/refunds"):
        with pytest.raises(GatewayError) as unknown:
            client.look(ref)
        assert unknown.value.code == "not_found"


def test_the_account_says_whose_keys_these_are(client: omise.Omise) -> None:
    account = client.account()
    assert (account.email, account.live, account.currency) == ("demo@example.com", False, "THB")


def test_nobody_at_the_other_end_is_away_and_not_a_no() -> None:
    nobody = omise.Omise(omise.Keys(PUBLIC_KEY, SECRET_KEY), api_url="http://127.0.0.1:9")
    with pytest.raises(GatewayAway):
        nobody.look("chrg_test_1")


def test_a_picture_is_fetched_from_the_gateways_own_host_only(
    bank: Served, client: omise.Omise
) -> None:
    order = an_order()
    bank.plan(lost=1)
    with pytest.raises(GatewayAway):
        client.create(order)
    charge = bank.bank.books.found(order.key)
    image = charge["source"]["scannable_code"]["image"]
    image["download_uri"] = "http://127.0.0.1:1/charges/x/documents/y/downloads/z"
    with pytest.raises(GatewayAway, match="own host"):
        client.find(order.key, a_moment_ago())
