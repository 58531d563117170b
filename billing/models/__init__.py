"""Tables of the money."""

from billing.models.bill import Bill, PaymentStatus
from billing.models.ledger import Account, AccountKind, Entry, Hold, HoldState, Transfer
from billing.models.tariff import PriceLevel, Tariff, TouHoliday, VatRate

__all__ = [
    "Account",
    "AccountKind",
    "Bill",
    "Entry",
    "Hold",
    "HoldState",
    "PaymentStatus",
    "PriceLevel",
    "Tariff",
    "TouHoliday",
    "Transfer",
    "VatRate",
]
