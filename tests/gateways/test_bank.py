"""The simulated bank by itself: what a person sees there, and how it sends its webhooks."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from simulators.bank import sending
from tests.gateways import bank as banks
from tests.gateways.bank import SECRET_KEY, Served

pytestmark = pytest.mark.pure


@dataclass
class Merchant:
    """Takes webhooks; the first ``deaf`` of them get a 500."""

    url: str = ""
    deaf: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    heard: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self, times: int) -> list[str]:
        """The ids of the next ``times`` notices that were answered with 200."""
        for _ in range(times):
            assert self.heard.acquire(timeout=10), "no webhook came"
        return [httpx.Response(200, content=body).json()["id"] for _headers, body in self.got]


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    found = Merchant()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            deaf, found.deaf = found.deaf > 0, max(found.deaf - 1, 0)
            self.send_response(500 if deaf else 200)
            self.end_headers()
            if not deaf:
                found.got.append((dict(self.headers), body))
                found.heard.release()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    found.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def a_charge(bank: Served, **wish: Any) -> Any:
    values = {
        "amount": 165_00,
        "currency": "thb",
        "metadata": {"reference": "C7K2M9", "intent": "k"},
    }
    source = {"source": {"type": "promptpay"}}
    return bank.door.post("/charges", json=values | (wish or source), auth=(SECRET_KEY, "")).json()


def test_a_person_finds_what_waits_and_pays_it(bank: Served) -> None:
    charge = a_charge(bank)
    assert "C7K2M9" in bank.door.get("/").text
    page = bank.door.get("/pay/C7K2M9").text
    assert "฿165.00" in page
    assert "Waiting for the money" in page
    answer = bank.door.post("/_control/pay/C7K2M9", data={"x": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pay/C7K2M9")
    assert "Paid" in bank.door.get("/_control/pay/C7K2M9").text
    assert charge["id"] not in bank.door.get("/").text
    assert bank.door.get("/pay/nobody").status_code == 404


@pytest.mark.parametrize(("answer", "status"), [("yes", "successful"), ("no", "failed")])
def test_the_banks_own_app_leads_back_with_the_answer(
    bank: Served, answer: str, status: str
) -> None:
    source = {"type": "mobile_banking_kbank"}
    charge = a_charge(bank, source=source, return_uri="https://ours/back/")
    path = charge["authorize_uri"].removeprefix(bank.url)
    assert "K PLUS" in bank.door.get(path).text
    back = bank.door.post(path, data={"answer": answer})
    assert (back.status_code, back.headers["location"]) == (303, "https://ours/back/")
    assert bank.bank.books.charges[charge["id"]]["status"] == status


def test_the_script_hands_a_card_to_the_vault_from_any_page(bank: Served) -> None:
    assert f'vault = "{bank.url}"' in bank.door.get("/omise.js").text
    asked = bank.door.options("/tokens")
    assert asked.headers["access-control-allow-origin"] == "*"
    card = {"card": {"number": "4242424242424241"}}
    refused = bank.door.post("/tokens", json=card, auth=(banks.PUBLIC_KEY, ""))
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_card")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert bank.door.post("/charges", json={}, auth=(banks.PUBLIC_KEY, "")).status_code == 401


def test_an_unknown_switch_is_refused(bank: Served) -> None:
    for wish in ({"webhooks": "sometimes"}, {"speed": 1}, {"away": "x"}):
        assert bank.door.post("/_control/plan", json=wish).status_code == 400


def test_webhooks_are_repeated_until_heard_and_twice_or_in_the_wrong_order_if_told(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "REPEAT_S", (0.01, 0.01))
    served = banks.serve(merchant.url)
    try:
        merchant.deaf = 1
        a_charge(served)
        (created,) = merchant.wait(1)
        served.plan(webhooks="twice")
        served.pay("C7K2M9")
        heard = merchant.wait(2)
        assert len(heard) == 3
        assert heard[1] == heard[2] != created
        served.plan(webhooks="out_of_order", webhook_delay_s=0.05)
        a_charge(served)
        served.pay("C7K2M9")
        merchant.wait(2)
        keys = [httpx.Response(200, content=body).json()["key"] for _h, body in merchant.got]
        assert keys[-2:] == ["charge.complete", "charge.create"]
        assert "Omise-Signature" in merchant.got[0][0]
    finally:
        served.stop()
