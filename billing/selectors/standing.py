"""How customers stand, many at once: columns beside each row instead of queries for each."""

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from billing.models import Account, AccountKind
from users.models import Customer


def with_balance(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Each with ``wallet``, ``owed`` and ``balance`` in satang, as ``wallets.standing`` has them."""
    return customers.annotate(
        wallet=_balance(AccountKind.WALLET), owed=_balance(AccountKind.RECEIVABLE)
    ).annotate(balance=F("wallet") - F("owed"))


def _balance(kind: AccountKind) -> Coalesce:
    of_customer = Account.objects.filter(customer=OuterRef("pk"), kind=kind)
    return Coalesce(Subquery(of_customer.values("balance")[:1]), 0)
