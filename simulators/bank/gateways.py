"""The two faces towards a merchant: Omise's API and vault, SCB's Open API."""

import secrets
import time
from typing import Any

from simulators.bank import qr
from simulators.bank.bodies import Body, body, fill
from simulators.bank.books import Books, Refusal, stamp
from simulators.bank.sending import Sender
from simulators.bank.web import Reply, Request, Routes, as_json

CHARGE = r"/charges/(chrg_\w+)"


class Omise:
    """https://api.omise.co and https://vault.omise.co in one."""

    def __init__(self, books: Books, sender: Sender, secret_key: str, public_key: str) -> None:
        self.books, self.sender = books, sender
        self._secret_key, self._public_key = secret_key, public_key

    def routes(self, table: Routes) -> None:
        table.add("POST", "/charges", self.create)
        table.add("GET", "/charges", self.charges)
        table.add("GET", CHARGE, self.charge)
        table.add("POST", f"{CHARGE}/(capture|reverse|expire)", self.move)
        table.add("GET", f"{CHARGE}/refunds", self.refunds)
        table.add("POST", f"{CHARGE}/refunds", self.refund)
        table.add("GET", rf"{CHARGE}/documents/(\w+)/downloads/(\w+)", self.picture)
        table.add("POST", "/sources", self.source)
        table.add("POST", "/tokens", self.token)
        table.add("GET", r"/events/(\w+)", self.event)
        table.add("GET", "/events", self.events)
        table.add("GET", "/account", self.account)

    async def create(self, request: Request) -> Reply:
        self._merchant(request)
        charge = self.books.create(_read(request))
        self._tell("charge.create", charge)
        if charge["status"] != "pending" or charge["authorized"]:
            self._tell("charge.complete", charge)
        return as_json(charge)

    async def charges(self, request: Request) -> Reply:
        self._merchant(request)
        return as_json(self._listed(request, list(self.books.charges.values()), "/charges"))

    async def charge(self, request: Request, ref: str) -> Reply:
        self._merchant(request)
        charge = self.books.charge(ref)
        if charge["status"] == "successful":
            self.books.told_paid.setdefault(ref, time.time())
        return as_json(charge)

    async def move(self, request: Request, ref: str, what: str) -> Reply:
        self._merchant(request)
        charge, wish = self.books.charge(ref), _read(request)
        if what == "capture":
            self.books.capture(charge, wish.get("capture_amount"))
        elif what == "reverse":
            self.books.reverse(charge)
        else:
            self.books.expire(charge)
        self._tell(f"charge.{what}", charge)
        return as_json(charge)

    async def refunds(self, request: Request, ref: str) -> Reply:
        self._merchant(request)
        rows = self.books.charge(ref)["refunds"]["data"]
        return as_json(self._listed(request, rows, f"/charges/{ref}/refunds"))

    async def refund(self, request: Request, ref: str) -> Reply:
        self._merchant(request)
        made = self.books.refund(self.books.charge(ref), _read(request))
        self._tell("refund.create", made)
        return as_json(made)

    async def picture(self, request: Request, ref: str, document: str, token: str) -> Reply:
        charge = self.books.charge(ref)
        code = (charge["source"] or {}).get("scannable_code")
        if not code or not code["image"]["download_uri"].endswith(f"/{document}/downloads/{token}"):
            raise Refusal("not_found", "document was not found", 404)
        return Reply(200, qr.svg(self.books.payloads[ref]), "image/svg+xml")

    async def source(self, request: Request) -> Reply:
        self._merchant(request, public=True)
        return as_json(self.books.make_source(_read(request)))

    async def token(self, request: Request) -> Reply:
        self._merchant(request, public=True)
        card = _read(request).get("card")
        if not isinstance(card, dict):
            raise Refusal("invalid_card", "card is missing")
        return as_json(self.books.tokenise(card))

    async def event(self, request: Request, ref: str) -> Reply:
        self._merchant(request)
        if ref not in self.books.events:
            raise Refusal("not_found", f"event {ref} was not found", 404)
        return as_json(self.books.events[ref])

    async def events(self, request: Request) -> Reply:
        self._merchant(request)
        return as_json(self._listed(request, list(self.books.events.values()), "/events"))

    async def account(self, request: Request) -> Reply:
        self._merchant(request)
        return as_json(body("omise_account", webhook_uri=self.sender.omise_url or None))

    def pay(self, charge: Body, satang: int | None = None) -> None:
        """Somebody pays at the bank."""
        self.books.pay(charge, satang)
        self._tell("charge.complete", charge)

    def fail(self, charge: Body, code: str) -> None:
        self.books.fail(charge, code)
        self._tell("charge.complete", charge)

    def _tell(self, key: str, data: Body) -> None:
        self.sender.tell(self.books.event(key, data))

    def _merchant(self, request: Request, *, public: bool = False) -> None:
        if request.user == self._secret_key or (public and request.user == self._public_key):
            return
        raise Refusal("authentication_failure", "authentication failed", 401)

    def _listed(self, request: Request, rows: list[Body], location: str) -> Body:
        """Omise's lists: from and to (inclusive), limit, offset, order."""
        start = request.query.get("from", "1970-01-01T00:00:00Z")
        order = request.query.get("order", "chronological")
        limit = min(int(request.query.get("limit", "20")), 100, self.books.plan.page)
        offset = int(request.query.get("offset", "0"))
        end = request.query.get("to") or stamp()
        found = [row for row in rows if start <= row["created_at"] <= end]
        if order == "reverse_chronological":
            found.reverse()
        return body(
            "omise_list",
            data=found[offset : offset + limit],
            limit=limit,
            offset=offset,
            total=len(found),
            location=location,
            order=order,
            to=end,
            **{"from": start},
        )


