"""The bank as one ASGI application, with the ways in which its network is bad."""

import asyncio
from pathlib import Path

from simulators.bank.books import Books, Refusal
from simulators.bank.control import Control
from simulators.bank.gateways import Omise, Scb, refusal
from simulators.bank.sending import Sender
from simulators.bank.web import Handler, Receive, Reply, Request, Routes, Scope, Send, read, write

SECRET_KEY = "skey_test_demo0000000000000000"  # noqa: S105
PUBLIC_KEY = "pkey_test_demo0000000000000000"
WEBHOOK_SECRET = "ZXZiaWxsaW5nLWRlbW8td2ViaG9vay1zZWNyZXQ="  # noqa: S105
OLD_WEBHOOK_SECRET = "ZXZiaWxsaW5nLWRlbW8tb2xkZXItc2VjcmV0ISE="  # noqa: S105
SCB_API_KEY, SCB_API_SECRET = "l7demo", "demo-scb-secret"
FROM_ANYWHERE = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-allow-methods": "POST, GET",
}


class Bank:
    """One bank. ``url``: how a browser and the merchant reach it."""

    def __init__(
        self, url: str, omise_webhook: str = "", scb_webhook: str = "", file: Path | None = None
    ) -> None:
        self.books = Books(url, file)
        plan = self.books.plan
        self.sender = Sender(omise_webhook, scb_webhook, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET, plan)
        omise = Omise(self.books, self.sender, SECRET_KEY, PUBLIC_KEY)
        scb = Scb(self.books, self.sender, SCB_API_KEY, SCB_API_SECRET)
        self.api, self.doors = Routes(), Routes()
        omise.routes(self.api)
        scb.routes(self.api)
        Control(self.books, self.sender, omise, scb).routes(self.doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                reply = await self._answer(await read(scope, receive))
            except Refusal as error:
                reply = _open(refusal(error, scope["path"]))
            except ValueError as error:
                reply = _open(refusal(Refusal("bad_request", str(error)), scope["path"]))
            await write(send, reply)

    async def _answer(self, request: Request) -> Reply:
        if found := self.doors.find(request.method, request.path):
            handler, words = found
            reply = await handler(request, *words)
            self._keep(request)
            return reply
        if request.method == "OPTIONS":
            return Reply(204, headers=FROM_ANYWHERE)
        found = self.api.find(request.method, request.path)
        if found is None:
            raise Refusal("not_found", f"{request.path} was not found", 404)
        return await self._merchants(request, found)

    async def _merchants(self, request: Request, found: tuple[Handler, tuple[str, ...]]) -> Reply:
        """A request of the merchant's: the plan may lose it, or its answer."""
        plan = self.books.plan
        if plan.away > 0:
            plan.away -= 1
            return Reply(503, b"<html>Service Unavailable</html>", "text/html")
        handler, words = found
        reply = await handler(request, *words)
        self._keep(request)
        if plan.slow_s:
            await asyncio.sleep(plan.slow_s)
        if plan.lost > 0:
            plan.lost -= 1
            return Reply(502, b"<html>Bad Gateway</html>", "text/html")
        return _open(reply)

    def _keep(self, request: Request) -> None:
        if request.method == "POST":
            self.books.keep()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.sender.end()
                self.books.keep()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _open(reply: Reply) -> Reply:
    """The vault is asked from pages of any merchant."""
    return Reply(reply.status, reply.content, reply.kind, {**reply.headers, **FROM_ANYWHERE})
