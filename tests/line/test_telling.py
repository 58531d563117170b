"""Which facts reach whom: the customer, and guests who asked; each thing once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from billing.models import Payment, Purchase, Refund, RefundReason, RefundRoute, RefundState
from billing.payments.base import Method
from billing.services import bills, documents, purchases
from core import outbox
from core.models import Fact
from evbilling import telling, telling_refunds, watching
from evbilling.celery import PERIODIC, app
from stations.models import Connector, Session, SessionLive
from tests.api.world import end
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import a_plug
from tests.factories import a_charger, a_customer, a_session, a_station
from users.messages import texts
from users.models import Channel, Customer, LineGuest, LineLink, LinkedBy, Message
from users.services import line_links

pytestmark = pytest.mark.django_db
ANNA = "U" + "b" * 32


@pytest.fixture(autouse=True)
def on(line_on: Any) -> None:
    """LINE is set up."""


def a_charge(**fields: Any) -> Session:
    """Of a member whose LINE is linked."""
    station = a_station()
    customer = a_customer(station.company, balance=50_000, language="en")
    LineLink.objects.create(
        company=station.company,
        customer=customer,
        line_user_id=f"U{customer.pk:032d}",
        linked_by=LinkedBy.LOGIN,
    )
    return a_session(a_charger(station).connectors.get(), customer=customer, **fields)


def a_guest(session: Session, **fields: Any) -> LineGuest:
    values: dict[str, Any] = {"language": "en", "friend": True} | fields
    return line_links.follow_charge(session.company_id, f"session:{session.pk}", ANNA, **values)


def told(kind: str) -> list[Message]:
    return list(Message.objects.filter(kind=kind).order_by("pk"))


def heard(kind: str, subject: int, **data: Any) -> None:
    """The fact comes, twice as facts may."""
    handlers = {
        "session_billed": telling.on_session_billed,
        "line_guest_ready": telling.on_line_guest_ready,
        "grace_ending": telling.on_grace_ending,
    }
    for _each in range(2):
        with transaction.atomic():
            handlers[kind](Fact(kind=kind, subject_id=subject, data=data))


def test_the_end_of_a_charge_goes_to_the_customers_line_with_the_receipts_link() -> None:
    session = end(a_charge(wh=7_000))
    bill = bills.bill_session(session)
    heard("session_billed", session.pk)
    [row] = told("session_billed")
    assert bill
    assert row.channel == Channel.LINE
    assert Decimal(row.payload["amount"]) == Decimal(bill.total) / 100
    assert row.payload["link"].startswith(f"/c/{session.connector.code}/receipt/{session.pk}.")
    assert row.payload["station_id"] == session.station_id
    assert not row.payload["fault"]


def test_the_tax_document_is_named_where_it_is_made_already() -> None:
    session = end(a_charge(wh=7_000))
    bills.bill_session(session)
    document = documents.issue_for_session(session)
    heard("session_billed", session.pk)
    assert document is not None
    assert told("session_billed")[0].payload["document"] == document.number


def test_a_guest_who_asked_is_told_this_charge_and_no_other() -> None:
    session, other = end(a_charge(wh=7_000)), end(a_charge(wh=3_000))
    a_guest(session)
    for each in (session, other):
        bills.bill_session(each)
        heard("session_billed", each.pk)
    assert [row.payload["session"] for row in told("session_billed") if row.address == ANNA] == [
        session.pk
    ]


def test_a_guest_who_asks_on_the_receipt_is_told_at_once_and_once() -> None:
    session = end(a_charge(wh=7_000))
    bills.bill_session(session)
    heard("session_billed", session.pk)
    guest = a_guest(session)
    assert Fact.objects.get(kind="line_guest_ready").subject_id == guest.pk
    heard("line_guest_ready", guest.pk)
    heard("session_billed", session.pk)
    assert [row.address for row in told("session_billed")].count(ANNA) == 1


def test_before_the_bill_a_guest_is_told_nothing_yet() -> None:
    guest = a_guest(a_charge(wh=1_000))
    heard("line_guest_ready", guest.pk)
    assert not Message.objects.exists()


def test_a_charge_that_the_charger_broke_off_says_so() -> None:
    session = end(a_charge(wh=7_000))
    Session.objects.filter(pk=session.pk).update(stop_reason="PowerLoss")
    bills.bill_session(Session.objects.get(pk=session.pk))
    heard("session_billed", session.pk)
    assert told("session_billed")[0].payload["fault"]


def test_ten_minutes_before_the_penalty_the_customer_is_told_while_the_car_stands_there() -> None:
    session = end(a_charge(wh=7_000))
    ends_at = (timezone.now() + timedelta(minutes=10)).isoformat()
    Connector.objects.filter(pk=session.connector_id).update(status="Finishing")
    heard("grace_ending", session.pk, ends_at=ends_at, per_minute="3.00")
    [row] = told("grace_ending")
    assert (row.payload["minutes"], row.payload["per_minute"]) == (10, "3.00")
    Message.objects.all().delete()
    Connector.objects.filter(pk=session.connector_id).update(status="Available")
    heard("grace_ending", session.pk, ends_at=ends_at, per_minute="3.00")
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    Connector.objects.filter(pk=session.connector_id).update(status="Finishing")
    heard("grace_ending", session.pk, ends_at=past, per_minute="3.00")
    assert told("grace_ending") == []


def test_nearly_full_is_told_once_by_battery_or_by_what_was_chosen() -> None:
    by_battery, by_choice = a_charge(wh=9_000), a_charge(wh=4_600)
    early = a_charge(wh=1_000)
    SessionLive.objects.filter(session=by_battery).update(soc=80)
    SessionLive.objects.filter(session=early).update(soc=79)
    Session.objects.filter(pk=by_choice.pk).update(chosen_wh=5_000, allowance_wh=5_000)
    for _each in range(2):
        assert watching.tell_of_running() == 3
    found = {row.payload["session"]: row.payload for row in told("nearly_full")}
    assert found[by_battery.pk]["soc"] == 80
    assert found[by_choice.pk]["percent"] == 92
    assert set(found) == {by_battery.pk, by_choice.pk}


def test_a_fault_under_a_running_charge_is_told_once() -> None:
    session = a_charge(wh=4_200)
    a_guest(session)
    Connector.objects.filter(pk=session.connector_id).update(status="Faulted")
    for _each in range(2):
        watching.tell_of_running()
    rows = told("charger_fault")
    assert {row.address for row in rows} == {ANNA, f"U{session.customer_id:032d}"}
    assert [row.payload["energy"] for row in rows] == [4_200, 4_200]


def test_charges_of_people_who_gave_no_line_are_not_watched() -> None:
    session = a_charge(wh=9_000)
    SessionLive.objects.filter(session=session).update(soc=95)
    LineLink.objects.all().delete()
    assert watching.tell_of_running() == 0


def test_telling_needs_no_line_and_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler runs in the transaction of its delivery: LINE may be away for a week."""
    import socket

    session = end(a_charge(wh=7_000))
    bills.bill_session(session)

    def nobody(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the outside world was called")

    monkeypatch.setattr(socket, "create_connection", nobody)
    heard("session_billed", session.pk)
    assert told("session_billed")[0].attempts == 0


def test_facts_that_others_publish_are_wired() -> None:
    for kind in ("grace_ending", "line_guest_ready", "session_billed"):
        assert any(path.startswith("evbilling.telling.") for path in outbox.handlers_of(kind))


def test_every_periodic_job_is_a_task_that_the_worker_knows() -> None:
    app.loader.import_default_modules()
    assert [task for _name, task, _every in PERIODIC if task not in app.tasks] == []


def test_members_are_told_in_their_own_language() -> None:
    session = end(a_charge(wh=7_000))
    Customer.objects.update(language="th")
    bills.bill_session(session)
    heard("session_billed", session.pk)
    [row] = told("session_billed")
    assert (row.language, row.payload["station"]) == ("th", session.station.name_th)
    assert django_settings.LANGUAGE_CODE == "th"


# --- money that goes back --------------------------------------------------------------------------


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeGateway())


