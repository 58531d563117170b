"""Tables of the money."""

from billing.models.bill import Bill, PaymentStatus
from billing.models.document import (
    DocumentCover,
    DocumentKind,
    DocumentSeries,
    DocumentState,
    TaxDocument,
)
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
from billing.models.purchase import Purchase, PurchaseState
from billing.models.tariff import PriceLevel, Tariff, TouHoliday, VatRate

__all__ = [
    "Account",
    "AccountKind",
    "Bill",
    "DocumentCover",
    "DocumentKind",
    "DocumentSeries",
    "DocumentState",
    "Entry",
    "GatewayAccount",
    "GatewayName",
    "Hold",
    "HoldState",
    "Payment",
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
    "Tariff",
    "TaxDocument",
    "TouHoliday",
    "Transfer",
    "VatRate",
    "WebhookEvent",
]