class Scb:
    """https://api.partners.scb/partners, QR30."""

    def __init__(self, books: Books, sender: Sender, api_key: str, api_secret: str) -> None:
        self.books, self.sender = books, sender
        self._api_key, self._api_secret = api_key, api_secret
        self.tokens: set[str] = set()

    def routes(self, table: Routes) -> None:
        table.add("POST", "/scb/v1/oauth/token", self.token)
        table.add("POST", "/scb/v1/payment/qrcode/create", self.create)
        table.add("GET", "/scb/v1/payment/billpayment/inquiry", self.inquiry)
        table.add("GET", r"/scb/v1/payment/billpayment/transactions/(\w+)", self.slip)

    async def token(self, request: Request) -> Reply:
        wish = _read(request)
        keys = (wish.get("applicationKey"), wish.get("applicationSecret"))
        if keys != (self._api_key, self._api_secret):
            raise Refusal("9500", "Invalid authentication credentials", 401)
        if not request.headers.get("requestuid") or not request.headers.get("resourceownerid"):
            raise Refusal("1101", "Missing required parameters")
        text = secrets.token_hex(16)
        self.tokens.add(text)
        answer = body("scb_token")
        fill(answer["data"], accessToken=text, expiresAt=int(time.time()) + 1800)
        return as_json(answer)

    async def create(self, request: Request) -> Reply:
        self._merchant(request)
        return as_json(self.books.bill(_read(request)))

    async def inquiry(self, request: Request) -> Reply:
        self._merchant(request)
        asked = request.query
        rows = self.books.paid_bills(
            asked.get("reference1", ""),
            asked.get("reference2", ""),
            asked.get("transactionDate", ""),
        )
        rows = [row for row in rows if row["payeeProxyId"] == asked.get("billerId")]
        if not rows:
            raise Refusal("4101", "Transaction not found", 404)
        return as_json(body("scb_inquiry", data=rows))

    async def slip(self, request: Request, ref: str) -> Reply:
        self._merchant(request)
        for bill in self.books.bills.values():
            for paid in bill["paid"]:
                if paid["transactionId"] == ref:
                    return as_json(_slip(bill, paid))
        raise Refusal("4101", "Transaction not found", 404)

    def pay(self, bill: Body, amount: str | None = None) -> Body:
        """Somebody pays at the bank."""
        callback = self.books.pay_bill(bill, amount)
        self.sender.tell_scb(callback)
        return callback

    def _merchant(self, request: Request) -> None:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or text not in self.tokens:
            raise Refusal("9500", "Invalid authentication credentials", 401)


def refusal(error: Refusal, path: str) -> Reply:
    """A no in the words of whose door it is."""
    if path.startswith("/scb/"):
        status = {
            "code": int(error.code) if error.code.isdigit() else 9999,
            "description": error.message,
        }
        return as_json(body("scb_error", status=status), error.status)
    code = body("omise_error", code=error.code, message=error.message)
    fill(code, location=f"https://www.omise.co/api-errors#{error.code.replace('_', '-')}")
    return as_json(code, error.status)


def _slip(bill: Body, paid: Body) -> Body:
    answer = body("scb_slip")
    at = paid["transactionDateandTime"]
    fill(
        answer["data"],
        transRef=paid["transactionId"],
        transDate=at[:10].replace("-", ""),
        transTime=at[11:19],
        amount=paid["amount"],
        paidLocalAmount=paid["amount"],
        ref1=bill["ref1"],
        ref2=bill["ref2"],
        ref3=bill["ref3"],
    )
    answer["data"]["receiver"]["proxy"]["value"] = bill["biller"]
    return answer


def _read(request: Request) -> dict[str, Any]:
    try:
        return request.values()
    except ValueError:
        raise Refusal("bad_request", "the body cannot be read") from None
