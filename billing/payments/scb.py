"""SCB Open API, QR30 (PromptPay bill payment, tag 30): paid straight into the biller's own account.

No refunds and no holds. A QR is only a text with two references: making it twice makes the same
one, and nothing at the bank ends it, so money may come late. Its callback carries no signature;
what counts is the inquiry by the two references.

``ref`` is "REF1.REF2": REF1 is our reference of the payment, REF2 its day in Bangkok and its
satang ("261120" + "16500"), so that a look needs nothing else.
"""

import base64
import binascii
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from billing.payments import capabilities, notices
from billing.payments.base import (
    Capability,
    Charge,
    ChargeStatus,
    GatewayAway,
    GatewayError,
    Method,
    NotANotice,
    Notice,
    Order,
    RefundSeen,
)
from billing.payments.calling import Answer, Caller

API_URL = "https://api-sandbox.partners.scb/partners/sandbox"
BANGKOK = ZoneInfo("Asia/Bangkok")
SUCCESS = 1000
QR30 = "00300100"
OWN_BANK = "014"
BAHT_NUMBER = "764"
LATE_DAYS = 1  # a QR made before midnight may be paid after it
TOKEN_MARGIN_SECONDS = 60
MOST_PICTURE_BYTES = 256 * 1024
_REF = re.compile(r"([A-Z0-9]{1,20})\.(\d{6})(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Keys:
    """One application at SCB and the biller it takes money for. ``ref3`` is the terminal prefix."""

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    biller_id: str = ""
    ref3: str = "SCB"


@dataclass(frozen=True, slots=True)
class Slip:
    """A transfer as its slip says, proven by the bank. ``paid_on`` is the day in Bangkok."""

    ref: str
    amount: int
    reference1: str
    reference2: str
    receiver: str
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float  # monotonic


_tokens: dict[tuple[str, str], _Token] = {}  # by server and key, for all threads
_lock = threading.Lock()


class Scb:
    """One biller at SCB."""

    name = "scb"

    def __init__(
        self,
        keys: Keys,
        *,
        api_url: str = API_URL,
        table: capabilities.Capabilities = capabilities.SCB,
    ) -> None:
        self._keys = keys
        self._table = table
        self._caller = Caller(self.name, api_url, headers={"accept-language": "EN"})

    def capabilities(self) -> Mapping[Method, Capability]:
        return self._table

    def create(self, order: Order) -> Charge:
        if order.method != Method.PROMPTPAY:
            raise GatewayError("unknown_method", order.method)
        ref = ref_of(order.reference, datetime.now(UTC), order.amount)
        ref1, ref2 = ref.split(".")
        wish = {
            "qrType": "PP",
            "ppType": "BILLERID",
            "ppId": self._keys.biller_id,
            "amount": _baht(order.amount),
            "ref1": ref1,
            "ref2": ref2,
            "ref3": self._keys.ref3,
        }
        data = _data(self._ask("POST", "/v1/payment/qrcode/create", json=wish))
        text = data.get("qrRawData") if isinstance(data, Mapping) else None
        if not isinstance(text, str) or not text.startswith("000201"):
            raise GatewayAway("scb gave no QR")
        return Charge(
            ref=ref,
            status=ChargeStatus.PENDING,
            amount=order.amount,
            currency="THB",
            qr_payload=text,
            qr_image=_picture(data.get("qrImage")),
            qr_image_type="image/png" if _picture(data.get("qrImage")) else "",
            expires_at=order.expires_at,
        )

    def find(self, key: str, since: datetime) -> Charge | None:
        """Always None: a QR made again is the same QR, and what was paid on it is found by ``look``."""
        return None

    def look(self, ref: str) -> Charge:
        ref1, ref2, day, amount = _parts(ref)
        today = datetime.now(BANGKOK).date()
        last = max(day, min(today, day + timedelta(days=LATE_DAYS)))
        rows: list[Mapping[str, Any]] = []
        while day <= last:
            rows += self._paid(ref1, ref2, day)
            day += timedelta(days=1)
        return _charge(ref, amount, rows)

    def capture(self, ref: str, satang: int) -> Charge:
        raise GatewayError("not_supported", "SCB QR30 holds nothing")

    def release(self, ref: str) -> Charge:
        raise GatewayError("not_supported", "SCB QR30 holds nothing")

    def expire(self, ref: str) -> Charge:
        """Nothing at the bank ends a QR: it is ours to forget, unless it has been paid."""
        seen = self.look(ref)
        if seen.status != ChargeStatus.PENDING:
            return seen
        return Charge(ref=ref, status=ChargeStatus.EXPIRED, amount=seen.amount, currency="THB")

    def refund(self, ref: str, satang: int, key: str) -> RefundSeen:
        raise GatewayError("not_supported", "SCB QR30 pays nothing back")

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        return read_notice(body)

    def slip(self, trans_ref: str, sending_bank: str = OWN_BANK) -> Slip:
        """What a customer's slip really says. ``GatewayError`` where the bank knows no such transfer."""
        if not (trans_ref.isascii() and trans_ref.isalnum() and len(trans_ref) <= 40):
            raise GatewayError("not_found", "no transfer has this reference")
        path = f"/v1/payment/billpayment/transactions/{trans_ref}"
        data = _data(self._ask("GET", path, params={"sendingBank": sending_bank}))
        if not isinstance(data, Mapping) or data.get("transRef") != trans_ref:
            raise GatewayError("not_found", "no transfer has this reference")
        receiver = data.get("receiver")
        proxy = receiver.get("proxy") if isinstance(receiver, Mapping) else None
        return Slip(
            ref=trans_ref,
            amount=_satang(data.get("paidLocalAmount") or data.get("amount")),
            reference1=str(data.get("ref1") or ""),
            reference2=str(data.get("ref2") or ""),
            receiver=str(proxy.get("value") or "") if isinstance(proxy, Mapping) else "",
            paid_on=_day(str(data.get("transDate") or "")),
        )

    def check_keys(self) -> None:
        """Ask for a token. ``GatewayError`` where the keys are not accepted."""
        _forget(self._caller.base, self._keys.api_key)
        self._token()

    # --- the wire ---------------------------------------------------------------------------------

    def _paid(self, ref1: str, ref2: str, day: date) -> list[Mapping[str, Any]]:
        params = {
            "eventCode": QR30,
            "billerId": self._keys.biller_id,
            "reference1": ref1,
            "reference2": ref2,
            "transactionDate": day.isoformat(),
        }
        answer = self._ask("GET", "/v1/payment/billpayment/inquiry", params=params)
        if answer.status == 404 and "status" in answer.body:  # nobody has paid on that day
            return []
        data = _data(answer)
        rows = data if isinstance(data, list) else [data] if isinstance(data, Mapping) else []
        return [
            row
            for row in rows
            if row.get("billPaymentRef1") == ref1 and row.get("billPaymentRef2") == ref2
        ]

    def _ask(
        self,
        verb: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> Answer:
        answer = self._once(verb, path, json, params)
        if answer.status == 401:  # the bank forgot the token before its time
            _forget(self._caller.base, self._keys.api_key)
            answer = self._once(verb, path, json, params)
        return answer

    def _once(
        self,
        verb: str,
        path: str,
        json: Mapping[str, Any] | None,
        params: Mapping[str, str | int] | None,
    ) -> Answer:
        headers = {**self._ours(), "authorization": f"Bearer {self._token()}"}
        return self._caller.ask(verb, path, json=json, params=params, headers=headers)

    def _ours(self) -> dict[str, str]:
        return {"resourceOwnerId": self._keys.api_key, "requestUId": str(uuid.uuid4())}

    def _token(self) -> str:
        place = (self._caller.base, self._keys.api_key)
        with _lock:
            kept = _tokens.get(place)
        if kept and kept.until > time.monotonic():
            return kept.text
        wish = {
            "applicationKey": self._keys.api_key,
            "applicationSecret": self._keys.api_secret,
        }
        data = _data(self._caller.ask("POST", "/v1/oauth/token", json=wish, headers=self._ours()))
        text = data.get("accessToken") if isinstance(data, Mapping) else None
        lives = data.get("expiresIn") if isinstance(data, Mapping) else None
        if not isinstance(text, str) or not isinstance(lives, int):
            raise GatewayAway("scb gave no token")
        with _lock:
            until = time.monotonic() + max(lives - TOKEN_MARGIN_SECONDS, 1)
            _tokens[place] = _Token(text, until)
        return text


def ref_of(reference: str, at: datetime, satang: int) -> str:
    """The two references of a QR with a dot between. SCB takes A-Z and 0-9, at most 20 of them."""
    ref1 = "".join(each for each in reference.upper() if each.isascii() and each.isalnum())[:20]
    return f"{ref1}.{at.astimezone(BANGKOK):%y%m%d}{satang}"


def read_notice(body: bytes) -> Notice:
    """A callback, never trusted. ``NotANotice`` where it is none."""
    said = notices.parsed(body)
    if not isinstance(said.get("transactionId"), str):
        raise NotANotice("no callback of SCB")
    ref = f"{said.get('billPaymentRef1')}.{said.get('billPaymentRef2')}"
    names = ("transactionId", "amount", "currencyCode", "transactionDateandTime")
    return Notice(
        event_id=said["transactionId"][:120],
        kind=str(said.get("transactionType") or "payment")[:60],
        ref=ref if _REF.fullmatch(ref) else "",
        key="",
        trusted=False,
        body={name: said[name] for name in names if name in said},
    )


def _charge(ref: str, amount: int, rows: list[Mapping[str, Any]]) -> Charge:
    """What was paid on a QR: usually nothing or once; more than once is all of it."""
    if not rows:
        return Charge(ref=ref, status=ChargeStatus.PENDING, amount=amount, currency="THB")
    numbers = {str(row.get("currencyCode") or "") for row in rows}
    paid = sum(_satang(row.get("amount")) for row in rows)
    return Charge(
        ref=ref,
        status=ChargeStatus.PAID,
        amount=paid,
        currency="THB" if numbers == {BAHT_NUMBER} else ",".join(sorted(numbers)),
        authorised=paid,
        captured=paid,
        paid_at=_moment(str(rows[0].get("transactionDateandTime") or "")),
    )


def _data(answer: Answer) -> Any:
    """``data`` of a success. ``GatewayError`` where SCB says no, ``GatewayAway`` where it says nothing."""
    status = answer.body.get("status")
    if not isinstance(status, Mapping) or "code" not in status:
        raise GatewayAway(f"scb answered {answer.status} without saying what")
    if status["code"] != SUCCESS:
        raise GatewayError(str(status["code"])[:80], str(status.get("description") or "")[:300])
    return answer.body.get("data")


def _parts(ref: str) -> tuple[str, str, date, int]:
    found = _REF.fullmatch(ref)
    day = _day(f"20{found[2]}") if found else None
    if found is None or day is None:
        raise GatewayError("not_found", "no QR has this reference")
    return found[1], found[2] + found[3], day, int(found[3])


def _baht(satang: int) -> str:
    return f"{satang // 100}.{satang % 100:02d}"


def _satang(value: Any) -> int:
    try:
        found = Decimal(str(value)) * 100
    except InvalidOperation:
        raise GatewayAway("scb gave no amount") from None
    if not found.is_finite() or found != found.to_integral_value():
        raise GatewayAway("scb gave no amount")
    return int(found)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=BANGKOK).date()
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=BANGKOK)).astimezone(UTC)


def _picture(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) > MOST_PICTURE_BYTES * 2:
        return b""
    try:
        found = base64.b64decode(text.removeprefix("data:image/png;base64,"), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if found.startswith(b"\x89PNG\r\n\x1a\n") else b""


def _forget(base: str, api_key: str) -> None:
    with _lock:
        _tokens.pop((base, api_key), None)
