"""Tables of the people."""

from users.models.admin import Admin, ApiToken, Level
from users.models.company import Company, TaxEntity
from users.models.customer import BillingMode, Card, CardStatus, Customer, CustomerLevel
from users.models.member import (
    CodePurpose,
    CodeState,
    DataRequest,
    DataRequestKind,
    Favourite,
    MemberSession,
    NoticeAcceptance,
    OneTimeCode,
)
from users.models.message import Message, MessageStatus

__all__ = [
    "Admin",
    "ApiToken",
    "BillingMode",
    "Card",
    "CardStatus",
    "CodePurpose",
    "CodeState",
    "Company",
    "Customer",
    "CustomerLevel",
    "DataRequest",
    "DataRequestKind",
    "Favourite",
    "Level",
    "MemberSession",
    "Message",
    "MessageStatus",
    "NoticeAcceptance",
    "OneTimeCode",
    "TaxEntity",
]
