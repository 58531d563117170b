"""The member's own pages: money, history, cards, favourites, profile; and nobody else's."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from billing.models import Payment
from billing.services import payments, wallets
from stations.models import Session, SessionStatus
from tests.billing.fake_gateway import FakeGateway, install
from tests.customer.phones import Seen, deliver
from tests.factories import a_card, a_charger, a_company, a_customer, a_session, a_station
from tests.member.phones import MemberPhone, Outbox
from users.models import CardStatus, Customer, DataRequest, Favourite, MemberSession
from users.services import customers, members

pytestmark = pytest.mark.django_db
NUMBER = "+66812345678"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    return install(monkeypatch, FakeGateway())


def a_member(outbox: Outbox, balance: int = 109_343, **fields: Any) -> tuple[MemberPhone, Customer]:
    company = a_company(name="Sirin Charge")
    member = a_customer(company, balance=balance, phone=NUMBER, **fields)
    phone = MemberPhone(company, outbox)
    phone.sign_in(NUMBER)
    return phone, member


def a_charge(member: Customer, wh: int = 24_800, *, ago: timedelta = timedelta(0)) -> Session:
    """A charge of the member's that has ended and is billed."""
    plug = a_charger(a_station(member.company), online=True).connectors.get()
    now = timezone.now() - ago
    session = a_session(plug, customer=member, wh=wh, started_at=now - timedelta(minutes=84))
    Session.objects.filter(pk=session.pk).update(
        status=SessionStatus.ENDED, stopped_at=now, stopped_received_at=now, energy_wh=wh
    )
    session.refresh_from_db()
    from billing.services import bills

    bills.bill_session(session)
    return Session.objects.get(pk=session.pk)


def test_the_first_page_says_what_there_is_and_what_it_buys(outbox: Outbox) -> None:
    phone, member = a_member(outbox, level="vip")
    a_card(member, "04AABB7993")
    session = a_charge(member)
    left = wallets.standing(member).available
    seen = phone.see()
    assert f"฿{left // 100:,}.{left % 100:02d}" in seen
    assert "VIP" in seen
    assert "•••• 7993" in seen
    assert "04AABB" not in seen.html
    assert "24.8 kWh" in seen
    assert "1 charge" in seen
    assert f"−{session.bill.total / 100:,.2f}" in seen
    assert "+1,093.43" in seen


def test_arrears_are_shown_with_their_charge_and_paid_first(
    outbox: Outbox, gateway: FakeGateway
) -> None:
    phone, member = a_member(outbox, balance=0)
    a_charge(member, 10_000)
    owed = wallets.standing(member).owed
    shown = f"฿{owed // 100}.{owed % 100:02d}"
    assert f"{shown} is not paid yet" in phone.see()
    assert f"{shown} is owed and is paid first" in phone.see("top-up")
    answer = phone.post("top-up", baht="500", pay="promptpay")
    shown_qr = phone.client.get(answer["Location"])
    assert "<svg" in shown_qr.content.decode()
    assert "Waiting for the money" in Seen(shown_qr)
    payment = Payment.objects.get()
    assert (payment.amount, payment.customer) == (500_00, member)
    gateway.pay(payment.gateway_ref)
    payments.look(payment.pk)
    deliver()
    page = Seen(phone.client.get(answer["Location"]))
    assert "Paid" in page
    assert "+฿500.00" in page
    standing = wallets.standing(member)
    assert (standing.owed, standing.wallet) == (0, 500_00 - owed)
    assert "not paid yet" not in phone.see()
    assert "Top-up" in phone.see("history")
    assert "+500.00" in phone.see("history")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("-5", "like 150 or 150.50"),
        ("0", "above zero"),
        ("0.00", "above zero"),
        ("1.005", "like 150 or 150.50"),
        ("99999999", "baht"),
        ("999999999999", "baht"),
        ("1e3", "like 150 or 150.50"),
        ("NaN", "like 150 or 150.50"),
        ("5", "Enter between ฿"[:13]),
        ("", "like 150 or 150.50"),
    ],
)
def test_an_amount_that_makes_no_sense_gets_a_sentence_and_nothing_happens(
    outbox: Outbox, gateway: FakeGateway, typed: str, sentence: str
) -> None:
    phone, _member = a_member(outbox)
    answer = phone.post("top-up", baht=typed, pay="promptpay")
    assert answer.status_code == 422
    assert sentence in Seen(answer)
    assert not Payment.objects.exists()


def test_a_way_that_is_not_offered_is_not_taken(outbox: Outbox, gateway: FakeGateway) -> None:
    phone, _member = a_member(outbox)
    for said in ("cash", "transfer", "gold", ""):
        assert phone.post("top-up", baht="100", pay=said).status_code == 422
    wrong = phone.post("top-up", baht="100", pay="mobile_banking", bank="nobank")
    assert wrong.status_code == 422
    assert not Payment.objects.exists()
    gateway.can.clear()
    assert "takes no payments on the phone yet" in phone.see("top-up")


