"""To LINE and back, over real HTTP with somebody who stands for LINE."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from evbilling.member.notice import VERSION
from simulators.line import World
from tests.api.world import end
from tests.factories import a_charger, a_company, a_customer, a_session
from users.models import Customer, LineGuest, LineLink, NoticeAcceptance
from users.services import members

pytestmark = pytest.mark.django_db


def a_member(client: Client, **fields: Any) -> Customer:
    """Signed in on this phone."""
    member = a_customer(a_company(), language="en", **fields)
    NoticeAcceptance.objects.create(customer=member, version=VERSION, language="en", text="x")
    client.cookies["member"] = members.sign_in([member], device="test")
    return member


def query_of(url: str) -> dict[str, str]:
    return {key: each[0] for key, each in parse_qs(urlsplit(url).query).items()}


def at_line(answer: Any) -> str:
    """Where LINE sends the person back to, after they agreed."""
    assert answer.status_code == 302
    back = httpx.get(answer["Location"])
    assert back.status_code == 302, back.text
    return back.headers["Location"]


def returned(client: Client, url: str) -> Any:
    parts = urlsplit(url)
    assert parts.path == "/line/callback"
    return client.get(f"{parts.path}?{parts.query}")


@pytest.fixture
def phone() -> Client:
    client = Client()
    client.cookies["lang"] = "en"
    return client


def a_receipt(client: Client) -> tuple[Any, str]:
    from evbilling.customer.receipts import token_of

    session = end(a_session(a_charger(online=True).connectors.get(), wh=4_000))
    code = session.connector.code
    return session, f"/c/{code}/receipt/{token_of(session)}"


def test_a_member_links_their_account_by_one_tap(line_world: World, phone: Client) -> None:
    line_world.auto = "สมชาย"
    member = a_member(phone)
    start = phone.get(f"/me/{member.company.slug}/line/start")
    asked = query_of(start["Location"])
    assert asked["bot_prompt"] == "aggressive"
    assert asked["scope"] == "openid profile"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[each]) for each in ("state", "nonce", "code_challenge")) >= 43
    home = returned(phone, at_line(start))
    assert home["Location"] == f"/me/{member.company.slug}/profile?line=done"
    link = LineLink.objects.get()
    assert (link.customer, link.line_user_id) == (member, line_world.user("สมชาย").id)
    assert link.friend
    page = phone.get(home["Location"]).content.decode()
    assert "LINE is linked. The messages come there." in page
    assert "LINE <small>Linked</small>" in phone.get(f"/me/{member.company.slug}/").content.decode()
    gone = phone.post(f"/me/{member.company.slug}/line/unlink")
    assert gone["Location"].endswith("?line=off")
    assert not LineLink.objects.exists()


def test_who_is_no_friend_is_asked_to_add_the_account(line_world: World, phone: Client) -> None:
    member = a_member(phone)
    start = phone.get(f"/me/{member.company.slug}/line/start")
    user = line_world.user("Anna")
    code = line_world.code_for(user, query_of(start["Location"]))
    state = query_of(start["Location"])["state"]
    home = phone.get(f"/line/callback?code={code}&state={state}")
    assert home["Location"].endswith("?line=add")
    assert not LineLink.objects.get().friend
    page = phone.get(home["Location"]).content.decode()
    assert "https://line.me/R/ti/p/@evdemo" in page


def test_another_browsers_answer_links_nothing(line_world: World, phone: Client) -> None:
    """Somebody is lured to a callback with an attacker's code."""
    line_world.auto = "มาลี"
    member = a_member(phone)
    mine = phone.get(f"/me/{member.company.slug}/line/start")
    other = Client()
    a_member(other)
    theirs = at_line(mine)
    assert returned(other, theirs).status_code == 400
    assert not LineLink.objects.exists()
    assert returned(Client(), theirs).status_code == 400
    changed = theirs.replace("state=", "state=x")
    assert returned(phone, changed).status_code == 400
    assert not LineLink.objects.exists()


