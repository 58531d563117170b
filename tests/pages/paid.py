"""A charge that a guest paid for by PromptPay: money in, billed from the deposit, the rest back."""

import itertools
import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction

from billing import pricing, values
from billing.models import (
    AccountKind,
    Bill,
    GatewayName,
    Payment,
    PaymentPurpose,
    PaymentState,
    Purchase,
    PurchaseState,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
)
from billing.payments.base import Method
from billing.selectors import bills
from billing.services import ledger
from stations.models import Authorisation, Connector
from tests.pages.charges import EVENING, an_ended_charge
from users.models import Company

_numbers = itertools.count(1)


def a_payment(company: Company, satang: int = 30_000, **fields: Any) -> Payment:
    """Paid, with its money in the ledger unless ``state`` says otherwise."""
    n = next(_numbers)
    known: dict[str, Any] = {
        "reference": f"PAY{n:06d}",
        "gateway": GatewayName.OMISE,
        "gateway_ref": f"chrg_test_{n}",
        "method": Method.PROMPTPAY.value,
        "purpose": PaymentPurpose.CHARGE,
        "state": PaymentState.PAID,
        "created_at": EVENING - timedelta(minutes=5),
        "paid_at": EVENING - timedelta(minutes=4),
        "expires_at": EVENING + timedelta(minutes=5),
    }
    known |= fields
    paid = known["state"] == PaymentState.PAID
    payment = Payment.objects.create(
        company=company, amount=satang, captured=satang if paid else 0, **known
    )
    if paid:
        with transaction.atomic():
            ledger.transfer(
                company,
                f"pay:{payment.pk}",
                "payment",
                [
                    ledger.debit(_clearing(payment), satang),
                    ledger.credit(ledger.account(company, AccountKind.GUEST_DEPOSIT), satang),
                ],
                reason=payment.reference,
                payment_id=payment.pk,
                at=payment.paid_at,
            )
    return payment


def a_refund(payment: Payment, satang: int, *, done: bool = True, **fields: Any) -> Refund:
    """Owed, and paid back by the gateway unless it is not ``done``."""
    n = next(_numbers)
    now = EVENING + timedelta(hours=1)
    known: dict[str, Any] = {
        "route": RefundRoute.GATEWAY,
        "state": RefundState.DONE if done else RefundState.QUEUED,
        "done_at": now + timedelta(minutes=2) if done else None,
        "created_at": now,
        "reason": RefundReason.UNUSED,
        "token": secrets.token_urlsafe(32)[:43],
    }
    refund = Refund.objects.create(
        company=payment.company,
        payment=payment,
        key=f"test-{n}",
        amount=satang,
        **known | fields,
    )
    deposit = ledger.account(payment.company, AccountKind.GUEST_DEPOSIT)
    owed = ledger.account(payment.company, AccountKind.REFUND_PAYABLE)
    steps = [("owed", "refund_owed", deposit, owed)]
    if done:
        steps.append(("refund", "refund", owed, _clearing(payment)))
    for word, kind, left, right in steps:
        with transaction.atomic():
            ledger.transfer(
                payment.company,
                f"{word}:{refund.pk}",
                kind,
                [ledger.debit(left, satang), ledger.credit(right, satang)],
                payment_id=payment.pk,
            )
    return refund


def a_paid_charge(connector: Connector, paid: int = 30_000, *, done: bool = True) -> Bill:
    """32 kWh over the border at 22:00 (231.56 baht), the rest of ``paid`` given back."""
    session = an_ended_charge(connector, None)
    station = session.station
    payment = a_payment(station.company, paid)
    found = bills.explain_so_far(session)
    assert found is not None
    explained, tariff = found
    leave = Authorisation.objects.create(
        connector=connector, id_tag=f"PAY{payment.pk}", expires_at=EVENING, session=session
    )
    Purchase.objects.create(
        company=station.company,
        station=station,
        connector=connector,
        visitor="v" * 20,
        id_tag=leave.id_tag,
        tariff=tariff,
        tariff_value=values.tariff_to_json(explained.tariff),
        max_wh=40_000,
        amount=paid,
        payment=payment,
        leave=leave,
        state=PurchaseState.DONE,
        valid_until=EVENING,
    )
    with transaction.atomic():
        income = ledger.account(station.company, AccountKind.INCOME)
        deposit = ledger.account(station.company, AccountKind.GUEST_DEPOSIT)
        transfer = ledger.transfer(
            station.company,
            f"bill:{session.pk}",
            "charge",
            [ledger.debit(deposit, explained.total), ledger.credit(income, explained.total)],
            session_id=session.pk,
            payment_id=payment.pk,
        )
    priced = pricing.price(explained.usage, explained.tariff)
    bill = Bill.objects.create(
        session=session,
        company=station.company,
        tax_entity=station.tax_entity,
        tariff=tariff,
        transfer=transfer,
        tariff_value=values.tariff_to_json(explained.tariff),
        usage=values.usage_to_json(explained.usage),
        lines=values.lines_to_json(priced),
        wh=explained.usage.wh,
        total=explained.total,
        vat=explained.vat,
        vat_rate=explained.vat_rate,
        payment_status="paid",
        billed_at=EVENING + timedelta(minutes=56),
    )
    a_refund(payment, paid - explained.total, done=done)
    return bill


def _clearing(payment: Payment) -> Any:
    return ledger.account(
        payment.company, AccountKind.GATEWAY_CLEARING, gateway=str(payment.gateway)
    )
