"""An admin's own account."""

import pyotp
import pytest
from django.utils import timezone

from core.models import AuditEntry
from tests.factories import PASSWORD, an_admin
from tests.pages.people import a_visitor, sign_in, signed_in, text_of
from users.models import Admin, Level

pytestmark = pytest.mark.django_db
NEW = "another long password"


def actions() -> list[str]:
    return list(AuditEntry.objects.filter(refused=False).values_list("action", flat=True))


def test_it_shows_who_somebody_is() -> None:
    page = text_of(signed_in(an_admin(level=Level.VIEWER, username="somsri")).get("/account/"))
    assert "somsri" in page
    assert "Viewer" in page


def test_name_and_language_are_saved_and_the_page_speaks_it_at_once() -> None:
    admin = an_admin(name="Old")
    client = signed_in(admin)
    response = client.post("/account/", {"name": "สมศรี", "language": "th"})
    assert response["Location"] == "/account/?done=saved"
    assert response.cookies["lang"].value == "th"
    admin.refresh_from_db()
    assert (admin.name, admin.language) == ("สมศรี", "th")
    assert admin.sort_key.startswith("สมศรี")
    entry = AuditEntry.objects.get(action="edit_own_account")
    assert entry.old == {"name": "Old"}
    assert entry.new == {"name": "สมศรี"}


def test_a_name_is_needed() -> None:
    assert signed_in(an_admin()).post("/account/", {"language": "th"}).status_code == 422


def test_the_password_changes_and_other_devices_are_signed_out() -> None:
    admin = an_admin(username="somsri")
    here, elsewhere = signed_in(admin), signed_in(admin)
    sent = {"current": PASSWORD, "new": NEW, "again": NEW}
    assert here.post("/account/password/", sent)["Location"] == "/account/?done=password"
    assert here.get("/account/?done=password").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert sign_in(a_visitor(), "somsri", NEW).status_code == 302
    assert "change_own_password" in actions()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"current": "wrong", "new": NEW, "again": NEW}, "This is not your password."),
        ({"current": PASSWORD, "new": NEW, "again": "different"}, "The two do not match."),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "too short"),
        ({"current": PASSWORD, "new": "password123", "again": "password123"}, "too common"),
        ({"current": PASSWORD}, "Fill this in."),
    ],
)
def test_a_bad_password_change_is_said_at_its_field(sent: dict[str, str], sentence: str) -> None:
    admin = an_admin()
    response = signed_in(admin).post("/account/password/", sent)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert Admin.objects.get(pk=admin.pk).check_password(PASSWORD)


def test_guesses_of_the_present_password_run_into_the_lock() -> None:
    client = signed_in(an_admin())
    sent = {"current": "wrong", "new": NEW, "again": NEW}
    for _ in range(5):
        response = client.post("/account/password/", sent)
    assert response.status_code == 422
    assert "Wait 15 minutes" in text_of(response)


def test_a_code_is_kept_once_the_app_has_shown_that_it_knows_the_secret() -> None:
    admin = an_admin(username="somsri")
    client = signed_in(admin)
    page = text_of(client.get("/account/code/"))
    secret = client.session["new_totp_secret"]
    assert '<svg class="qr"' in page
    assert f'data-copy="{secret}"' in page
    assert client.post("/account/code/", {"code": "12"}).status_code == 422
    assert not Admin.objects.get(pk=admin.pk).has_totp
    code = pyotp.TOTP(secret).now()
    assert client.post("/account/code/", {"code": code})["Location"] == "/account/?done=code-on"
    admin.refresh_from_db()
    assert (admin.totp_secret, admin.has_totp) == (secret, True)
    assert "set_up_code" in actions()
    assert "In use" in text_of(client.get("/account/"))
    assert sign_in(a_visitor(), "somsri")["Location"] == "/signin/code/"


def test_the_secret_stays_the_same_while_somebody_tries() -> None:
    client = signed_in(an_admin())
    client.get("/account/code/")
    secret = client.session["new_totp_secret"]
    client.post("/account/code/", {"code": "000000"})
    client.get("/account/code/")
    assert client.session["new_totp_secret"] == secret


def test_who_has_a_code_is_not_shown_a_new_secret() -> None:
    admin = an_admin(totp_secret="A" * 32, totp_confirmed_at=timezone.now())
    assert signed_in(admin).get("/account/code/")["Location"] == "/account/"


def test_the_code_goes_only_with_the_password() -> None:
    admin = an_admin(totp_secret="A" * 32, totp_confirmed_at=timezone.now())
    client = signed_in(admin)
    response = client.post("/account/code/off/", {"password": "wrong"})
    assert response.status_code == 422
    assert "This is not your password." in text_of(response)
    assert Admin.objects.get(pk=admin.pk).has_totp
    response = client.post("/account/code/off/", {"password": PASSWORD})
    assert response["Location"] == "/account/?done=code-off"
    admin.refresh_from_db()
    assert (admin.totp_secret, admin.has_totp) == ("", False)
    assert "remove_code" in actions()
