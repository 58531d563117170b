"""Reads about gateways: accounts of legal entities, and whether a notice is about anything of ours."""

import uuid

from django.db.models import Q, QuerySet

from billing.models import GatewayAccount, Payment
from billing.payments.base import Notice
from users.access import scope
from users.models import Admin


def accounts(admin: Admin) -> QuerySet[GatewayAccount]:
    """The accounts that are the admin's to see."""
    return scope(GatewayAccount.objects.select_related("tax_entity", "company"), admin)


def is_about_ours(gateway: str, notice: Notice) -> bool:
    """Whether a payment of ours has the notice's reference or key."""
    named = Q(gateway_ref=notice.ref) if notice.ref else Q(pk__in=())
    if key := _uuid(notice.key):
        named |= Q(key=key)
    return Payment.objects.filter(named, gateway=gateway).exists()


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