def test_a_code_counts_once_and_only_with_its_own_nonce(line_world: World, phone: Client) -> None:
    member = a_member(phone)
    start = phone.get(f"/me/{member.company.slug}/line/start")
    asked = query_of(start["Location"])
    user = line_world.user("Anna")
    stolen = line_world.code_for(user, asked | {"nonce": "another login's"})
    home = phone.get(f"/line/callback?code={stolen}&state={asked['state']}")
    assert home["Location"].endswith("?line=failed")
    again = phone.get(f"/line/callback?code={stolen}&state={asked['state']}")
    assert again.status_code == 400  # the way back is used up
    assert not LineLink.objects.exists()


def test_cancelling_at_line_links_nothing_and_says_so(line_world: World, phone: Client) -> None:
    member = a_member(phone)
    asked = query_of(phone.get(f"/me/{member.company.slug}/line/start")["Location"])
    home = phone.get(f"/line/callback?error=access_denied&state={asked['state']}")
    page = phone.get(home["Location"]).content.decode()
    assert "You did not allow it" in page
    assert not LineLink.objects.exists()


def test_who_signed_out_meanwhile_is_not_linked(line_world: World, phone: Client) -> None:
    line_world.auto = "สมชาย"
    member = a_member(phone)
    back = at_line(phone.get(f"/me/{member.company.slug}/line/start"))
    del phone.cookies["member"]
    assert returned(phone, back)["Location"].endswith("?line=failed")
    assert not LineLink.objects.exists()


def test_line_being_away_is_said(line_on: Any, phone: Client) -> None:
    member = a_member(phone)
    asked = query_of(phone.get(f"/me/{member.company.slug}/line/start")["Location"])
    home = phone.get(f"/line/callback?code=x&state={asked['state']}")
    assert home["Location"].endswith("?line=away")


def test_a_guest_gets_this_charges_messages_by_their_own_tap(
    line_world: World, phone: Client
) -> None:
    line_world.auto = "Anna"
    session, receipt = a_receipt(phone)
    page = phone.get(receipt).content.decode()
    start = f"/line/receipt/{receipt.removeprefix('/c/').replace('/receipt/', '/')}"
    assert start in page
    home = returned(phone, at_line(phone.get(start)))
    assert home["Location"] == f"{receipt}?line=done"
    guest = LineGuest.objects.get()
    assert (guest.subject, guest.language) == (f"session:{session.pk}", "en")
    assert guest.line_user_id == line_world.user("Anna").id
    assert "come to you by LINE" in phone.get(home["Location"]).content.decode()


def test_only_who_has_the_receipts_link_may_ask(line_on: Any, phone: Client) -> None:
    session, _receipt = a_receipt(phone)
    code = session.connector.code
    assert phone.get(f"/line/receipt/{code}/{session.pk}.forged").status_code == 404
    assert phone.get("/line/purchase/00000000-0000-4000-8000-000000000000").status_code == 404


def test_without_line_nothing_of_it_is_shown(phone: Client) -> None:
    _session, receipt = a_receipt(phone)
    assert "LINE" not in phone.get(receipt).content.decode()
    member = a_member(phone)
    assert 'id="line"' not in phone.get(f"/me/{member.company.slug}/profile").content.decode()
    assert phone.get(f"/me/{member.company.slug}/line/start").status_code == 404


def test_the_link_from_the_chat_asks_who_and_leads_to_line(line_on: Any, phone: Client) -> None:
    away = phone.get("/me/line/link?token=a-link-token-of-line")
    assert away["Location"].startswith("/me/sign-in?to=%2Fme%2Fline%2Flink%3Ftoken%3D")
    assert phone.get("/me/line/link?token=<script>").status_code == 400
    member = a_member(phone, name="Somchai Jaidee")
    page = phone.get("/me/line/link?token=a-link-token-of-line")
    assert "Somchai Jaidee" in page.content.decode()
    assert f"form-action 'self' {line_on.LINE_ACCESS_URL}" in page["Content-Security-Policy"]
    form = {"token": "a-link-token-of-line", "member": str(member.pk)}
    target = phone.post("/me/line/link", form)["Location"]
    assert target.startswith(f"{line_on.LINE_ACCESS_URL}/dialog/bot/accountLink?")
    assert query_of(target)["linkToken"] == "a-link-token-of-line"
    assert len(query_of(target)["nonce"]) >= 43
    stranger = a_customer(a_company())
    assert phone.post("/me/line/link", form | {"member": str(stranger.pk)}).status_code == 400