def test_a_card_is_asked_for_by_the_gateways_script_and_paid_with_its_token(
    outbox: Outbox, gateway: FakeGateway
) -> None:
    phone, member = a_member(outbox, balance=0)
    answer = phone.post("top-up?to=/c/ABCD2345", baht="100", pay="card")
    page = phone.client.get(answer["Location"])
    assert "frame-src" in page["Content-Security-Policy"]
    assert 'id="card-form"' in page.content.decode()
    assert phone.client.post(f"{answer['Location']}/card", {"token": "4242"}).status_code == 422
    phone.client.post(f"{answer['Location']}/card", {"token": "tokn_ok"})
    payments.look(Payment.objects.get().pk)
    assert wallets.standing(member).wallet == 100_00
    assert 'href="/c/ABCD2345"' in phone.client.get(answer["Location"]).content.decode()


def test_a_refused_payment_says_so_and_offers_another_try(
    outbox: Outbox, gateway: FakeGateway
) -> None:
    phone, _member = a_member(outbox)
    gateway.refuses.add("create")
    page = Seen(phone.client.get(phone.post("top-up", baht="100", pay="promptpay")["Location"]))
    assert "did not go through" in page
    assert "Nothing has been taken" in page


def test_nothing_of_another_member_exists(outbox: Outbox, gateway: FakeGateway) -> None:
    phone, member = a_member(outbox)
    session, card = a_charge(member), a_card(member)
    paid = phone.post("top-up", baht="100", pay="promptpay")["Location"]
    sign_in = MemberSession.objects.get()
    others = ((phone.company, "+66899999999"), (a_company(), "+66888888888"))
    for company, number in others:  # a neighbour, and a member of another company
        other = MemberPhone(company, outbox, address="10.9.9.9")
        a_customer(company, phone=number)
        other.sign_in(number)
        for path in (f"history/{session.pk}", f"pay/{paid.rsplit('/', 1)[1]}"):
            assert other.get(path).status_code == 404
        assert other.post(f"cards/{card.pk}/block").status_code == 404
        assert other.post(f"phones/{sign_in.pk}/out").status_code == 404
    card.refresh_from_db()
    assert card.status == CardStatus.ACTIVE
    assert MemberSession.objects.get(pk=sign_in.pk).ended_at is None
    assert "24.80" not in other.see("history")
    away = other.client.get(f"/me/{phone.company.slug}/")
    assert away.status_code == 302
    assert "/me/sign-in" in away["Location"]


