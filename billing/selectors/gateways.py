"""Reads about gateways: accounts of legal entities, and which notices are worth keeping."""

import uuid

from django.db.models import Q, QuerySet

from billing.models import GatewayAccount, Payment, WebhookEvent
from billing.payments.base import Notice
from users.access import scope
from users.models import Admin

MOST_HINTS = 50  # of a payment: whoever knows its reference could write more


def accounts(admin: Admin) -> QuerySet[GatewayAccount]:
    """The accounts that are the admin's to see."""
    return scope(GatewayAccount.objects.select_related("tax_entity", "company"), admin)


def is_known(gateway: str, notice: Notice) -> bool:
    """Whether this very notice has come before."""
    return WebhookEvent.objects.filter(gateway=gateway, event_id=notice.event_id).exists()


def is_worth_keeping(gateway: str, notice: Notice) -> bool:
    """Whether a notice that nobody signed is about a payment of ours, and not one too many."""
    named = Q(gateway_ref=notice.ref) if notice.ref else Q(pk__in=())
    if key := _uuid(notice.key):
        named |= Q(key=key)
    payment = Payment.objects.filter(named, gateway=gateway).values_list("pk", flat=True).first()
    if payment is None:
        return False
    hints = WebhookEvent.objects.filter(payment=payment, trusted=False)
    return hints.count() < MOST_HINTS


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
