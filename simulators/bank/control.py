"""The bank from the other side: who pays, and what goes wrong. JSON in and out.

GET  /_control/state                                  plan, charges, bills, webhooks sent
POST /_control/plan     {"webhooks": "twice", …}      see ``simulators.bank.plan``
POST /_control/pay/REF  {"amount"?: satang, "quietly"?: true}     as if the payer had paid
POST /_control/fail/REF {"code"?: "payment_rejected"}
POST /_control/expire/REF
POST /_control/alter/REF {"amount"?, "currency"?, "metadata"? …}  the charge shows something else
POST /_control/settle-refunds/REF                     pending refunds are done
POST /_control/send/REF {"key"?: "charge.complete"}   a webhook now, whatever has happened
POST /_control/forget                                 as on the first day; the plan too

REF is a charge's id, our reference or our key, or the reference 1 of an SCB bill. ``quietly``: no
webhook is sent. A person does the same on ``/`` and ``/pay/REF``.
"""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from simulators.bank.bodies import Body, fill
from simulators.bank.books import Books, Refusal
from simulators.bank.gateways import Omise, Scb
from simulators.bank.plan import Plan
from simulators.bank.sending import Sender
from simulators.bank.web import Reply, Request, Routes, as_json, as_page, to

PAGES = Path(__file__).parent / "pages"
BANKS = {
    "mobile_banking_kbank": "K PLUS",
    "mobile_banking_scb": "SCB EASY",
    "mobile_banking_bbl": "Bangkok Bank",
    "mobile_banking_ktb": "Krungthai NEXT",
    "mobile_banking_bay": "KMA krungsri",
    "promptpay": "PromptPay",
}


class Control:
    """``_control``, the payer's pages and the script of the card form."""

    def __init__(self, books: Books, sender: Sender, omise: Omise, scb: Scb) -> None:
        self.books, self.sender, self.omise, self.scb = books, sender, omise, scb

    def routes(self, table: Routes) -> None:
        ref = r"([\w.-]+)"
        table.add("GET", "/_control/state", self.state)
        table.add("POST", "/_control/plan", self.plan)
        table.add("GET", f"/_control/pay/{ref}", self.page)
        table.add("POST", f"/_control/pay/{ref}", self.pay)
        table.add("POST", f"/_control/fail/{ref}", self.fail)
        table.add("POST", f"/_control/expire/{ref}", self.expire)
        table.add("POST", f"/_control/alter/{ref}", self.alter)
        table.add("POST", f"/_control/settle-refunds/{ref}", self.settle)
        table.add("POST", f"/_control/send/{ref}", self.send)
        table.add("POST", "/_control/forget", self.forget)
        table.add("GET", "/", self.home)
        table.add("GET", f"/pay/{ref}", self.page)
        table.add("GET", r"/payments/(chrg_\w+)/authorize", self.authorise)
        table.add("POST", r"/payments/(chrg_\w+)/authorize", self.authorised)
        table.add("GET", "/omise.js", self.script)
        table.add("GET", "/bank.css", self.style)
        table.add("GET", "/favicon.ico", self.nothing)

    # --- JSON -----------------------------------------------------------------------------------

    async def state(self, request: Request) -> Reply:
        return as_json(
            {
                "plan": self.books.plan.shown(),
                "charges": list(self.books.charges.values()),
                "bills": self.books.bills,
                "payloads": self.books.payloads,
                "told_paid": self.books.told_paid,
                "sent": self.sender.sent[-200:],
            }
        )

    async def plan(self, request: Request) -> Reply:
        try:
            self.books.plan.change(request.values())
        except ValueError as error:
            raise Refusal("bad_request", str(error)) from None
        return as_json(self.books.plan.shown())

    async def pay(self, request: Request, ref: str) -> Reply:
        wish = request.values()
        before = self.books.plan.webhooks
        if wish.get("quietly"):
            self.books.plan.webhooks = "off"
        try:
            if bill := self._bill(ref):
                satang = wish.get("amount")
                amount = f"{satang // 100}.{satang % 100:02d}" if isinstance(satang, int) else None
                paid = self.scb.pay(bill, amount)
            else:
                satang = wish.get("amount")
                paid = self.books.found(ref)
                self.omise.pay(paid, satang if isinstance(satang, int) else None)
        finally:
            self.books.plan.webhooks = before
        return as_json(paid) if request.wants_json else to(f"/pay/{ref}")

    async def fail(self, request: Request, ref: str) -> Reply:
        charge = self.books.found(ref)
        self.omise.fail(charge, str(request.values().get("code") or "payment_rejected"))
        return as_json(charge) if request.wants_json else to(f"/pay/{ref}")

    async def expire(self, request: Request, ref: str) -> Reply:
        charge = self.books.found(ref)
        self.books.expire(charge)
        return as_json(charge)

    async def alter(self, request: Request, ref: str) -> Reply:
        charge = self.books.found(ref)
        return as_json(fill(charge, **request.values()))

    async def settle(self, request: Request, ref: str) -> Reply:
        charge = self.books.found(ref)
        for refund in charge["refunds"]["data"]:
            fill(refund, status="closed")
        return as_json(charge)

    async def send(self, request: Request, ref: str) -> Reply:
        charge = self.books.found(ref)
        event = self.books.event(str(request.values().get("key") or "charge.complete"), charge)
        self.sender.tell(event)
        return as_json(event)

    async def forget(self, request: Request) -> Reply:
        for kept in (self.books.charges, self.books.events, self.books.tokens, self.books.sources):
            kept.clear()
        self.books.bills.clear()
        self.books.payloads.clear()
        self.sender.sent.clear()
        self.books.plan.change(Plan().shown())
        return as_json({})

    # --- pages ----------------------------------------------------------------------------------

    async def home(self, request: Request) -> Reply:
        """What waits to be paid, the newest first."""
        waiting = [
            _row(each["id"], each["metadata"].get("reference", ""), each["amount"], _what(each))
            for each in reversed(list(self.books.charges.values()))
            if each["status"] == "pending" and not each["authorized"]
        ]
        waiting += [
            _row(name, bill["ref1"], _satang(bill["amount"]), "SCB QR30")
            for name, bill in reversed(list(self.books.bills.items()))
            if not bill["paid"]
        ]
        empty = '<p class="empty">ไม่มีรายการรอจ่าย <span>Nothing waits to be paid</span></p>'
        return _page("home", rows="".join(waiting[:50]) or empty)

    async def page(self, request: Request, ref: str) -> Reply:
        """One thing to pay, with the two buttons."""
        bill = self._bill(ref)
        if bill:
            done = "paid" if bill["paid"] else "pending"
            return _ask(ref, bill["ref1"], _satang(bill["amount"]), "SCB QR30", done)
        charge = self.books.found(ref)
        reference = str(charge["metadata"].get("reference") or charge["id"])
        done = "held" if charge["capturable"] else str(charge["status"])
        return _ask(charge["id"], reference, charge["amount"], _what(charge), done)

    async def authorise(self, request: Request, ref: str) -> Reply:
        """The bank's own app, or the question of the card's bank (3-D Secure)."""
        charge = self.books.charge(ref)
        return _page(
            "authorise",
            ref=ref,
            bank=escape(_what(charge)),
            amount=_baht(charge["amount"]),
            reference=escape(str(charge["metadata"].get("reference", ""))),
        )

    async def authorised(self, request: Request, ref: str) -> Reply:
        charge = self.books.charge(ref)
        if charge["status"] == "pending" and not charge["authorized"]:
            if request.values().get("answer") == "yes":
                self.omise.pay(charge)
            else:
                self.omise.fail(charge, "payment_cancelled")
        return to(str(charge["return_uri"]))

    async def script(self, request: Request) -> Reply:
        text = (PAGES / "omise.js").read_text().replace("__VAULT__", self.books.url)
        return Reply(200, text.encode(), "text/javascript; charset=utf-8")

    async def style(self, request: Request) -> Reply:
        return Reply(200, (PAGES / "bank.css").read_bytes(), "text/css; charset=utf-8")

    async def nothing(self, request: Request) -> Reply:
        return Reply(204)

    def _bill(self, ref: str) -> Body | None:
        if ref in self.books.bills:
            return self.books.bills[ref]
        found = [bill for bill in self.books.bills.values() if bill["ref1"] == ref]
        return found[-1] if found else None


