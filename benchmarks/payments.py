"""From the gateway's word that the money is there to the order on the wire; and a hundred notices a second.

Everything stands as in production: web, sockets, deliverer and Celery worker are processes of their
own, the gateway is the simulated bank over HTTP, its webhooks are signed.
"""

import base64
import hashlib
import hmac
import json
import secrets
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from benchmarks import processes, world
from benchmarks.generator import CannotMeasure, Generator
from benchmarks.options import Options
from benchmarks.report import Part, Row
from evbilling.supervisor.config import free_port
from evbilling.supervisor.processes import BANK_KEYS

CHARGERS = 200
PAID_A_SECOND, NOTICES_A_SECOND = 5, 100
P99_GOAL_MS = 300.0
PATIENCE_SECONDS = 30.0
SENDERS = 16
SECRET = BANK_KEYS["OMISE_WEBHOOK_SECRET"]


def run(options: Options) -> Part:
    payments, seconds = (25, 5) if options.quick else (200, 60)
    with _everything(options) as (bank, web):
        times = _starts(bank, payments)
        took = _notices(web, seconds)
    cuts = statistics.quantiles(times, n=100)
    sent = seconds * NOTICES_A_SECOND
    rows = (
        Row(
            f"money seen at the gateway to RemoteStart on the wire, {PAID_A_SECOND}/s: p99",
            f"≤ {P99_GOAL_MS:.0f} ms",
            f"{cuts[98]:.0f} ms",
            cuts[98] <= P99_GOAL_MS,
        ),
        Row(
            f"{NOTICES_A_SECOND} webhooks/s for {seconds} s: accepted and kept",
            f"{sent:,}",
            f"{took.kept:,}",
            took.kept == sent and took.accepted == sent,
        ),
        Row(
            "the same: at the rate they came",
            f"≤ {seconds + 1} s",
            f"{took.seconds:.1f} s",
            took.seconds <= seconds + 1,
        ),
    )
    note = (
        f"p50 {cuts[49]:.0f} ms over {len(times)} payments; a webhook is answered in"
        f" p50 {took.p50:.0f} ms, p99 {took.p99:.0f} ms"
    )
    return Part("payments", rows, (note,))


@contextmanager
def _everything(options: Options) -> Iterator[tuple[str, str]]:
    """The product's processes and the bank; their addresses."""
    from django.conf import settings

    folder = options.folder
    with ExitStack() as stack:
        web_port, bank_port = free_port(), free_port()
        bank, web = f"http://127.0.0.1:{bank_port}", f"http://127.0.0.1:{web_port}"
        stack.enter_context(_environment(bank, settings))
        stack.enter_context(processes.bank(folder, bank_port, f"{web}/webhooks/omise/"))
        server = stack.enter_context(processes.sockets(folder))
        for start in (processes.deliver, processes.worker):
            stack.enter_context(start(folder))
        stack.enter_context(processes.web(folder, web_port))
        _sell()
        stack.enter_context(Generator(folder, server, CHARGERS))
        yield bank, web


@contextmanager
def _environment(bank: str, settings: Any) -> Iterator[None]:
    """The gateway's address and keys, for this process and those it starts."""
    import os

    given = {
        **BANK_KEYS,
        "OMISE_API_URL": bank,
        "OMISE_VAULT_URL": bank,
        "OMISE_SCRIPT_URL": f"{bank}/omise.js",
    }
    before = {name: (os.environ.get(name), getattr(settings, name)) for name in given}
    os.environ.update(given)
    for name, value in given.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, (variable, setting) in before.items():
            setattr(settings, name, setting)
            os.environ.pop(name)
            if variable is not None:
                os.environ[name] = variable


def _sell() -> None:
    """A price list for guests, and plugs that are free."""
    from billing.services import tariffs
    from core import audit
    from stations.models import Station

    for station in Station.objects.filter(company__slug="benchmark"):
        tariffs.new_version(
            station,
            "guest",
            [{"part": "energy", "period": "any", "price": "7.50"}],
            actor=audit.SYSTEM,
        )
    world.execute("UPDATE stations_session SET status = 'ended', stopped_at = now(), energy_wh = 0")
    world.execute("UPDATE stations_connector SET status = 'Preparing'")


