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
from billing.models.proof import LedgerProof
from billing.models.purchase import Purchase, PurchaseState
from billing.models.settlement import DoubtKind, PaymentDoubt, SettlementRow
from billing.models.statement import (
    PostpaidTerms,
    Statement,
    StatementLine,
    StatementPayment,
    StatementState,
)
from billing.models.stay import IdleBy, ReservationFee, Stay, StayEnd
from billing.models.tariff import PriceLevel, Tariff, TouHoliday, VatRate

__all__ = [
    "Account",
    "AccountKind",
    "Bill",
    "DocumentCover",
    "DocumentKind",
    "DocumentSeries",
    "DocumentState",
    "DoubtKind",
    "Entry",
    "GatewayAccount",
    "GatewayName",
    "Hold",
    "HoldState",
    "IdleBy",
    "LedgerProof",
    "Payment",
    "PaymentDoubt",
    "PaymentPurpose",
    "PaymentState",
    "PaymentStatus",
    "PostpaidTerms",
    "PriceLevel",
    "Purchase",
    "PurchaseState",
    "Refund",
    "RefundReason",
    "RefundRoute",
    "RefundState",
    "ReservationFee",
    "SettlementRow",
    "Statement",
    "StatementLine",
    "StatementPayment",
    "StatementState",
    "Stay",
    "StayEnd",
    "Tariff",
    "TaxDocument",
    "TouHoliday",
    "Transfer",
    "VatRate",
    "WebhookEvent",
]
