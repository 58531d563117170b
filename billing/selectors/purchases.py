"""Purchases as pages and prices read them."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from billing.models import Purchase, PurchaseState
from stations.models import Authorisation, Connector, Session

STILL_SHOWN = timedelta(hours=2)  # a purchase that is over matters to its phone so long


def of_phone(connector: Connector, visitor: str) -> Purchase | None:
    """The newest purchase on this plug that matters to the phone: open, or over not long ago."""
    if not visitor:
        return None
    recent = Q(closed_at__isnull=True) | Q(closed_at__gt=timezone.now() - STILL_SHOWN)
    return (
        Purchase.objects.select_related("payment", "leave__session", "tariff")
        .filter(recent, connector=connector, visitor=visitor)
        .order_by("-id")
        .first()
    )


def of_session(session: Session) -> Purchase | None:
    """The purchase a session was started for. A start that was refused is nobody's purchase."""
    if session.refusal:
        return None
    return Purchase.objects.select_related("payment").filter(leave__session=session).first()


def of_leave(leave: Authorisation) -> Purchase | None:
    return Purchase.objects.select_related("payment").filter(leave=leave).first()


def on_plug(connector: Connector) -> Purchase | None:
    """The purchase that has the plug: paid or charging."""
    holding = [PurchaseState.PAID, PurchaseState.CHARGING]
    return Purchase.objects.filter(connector=connector, state__in=holding).first()
