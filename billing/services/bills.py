"""The bill of a session: made once when it ends, paid from hold, wallet and, for the rest, as a debt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from billing import pricing, values
from billing.models import AccountKind, Bill, Hold, PaymentStatus, Purchase, Transfer
from billing.money import vat_within
from billing.selectors import purchases
from billing.selectors.costs import usage_of
from billing.selectors.stays import completed
from billing.services import income, ledger, prepaid, stays, tariffs, wallets
from core import outbox
from core.models import Fact
from stations.models import Session, SessionStatus
from users.models import Customer


class NoPriceList(RuntimeError):
    """A charge ended at a station without prices: the delivery waits, the alarm says so."""


@dataclass(frozen=True, slots=True)
class _Payment:
    transfer: Transfer | None
    from_wallet: int
    owed: int
    status: PaymentStatus


def on_session_ended(fact: Fact) -> None:
    """Make the bill exist, as soon as the car has left where staying costs. Runs again without harm."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=fact.subject_id)
    if session.status != SessionStatus.ENDED or Bill.objects.filter(session=session).exists():
        return
    if not stays.waits(session):
        bill_session(session)


def bill_session(session: Session, at: datetime | None = None) -> Bill | None:
    """Price a session and post it. A charge that nobody is to pay gets no bill; its case tells why.

    ``at``: when that was, for charges that are entered afterwards.
    """
    customer, bought = session.customer, purchases.of_session(session)
    if customer is None and bought is None:
        return None
    found = tariffs.of_session(session)
    if found is None:
        raise NoPriceList(f"station {session.station_id} has no price list for {session.level}")
    tariff_row, tariff = found
    usage = completed(session, usage_of(session, cap_wh=bought_wh(session)), tariff)
    priced = pricing.price(usage, tariff)
    entity = session.station.tax_entity
    rate = tariffs.vat_rate(entity, _tax_day(bought, at))
    missing = income.uncollected(priced, prepaid.money_of(bought) if bought else None)
    total = priced.total - missing
    vat = vat_within(total, rate)
    earned = _earned(session, priced, total, vat)
    if bought is not None:
        payment = _paid_before(session, bought, total, earned, at)
    elif customer is not None:
        payment = _pay(session, customer, total, earned, at)
    bill = Bill.objects.create(
        session=session,
        company_id=session.company_id,
        tax_entity=entity,
        customer=customer,
        tariff=tariff_row,
        transfer=payment.transfer,
        tariff_value=values.tariff_to_json(tariff),
        usage=values.usage_to_json(usage),
        lines=values.lines_to_json(priced),
        wh=usage.wh,
        unbilled_wh=(session.energy_wh or 0) - usage.wh,
        total=total,
        uncollected=missing,
        vat=vat,
        vat_rate=rate,
        from_wallet=payment.from_wallet,
        outstanding=payment.owed,
        payment_status=payment.status,
        billed_at=at or timezone.now(),
    )
    if customer is not None and bought is None:
        outbox.publish(
            "wallet_changed", customer.pk, company_id=session.company_id, customer=customer.pk
        )
    outbox.publish(
        "session_billed",
        session.pk,
        company_id=session.company_id,
        topic=f"charger:{session.charger_id}",
        station=session.station_id,
        charger=session.charger_id,
        connector=session.connector_id,
        session=session.pk,
        total=total,
    )
    return bill


def _tax_day(bought: Purchase | None, at: datetime | None) -> date:
    """The day whose VAT rate counts: the money's, as on the tax document (Revenue Code s.78/1)."""
    payment = bought.payment if bought is not None else None
    paid_at = payment.paid_at if payment is not None and not payment.hold else None
    return (paid_at or at or timezone.now()).astimezone(ZoneInfo(settings.LOCAL_ZONE)).date()


def recompute(bill: Bill) -> pricing.Bill:
    """Price the stored usage under the stored tariff again; it must give the stored lines."""
    return pricing.price(
        values.usage_from_json(bill.usage), values.tariff_from_json(bill.tariff_value)
    )


def bought_wh(session: Session) -> int | None:
    """Where the customer chose an amount, what goes beyond it is the owner's (features A8)."""
    chose = session.chosen_wh is not None or session.chosen_satang is not None
    return session.allowance_wh if chose else None


def _earned(session: Session, priced: pricing.Bill, total: int, vat: int) -> list[ledger.Posting]:
    """The credit side of a bill: income net of VAT by its kinds, and the VAT of the entity."""
    company, entity = session.company, session.station.tax_entity
    postings = income.credits(company, priced, total - vat, priced.total - total)
    if vat:
        due = ledger.account(company, AccountKind.VAT_OUTPUT, tax_entity=entity)
        postings.append(ledger.credit(due, vat))
    return postings


def _paid_before(
    session: Session,
    bought: Purchase,
    total: int,
    earned: Sequence[ledger.Posting],
    at: datetime | None,
) -> _Payment:
    settled = prepaid.settle(session, bought, total, earned, at)
    status = PaymentStatus.PAID if total else PaymentStatus.FREE
    return _Payment(settled.transfer, 0, 0, status)


def _pay(
    session: Session,
    customer: Customer,
    total: int,
    earned: Sequence[ledger.Posting],
    at: datetime | None,
) -> _Payment:
    """Close the hold; take from the wallet what is free, owe the rest."""
    company = session.company
    wallet, owed = wallets.wallet_of(customer), wallets.receivable_of(customer)
    ledger.lock(wallet, owed, *(posting.account for posting in earned))
    hold = Hold.objects.filter(pk=session.hold_id).first() if session.hold_id else None
    if hold is not None:
        ledger.close_hold(hold, posted=min(total, hold.amount))
        ledger.lock(wallet, owed)
    from_wallet = min(total, max(wallet.balance - wallet.held, 0))
    rest = total - from_wallet
    transfer = None
    if total:
        transfer = ledger.transfer(
            company,
            f"bill:{session.pk}",
            "charge",
            [
                ledger.debit(wallet, from_wallet),
                ledger.debit(owed, rest),
                *earned,
            ],
            reason=f"session {session.transaction_id}",
            actor="system",
            session_id=session.pk,
            customer=customer,
            at=at,
        )
    return _Payment(transfer, from_wallet, rest, _status(customer, total, rest))


def _status(customer: Customer, total: int, rest: int) -> PaymentStatus:
    if total == 0:
        return PaymentStatus.FREE
    if rest == 0:
        return PaymentStatus.PAID
    return PaymentStatus.ARREARS if customer.billing_mode == "prepaid" else PaymentStatus.POSTPAID
