"""Tables of the people."""

from users.models.admin import Admin, ApiToken, Level
from users.models.company import Company, TaxEntity
from users.models.customer import BillingMode, Card, CardStatus, Customer, CustomerLevel
from users.models.line import LineEvent, LineGuest, LineLink, LineNonce, LineQuota, LinkedBy
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
from users.models.message import Channel, Message, MessageStatus

__all__ = [
    "Admin",
    "ApiToken",
    "BillingMode",
    "Card",
    "CardStatus",
    "Channel",
    "CodePurpose",
    "CodeState",
    "Company",
    "Customer",
    "CustomerLevel",
    "DataRequest",
    "DataRequestKind",
    "Favourite",
    "Level",
    "LineEvent",
    "LineGuest",
    "LineLink",
    "LineNonce",
    "LineQuota",
    "LinkedBy",
    "MemberSession",
    "Message",
    "MessageStatus",
    "NoticeAcceptance",
    "OneTimeCode",
    "TaxEntity",
]
