"""What must hold on each page of whoever pays first: words in both languages, and no idle button."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from billing.models import Payment, Refund
from billing.services import refunds
from tests.billing.fake_gateway import FakeGateway
from tests.customer.buyers import a_phone, buys, gives_card, pays, starts, times_out
from tests.customer.phones import Phone, deliver, plug_in, reads, stops
from tests.factories import a_tariff
from tests.pages import pseudo
from tests.pages.test_buttons import Idle

pytestmark = pytest.mark.django_db


def every_page(bank: FakeGateway) -> Iterator[tuple[str, str]]:
    """(name, html) of each page from the choice to the money back."""
    phone = a_phone()
    a_tariff(phone.connector.charger.station, "member", anytime="6.90")
    yield "free", phone.see().html
    yield "refused", phone.post("pay", by="baht", baht="5", pay="promptpay").content.decode()
    buys(phone)
    yield "pay", phone.see().html
    plug_in(phone.connector, "Faulted")
    yield "not now", phone.see().html
    plug_in(phone.connector, "Available")
    times_out(phone)
    yield "expired", phone.see().html
    phone.post("pay-again")
    yield from _paid(phone, bank)
    yield from _with_a_card(bank)
    yield from _back(bank)


def _paid(phone: Phone, bank: FakeGateway) -> Iterator[tuple[str, str]]:
    pays(phone, bank)
    yield "paid", phone.see().html
    yield "somebody has paid", Phone(phone.connector).see().html
    session = starts(phone)
    reads(session, 1_200)
    yield "live", phone.see().html
    stops(session, 1_300)
    yield "receipt", phone.see().html


def _with_a_card(bank: FakeGateway) -> Iterator[tuple[str, str]]:
    phone = a_phone()
    buys(phone, pay="card")
    yield "card", phone.see().html
    gives_card(phone, "tokn_slow")
    Payment.objects.filter(method="card").update(
        qr_payload="", authorize_uri="https://bank.example/"
    )
    yield "asked by the bank", phone.see().html
    bank.refuses = {"create"}
    other = a_phone()
    buys(other, pay="card")
    gives_card(other)
    deliver()
    yield "declined", other.see().html
    bank.refuses = set()


def _back(bank: FakeGateway) -> Iterator[tuple[str, str]]:
    phone = a_phone()
    buys(phone)
    pays(phone, bank)
    bank.refuses = {"refund"}
    phone.post("call-off")
    deliver()
    yield "returned", phone.see().html
    refund = refunds.run(Refund.objects.latest("pk").pk)
    link = f"/refund/{refund.token}/"
    yield "returned by link", phone.see().html
    yield "money waits", phone.see("?again=1").html
    yield "link", phone.client.get(link).content.decode()
    yield "wrong number", phone.client.post(link, {"number": "1"}).content.decode()
    yield "read back", phone.client.post(link, {"number": "0812345678"}).content.decode()
    phone.client.post(link, {"number": "0812345678", "sure": "1"})
    yield "given", phone.client.get(link).content.decode()


def test_every_word_can_be_translated_and_every_button_does_something(bank: FakeGateway) -> None:
    with pseudo.spoken():
        found = dict(every_page(bank))
    assert len(found) == 19
    data = pseudo.stored_texts()
    left = {text for html in found.values() for text in pseudo.untranslated(html, data)}
    assert left <= {"kbank", "xxx-xxx-5678"}  # the fake gateway's bank, and a number
    idle = {}
    for name, html in found.items():
        page = Idle()
        page.feed(html)
        missing = [who for target, who in page.wanted.items() if target not in page.ids]
        idle[name] = page.idle + missing
    assert {name: what for name, what in idle.items() if what} == {}


@pytest.mark.pure
def test_the_cards_script_is_short_and_needs_no_new_engine() -> None:
    source = (settings.BASE_DIR / "static" / "js" / "card.js").read_text()
    assert len(source.splitlines()) <= 100
    assert not any(new in source for new in ("?.", "??", ".flat(", ".at(", "replaceAll"))
    assert "fetch(" not in source  # the number leaves by the gateway's script and by nothing else
