"""Tables of the people."""

from users.models.admin import Admin, ApiToken, Level
from users.models.company import Company, TaxEntity
from users.models.customer import BillingMode, Card, CardStatus, Customer, CustomerLevel
from users.models.message import Message, MessageStatus

__all__ = [
    "Admin",
    "ApiToken",
    "BillingMode",
    "Card",
    "CardStatus",
    "Company",
    "Customer",
    "CustomerLevel",
    "Level",
    "Message",
    "MessageStatus",
    "TaxEntity",
]
