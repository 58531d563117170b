"""The simulated bank, served for real on a port of its own; one for a whole worker."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from simulators.bank.app import (
    PUBLIC_KEY,
    SCB_API_KEY,
    SCB_API_SECRET,
    SECRET_KEY,
    WEBHOOK_SECRET,
    Bank,
)

BILLER = "010554800000001"
__all__ = [
    "BILLER",
    "PUBLIC_KEY",
    "SCB_API_KEY",
    "SCB_API_SECRET",
    "SECRET_KEY",
    "WEBHOOK_SECRET",
    "Served",
    "serve",
]


@dataclass
class Served:
    """A running bank and its control door."""

    url: str
    bank: Bank
    server: uvicorn.Server
    thread: threading.Thread
    door: httpx.Client

    def ask(self, verb: str, path: str, **json: Any) -> Any:
        answer = self.door.request(verb, path, json=json if verb == "POST" else None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def plan(self, **switches: Any) -> None:
        self.ask("POST", "/_control/plan", **switches)

    def pay(self, ref: str, **how: Any) -> Any:
        return self.ask("POST", f"/_control/pay/{ref}", **how)

    def card(self, number: str = "4242424242424242") -> str:
        """A token, made at the vault as the browser would."""
        card = {"name": "A B", "number": number, "expiration_month": 1, "expiration_year": 2031}
        answer = self.door.post("/tokens", json={"card": card}, auth=(PUBLIC_KEY, ""))
        return str(answer.json()["id"])

    def stop(self) -> None:
        self.door.close()
        self.server.should_exit = True
        self.thread.join(5)


def serve(omise_webhook: str = "", scb_webhook: str = "") -> Served:
    """Start it; takes connections when this returns."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    bank = Bank(url, omise_webhook, scb_webhook)
    config = uvicorn.Config(bank, host="127.0.0.1", port=port, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the bank did not start"
        time.sleep(0.005)
    return Served(url, bank, server, thread, httpx.Client(base_url=url, trust_env=False))
