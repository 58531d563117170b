"""Webhooks as the gateways send them: signed, repeated until answered, and as badly as the plan says."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field

import httpx

from simulators.bank.bodies import Body
from simulators.bank.plan import Plan

REPEAT_S = (0.5, 2.0, 8.0, 30.0)
STALE_S = 600


@dataclass
class Sender:
    """``secret`` and ``old_secret`` are base64, as the dashboard shows them."""

    omise_url: str
    scb_url: str
    secret: str
    old_secret: str
    plan: Plan
    sent: list[tuple[str, int]] = field(default_factory=list)  # (event, status; 0: no answer)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[Body] = field(default_factory=list)  # events waiting to be overtaken

    def tell(self, event: Body) -> None:
        """An event of Omise, in the way of the plan."""
        mode = self.plan.webhooks
        if mode == "off" or not self.omise_url:
            return
        if mode == "out_of_order" and event["key"] == "charge.create":
            self._held.append(event)
            return
        self._soon(event, mode)
        if mode == "twice":
            self._soon(event, mode)
        while self._held:
            self._soon(self._held.pop(), "late")

    def tell_scb(self, callback: Body) -> None:
        if self.plan.webhooks == "off" or not self.scb_url:
            return
        delay = self.plan.webhook_delay_s if self.plan.webhooks == "late" else 0.0
        times = 2 if self.plan.webhooks == "twice" else 1
        for _ in range(times):
            content = json.dumps(callback).encode()
            self._spawn(self._deliver(self.scb_url, callback["transactionId"], content, delay, ""))

    async def end(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _soon(self, event: Body, mode: str) -> None:
        delay = self.plan.webhook_delay_s if mode == "late" else 0.0
        content = json.dumps(event).encode()
        self._spawn(self._deliver(self.omise_url, event["id"], content, delay, mode))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, url: str, name: str, content: bytes, delay: float, mode: str) -> None:
        await asyncio.sleep(delay)
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            for wait in (*REPEAT_S, None):
                headers = {"content-type": "application/json", **self.headers(content, mode)}
                try:
                    status = (await client.post(url, content=content, headers=headers)).status_code
                except httpx.HTTPError:
                    status = 0
                self.sent.append((name, status))
                if 200 <= status < 300 or wait is None:
                    return
                await asyncio.sleep(wait)

    def headers(self, content: bytes, mode: str) -> dict[str, str]:
        """The signature headers of Omise; none for SCB (mode "") and where the plan says unsigned."""
        if mode in ("", "unsigned"):
            return {}
        at = str(int(time.time()) - (STALE_S if mode == "stale" else 0))
        keys = {"old_secret": [self.old_secret], "both_secrets": [self.secret, self.old_secret]}
        signs = [_sign(key, at, content) for key in keys.get(mode, [self.secret])]
        if mode == "forged":
            signs = [_sign(base64.b64encode(b"somebody else's").decode(), at, content)]
        return {"Omise-Signature": ",".join(signs), "Omise-Signature-Timestamp": at}


def _sign(secret: str, at: str, content: bytes) -> str:
    key = base64.b64decode(secret)
    return hmac.new(key, at.encode() + b"." + content, hashlib.sha256).hexdigest()
