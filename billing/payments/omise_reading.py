"""What Omise's JSON means (API version 2019-05-29). Pure: the client calls out, this reads.

Amounts are satang already; the currency comes as "thb" or "THB" by the age of the account.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.payments.base import Charge, ChargeStatus, GatewayAway, RefundSeen

INTENT = "intent"  # our key in a charge's and a refund's metadata

_STATUS = {
    "pending": ChargeStatus.PENDING,
    "successful": ChargeStatus.PAID,
    "failed": ChargeStatus.FAILED,
    "expired": ChargeStatus.EXPIRED,
    "reversed": ChargeStatus.RELEASED,
}


def charge(body: Mapping[str, Any]) -> Charge:
    """A charge as it stands. ``GatewayAway`` where the body is no charge: it says nothing."""
    if body.get("object") != "charge" or not isinstance(body.get("id"), str):
        raise GatewayAway("omise answered with something that is no charge")
    status = status_of(body)
    return Charge(
        ref=body["id"],
        status=status,
        amount=_whole(body, "amount"),
        currency=_text(body, "currency").upper(),
        key=intent_of(body),
        authorised=_authorised(body),
        captured=_captured(body) if status == ChargeStatus.PAID else 0,
        refunded=_whole(body, "refunded_amount"),
        fee=_whole(body, "fee"),
        fee_vat=_whole(body, "fee_vat"),
        authorize_uri=_text(body, "authorize_uri"),
        paid_at=_moment(body, "paid_at"),
        expires_at=_moment(body, "expires_at"),
        failure_code=_text(body, "failure_code"),
        failure_message=_text(body, "failure_message")[:300],
        refunds=refunds(_list(body.get("refunds"))),
    )


def status_of(body: Mapping[str, Any]) -> ChargeStatus:
    """``pending`` is two things: nobody has paid, or a card is held and waits for its capture."""
    found = _STATUS.get(_text(body, "status"), ChargeStatus.UNKNOWN)
    held = body.get("authorized") is True and body.get("capture") is False
    if found == ChargeStatus.PENDING and held and body.get("paid") is not True:
        return ChargeStatus.AUTHORISED
    if found == ChargeStatus.PAID and body.get("paid") is not True:
        return ChargeStatus.UNKNOWN  # the two must agree before money is believed
    return found


def refunds(rows: list[Mapping[str, Any]]) -> tuple[RefundSeen, ...]:
    """Refunds as listed. Accounts of old versions show no status: there a refund is done."""
    return tuple(refund(row) for row in rows if row.get("status") != "failed" and row.get("id"))


def refund(body: Mapping[str, Any]) -> RefundSeen:
    """One refund; ``GatewayAway`` where the body is none."""
    if body.get("object") != "refund" or not isinstance(body.get("id"), str):
        raise GatewayAway("omise answered with something that is no refund")
    return RefundSeen(
        ref=body["id"],
        amount=_whole(body, "amount"),
        done=body.get("status") != "pending",
        key=intent_of(body),
    )


def page_of(body: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], int]:
    """One page of a list and how many there are in all."""
    if body.get("object") != "list":
        raise GatewayAway("omise answered with something that is no list")
    return _list(body), _whole(body, "total")


def picture_uri(body: Mapping[str, Any]) -> str:
    """Where the QR of a PromptPay charge is, or ''."""
    found: Any = body
    for name in ("source", "scannable_code", "image", "download_uri"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def intent_of(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    return _text(metadata, INTENT) if isinstance(metadata, Mapping) else ""


def _authorised(body: Mapping[str, Any]) -> int:
    """Only what is really held: unpaid charges show an authorised amount as well."""
    if body.get("authorized") is not True:
        return 0
    return _whole(body, "authorized_amount") or _whole(body, "amount")


def _captured(body: Mapping[str, Any]) -> int:
    if isinstance(body.get("captured_amount"), int):
        return _whole(body, "captured_amount")
    return _whole(body, "amount")


def _list(body: Any) -> list[Mapping[str, Any]]:
    data = body.get("data") if isinstance(body, Mapping) else None
    return [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name, 0)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise GatewayAway(f"omise gave no whole number for {name}")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value.replace("\0", "") if isinstance(value, str) else ""  # PostgreSQL has no NUL


def _moment(body: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(body, name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
