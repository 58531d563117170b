"""Omise (docs.omise.co, API version 2019-05-29): PromptPay, cards held and captured, mobile banking.

Omise knows no idempotency key. So each charge and refund carries ours in its metadata, and whoever
got no answer to a request asks ``find`` (or looks at the charge's refunds) before sending it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.payments import capabilities, omise_notice, omise_reading
from billing.payments.base import (
    Capability,
    Charge,
    ChargeStatus,
    GatewayAway,
    GatewayError,
    Method,
    Notice,
    Order,
    RefundSeen,
)
from billing.payments.calling import Answer, Caller

API_URL, VAULT_URL = "https://api.omise.co", "https://vault.omise.co"
VERSION = "2019-05-29"
PAGE = 100
MOST_PAGES = 100
MADE_WITHIN = timedelta(hours=3)  # of our intent; later nobody asks for a charge any more
CLOCKS_DIFFER = timedelta(minutes=5)
MOST_PICTURE_BYTES = 256 * 1024
CURRENCY = "thb"


@dataclass(frozen=True, slots=True)
class Keys:
    """One account's. ``webhooks`` are base64, the new one first; "" means: no such key."""

    public: str = ""
    secret: str = field(default="", repr=False)
    webhooks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """What GET /account says, for an owner who tries the keys."""

    id: str
    email: str
    live: bool
    country: str
    currency: str
    webhook_uri: str


class Omise:
    """One account at Omise."""

    name = "omise"

    def __init__(
        self,
        keys: Keys,
        *,
        api_url: str = API_URL,
        table: capabilities.Capabilities = capabilities.OMISE,
    ) -> None:
        self._keys = keys
        self._table = table
        self._caller = Caller(
            self.name, api_url, keys.secret, {"Omise-Version": VERSION, "Accept": "*/*"}
        )

    def capabilities(self) -> Mapping[Method, Capability]:
        return self._table

    def create(self, order: Order) -> Charge:
        return self._with_picture(self._post("/charges", _wish(order)))

    def find(self, key: str, since: datetime) -> Charge | None:
        window = {"from": _stamp(since - CLOCKS_DIFFER), "to": _stamp(since + MADE_WITHIN)}
        for row in self._rows("/charges", {**window, "order": "chronological"}):
            if omise_reading.intent_of(row) == key:
                return self._with_picture(row)
        return None

    def look(self, ref: str) -> Charge:
        body = self._get(f"/charges/{_id(ref)}")
        seen = omise_reading.charge(body)
        shown, total = omise_reading.page_of(body.get("refunds") or {"object": "list"})
        if total > len(shown):
            rows = list(self._rows(f"/charges/{_id(ref)}/refunds", {"order": "chronological"}))
            seen = replace(seen, refunds=omise_reading.refunds(rows))
        return seen

    def capture(self, ref: str, satang: int) -> Charge:
        body = self._post(f"/charges/{_id(ref)}/capture", {"capture_amount": satang})
        return omise_reading.charge(body)

    def release(self, ref: str) -> Charge:
        return omise_reading.charge(self._post(f"/charges/{_id(ref)}/reverse", {}))

    def expire(self, ref: str) -> Charge:
        return omise_reading.charge(self._post(f"/charges/{_id(ref)}/expire", {}))

    def refund(self, ref: str, satang: int, key: str) -> RefundSeen:
        wish = {"amount": satang, "metadata": {omise_reading.INTENT: key}}
        return omise_reading.refund(self._post(f"/charges/{_id(ref)}/refunds", wish))

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        return omise_notice.read(headers, body, now, self._keys.webhooks)

    def account(self) -> Account:
        """Whose keys these are. ``GatewayError`` where they are not accepted."""
        body = self._get("/account")
        if body.get("object") != "account":
            raise GatewayAway("omise answered with something that is no account")
        return Account(
            id=str(body.get("id", "")),
            email=str(body.get("email") or ""),
            live=body.get("livemode") is True,
            country=str(body.get("country") or ""),
            currency=str(body.get("currency") or "").upper(),
            webhook_uri=str(body.get("webhook_uri") or ""),
        )

    # --- the wire ---------------------------------------------------------------------------------

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Mapping[str, Any]:
        return _believed(self._caller.ask("GET", path, params=params))

    def _post(self, path: str, wish: Mapping[str, Any]) -> Mapping[str, Any]:
        return _believed(self._caller.ask("POST", path, json=wish))

    def _rows(self, path: str, params: Mapping[str, str | int]) -> Iterator[Mapping[str, Any]]:
        """All rows of a list, oldest first: what is added while we read comes at the end."""
        offset = 0
        for _page in range(MOST_PAGES):
            body = self._get(path, {**params, "limit": PAGE, "offset": offset})
            rows, total = omise_reading.page_of(body)
            yield from rows
            offset += len(rows)
            if offset >= total:
                return
            if not rows:
                break
        raise GatewayAway("omise lists more than can be looked through")

    def _with_picture(self, body: Mapping[str, Any]) -> Charge:
        """A PromptPay charge without its QR is no use to anybody, and is found again by its key."""
        charge = omise_reading.charge(body)
        uri = omise_reading.picture_uri(body)
        if not uri or charge.status != ChargeStatus.PENDING:
            return charge
        picture = self._caller.picture(uri, MOST_PICTURE_BYTES)
        return replace(charge, qr_image=picture.content, qr_image_type=_picture_type(picture))


def _wish(order: Order) -> dict[str, Any]:
    """Only what has been seen to be taken: an expiry is ours to keep (``expire``), not Omise's."""
    wish: dict[str, Any] = {
        "amount": order.amount,
        "currency": CURRENCY,
        "description": order.description or order.reference,
        "metadata": {omise_reading.INTENT: order.key, "reference": order.reference},
    }
    if order.return_uri:
        wish["return_uri"] = order.return_uri
    if order.method == Method.CARD:
        wish["card"] = order.card_token
        if order.hold:
            wish |= {"capture": False, "authorization_type": "pre_auth"}
        return wish
    if order.method == Method.PROMPTPAY:
        wish["source"] = {"type": "promptpay"}
    elif order.method == Method.MOBILE_BANKING and order.source in capabilities.BANKS:
        wish["source"] = {"type": order.source}
    else:
        raise GatewayError("unknown_method", f"{order.method} {order.source}")
    return wish


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _believed(answer: Answer) -> Mapping[str, Any]:
    """The body of a success; an error object is a no, anything else says nothing."""
    if answer.body.get("object") == "error":
        raise GatewayError(
            str(answer.body.get("code") or "unknown")[:80],
            str(answer.body.get("message") or "")[:300],
        )
    if answer.status >= 300 or not answer.body:
        raise GatewayAway(f"omise answered {answer.status} without saying what")
    return answer.body


def _id(ref: str) -> str:
    """A charge's id as a part of a path: nothing that leads elsewhere."""
    if not ref.replace("_", "").isalnum() or not ref.isascii():
        raise GatewayError("not_found", "no charge has this id")
    return ref


def _picture_type(picture: Answer) -> str:
    """By what it is, not by what it is said to be; what could run in a browser is refused."""
    start = picture.content.lstrip()[:64].lower()
    if picture.content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")):
        lowered = picture.content.lower()
        if b"<script" not in lowered and b"javascript:" not in lowered:
            return "image/svg+xml"
    raise GatewayAway("omise gave a QR that is no picture")
