"""How customers stand, many at once: columns beside each row instead of queries for each."""

from collections.abc import Collection
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from billing.models import Account, AccountKind
from users.models import Customer
from users.models.customer import BillingMode


def with_balance(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Each with ``wallet``, ``owed`` and ``balance`` in satang, as ``wallets.standing`` has them."""
    return customers.annotate(
        wallet=_balance(AccountKind.WALLET), owed=_balance(AccountKind.RECEIVABLE)
    ).annotate(balance=F("wallet") - F("owed"))


def spendable(customer_ids: Collection[int]) -> dict[int, int]:
    """Wallet and credit limit less what is owed, in satang. Holds do not count: they come and go."""
    rows: Any = with_balance(Customer.objects.filter(pk__in=customer_ids))
    return {
        row.pk: row.balance + (row.credit_limit if row.billing_mode == BillingMode.POSTPAID else 0)
        for row in rows
    }


def _balance(kind: AccountKind) -> Coalesce:
    of_customer = Account.objects.filter(customer=OuterRef("pk"), kind=kind)
    return Coalesce(Subquery(of_customer.values("balance")[:1]), 0)
