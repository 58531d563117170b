"""Signing in and out."""

import time
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.utils import timezone

from core.models import AuditEntry
from tests.factories import PASSWORD, a_company, an_admin
from tests.pages.people import a_visitor, sign_in, signed_in, text_of
from users.models import Admin, Level

pytestmark = pytest.mark.django_db


def with_code(**fields: Any) -> tuple[Admin, pyotp.TOTP]:
    secret = pyotp.random_base32()
    admin = an_admin(totp_secret=secret, totp_confirmed_at=timezone.now(), **fields)
    return admin, pyotp.TOTP(secret)


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def test_name_and_password_open_the_overview_and_are_remembered() -> None:
    admin = an_admin(username="Somsri")
    client = a_visitor()
    response = sign_in(client, " somsri ")
    assert (response.status_code, response["Location"]) == (302, "/overview/")
    assert is_in(client)
    admin.refresh_from_db()
    assert admin.last_login is not None
    entry = AuditEntry.objects.get(action="sign_in")
    assert (entry.actor_id, entry.refused, entry.company_id) == (
        str(admin.pk),
        False,
        admin.company_id,
    )


def test_a_wrong_password_is_one_calm_sentence_whether_the_name_exists_or_not() -> None:
    an_admin(username="somsri")
    for name in ("somsri", "nobody"):
        client = a_visitor()
        response = sign_in(client, name, "wrong password")
        assert response.status_code == 422
        assert "Name or password is wrong." in text_of(response)
        assert not is_in(client)
    assert AuditEntry.objects.filter(action="sign_in", refused=True).count() == 2


def test_what_is_missing_is_said_at_the_field() -> None:
    page = text_of(sign_in(a_visitor(), "", ""))
    assert "Enter your sign-in name." in page
    assert "Enter your password." in page


def test_the_fifth_wrong_password_locks_the_name_for_a_while_also_for_the_right_one() -> None:
    an_admin(username="somsri")
    client = a_visitor()
    for n in range(5):
        # written differently each time: it is the same name
        response = sign_in(client, "somsri" if n % 2 else "SOMSRI", "wrong password")
    assert response.status_code == 429
    assert "Wait 15 minutes, then try again." in text_of(response)
    assert sign_in(client, "somsri").status_code == 429
    assert not is_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(client, "somsri").status_code == 302


def test_an_address_is_stopped_after_many_failures_over_all_names(settings: Any) -> None:
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 6
    an_admin(username="somsri")
    client = a_visitor()
    for n in range(6):
        sign_in(client, f"name{n}", "wrong password")
    assert sign_in(client, "somsri").status_code == 429


def test_signing_in_says_it_in_thai_too() -> None:
    response = a_visitor("th").get("/signin/")
    assert '<html lang="th"' in response.content.decode()
    assert response["Content-Language"] == "th"


def test_with_a_code_set_up_the_password_alone_signs_nobody_in() -> None:
    admin, totp = with_code(username="somsri")
    client = a_visitor()
    response = sign_in(client, "somsri")
    assert response["Location"] == "/signin/code/"
    assert not is_in(client)
    assert client.get("/overview/").status_code == 302
    page = text_of(client.get("/signin/code/"))
    assert "Second step" in page
    response = client.post("/signin/code/", {"code": totp.now()})
    assert response["Location"] == "/overview/"
    assert client.session[SESSION_KEY] == str(admin.pk)


def test_the_session_key_changes_at_each_step_of_signing_in() -> None:
    _, totp = with_code(username="somsri")
    client = a_visitor()
    before = client.session.session_key
    sign_in(client, "somsri")
    between = client.session.session_key
    client.post("/signin/code/", {"code": totp.now()})
    assert len({before, between, client.session.session_key}) == 3


def test_a_code_counts_once_and_a_wrong_one_not_at_all() -> None:
    _, totp = with_code(username="somsri")
    code = totp.now()
    first = a_visitor()
    sign_in(first, "somsri")
    assert first.post("/signin/code/", {"code": f" {code[:3]} {code[3:]} "}).status_code == 302
    second = a_visitor()
    sign_in(second, "somsri")
    response = second.post("/signin/code/", {"code": code})
    assert response.status_code == 422
    assert "This code is wrong or was used already." in text_of(response)
    assert not is_in(second)


def test_codes_cannot_be_tried_through() -> None:
    _, totp = with_code(username="somsri")
    client = a_visitor()
    sign_in(client, "somsri")
    wrong = "000000" if totp.now() != "000000" else "111111"
    for _ in range(5):
        response = client.post("/signin/code/", {"code": wrong})
    assert response.status_code == 429
    assert client.post("/signin/code/", {"code": totp.now()}).status_code == 429
    assert sign_in(a_visitor(), "somsri").status_code == 429
    refusals = AuditEntry.objects.filter(action="sign_in", refused=True)
    assert {"reason": "wrong_code"} in [entry.new for entry in refusals]


def test_the_second_step_waits_five_minutes_and_cannot_be_entered_from_outside() -> None:
    _, totp = with_code(username="somsri")
    client = a_visitor()
    assert client.get("/signin/code/")["Location"] == "/signin/"
    sign_in(client, "somsri")
    with time_machine.travel(time.time() + 301):
        assert client.post("/signin/code/", {"code": totp.now()})["Location"] == "/signin/"
    assert not is_in(client)


def test_after_signing_in_the_wanted_page_comes_but_never_another_site() -> None:
    an_admin(username="somsri")
    wanted = "/chargers/?state=faulted"
    assert sign_in(a_visitor(), "somsri", next=wanted)["Location"] == wanted
    for evil in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"):
        assert sign_in(a_visitor(), "somsri", next=evil)["Location"] == "/overview/"


def test_the_wanted_page_survives_the_second_step() -> None:
    _, totp = with_code(username="somsri")
    client = a_visitor()
    sign_in(client, "somsri", next="/cases/")
    assert client.post("/signin/code/", {"code": totp.now()})["Location"] == "/cases/"


def test_who_is_in_already_need_not_sign_in() -> None:
    assert signed_in(an_admin()).get("/signin/?next=/cases/")["Location"] == "/cases/"


def test_the_admins_language_counts_where_nobody_has_chosen_another() -> None:
    an_admin(username="somsri", language="en")
    fresh = Client()
    assert sign_in(fresh, "somsri").cookies["lang"].value == "en"
    assert "lang" not in sign_in(a_visitor("th"), "somsri").cookies


def test_signing_out_is_a_post_and_ends_the_session() -> None:
    client = signed_in(an_admin())
    key = client.session.session_key
    assert client.get("/signout/").status_code == 405
    assert client.post("/signout/")["Location"] == "/signin/"
    assert not is_in(client)
    assert client.session.session_key != key
    assert AuditEntry.objects.filter(action="sign_out").count() == 1


def test_a_form_from_elsewhere_is_refused_in_words() -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["lang"] = "en"
    response = client.post("/signin/", {"username": "a", "password": PASSWORD})
    assert response.status_code == 403
    assert "Go back, load it again, and repeat what you did." in text_of(response)
    partial = client.post("/signin/", headers={"HX-Request": "true"})
    assert (partial.status_code, partial["X-Error"]) == (403, "csrf")


def test_a_deleted_or_disabled_admin_does_not_get_in() -> None:
    company = a_company()
    an_admin(company, Level.VIEWER, username="off", enabled=False)
    an_admin(company, Level.VIEWER, username="gone", deleted_at=timezone.now())
    assert sign_in(a_visitor(), "off").status_code == 422
    assert sign_in(a_visitor(), "gone").status_code == 422
