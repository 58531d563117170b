"""What each gateway can do with each method: data, so that a page offers only what is possible.

Omise: 20.00-150,000.00 THB for an account in Thailand (docs.omise.co/currency-and-amount); PromptPay
is paid back in full or in parts, a QR lives at most 60 minutes at its partners (research: Thailand
§2); a card is held 7 days and captured once, less than was held, where the contract says "single
partial capture" (docs.omise.co/capture). Mobile banking is not paid back in parts by most banks,
so nothing is promised there. SCB QR30 has neither a refund nor a hold.

One account may differ: ``overridden`` takes ``{"promptpay": {"least": 100}}`` from its settings.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.payments.base import Capability, Method

Capabilities = Mapping[Method, Capability]

BANKS = (
    "mobile_banking_kbank",
    "mobile_banking_scb",
    "mobile_banking_bbl",
    "mobile_banking_ktb",
    "mobile_banking_bay",
)

OMISE: Capabilities = {
    Method.PROMPTPAY: Capability(
        Method.PROMPTPAY, 20_00, 150_000_00, refund=True, partial_refund=True
    ),
    Method.CARD: Capability(
        Method.CARD,
        20_00,
        150_000_00,
        refund=True,
        partial_refund=True,
        hold=True,
        partial_capture=True,
        hold_days=7,
    ),
    Method.MOBILE_BANKING: Capability(Method.MOBILE_BANKING, 20_00, 150_000_00, sources=BANKS),
}
SCB: Capabilities = {Method.PROMPTPAY: Capability(Method.PROMPTPAY, 1_00, 700_000_00)}
MANUAL: Capabilities = {
    Method.CASH: Capability(Method.CASH, 1, 1_000_000_00, refund=False),
    Method.TRANSFER: Capability(Method.TRANSFER, 1, 10_000_000_00, refund=False),
}


class BadCapability(ValueError):
    """An account's settings say something that no capability knows. The text names it."""


def overridden(table: Capabilities, changes: Mapping[str, Any]) -> Capabilities:
    """``table`` with what one account does otherwise; a method set to null is not offered.

    ``changes``: {method: {least, most, refund, partial_refund, hold, partial_capture, hold_days,
    expires_minutes, sources} or null}, amounts in satang. ``BadCapability`` for anything else.
    """
    if not isinstance(changes, Mapping):
        raise BadCapability("capabilities")
    found = dict(table)
    for name, values in changes.items():
        if name not in {method.value for method in found}:
            raise BadCapability(str(name))
        method = Method(name)
        if values is None:
            del found[method]
        else:
            found[method] = _changed(found[method], name, values)
    return found


def _changed(capability: Capability, name: str, values: Any) -> Capability:
    if not isinstance(values, Mapping):
        raise BadCapability(name)
    fresh: dict[str, Any] = {}
    for key, value in values.items():
        if not _fits(key, value):
            raise BadCapability(f"{name}.{key}")
        if key == "expires_minutes":
            fresh["expires"] = timedelta(minutes=value)
        elif key == "sources":
            fresh["sources"] = tuple(value)
        else:
            fresh[key] = value
    changed = replace(capability, **fresh)
    if not 0 < changed.least <= changed.most:
        raise BadCapability(f"{name}.least")
    return changed


def _fits(key: str, value: Any) -> bool:
    if key in ("least", "most", "hold_days", "expires_minutes"):
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10**12
    if key in ("refund", "partial_refund", "hold", "partial_capture"):
        return isinstance(value, bool)
    if key == "sources":
        return isinstance(value, list) and set(value) <= set(BANKS)
    return False