WORDS = {
    "pending": ("รอจ่าย", "Waiting for the money"),
    "successful": ("จ่ายแล้ว", "Paid"),
    "paid": ("จ่ายแล้ว", "Paid"),
    "held": ("กันวงเงินแล้ว", "Held"),
    "failed": ("ไม่สำเร็จ", "Failed"),
    "expired": ("หมดเวลา", "Expired"),
    "reversed": ("ปล่อยวงเงินแล้ว", "Released"),
}

AFTER = "<p>กลับไปหน้าชาร์จได้เลย <small>You can go back to the charging page.</small></p>"


def _ask(ref: str, reference: str, satang: int, what: str, status: str) -> Reply:
    thai, english = WORDS.get(status, (status, status))
    late = status == "expired"
    return _page(
        "pay",
        ref=escape(ref),
        reference=escape(reference),
        amount=_baht(satang),
        what=escape(what),
        state=escape(status),
        thai=thai,
        english=english,
        buttons="" if status == "pending" or late else "hidden",
        after=AFTER if status in ("paid", "successful", "held") else "",
    )


def _row(ref: str, reference: str, satang: int, what: str) -> str:
    return (
        f'<a class="row" href="/pay/{escape(ref)}"><span><b>{escape(reference or ref)}</b>'
        f"<small>{escape(what)}</small></span><b>฿{_baht(satang)}</b></a>"
    )


def _page(name: str, **words: Any) -> Reply:
    frame = Template((PAGES / "frame.html").read_text())
    inside = Template((PAGES / f"{name}.html").read_text()).substitute(words)
    return as_page(frame.substitute(inside=inside))


def _what(charge: Body) -> str:
    if charge["source"]:
        kind = str(charge["source"]["type"])
        return BANKS.get(kind, kind)
    return f"{charge['card']['brand']} •••• {charge['card']['last_digits']}"


def _baht(satang: int) -> str:
    return f"{satang // 100:,}.{satang % 100:02d}"


def _satang(amount: str) -> int:
    whole, _, part = amount.partition(".")
    return int(whole) * 100 + int(part)
