"""What the bank knows: charges, refunds, events and bills, as the very bodies it shows.

Moves of money raise ``Refusal`` with the gateway's own word and change nothing then.
"""

import base64
import json
import secrets
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulators.bank import qr
from simulators.bank.bodies import Body, body, fill
from simulators.bank.plan import Plan

BANGKOK = ZoneInfo("Asia/Bangkok")
LEAST, MOST = 20_00, 150_000_00
FEE_RATE = {"promptpay": 165, "card": 365, "mobile_banking": 200}  # of 10,000
BILLER = "010554800000001"
DECLINED = {  # Omise's test numbers, by their last four digits
    "0011": "insufficient_fund",
    "0012": "stolen_or_lost_card",
    "0014": "payment_rejected",
    "0016": "failed_fraud_check",
}
_ALPHABET = string.ascii_lowercase + string.digits


class Refusal(Exception):
    """The bank says no: its code, its sentence."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def stamp(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id(kind: str) -> str:
    return f"{kind}_test_" + "".join(secrets.choice(_ALPHABET) for _ in range(19))


class Books:
    """One bank. ``url`` is how the outside reaches it; ``file`` keeps the books between two runs."""

    def __init__(self, url: str, file: Path | None = None) -> None:
        self.url = url
        self.plan = Plan()
        self.charges: dict[str, Body] = {}
        self.events: dict[str, Body] = {}
        self.tokens: dict[str, Body] = {}
        self.sources: dict[str, Body] = {}
        self.bills: dict[str, Body] = {}  # SCB's QRs by "REF1.REF2"
        self.payloads: dict[str, str] = {}  # the text of each QR, by charge
        self.told_paid: dict[str, float] = {}  # when the merchant was first told that it is paid
        self._file = file
        if file and file.exists():
            kept = json.loads(file.read_text())
            for name in ("charges", "events", "tokens", "sources", "bills", "payloads"):
                setattr(self, name, kept.get(name, {}))

    def keep(self) -> None:
        if self._file:
            names = ("charges", "events", "tokens", "sources", "bills", "payloads")
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps({name: getattr(self, name) for name in names}))
            fresh.replace(self._file)

    # --- charges ------------------------------------------------------------------------------

    def create(self, wish: Body) -> Body:
        """A charge, with its event ``charge.create``."""
        amount = _amount(wish)
        ref = new_id("chrg")
        charge = body(
            "omise_charge",
            id=ref,
            location=f"/charges/{ref}",
            amount=amount,
            authorized_amount=amount,
            funding_amount=amount,
            currency=str(wish.get("currency", "")).upper(),
            description=wish.get("description"),
            metadata=dict(wish.get("metadata") or {}),
            return_uri=wish.get("return_uri"),
            created_at=stamp(),
            expires_at=stamp(datetime.now(UTC) + timedelta(days=1)),
        )
        fill(charge["refunds"], location=f"/charges/{ref}/refunds", to=stamp())
        if wish.get("card"):
            self._with_card(charge, wish)
        else:
            self._with_source(charge, wish)
        self._price(charge, amount)
        self.charges[ref] = charge
        return charge

    def charge(self, ref: str) -> Body:
        try:
            return self.charges[ref]
        except KeyError:
            raise Refusal("not_found", f"charge {ref} was not found", 404) from None

    def found(self, word: str) -> Body:
        """The newest charge with this id, reference or intent."""
        for charge in reversed(list(self.charges.values())):
            named = {charge["id"], *(str(each) for each in charge["metadata"].values())}
            if word in named:
                return charge
        raise Refusal("not_found", f"nothing to pay is called {word}", 404)

    def pay(self, charge: Body, satang: int | None = None) -> None:
        """The payer pays: a source is taken, a card with ``capture`` false is held."""
        if charge["status"] not in ("pending", "expired", "failed"):
            raise Refusal("failed_capture", "it is paid or over")
        if satang is not None:
            fill(charge, amount=satang, authorized_amount=satang)
            self._price(charge, satang)
        at = stamp()
        fill(charge, authorized=True, authorized_at=at, authorized_amount=charge["amount"])
        fill(charge, expired=False, failure_code=None, failure_message=None, status="pending")
        if charge["capture"]:
            self._take(charge, charge["amount"])
        else:
            held_until = stamp(datetime.now(UTC) + timedelta(days=7))
            fill(charge, capturable=True, reversible=True, expires_at=held_until)

    def fail(self, charge: Body, code: str = "payment_rejected") -> None:
        if charge["status"] != "pending" or charge["authorized"]:
            raise Refusal("failed_capture", "it is paid or over")
        fill(charge, status="failed", failure_code=code, failure_message=code.replace("_", " "))
        self._say_in_source(charge)

    def capture(self, charge: Body, satang: int | None) -> None:
        most = charge["authorized_amount"]
        taken = most if satang is None else satang
        if not charge["capturable"] or charge["status"] != "pending":
            raise Refusal("failed_capture", "charge is not capturable")
        if taken != most and charge["authorization_type"] != "pre_auth":
            raise Refusal("failed_capture", "capture amount must be the authorized amount")
        if not 0 < taken <= most:
            raise Refusal("failed_capture", "capture amount exceeds the authorized amount")
        self._price(charge, taken)
        self._take(charge, taken)

    def reverse(self, charge: Body) -> None:
        if not charge["reversible"]:
            raise Refusal("failed_reverse", "charge cannot be reversed")
        fill(charge, status="reversed", reversed=True, reversed_at=stamp())
        fill(charge, capturable=False, reversible=False)

    def expire(self, charge: Body) -> None:
        if charge["status"] != "pending" or charge["authorized"]:
            raise Refusal("invalid_charge", "charge cannot be expired")
        fill(charge, status="expired", expired=True, expired_at=stamp())
        self._say_in_source(charge)

    def refund(self, charge: Body, wish: Body) -> Body:
        amount, left = _whole(wish, "amount"), charge["captured_amount"] - charge["refunded_amount"]
        if self.plan.refunds == "refused":
            raise Refusal("failed_refund", "charge cannot be refunded")
        if not charge["refundable"] or not 0 < amount <= left:
            raise Refusal("failed_refund", "refund amount exceeds what is left of the charge")
        ref = new_id("rfnd")
        made = body(
            "omise_refund",
            id=ref,
            location=f"/charges/{charge['id']}/refunds/{ref}",
            charge=charge["id"],
            amount=amount,
            funding_amount=amount,
            metadata=dict(wish.get("metadata") or {}),
            status="pending" if self.plan.refunds == "pending" else "closed",
            transaction=new_id("trxn"),
            created_at=stamp(),
        )
        charge["refunds"]["data"].append(made)
        fill(charge["refunds"], total=len(charge["refunds"]["data"]), to=stamp())
        fill(charge, refunded_amount=charge["refunded_amount"] + amount)
        return made

    def event(self, key: str, data: Body) -> Body:
        """An event about the charge or refund as it is now."""
        ref = new_id("evnt")
        copy: Body = json.loads(json.dumps(data))
        made = body(
            "omise_event", id=ref, location=f"/events/{ref}", key=key, data=copy, created_at=stamp()
        )
        self.events[ref] = made
        return made

    # --- cards and sources ----------------------------------------------------------------------

    def tokenise(self, card: Body) -> Body:
        """A token for a card. Of the number only the last four digits are kept."""
        number = "".join(each for each in str(card.get("number", "")) if each.isdigit())
        if len(number) < 13 or not _luhn(number):
            raise Refusal("invalid_card", "number is invalid")
        ref = new_id("tokn")
        shown = body(
            "omise_card",
            id=new_id("card"),
            last_digits=number[-4:],
            name=str(card.get("name") or "")[:80],
            expiration_month=int(card.get("expiration_month") or 0),
            expiration_year=int(card.get("expiration_year") or 0),
            created_at=stamp(),
        )
        token = body(
            "omise_token", id=ref, location=f"/tokens/{ref}", card=shown, created_at=stamp()
        )
        self.tokens[ref] = token
        return token

    def make_source(self, wish: Body) -> Body:
        kind = str(wish.get("type", ""))
        if kind != "promptpay" and not kind.startswith("mobile_banking_"):
            raise Refusal("invalid_source", f"type {kind} is not supported")
        ref = new_id("src")
        source = body(
            "omise_source",
            id=ref,
            location=f"/sources/{ref}",
            type=kind,
            flow="offline" if kind == "promptpay" else "app_redirect",
            amount=int(wish.get("amount") or 0),
            created_at=stamp(),
        )
        self.sources[ref] = source
        return source

    def _with_card(self, charge: Body, wish: Body) -> None:
        token = self.tokens.get(str(wish["card"]))
        if token is None:
            raise Refusal("not_found", "token was not found", 404)
        if token["used"]:
            raise Refusal("used_token", "token was already used")
        fill(token, used=True)
        hold = wish.get("capture") is False
        kind = wish.get("authorization_type") or ("final_auth" if hold else None)
        fill(charge, card=token["card"], capture=not hold, authorization_type=kind)
        refused = DECLINED.get(token["card"]["last_digits"])
        if self.plan.cards == "declined" or refused:
            self.fail(charge, refused or "payment_rejected")
        elif self.plan.cards == "3ds" and charge["return_uri"]:
            fill(charge, authorize_uri=f"{self.url}/payments/{charge['id']}/authorize")
        else:
            self.pay(charge)

    def _with_source(self, charge: Body, wish: Body) -> None:
        asked = wish.get("source")
        if isinstance(asked, str) and asked in self.sources:
            source = self.sources[asked]
        elif isinstance(asked, dict):
            source = self.make_source(asked)
        else:
            raise Refusal("invalid_charge", "source or card is missing")
        fill(source, amount=charge["amount"])
        fill(charge, source=source)
        if source["type"] != "promptpay":
            if not charge["return_uri"]:
                raise Refusal("bad_request", "return uri is missing")
            fill(charge, authorize_uri=f"{self.url}/payments/{charge['id']}/authorize")
            return
        document = new_id("docu")
        where = f"/charges/{charge['id']}/documents/{document}"
        code = body("omise_image")
        fill(code["image"], id=document, location=where, created_at=stamp())
        fill(code["image"], download_uri=f"{self.url}{where}/downloads/{secrets.token_hex(8)}")
        fill(source, scannable_code=code)
        ref1 = charge["id"].split("_")[-1].upper()
        self.payloads[charge["id"]] = qr.payload(BILLER, ref1, "", charge["amount"])

    def _take(self, charge: Body, satang: int) -> None:
        at = stamp()
        fill(charge, status="successful", paid=True, captured=True, paid_at=at, captured_at=at)
        fill(charge, captured_amount=satang, capturable=False, reversible=False, refundable=True)
        fill(charge, transaction=new_id("trxn"))
        self._say_in_source(charge)

    def _say_in_source(self, charge: Body) -> None:
        if charge["source"]:
            fill(charge["source"], charge_status=charge["status"])

    def _price(self, charge: Body, satang: int) -> None:
        kind = str(charge["source"]["type"]) if charge["source"] else "card"
        rate = FEE_RATE["mobile_banking" if kind.startswith("mobile_") else kind]
        fee = (satang * rate + 5_000) // 10_000
        vat = (fee * 7 + 50) // 100
        fill(charge, fee=fee, fee_vat=vat, net=satang - fee - vat)
        fill(charge["transaction_fees"], fee_rate=f"{rate // 100}.{rate % 100:02d}")

    # --- SCB ------------------------------------------------------------------------------------

    def bill(self, wish: Body) -> Body:
        """A QR30 of SCB: its recorded answer. The same references give the same QR."""
        ref1, ref2, ref3 = (str(wish.get(name) or "") for name in ("ref1", "ref2", "ref3"))
        biller, amount = str(wish.get("ppId") or ""), str(wish.get("amount") or "")
        whole, _, part = amount.partition(".")
        if not (ref1 and whole.isdigit() and part.isdigit() and len(part) == 2):
            raise Refusal("1101", "Missing required parameters")
        satang = int(whole) * 100 + int(part)
        text = qr.payload(biller, ref1, ref2, satang, ref3)
        self.bills.setdefault(
            f"{ref1}.{ref2}",
            {
                "biller": biller,
                "ref1": ref1,
                "ref2": ref2,
                "ref3": ref3,
                "amount": amount,
                "paid": [],
            },
        )
        answer = body("scb_qr")
        picture = base64.b64encode(qr.png(text)).decode()
        fill(answer["data"], qrRawData=text, qrImage=picture)
        return answer

    def pay_bill(self, bill: Body, amount: str | None = None) -> Body:
        """The callback of the payment, which is what the inquiry shows as well."""
        now = datetime.now(BANGKOK)
        callback = body(
            "scb_callback",
            payeeProxyId=bill["biller"],
            amount=amount or bill["amount"],
            transactionId=f"{now:%Y%m%d}{secrets.token_hex(8)}",
            transactionDateandTime=now.isoformat(timespec="milliseconds"),
            billPaymentRef1=bill["ref1"],
            billPaymentRef2=bill["ref2"],
            billPaymentRef3=bill["ref3"],
        )
        bill["paid"].append(callback)
        return callback

    def paid_bills(self, ref1: str, ref2: str, day: str) -> list[Any]:
        bill = self.bills.get(f"{ref1}.{ref2}")
        rows = bill["paid"] if bill else []
        return [row for row in rows if row["transactionDateandTime"].startswith(day)]


def _amount(wish: Body) -> int:
    amount = _whole(wish, "amount")
    if str(wish.get("currency", "")).lower() != "thb":
        raise Refusal("invalid_charge", "currency must be thb")
    if amount < LEAST:
        raise Refusal(
            "invalid_charge", "amount must be greater than or equal to ฿20 (2000 satangs)"
        )
    if amount > MOST:
        raise Refusal(
            "invalid_charge", "amount must be less than or equal to ฿150000 (15000000 satangs)"
        )
    return amount


def _whole(wish: Body, name: str) -> int:
    value = wish.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("bad_request", f"{name} must be a whole number")
    return value


def _luhn(number: str) -> bool:
    digits = [int(each) for each in reversed(number)]
    doubled = [sum(divmod(each * 2, 10)) for each in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