def _starts(bank: str, count: int) -> list[float]:
    """Milliseconds from the bank's first answer that says paid to the frame, for each payment."""
    bought = _buy(count)
    for number, (ref, _charger) in enumerate(bought):
        due = time.monotonic() + 1 / PAID_A_SECOND
        _post(f"{bank}/_control/pay/{ref}", {})
        if number + 1 < count:
            time.sleep(max(due - time.monotonic(), 0))
    found = "FROM stations_frame WHERE action = 'RemoteStartTransaction' AND direction = 'out'"
    give_up = time.monotonic() + PATIENCE_SECONDS
    while world.execute(f"SELECT count(DISTINCT charger_id) {found}")[0][0] < count:
        if time.monotonic() > give_up:
            raise CannotMeasure("Not every payment has started a charge.")
        time.sleep(0.1)
    frames = dict(world.execute(f"SELECT charger_id, min(at) {found} GROUP BY 1"))
    told = json.loads(_get(f"{bank}/_control/state"))["told_paid"]
    return [(frames[charger].timestamp() - float(told[ref])) * 1000 for ref, charger in bought]


def _buy(count: int) -> list[tuple[str, int]]:
    """Purchases whose QR is shown: the bank's name of the charge and the charger."""
    from billing.payments.base import Method
    from billing.services import payments, purchases
    from stations.models import Connector

    plugs = Connector.objects.select_related("charger__station__company").exclude(
        charger__connection_holder=""
    )
    found = []
    for plug in plugs.order_by("pk")[:count]:
        made = purchases.buy(
            plug, secrets.token_urlsafe(32), wh=20_000, satang=None, method=Method.PROMPTPAY
        )
        if made.payment is None:
            raise CannotMeasure("A purchase has no payment.")
        payment = payments.send(made.payment)
        if payment.state != "open":
            raise CannotMeasure(f"The bank made no charge: {payment.failure_code}")
        found.append((payment.gateway_ref, plug.charger_id))
    return found


class _Taken:
    """How the notices were taken."""

    def __init__(self, accepted: int, kept: int, seconds: float, times: list[float]) -> None:
        cuts = statistics.quantiles(times, n=100)
        self.accepted, self.kept, self.seconds = accepted, kept, seconds
        self.p50, self.p99 = cuts[49], cuts[98]


def _notices(web: str, seconds: int) -> _Taken:
    """Signed notices at an even rate, each an event of its own about a charge that exists."""
    from billing.models import Payment

    refs = list(Payment.objects.exclude(gateway_ref="").values_list("gateway_ref", flat=True))
    before = world.execute("SELECT count(*) FROM billing_webhookevent")[0][0]
    count = seconds * NOTICES_A_SECOND
    local = threading.local()
    begin = time.monotonic() + 0.5

    def one(number: int) -> tuple[bool, float]:
        if not hasattr(local, "client"):
            local.client = httpx.Client(timeout=PATIENCE_SECONDS)
        body, headers = _signed(f"evnt_bench_{number:06d}", refs[number % len(refs)])
        time.sleep(max(begin + number / NOTICES_A_SECOND - time.monotonic(), 0))
        at = time.perf_counter()
        answer = local.client.post(f"{web}/webhooks/omise/", content=body, headers=headers)
        return answer.status_code == 200, (time.perf_counter() - at) * 1000

    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(one, range(count)))
    took = time.monotonic() - begin
    kept = world.execute("SELECT count(*) FROM billing_webhookevent")[0][0] - before
    return _Taken(sum(ok for ok, _ in answers), kept, took, [ms for _, ms in answers])


def _signed(event: str, charge: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(
        {
            "object": "event",
            "id": event,
            "livemode": False,
            "key": "charge.complete",
            "data": {"object": "charge", "id": charge},
        }
    ).encode()
    at = str(int(time.time()))
    key = base64.b64decode(SECRET)
    sign = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json",
        "Omise-Signature": sign,
        "Omise-Signature-Timestamp": at,
    }


def _post(url: str, value: dict[str, Any]) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - our own bank
        url,
        json.dumps(value).encode(),
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return bytes(answer.read())


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        return bytes(answer.read())
