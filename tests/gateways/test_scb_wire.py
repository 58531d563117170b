"""The client of SCB against the simulated bank, over real HTTP, and the admins' own gateway."""

import binascii
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from billing.payments import scb
from billing.payments.base import (
    BadNotice,
    ChargeStatus,
    GatewayAway,
    GatewayError,
    Method,
    NotANotice,
    Order,
)
from billing.payments.manual import Manual
from tests.gateways.bank import BILLER, SCB_API_KEY, SCB_API_SECRET, Served

pytestmark = pytest.mark.pure
KEYS = scb.Keys(SCB_API_KEY, SCB_API_SECRET, BILLER, "SCB")


@pytest.fixture
def client(bank: Served) -> scb.Scb:
    return scb.Scb(KEYS, api_url=f"{bank.url}/scb")


def an_order(amount: int = 165_00, method: Method = Method.PROMPTPAY) -> Order:
    return Order(
        key=str(uuid.uuid4()), method=method, amount=amount, reference=uuid.uuid4().hex[:12].upper()
    )


def test_a_qr_is_given_as_text_with_our_reference_and_the_exact_sum(
    bank: Served, client: scb.Scb
) -> None:
    order = an_order(165_05)
    charge = client.create(order)
    assert charge.status == ChargeStatus.PENDING
    ref1, ref2 = charge.ref.split(".")
    assert ref1 == order.reference
    assert charge.qr_image_type == "image/png"
    text = charge.qr_payload
    assert f"02{len(ref1)}{ref1}" in text
    assert f"03{len(ref2):02d}{ref2}" in text
    assert "5406165.05" in text
    assert f"{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}" == text[-4:]
    assert client.create(order).qr_payload == text  # made twice, it is the same QR


def test_what_was_paid_is_found_by_asking_and_never_by_the_callback(
    bank: Served, client: scb.Scb
) -> None:
    charge = client.create(an_order())
    assert client.look(charge.ref).status == ChargeStatus.PENDING
    callback = bank.pay(charge.ref)
    notice = client.read_notice({}, json.dumps(callback).encode(), datetime.now(UTC))
    assert (notice.trusted, notice.ref) == (False, charge.ref)
    paid = client.look(charge.ref)
    assert (paid.status, paid.amount, paid.captured) == (ChargeStatus.PAID, 165_00, 165_00)
    assert paid.currency == "THB"
    assert paid.paid_at is not None
    assert abs(paid.paid_at - datetime.now(UTC)) < timedelta(minutes=5)
    slip = client.slip(callback["transactionId"])
    assert (slip.amount, slip.receiver, slip.reference1) == (
        165_00,
        BILLER,
        charge.ref.split(".")[0],
    )


def test_another_sum_or_a_second_payment_is_told_as_it_is(bank: Served, client: scb.Scb) -> None:
    charge = client.create(an_order())
    bank.pay(charge.ref, amount=1_00)
    assert client.look(charge.ref).amount == 1_00
    bank.pay(charge.ref)
    assert client.look(charge.ref).captured == 166_00


def test_a_qr_is_forgotten_only_while_nobody_has_paid(bank: Served, client: scb.Scb) -> None:
    charge = client.create(an_order())
    assert client.expire(charge.ref).status == ChargeStatus.EXPIRED
    bank.pay(charge.ref)
    assert client.expire(charge.ref).status == ChargeStatus.PAID


def test_one_token_serves_until_the_bank_forgets_it(bank: Served, client: scb.Scb) -> None:
    tokens = next(
        handler.__self__.tokens  # type: ignore[attr-defined]
        for verb, pattern, handler in bank.bank.api._rows
        if "/scb/v1/oauth" in pattern.pattern
    )
    client.check_keys()
    known = len(tokens)
    client.create(an_order())
    client.create(an_order())
    assert len(tokens) == known
    tokens.clear()
    assert client.create(an_order()).qr_payload
    assert len(tokens) == 1


def test_wrong_keys_are_a_no_and_a_bank_that_is_away_is_none(bank: Served, client: scb.Scb) -> None:
    stranger = scb.Scb(scb.Keys("other", "x", BILLER), api_url=f"{bank.url}/scb")
    with pytest.raises(GatewayError):
        stranger.check_keys()
    bank.plan(away=5)
    with pytest.raises(GatewayAway):
        client.look(client_ref())


def client_ref() -> str:
    return scb.ref_of("C1", datetime.now(UTC), 100)


def test_nothing_is_held_or_paid_back(client: scb.Scb) -> None:
    for ask in (
        lambda: client.refund("X.2611201", 1, "k"),
        lambda: client.capture("X.2611201", 1),
        lambda: client.release("X.2611201"),
        lambda: client.look("no reference"),
        lambda: client.slip("../x"),
        lambda: client.create(an_order(method=Method.CARD)),
    ):
        with pytest.raises(GatewayError):
            ask()
    with pytest.raises(NotANotice):
        client.read_notice({}, b"{}", datetime.now(UTC))


def test_the_day_in_the_reference_is_bangkoks() -> None:
    before_midnight = datetime(2026, 11, 20, 16, 59, tzinfo=UTC)
    assert scb.ref_of("c-1", before_midnight, 16500) == "C1.26112016500"
    assert scb.ref_of("C1", before_midnight + timedelta(minutes=1), 1) == "C1.2611211"


def test_what_an_admin_takes_is_paid_at_once_and_nobody_else_is_asked() -> None:
    order = an_order(method=Method.CASH)
    charge = Manual().create(order)
    assert (charge.status, charge.captured, charge.key) == (
        ChargeStatus.PAID,
        165_00,
        order.key,
    )
    with pytest.raises(GatewayError):
        Manual().create(an_order(method=Method.CARD))
    with pytest.raises(GatewayError):
        Manual().refund(charge.ref, 1, "k")
    with pytest.raises(BadNotice):
        Manual().read_notice({}, b"", datetime.now(UTC))
