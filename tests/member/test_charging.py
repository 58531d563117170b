"""A charge by phone login: choose, Confirm, live; nobody else's is touched."""

from types import SimpleNamespace
from typing import Any

import pytest

from billing.models import Hold, HoldState
from billing.services import wallets
from stations.models import Authorisation, Command, Connector, Session
from stations.services import authorisations
from tests.customer.phones import Seen, a_plug, deliver, plug_in, reads, start, stops
from tests.factories import a_customer
from tests.member.phones import MemberPhone, Outbox
from users.models import Customer

pytestmark = pytest.mark.django_db
NUMBER = "+66812345678"


def at_a_plug(outbox: Outbox, balance: int = 50_000) -> tuple[MemberPhone, Connector, Customer]:
    """A member who has signed in before, at a free plug."""
    plug = a_plug()
    company = plug.charger.station.company
    member = a_customer(company, balance=balance, phone=NUMBER, name="Pim")
    phone = MemberPhone(company, outbox)
    phone.sign_in(NUMBER)
    return phone, plug, member


def see(phone: MemberPhone, plug: Connector, query: str = "") -> Seen:
    return Seen(phone.client.get(f"/c/{plug.code}{query}"))


def act(phone: MemberPhone, plug: Connector, name: str, **form: str) -> Any:
    return phone.client.post(f"/c/{plug.code}/{name}", form)


def confirm(phone: MemberPhone, plug: Connector, kwh: str = "5") -> Any:
    return act(phone, plug, "charge", by="kwh", kwh=kwh, baht="150")


def begins(plug: Connector, leave: Authorisation) -> Session:
    """The charger starts with the idTag of the order."""
    session = start(plug, SimpleNamespace(id_tag=leave.id_tag)).session  # type: ignore[arg-type]
    plug_in(plug, "Charging")
    return session


def test_a_returning_member_gets_energy_with_one_tap_after_the_scan(outbox: Outbox) -> None:
    phone, plug, member = at_a_plug(outbox)
    seen = see(phone, plug)
    assert seen.stage == "member"
    assert "Pim" in seen
    assert "฿500.00" in seen
    taps = 1  # Confirm: the amount is proposed
    assert confirm(phone, plug).status_code == 303
    leave = Authorisation.objects.get()
    assert (leave.card, leave.customer, leave.chosen_wh) == (None, member, 5_000)
    order = Command.objects.get(key=authorisations.command_key(leave))
    assert order.payload["idTag"] == leave.id_tag
    assert see(phone, plug).stage == "starting"
    session = begins(plug, leave)
    assert (session.customer, session.card, session.refusal) == (member, None, "")
    assert see(phone, plug).stage == "live"
    assert taps <= 3


def test_the_charge_is_billed_to_the_wallet_and_stands_in_the_history(outbox: Outbox) -> None:
    phone, plug, member = at_a_plug(outbox)
    confirm(phone, plug)
    session = begins(plug, Authorisation.objects.get())
    reads(session, 5_000)
    stops(session, 5_000)
    spent = 50_000 - wallets.standing(member).wallet
    assert spent == session.bill.total > 0
    assert see(phone, plug).stage == "receipt"
    assert "5.00 kWh" in phone.see("history")
    assert "5.00" in phone.see(f"history/{session.pk}")


def test_confirm_twice_is_one_order_and_one_hold(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox)
    assert [confirm(phone, plug).status_code for _each in range(2)] == [303, 303]
    assert Authorisation.objects.count() == Hold.objects.count() == 1


def test_cancel_frees_the_money_and_says_nothing_of_a_failure(outbox: Outbox) -> None:
    phone, plug, member = at_a_plug(outbox)
    confirm(phone, plug)
    assert wallets.standing(member).held > 0
    act(phone, plug, "cancel")
    deliver()
    assert wallets.standing(member).held == 0
    seen = see(phone, plug)
    assert seen.stage == "member"
    assert "did not start" not in seen


def test_a_charger_that_says_no_frees_the_money_and_the_page_says_why(outbox: Outbox) -> None:
    phone, plug, member = at_a_plug(outbox)
    confirm(phone, plug)
    order = Command.objects.get(key__startswith=authorisations.KEY)
    Command.objects.filter(pk=order.pk).update(status="rejected")
    order.refresh_from_db()
    authorisations.on_outcome(order)
    deliver()
    assert wallets.standing(member).held == 0
    assert 'class="note bad"' in see(phone, plug).html


def test_an_empty_wallet_or_arrears_are_said_and_nothing_starts(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox, balance=100)
    answer = confirm(phone, plug, "20")
    assert answer.status_code == 422
    assert "Top up, or choose less" in Seen(answer)
    assert not Authorisation.objects.exists()


def test_another_members_charge_is_neither_shown_nor_stopped(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox)
    confirm(phone, plug)
    session = begins(plug, Authorisation.objects.get())
    a_customer(phone.company, balance=50_000, phone="+66899999999")
    other = MemberPhone(phone.company, outbox, address="10.9.9.9")
    other.sign_in("0899999999")
    assert see(other, plug).stage == "busy"
    assert act(other, plug, "stop").status_code == 403
    assert not Command.objects.filter(action="RemoteStopTransaction").exists()
    assert other.get(f"history/{session.pk}").status_code == 404


def test_the_member_may_stop_the_own_charge_from_a_second_phone(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox)
    confirm(phone, plug)
    begins(plug, Authorisation.objects.get())
    second = MemberPhone(phone.company, outbox, address="10.0.0.2")
    second.client.cookies["member"] = phone.client.cookies["member"].value
    assert see(second, plug).stage == "live"
    assert act(second, plug, "stop").status_code == 303
    assert Command.objects.filter(action="RemoteStopTransaction").count() == 1


def test_a_member_may_still_tap_a_card_or_pay_like_a_guest(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox)
    seen = see(phone, plug, "?guest=1")
    assert seen.stage == "free"
    assert f"/c/{plug.code}/part?guest=1" in seen.html
    assert act(phone, plug, "wait", by="kwh", kwh="5", baht="150").status_code == 303
    assert see(phone, plug).stage == "tap"


def test_after_a_receipt_the_next_confirm_is_not_hidden_by_it(outbox: Outbox) -> None:
    phone, plug, _member = at_a_plug(outbox)
    confirm(phone, plug)
    stops(begins(plug, Authorisation.objects.get()), 1_000)
    plug_in(plug, "Available")
    assert see(phone, plug).stage == "receipt"
    assert see(phone, plug, "?again=1").stage == "member"
    act(phone, plug, "charge?again=1", by="kwh", kwh="5", baht="150")
    assert see(phone, plug).stage == "starting"
    assert Hold.objects.filter(state=HoldState.OPEN).count() == 1


def test_a_guest_is_offered_to_sign_in_where_messages_can_be_sent(
    outbox: Outbox, settings: Any
) -> None:
    plug = a_plug()
    phone = MemberPhone(plug.charger.station.company, outbox)
    link = f"/me/sign-in?at={phone.company.slug}&amp;to=/c/{plug.code}"
    assert link in see(phone, plug).html
    settings.SMS_BACKEND = ""
    assert link not in see(phone, plug).html