def a_purchase(plug: Connector) -> Purchase:
    """Of which the gateway has not heard yet."""
    return purchases.buy(plug, "phone-1", wh=5_000, satang=None, method=Method.PROMPTPAY)


def a_refund(**fields: Any) -> Refund:
    """Of a guest's payment, whose phone follows it."""
    plug = a_plug()
    purchase = a_purchase(plug)
    line_links.follow_charge(
        purchase.company_id, f"purchase:{purchase.pk}", ANNA, language="en", friend=True
    )
    Payment.objects.filter(pk=purchase.payment_id or 0).update(
        state="paid", captured=purchase.amount, paid_at=timezone.now()
    )
    values: dict[str, Any] = {
        "company": purchase.company,
        "payment": Payment.objects.get(pk=purchase.payment_id or 0),
        "key": f"test-{purchase.pk}",
        "amount": 1_000,
        "reason": RefundReason.NOT_PLUGGED,
        "route": RefundRoute.GATEWAY,
        "token": f"token-{purchase.pk}",
    }
    return Refund.objects.create(**values | fields)


def changed(refund: Refund, **fields: Any) -> None:
    Refund.objects.filter(pk=refund.pk).update(**fields)
    for _each in range(2):
        with transaction.atomic():
            telling_refunds.on_refund_changed(Fact(kind="refund_changed", subject_id=refund.pk))


def test_a_guest_whose_charge_did_not_start_hears_that_the_money_comes_back_once(
    gateway: None,
) -> None:
    refund = a_refund()
    changed(refund)
    changed(refund, state=RefundState.SENT)
    changed(refund, state=RefundState.DONE, done_at=timezone.now())
    [row] = Message.objects.all()
    assert (row.kind, row.address, row.payload["amount"]) == ("money_back", ANNA, "10.00")
    assert row.payload["how"] == "gateway"


def test_the_link_for_the_number_is_sent_and_brought_to_mind_twice(gateway: None) -> None:
    refund = a_refund(route=RefundRoute.LINK, state=RefundState.WAITING)
    until = timezone.now() + timedelta(days=7)
    for reminders in range(3):
        changed(refund, link_until=until, reminders=reminders)
    changed(refund, state=RefundState.DONE, done_at=timezone.now())
    kinds = list(Message.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["refund_link", "refund_link", "refund_link", "refund_done"]
    first = told("refund_link")[0]
    assert first.payload["link"] == f"/refund/{refund.token}/"
    assert "Nobody plugged in within the time." in texts.said(first).note


def test_what_was_not_used_is_told_with_the_bill_and_not_again(gateway: None) -> None:
    changed(a_refund(reason=RefundReason.UNUSED))
    assert not Message.objects.exists()
