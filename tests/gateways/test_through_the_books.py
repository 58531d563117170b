"""Payments made, paid and believed through the books, with the simulated bank at the other end."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Payment, PaymentPurpose, PaymentState
from billing.payments.base import Method
from billing.services import gateways, payments
from billing.services.payments import NewPayment
from tests.factories import a_company, a_customer, a_tax_entity
from tests.gateways.bank import Served

pytestmark = pytest.mark.django_db


def a_top_up(satang: int, method: Method = Method.PROMPTPAY, **fields: Any) -> Payment:
    """A wish to pay into a wallet, sent to the gateway that is offered for it."""
    customer = a_customer(a_company())
    entity = a_tax_entity(customer.company)
    way = next(each for each in gateways.offered(entity, satang) if each.method == method)
    new = NewPayment(
        company=customer.company,
        purpose=PaymentPurpose.TOP_UP,
        method=method,
        gateway=way.gateway,
        account=way.account,
        amount=satang,
        expires_at=timezone.now() + timedelta(minutes=10),
        tax_entity=entity,
        customer=customer,
        prefix="T",
        **fields,
    )
    return payments.send(payments.open_payment(new))


def test_a_promptpay_top_up_at_omise_is_paid_with_its_fee(at_the_bank: Served) -> None:
    payment = a_top_up(500_00)
    assert (payment.gateway, payment.state) == ("omise", PaymentState.OPEN)
    assert bytes(payment.qr_image).startswith(b"<svg")
    assert payments.look(payment.pk).state == PaymentState.OPEN
    at_the_bank.pay(payment.reference)
    paid = payments.look(payment.pk)
    # By hand: 1.65 % of 500.00 is 8.25, 7 % of that 0.5775.
    assert (paid.state, paid.captured, paid.fee, paid.fee_vat) == (
        PaymentState.PAID,
        500_00,
        8_25,
        58,
    )


def test_a_small_top_up_goes_to_scb_and_is_believed_by_its_references(at_the_bank: Served) -> None:
    payment = a_top_up(15_00)
    assert (payment.gateway, payment.state) == ("scb", PaymentState.OPEN)
    assert payment.qr_payload.startswith("000201")
    assert payments.look(payment.pk).state == PaymentState.OPEN
    at_the_bank.pay(payment.gateway_ref)
    assert payments.look(payment.pk).state == PaymentState.PAID


def test_a_lost_answer_leads_to_one_charge_and_its_qr(at_the_bank: Served) -> None:
    at_the_bank.plan(lost=1)
    payment = a_top_up(500_00)
    assert payment.state == PaymentState.NEW
    found = payments.look(payment.pk)
    assert (found.state, len(at_the_bank.bank.books.charges)) == (PaymentState.OPEN, 1)
    assert bytes(found.qr_image).startswith(b"<svg")


def test_half_a_payment_or_another_currency_is_not_believed(at_the_bank: Served) -> None:
    payment = a_top_up(500_00)
    at_the_bank.pay(payment.reference, amount=250_00)
    assert payments.look(payment.pk).state == PaymentState.OPEN
    other = a_top_up(500_00)
    at_the_bank.pay(other.reference)
    at_the_bank.ask("POST", f"/_control/alter/{other.reference}", currency="JPY")
    assert payments.look(other.pk).state == PaymentState.OPEN
