"""The fee of a reservation that no charge came of: billed when it is over, paid as any charge.

One that was used stands on the charge's bill. Nothing is due for what the customer could not help:
the charger never took it, it was away or had a fault at the end, or an admin cancelled it.
"""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from billing import pricing
from billing.models import AccountKind, ReservationFee
from billing.money import vat_within
from billing.services import ledger, tariffs, wallets
from core import outbox
from core.models import Fact
from stations.models import Connector, ConnectorStatus, Reservation, ReservationStatus
from stations.services import commands

OVER = (ReservationStatus.EXPIRED, ReservationStatus.CANCELLED)


def on_reservation_changed(fact: Fact) -> None:
    """A reservation is over: what it costs, once."""
    row = (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("charger__station__tax_entity", "charger__station__company", "customer")
        .get(pk=fact.subject_id)
    )
    if row.status not in OVER or ReservationFee.objects.filter(reservation=row).exists():
        return
    if (fee := fee_of(row)) > 0:
        _bill(row, fee)


def fee_of(row: Reservation) -> int:
    """Satang that a reservation without a charge costs by the list in force when it was made."""
    station = row.charger.station
    found = tariffs.value(station, row.customer.level, row.made_at)
    if row.reserved_at is None or found is None or not found[1].has(pricing.Part.RESERVATION):
        return 0
    if row.status == ReservationStatus.CANCELLED:
        by_customer = row.ended_by in (row.customer.name, "visitor")
        return pricing.reservation_fee(row.reserved_at, row.ended_at, found[1]) * by_customer
    return 0 if _was_useless(row) else pricing.reservation_fee(row.reserved_at, None, found[1])


def _was_useless(row: Reservation) -> bool:
    if not commands.holder_of(row.charger_id):
        return True
    plugs = Connector.objects.filter(charger_id=row.charger_id, connector_id__gt=0)
    if row.connector_id is not None:
        plugs = plugs.filter(pk=row.connector_id)
    return not plugs.exclude(status=ConnectorStatus.FAULTED).exists()


def _bill(row: Reservation, fee: int) -> None:
    """From the wallet what is free in it, the rest as a debt."""
    customer, station = row.customer, row.charger.station
    company, entity = station.company, station.tax_entity
    day = timezone.now().astimezone(ZoneInfo(settings.LOCAL_ZONE)).date()
    rate = tariffs.vat_rate(entity, day)
    vat = vat_within(fee, rate)
    wallet, owed = wallets.wallet_of(customer), wallets.receivable_of(customer)
    income = ledger.account(company, AccountKind.RESERVATION_INCOME)
    due = ledger.account(company, AccountKind.VAT_OUTPUT, tax_entity=entity) if vat else income
    ledger.lock(wallet, owed, income, due)
    from_wallet = min(fee, max(wallet.balance - wallet.held, 0))
    made = ledger.transfer(
        company,
        f"reservation:{row.pk}",
        "reservation_fee",
        [
            ledger.debit(wallet, from_wallet),
            ledger.debit(owed, fee - from_wallet),
            ledger.credit(income, fee - vat),
            ledger.credit(due, vat),
        ],
        reason=f"reservation {row.number}",
        actor="system",
        customer=customer,
    )
    billed = ReservationFee.objects.create(
        reservation=row,
        company=company,
        customer=customer,
        tax_entity=entity,
        transfer=made,
        total=fee,
        vat=vat,
        vat_rate=rate,
        from_wallet=from_wallet,
        outstanding=fee - from_wallet,
    )
    outbox.publish("wallet_changed", customer.pk, company_id=company.pk, customer=customer.pk)
    if billed.outstanding == 0:
        outbox.publish("fee_paid", billed.pk, company_id=company.pk)