def test_history_by_month_at_the_stations_wall(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    # 31 October 23:30 in Bangkok is still 16:30 of that day in UTC; an hour later it is November.
    for wh, at in ((1_000, "2026-10-31T16:30:00+00:00"), (2_000, "2026-10-31T17:30:00+00:00")):
        session = a_charge(member, wh)
        Session.objects.filter(pk=session.pk).update(started_at=at)
    october, november = phone.see("history?month=2026-10"), phone.see("history?month=2026-11")
    assert "1.0 kWh" in october
    assert "2.00 kWh" not in october
    assert "2.0 kWh" in november
    assert "1.00 kWh" not in november
    assert phone.get("history?month=nonsense").status_code == 200


def test_a_lost_card_is_blocked_by_its_holder_and_only_the_office_gives_it_back(
    outbox: Outbox,
) -> None:
    phone, member = a_member(outbox)
    card = a_card(member)
    assert phone.post(f"cards/{card.pk}/block").status_code == 303
    card.refresh_from_db()
    assert card.status == CardStatus.BLOCKED
    seen = phone.see("cards")
    assert "Blocked" in seen
    assert "office" in seen
    assert "/block" not in seen.html


def test_favourites_show_state_and_price_now(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    plug = a_charger(a_station(phone.company), online=True).connectors.get()
    foreign = a_charger(a_station(), online=True).connectors.get()
    assert phone.post(f"favourites/{plug.code}", on="1", to=f"/c/{plug.code}")["Location"] == (
        f"/c/{plug.code}"
    )
    assert phone.post(f"favourites/{foreign.code}", on="1").status_code == 404
    seen = phone.see("favourites")
    assert "Available" in seen
    assert "/kWh" in seen
    assert phone.post("find", code=plug.code.lower())["Location"] == f"/c/{plug.code}"
    assert phone.post("find", code="NOPLUG99").status_code == 404
    phone.post(f"favourites/{plug.code}", on="0")
    assert not Favourite.objects.filter(customer=member).exists()


def test_name_and_language_are_the_members_to_change(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    phone.post("profile", name="  พิมพ์ชนก   ศรีสุข ", language="en")
    member.refresh_from_db()
    assert (member.name, member.language) == ("พิมพ์ชนก ศรีสุข", "en")
    assert phone.post("profile", name=" ", language="en").status_code == 422
    assert phone.post("profile", name="x" * 200, language="xx").status_code == 422
    member.refresh_from_db()
    assert member.name == "พิมพ์ชนก ศรีสุข"


def test_a_number_changes_by_codes_to_both_numbers_and_other_phones_are_out(
    outbox: Outbox,
) -> None:
    phone, member = a_member(outbox)
    second = members.sign_in([member])
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        phone.post("number", step="new", phone="0899999999")  # not before the old one has spoken
        assert member.phone == NUMBER
        assert len(outbox) == 1
        phone.post("number", step="ask")
        assert outbox[-1][0] == NUMBER
        phone.post("number", step="old", code=outbox.code)
        same = phone.post("number", step="new", phone="081 234 5678")
        assert same.status_code == 422
        phone.post("number", step="new", phone="089 999 9999")
        assert outbox[-1][0] == "+66899999999"
        assert "Code to the new number" in phone.see("number")
        assert phone.post("number", step="code", code="000000").status_code == 422
        done = phone.post("number", step="code", code=outbox.code)
        assert done["Location"].endswith("profile?done=number")
        member.refresh_from_db()
        assert member.phone == "+66899999999"
        assert phone.get().status_code == 200
        assert not members.signed_in(second)


def test_a_number_of_another_member_is_not_taken(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    a_customer(phone.company, phone="+66899999999")
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        phone.post("number", step="ask")
        phone.post("number", step="old", code=outbox.code)
        phone.post("number", step="new", phone="0899999999")
        answer = phone.post("number", step="code", code=outbox.code)
    assert answer.status_code == 409
    assert "Another customer has this telephone number" in Seen(answer)
    member.refresh_from_db()
    assert member.phone == NUMBER


def test_a_number_that_the_office_changes_signs_the_old_phone_out(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    customers.update(member, {"phone": "0899999999"}, actor=members._self(member))
    assert phone.get()["Location"].startswith("/me/sign-in")


def test_phones_are_listed_and_signed_out_one_or_all(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    second = members.sign_in([member], device="Android · Chrome")
    seen = phone.see("phones")
    assert "iPhone · Safari" in seen
    assert "Android · Chrome" in seen
    assert "this phone" in seen
    other = next(row for row in members.phones_of(member) if row.device.startswith("Android"))
    phone.post(f"phones/{other.pk}/out")
    assert not members.signed_in(second)
    assert phone.get().status_code == 200
    phone.post("sign-out-all")
    assert phone.get()["Location"].startswith("/me/sign-in")


def test_sign_out_ends_the_cookie_at_the_server_too(outbox: Outbox) -> None:
    phone, _member = a_member(outbox)
    token = phone.client.cookies["member"].value
    phone.client.post("/me/sign-out", {"to": "/c/ABCD2345"})
    phone.client.cookies["member"] = token
    assert phone.get().status_code == 302


def test_a_copy_holds_all_of_the_members_and_nothing_of_others(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    session = a_charge(member)
    a_charge(a_customer(phone.company, balance=99_999, name="Somebody Else"))
    answer = phone.post("copy")
    assert "attachment" in answer["Content-Disposition"]
    found = json.loads(answer.content)
    assert found["member"]["phone"] == NUMBER
    assert [row["number"] for row in found["charges"]] == [session.transaction_id]
    assert sum(float(row["baht"]) for row in found["money"]) > 0
    assert "Somebody Else" not in answer.content.decode()
    assert DataRequest.objects.get().done_by == "system"


def test_erasure_is_a_request_that_can_be_taken_back_and_deletes_nothing(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    for _each in range(2):
        phone.post("data", wish="erase")
    asked = DataRequest.objects.get()
    assert (asked.due_at - asked.asked_at).days == 90
    assert "You asked on" in phone.see("data")
    phone.post("data", wish="keep")
    assert DataRequest.objects.get().done_by == "member"
    assert Customer.objects.filter(pk=member.pk, phone=NUMBER).exists()


def test_news_are_off_until_allowed_and_off_again_at_will(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    assert member.marketing_since is None
    for wish, on in (("news", True), ("no_news", False)):
        phone.post("data", wish=wish)
        member.refresh_from_db()
        assert (member.marketing_since is not None) is on


def test_no_page_has_an_inline_script_or_style_and_each_opens_in_both_languages(
    outbox: Outbox, gateway: FakeGateway
) -> None:
    phone, member = a_member(outbox)
    a_card(member)
    session = a_charge(member)
    for language in ("th", "en"):
        phone.client.cookies["lang"] = language
        for path in (
            *("", "history", f"history/{session.pk}", "documents", "top-up", "cards"),
            *("favourites", "profile", "number", "phones", "data", "notice"),
        ):
            html = phone.see(path).html
            assert f'<html lang="{language}"' in html
            assert "style=" not in html
            assert " on" + "click" not in html
            assert "private, no-store" in phone.get(path)["Cache-Control"]
