"""The webhook doors: what is kept, what is refused, and that nothing outside is asked."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Payment, PaymentPurpose, WebhookEvent
from billing.payments.base import Notice
from billing.selectors import gateways as selectors
from billing.services import gateway_accounts, payments
from core.audit import SYSTEM
from evbilling.webhooks import views
from simulators.bank.app import OLD_WEBHOOK_SECRET, Bank
from simulators.bank.bodies import body
from tests.factories import a_company, a_tax_entity
from tests.gateways.bank import WEBHOOK_SECRET

pytestmark = pytest.mark.django_db
OWN_SECRET = base64.b64encode(b"the entity's own").decode()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    """Notices as the books got them; each is about payment 7."""
    found: list[Notice] = []
    looked: list[int] = []

    def take(gateway: str, notice: Notice) -> Any:
        found.append(notice)
        return Payment(pk=7)

    monkeypatch.setattr(payments, "take_notice", take)
    monkeypatch.setattr(views, "_look_soon", looked.append)
    return found


def an_event(ref: str = "chrg_test_1", **charge: Any) -> bytes:
    data = body("omise_charge", id=ref, **charge)
    return json.dumps(body("omise_event", id="evnt_test_1", data=data)).encode()


def post(content: bytes, secret: str = "", *, age: int = 0, to: str = "omise", **more: str) -> Any:
    headers = dict(more)
    if secret:
        at = str(int(timezone.now().timestamp()) - age)
        key = base64.b64decode(secret)
        sign = hmac.new(key, at.encode() + b"." + content, hashlib.sha256).hexdigest()
        headers |= {"Omise-Signature": sign, "Omise-Signature-Timestamp": at}
    client = Client(enforce_csrf_checks=True)
    return client.post(
        f"/webhooks/{to}/", content, content_type="application/json", headers=headers
    )


def a_payment(**fields: Any) -> Payment:
    company = a_company()
    values: dict[str, Any] = {
        "company": company,
        "reference": "C1",
        "gateway": "omise",
        "method": "promptpay",
        "purpose": PaymentPurpose.CHARGE,
        "amount": 100,
        "expires_at": timezone.now() + timedelta(minutes=10),
    }
    return Payment.objects.create(**values | fields)


def test_a_signed_notice_is_kept_and_answered_without_asking_anybody(
    set_up: Any, kept: list[Notice]
) -> None:
    set_up.OMISE_API_URL = "http://127.0.0.1:9"  # whoever asks there gets no answer
    answer = post(an_event(), WEBHOOK_SECRET)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    (notice,) = kept
    assert (notice.event_id, notice.ref, notice.trusted) == ("evnt_test_1", "chrg_test_1", True)


@pytest.mark.parametrize(
    ("content", "secret", "age", "status"),
    [
        (an_event(), OWN_SECRET, 0, 401),  # nobody's secret
        (an_event(), "", 0, 401),
        (an_event(), WEBHOOK_SECRET, 301, 401),
        (an_event(), WEBHOOK_SECRET, -301, 401),
        (b"{}", WEBHOOK_SECRET, 0, 400),
        (b"\x00", WEBHOOK_SECRET, 0, 400),
        (b"[" * 100_000, WEBHOOK_SECRET, 0, 400),
        (an_event(status="\0"), WEBHOOK_SECRET, 0, 400),
        (b"x" * (views.MOST_BYTES + 1), WEBHOOK_SECRET, 0, 413),
    ],
)
def test_what_is_not_signed_in_time_or_no_notice_leaves_nothing(
    set_up: Any, kept: list[Notice], content: bytes, secret: str, age: int, status: int
) -> None:
    assert post(content, secret, age=age).status_code == status
    assert kept == []


def test_the_secret_before_the_last_one_is_good_while_it_is_set(
    set_up: Any, kept: list[Notice]
) -> None:
    set_up.OMISE_WEBHOOK_SECRET_OLD = OWN_SECRET
    assert post(an_event(), OWN_SECRET).status_code == 200


def test_the_secret_of_any_entitys_account_is_good(set_up: Any, kept: list[Notice]) -> None:
    entity = a_tax_entity(a_company())
    fields = {
        "public_key": "pkey_test_1",
        "secret_key": "skey_test_1",
        "webhook_secret": OWN_SECRET,
    }
    gateway_accounts.save(entity, "omise", fields, actor=SYSTEM)
    assert post(an_event(), OWN_SECRET).status_code == 200
    assert post(an_event(), WEBHOOK_SECRET).status_code == 200
    assert [notice.trusted for notice in kept] == [True, True]
    gateway_accounts.save(entity, "omise", {"enabled": False}, actor=SYSTEM)
    assert post(an_event(), OWN_SECRET).status_code == 401


def test_without_any_secret_only_a_notice_about_a_payment_of_ours_is_kept_as_a_hint(
    set_up: Any, kept: list[Notice]
) -> None:
    set_up.OMISE_WEBHOOK_SECRET = ""
    assert post(an_event()).status_code == 200
    assert kept == []
    payment = a_payment(gateway_ref="chrg_test_1")
    assert post(an_event()).status_code == 200
    by_key = an_event("chrg_test_2", metadata={"intent": str(payment.key)})
    assert post(by_key).status_code == 200
    assert [notice.trusted for notice in kept] == [False, False]


def test_without_any_account_there_is_no_door(kept: list[Notice]) -> None:
    assert post(an_event(), WEBHOOK_SECRET).status_code == 401
    assert Client().get("/webhooks/omise/").status_code == 405


def test_scb_is_answered_in_its_own_words_and_never_believed(
    set_up: Any, kept: list[Notice]
) -> None:
    callback = body(
        "scb_callback", transactionId="T1", billPaymentRef1="C1", billPaymentRef2="261120100"
    )
    content = json.dumps(callback).encode()
    assert post(content, to="scb").json() == {"resCode": "00", "resDesc": "success"}
    assert kept == []
    a_payment(gateway="scb", gateway_ref="C1.261120100")
    post(content, to="scb")
    assert [(notice.ref, notice.trusted) for notice in kept] == [("C1.261120100", False)]
    assert post(b"{}", to="scb").status_code == 400


def test_the_books_keep_a_notice_once_and_make_one_look_due(
    set_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(views, "_look_soon", looked.append)
    payment = a_payment(gateway_ref="chrg_test_1", state="open")
    for _ in range(3):  # a replay within the five minutes
        assert post(an_event(), WEBHOOK_SECRET).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.payment_id, event.trusted, event.kind) == (payment.pk, True, "charge.complete")
    assert looked == [payment.pk]
    payment.refresh_from_db()
    assert payment.state == "open"  # said to be paid, but nobody has looked
    assert payment.look_at is not None
    stranger = an_event("chrg_test_other").replace(b"evnt_test_1", b"evnt_test_2")
    assert post(stranger, WEBHOOK_SECRET).status_code == 200
    assert looked == [payment.pk]


def test_hints_about_one_payment_are_kept_so_often_and_no_more(
    set_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up.OMISE_WEBHOOK_SECRET = ""
    monkeypatch.setattr(views, "_look_soon", lambda payment: None)
    monkeypatch.setattr(selectors, "MOST_HINTS", 2)
    a_payment(gateway_ref="chrg_test_1")
    for n in range(4):
        answer = post(an_event().replace(b"evnt_test_1", f"evnt_{n}".encode()))
        assert answer.status_code == 200
    assert WebhookEvent.objects.count() == 2


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("on", 200),
        ("both_secrets", 200),
        ("old_secret", 401),
        ("forged", 401),
        ("stale", 401),
        ("unsigned", 401),
    ],
)
def test_the_bank_and_we_agree_on_signatures(
    set_up: Any, kept: list[Notice], mode: str, status: int
) -> None:
    content = an_event()
    headers = Bank("http://bank").sender.headers(content, mode)
    assert post(content, **headers).status_code == status
    assert len(kept) == (status == 200)
    set_up.OMISE_WEBHOOK_SECRET_OLD = OLD_WEBHOOK_SECRET
    assert post(content, **headers).status_code == (200 if mode == "old_secret" else status)


def test_without_redis_the_notice_is_kept_all_the_same(
    set_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evbilling.celery import app

    def away(*args: Any, **options: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(payments, "take_notice", lambda gateway, notice: Payment(pk=7))
    monkeypatch.setattr(app, "send_task", away)
    assert post(an_event(), WEBHOOK_SECRET).status_code == 200


def test_a_look_is_asked_for_by_its_name(set_up: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from evbilling.celery import app

    sent: list[Any] = []
    monkeypatch.setattr(payments, "take_notice", lambda gateway, notice: Payment(pk=7))
    monkeypatch.setattr(app, "send_task", lambda name, **options: sent.append((name, options)))
    post(an_event(), WEBHOOK_SECRET)
    assert sent == [("evbilling.tasks.look_at_payment", {"args": [7], "retry": False})]
