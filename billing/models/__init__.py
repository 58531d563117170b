"""Tables of the money."""

from billing.models.bill import Bill, PaymentStatus
from billing.models.ledger import Account, AccountKind, Entry, Hold, HoldState, Transfer
from billing.models.payment import (
    GatewayAccount,
    GatewayName,
    Payment,
    PaymentPurpose,
    PaymentState,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
    WebhookEvent,
)
from billing.models.proof import LedgerProof
from billing.models.purchase import Purchase, PurchaseState
from billing.models.settlement import DoubtKind, PaymentDoubt, SettlementRow
from billing.models.tariff import PriceLevel, Tariff, TouHoliday, VatRate

__all__ = [
    "Account",
    "AccountKind",
    "Bill",
    "DoubtKind",
    "Entry",
    "GatewayAccount",
    "GatewayName",
    "Hold",
    "HoldState",
    "LedgerProof",
    "Payment",
    "PaymentDoubt",
    "PaymentPurpose",
    "PaymentState",
    "PaymentStatus",
    "PriceLevel",
    "Purchase",
    "PurchaseState",
    "Refund",
    "RefundReason",
    "RefundRoute",
    "RefundState",
    "SettlementRow",
    "Tariff",
    "TouHoliday",
    "Transfer",
    "VatRate",
    "WebhookEvent",
]
