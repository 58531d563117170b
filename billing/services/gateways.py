"""Which gateway takes a payment, with whose account, and what it can do for this entity and sum.

A legal entity's own ``GatewayAccount`` goes before the operator's account of the environment, and
takes its place at that gateway: an entity that switched its Omise account off is not paid into
somebody else's. Cash and transfers by an admin (``manual``) are nobody's choice on a page and are
reached by ``client_for`` only. Nothing here calls out; the clients do.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from billing.models import GatewayAccount, GatewayName, Payment
from billing.payments import capabilities, omise, scb
from billing.payments.base import Capability, Gateway, GatewayAway, Method
from billing.payments.capabilities import BadCapability, Capabilities
from billing.payments.manual import Manual
from core import seal
from users.models import TaxEntity

# The gateway asked first where two can do the same.
PREFERRED = (GatewayName.OMISE.value, GatewayName.SCB.value)


@dataclass(frozen=True, slots=True)
class Offered:
    """One way to pay: ``account`` None is the operator's own."""

    method: Method
    gateway: str
    account: GatewayAccount | None
    capability: Capability


def offered(tax_entity: TaxEntity | None, satang: int | None = None) -> tuple[Offered, ...]:
    """How a customer of this entity can pay, one row per method; only what takes ``satang``.

    An entity's own accounts come before the operator's, Omise before SCB.
    """
    found: dict[Method, Offered] = {}
    for gateway, account in _usable(tax_entity):
        for method, capability in capabilities_of(gateway, account).items():
            if method == Method.CARD and not _public(account):
                continue  # no page could hand the card over
            if satang is None or capability.takes(satang):
                found.setdefault(method, Offered(method, gateway, account, capability))
    return tuple(found[method] for method in Method if method in found)


def client(payment: Payment) -> Gateway:
    """The gateway that this payment was or will be made at. ``GatewayAway`` without its keys."""
    return client_for(payment.gateway, payment.account)


def client_for(gateway: str, account: GatewayAccount | None) -> Gateway:
    """The client of one account; None: the operator's. ``GatewayAway`` without its keys.

    An account that was switched off can still be asked: its payments have to come to their end.
    """
    if gateway == GatewayName.OMISE:
        return omise_client(account)
    if gateway == GatewayName.SCB:
        return scb_client(account)
    return Manual()


def clients(gateway: str) -> Iterator[tuple[GatewayAccount | None, Gateway]]:
    """Every account of a gateway that can be asked, the operator's first."""
    if is_set_up(gateway):
        yield None, client_for(gateway, None)
    for account in GatewayAccount.objects.filter(gateway=gateway, enabled=True).order_by("pk"):
        try:
            yield account, client_for(gateway, account)
        except GatewayAway:  # sealed under another SECRET_KEY: not there
            continue


def public_key(tax_entity: TaxEntity | None) -> str:
    """The key with which the browser hands a card to the gateway; '' where no card can be taken."""
    for each in offered(tax_entity):
        if each.method == Method.CARD:
            return _public(each.account)
    return ""


def is_set_up(gateway: str) -> bool:
    """Whether the operator has an account of its own in the environment."""
    if gateway == GatewayName.OMISE:
        return bool(settings.OMISE_SECRET_KEY)
    if gateway == GatewayName.SCB:
        return bool(settings.SCB_API_KEY)
    return gateway == GatewayName.MANUAL


def omise_client(account: GatewayAccount | None) -> omise.Omise:
    """``GatewayAway`` without its keys."""
    if account is None:
        webhooks = (settings.OMISE_WEBHOOK_SECRET, settings.OMISE_WEBHOOK_SECRET_OLD)
        public, secret = settings.OMISE_PUBLIC_KEY, settings.OMISE_SECRET_KEY
    else:
        known = secrets_of(account)
        webhooks = (known.get("webhook_secret", ""), _old_secret(known, timezone.now()))
        public, secret = _public(account), known.get("secret_key", "")
    if not secret:
        raise GatewayAway("omise has no keys")
    keys = omise.Keys(public, secret, tuple(each for each in webhooks if each))
    table = capabilities_of(GatewayName.OMISE, account)
    return omise.Omise(keys, api_url=settings.OMISE_API_URL, table=table)


def scb_client(account: GatewayAccount | None) -> scb.Scb:
    """``GatewayAway`` without its keys."""
    if account is None:
        keys = scb.Keys(
            settings.SCB_API_KEY,
            settings.SCB_API_SECRET,
            settings.SCB_BILLER_ID,
            settings.SCB_REF3,
        )
    else:
        known = secrets_of(account)
        keys = scb.Keys(
            known.get("api_key", ""),
            known.get("api_secret", ""),
            str(account.settings.get("biller_id", "")),
            str(account.settings.get("ref3") or "SCB"),
        )
    if not (keys.api_key and keys.api_secret and keys.biller_id):
        raise GatewayAway("scb has no keys")
    return scb.Scb(
        keys, api_url=settings.SCB_API_URL, table=capabilities_of(GatewayName.SCB, account)
    )


def secrets_of(account: GatewayAccount) -> dict[str, str]:
    """What is sealed in an account. ``GatewayAway`` where it cannot be read any more."""
    if not account.sealed:
        return {}
    try:
        found = json.loads(seal.unseal(account.sealed))
    except (seal.Unreadable, ValueError):
        raise GatewayAway(
            "the keys cannot be read: they were sealed under another SECRET_KEY"
        ) from None
    return {str(name): str(value) for name, value in found.items()}


def _usable(tax_entity: TaxEntity | None) -> list[tuple[str, GatewayAccount | None]]:
    """The accounts that may take money for an entity, the best first."""
    rows = () if tax_entity is None else GatewayAccount.objects.filter(tax_entity=tax_entity)
    own = {row.gateway: row for row in rows}
    found: list[tuple[str, GatewayAccount | None]] = [
        (name, own[name]) for name in PREFERRED if name in own and own[name].enabled
    ]
    return found + [(name, None) for name in PREFERRED if name not in own and is_set_up(name)]


def capabilities_of(gateway: str, account: GatewayAccount | None) -> Capabilities:
    """What an account does, by the gateway's table and its own settings. No keys are needed."""
    tables = {GatewayName.OMISE: capabilities.OMISE, GatewayName.SCB: capabilities.SCB}
    table: Capabilities = tables[GatewayName(gateway)]
    try:
        changes: Mapping[str, Any] = (
            json.loads(getattr(settings, f"{gateway.upper()}_CAPABILITIES") or "{}")
            if account is None
            else account.settings.get("capabilities") or {}
        )
        return capabilities.overridden(table, changes)
    except (BadCapability, ValueError):  # written past the check: better nothing than wrong
        return {}


def _public(account: GatewayAccount | None) -> str:
    if account is None:
        return str(settings.OMISE_PUBLIC_KEY)
    return str(account.settings.get("public_key", ""))


def _old_secret(known: Mapping[str, str], now: datetime) -> str:
    """The secret before the last change, for the day that the gateway signs with both."""
    until = known.get("webhook_secret_old_until", "")
    return known.get("webhook_secret_old", "") if until > now.isoformat() else ""
