"""The office sees what was told; LINE's quota stands among the alarms; half a set-up does not start."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from evbilling.backoffice.told import KINDS
from evbilling.env import env_together, mail_settings
from evbilling.supervisor import demo_line
from tests.factories import a_company, a_customer, a_station, an_admin
from tests.line.samples import BILLED
from tests.pages.people import signed_in, text_of
from users import messages
from users.messages.texts import KINDS as ALL_KINDS
from users.models import Level, LineQuota, Message, MessageStatus

pytestmark = pytest.mark.django_db


def a_message(**fields: Any) -> Message:
    customer = a_customer(a_company(), language="en", name="Somchai Jaidee")
    messages.tell(customer, "session_billed", f"k{customer.pk}", BILLED)
    Message.objects.filter(customer=customer).update(**fields)
    return Message.objects.get(customer=customer)


def page(row: Message, query: str = "", **admin: Any) -> str:
    return text_of(signed_in(an_admin(row.company, **admin)).get(f"/told/{query}"))


def test_every_kind_has_a_name_in_the_list() -> None:
    assert set(KINDS) == set(ALL_KINDS)


def test_the_list_says_what_was_told_to_whom_and_how_it_went() -> None:
    row = a_message()
    shown = page(row)
    assert "Somchai Jaidee" in shown
    assert "17.36 kWh, 133.67 baht" in shown
    assert "on our pages only" in shown
    assert "No message here" in page(row, "?status=sent")
    assert "Somchai Jaidee" in page(row, "?status=no_channel&kind=session_billed")


def test_another_company_sees_nothing_of_it_and_a_limited_admin_only_its_stations() -> None:
    row = a_message()
    assert "Nobody has been told anything yet" in text_of(
        signed_in(an_admin(a_company())).get("/told/")
    )
    station = a_station(row.company)
    limited = an_admin(row.company, Level.MANAGER, all_stations=False)
    station.limited_admins.add(limited)
    client = signed_in(limited)
    assert "Somchai Jaidee" not in text_of(client.get("/told/"))
    Message.objects.update(payload=BILLED | {"station_id": station.pk})
    assert "Somchai Jaidee" in text_of(client.get("/told/"))


def test_what_failed_can_be_sent_again_by_who_may() -> None:
    row = a_message(
        status=MessageStatus.FAILED, due=None, channel="line", error="LINE answered 400"
    )
    assert "LINE answered 400" in page(row)
    assert "Retry" not in page(row, level=Level.OPERATOR).partition("</thead>")[2]
    operator = signed_in(an_admin(row.company, Level.OPERATOR))
    assert operator.post(f"/told/{row.pk}/retry/").status_code == 403
    owner = signed_in(an_admin(row.company))
    assert owner.post(f"/told/{row.pk}/retry/").status_code == 302
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == (MessageStatus.QUEUED, 0, "")
    assert owner.post(f"/told/{row.pk}/retry/").status_code == 409


def alarms(used: int, most: int | None) -> str:
    LineQuota.objects.update_or_create(
        pk=1, defaults={"used": used, "most": most, "read_at": timezone.now()}
    )
    return text_of(signed_in(an_admin(a_company())).get("/alarms/"))


def test_the_quota_is_shown_and_warns_from_eighty_percent(line_on: Any) -> None:
    calm = alarms(100, 300)
    assert "100 of 300 (33 %)" in calm
    assert "More than 80 %" not in calm
    assert "More than 80 % is used" in alarms(240, 300)
    assert "only important messages are sent (move the car" in alarms(290, 300)
    assert "The plan has no limit" in alarms(5_000, None)
    line_on.LINE_CHANNEL_ACCESS_TOKEN = ""
    assert "LINE messages this month" not in alarms(290, 300)


@pytest.mark.parametrize("given", [{}, {"A_KEY": "1", "A_SECRET": "2"}])
def test_a_whole_set_up_or_none_is_taken(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert env_together("A", "A_KEY", "A_SECRET") == {"A_KEY": "", "A_SECRET": ""} | given


def test_half_a_set_up_refuses_to_start_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ImproperlyConfigured, match=r"A_KEY is there, A_SECRET is missing"):
        env_together("A", "A_KEY", "A_SECRET")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_FROM is missing"):
        mail_settings("smtp://mail.example", "")
    with pytest.raises(ImproperlyConfigured, match="must read"):
        mail_settings("http://mail.example", "a@example.com")


def test_the_mail_server_is_one_address() -> None:
    mail = mail_settings("smtp+tls://me%40x:p%3Aw@mail.example", "Bills <b@example.com>")
    assert (mail.host, mail.port, mail.user, mail.password) == ("mail.example", 587, "me@x", "p:w")
    assert (mail.start_tls, mail.tls) == (True, False)
    assert mail_settings("smtps://mail.example", "b@example.com").port == 465
    assert mail_settings("", "").host == ""


def test_the_demo_brings_a_line_of_its_own_unless_a_real_one_is_given() -> None:
    assert demo_line.environ({"DEMO": "1"}, 8123)["LINE_API_URL"] == "http://127.0.0.1:8123"
    assert demo_line.environ({"DEMO": ""}, 8123) == {}
    assert demo_line.environ({"DEMO": "1", "LINE_CHANNEL_SECRET_FILE": "/x"}, 8123) == {}
